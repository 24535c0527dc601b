//! Lines between those who log and the thread that writes: bounded, and never waited for.

use super::{Format, follow, render};
use log::{Level, Record};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Octets of lines that wait for the writer; lines beyond it are dropped and counted.
pub const LINES_OCTETS_MAX: usize = 1 << 20;

/// A buffer that grew in a burst is given back down to this.
const KEPT_OCTETS_MAX: usize = 64 << 10;

/// After each write the writer lets lines gather for this long: under load, to wake it for every few lines would cost more than the lines.
const GATHERING_TIME: Duration = Duration::from_millis(5);

/// The lines that wait.
pub(super) struct Queue {
    /// Of the lines that the queue adds itself.
    format: Format,
    state: Mutex<State>,
    /// There are lines for an idle writer, or the end has come.
    ready: Condvar,
    /// The writer ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    /// The writer waits on `ready`.
    is_idle: bool,
    is_finishing: bool,
    has_ended: bool,
}

impl Queue {
    pub(super) fn new(format: Format) -> Self {
        Self { format, state: Mutex::default(), ready: Condvar::new(), ended: Condvar::new() }
    }

    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + line.len() <= LINES_OCTETS_MAX {
            state.lines.extend_from_slice(line);
        } else {
            state.dropped += 1;
        }
    }

    /// Lets the writer see what was pushed.
    pub(super) fn wake(&self) {
        let state = self.lock();
        if state.is_idle && state.has_lines() {
            drop(state);
            self.ready.notify_one();
        }
    }

    /// Waits while lines gather, or until the end.
    fn gather(&self) {
        drop(self.ready.wait_timeout_while(self.lock(), GATHERING_TIME, |state| !state.is_finishing));
    }

    /// Ends the writer after the last line, or leaves it behind after `grace`.
    pub(super) fn finish(&self, grace: Duration) {
        let mut state = self.lock();
        state.is_finishing = true;
        self.ready.notify_one();
        let result = self.ended.wait_timeout_while(state, grace, |state| !state.has_ended);
        drop(result);
    }

    /// Waits for lines and takes them in exchange for the empty `buffer`; false at the end.
    fn take(&self, buffer: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while !state.has_lines() && !state.is_finishing {
            state.is_idle = true;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_idle = false;
        std::mem::swap(&mut state.lines, buffer);
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            self.notice_dropped(dropped, buffer);
        }
        !buffer.is_empty()
    }

    fn notice_dropped(&self, dropped: u64, buffer: &mut Vec<u8>) {
        let args = format_args!("{dropped} log lines were dropped here: the reader of the log is too slow");
        let mut line = String::new();
        render::line(
            &mut line,
            self.format,
            &Record::builder().level(Level::Warn).args(args).build(),
            SystemTime::now(),
        );
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_lines(&self) -> bool {
        !self.lines.is_empty() || self.dropped > 0
    }
}

/// Starts the thread that writes to `out` until [`Queue::finish`]. Lines that `out` does not take are lost: there is
/// nowhere to report them.
pub(super) fn spawn_writer(queue: Arc<Queue>, mut out: impl Write + Send + 'static) {
    let write = move || {
        let mut buffer = Vec::new();
        while queue.take(&mut buffer) {
            follow::pass_on(&buffer);
            let _ = out.write_all(&buffer).and_then(|()| out.flush());
            buffer.clear();
            buffer.shrink_to(KEPT_OCTETS_MAX);
            queue.gather();
        }
        queue.end();
    };
    if let Err(error) = std::thread::Builder::new().name("log".to_owned()).stack_size(64 << 10).spawn(write) {
        eprintln!("no log: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Says that it was called, then takes one write for each permit.
    struct Gate {
        entered: Sender<()>,
        permits: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.entered.send(()).ok();
            self.permits.recv().ok();
            self.written.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_loses_lines_and_is_told_how_many() {
        let (entered, has_entered) = channel();
        let (permit, permits) = channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let queue = Arc::new(Queue::new(Format::Journal));
        spawn_writer(Arc::clone(&queue), Gate { entered, permits, written: Arc::clone(&written) });
        queue.push(b"first\n");
        queue.wake();
        has_entered.recv().unwrap();
        let line = vec![b'x'; LINES_OCTETS_MAX / 4];
        for _ in 0..7 {
            queue.push(&line);
        }
        drop(permit);
        queue.finish(Duration::from_secs(60));
        let written = written.lock().unwrap();
        let text = String::from_utf8_lossy(&written);
        assert!(text.starts_with("first\nxxx"));
        assert!(text.ends_with("x<4>3 log lines were dropped here: the reader of the log is too slow\n"));
        assert_eq!(text.matches('x').count(), LINES_OCTETS_MAX);
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_never_reads() {
        let (entered, has_entered) = channel();
        let (_permit, permits) = channel();
        let queue = Arc::new(Queue::new(Format::Journal));
        spawn_writer(Arc::clone(&queue), Gate { entered, permits, written: Arc::default() });
        queue.push(b"stuck\n");
        queue.wake();
        has_entered.recv().unwrap();
        queue.finish(Duration::from_millis(1));
    }
}
