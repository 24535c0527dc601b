//! Those who follow the log live: each gets the lines over a bounded channel, and loses lines rather than hold up the others.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Octets that wait for one follower; a piece that alone is more is taken when none waits.
const OCTETS_MAX: usize = 256 << 10;

/// Of the log of this process.
static FOLLOWERS: Followers = Followers(Mutex::new(Vec::new()));

struct Followers(Mutex<Vec<Follower>>);

struct Follower {
    sender: Sender<String>,
    waiting: Arc<AtomicUsize>,
    /// Nothing comes over it; it ends when the follower goes.
    presence: Receiver<Infallible>,
    lost: u64,
}

/// The log from now on, in pieces of whole lines; dropping it ends that.
pub struct Following {
    pieces: Receiver<String>,
    waiting: Arc<AtomicUsize>,
    _presence: Sender<Infallible>,
}

/// Begins to follow.
pub fn follow() -> Following {
    FOLLOWERS.add()
}

/// Gives `lines` to everybody who follows.
pub(super) fn pass_on(lines: &[u8]) {
    FOLLOWERS.pass_on(lines);
}

/// The log is over: waits until everybody who follows has taken the rest and has gone, but no longer than `grace`.
pub(super) fn end(grace: Duration) {
    FOLLOWERS.end(grace);
}

impl Following {
    /// The next piece; waits for it at most `time_max`. [`RecvTimeoutError::Disconnected`]: the log is over.
    pub fn next(&self, time_max: Duration) -> Result<String, RecvTimeoutError> {
        let piece = self.pieces.recv_timeout(time_max)?;
        self.waiting.fetch_sub(piece.len(), Ordering::Relaxed);
        Ok(piece)
    }
}

impl Followers {
    fn add(&self) -> Following {
        let (sender, pieces) = channel();
        let (their_presence, presence) = channel();
        let waiting = Arc::default();
        self.lock().push(Follower { sender, waiting: Arc::clone(&waiting), presence, lost: 0 });
        Following { pieces, waiting, _presence: their_presence }
    }

    fn pass_on(&self, lines: &[u8]) {
        let mut followers = self.lock();
        if !followers.is_empty() {
            let text = String::from_utf8_lossy(lines);
            followers.retain_mut(|follower| follower.give(&text));
        }
    }

    fn end(&self, grace: Duration) {
        let give_up = Instant::now() + grace;
        // Without their senders they meet the end of the log behind what waits for them.
        let presences: Vec<_> = self.lock().drain(..).map(|follower| follower.presence).collect();
        for presence in presences {
            let _ = presence.recv_timeout(give_up.saturating_duration_since(Instant::now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Follower>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Whether it is still there.
    fn give(&mut self, text: &str) -> bool {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 && waiting + text.len() > OCTETS_MAX {
            self.lost += 1;
            // One that has gone takes nothing, and is known by that.
            return self.presence.try_recv() == Err(TryRecvError::Empty);
        }
        let piece = match std::mem::take(&mut self.lost) {
            0 => text.to_owned(),
            lost => format!("({lost} pieces of the log were left out: this reader is too slow)\n{text}"),
        };
        self.waiting.fetch_add(piece.len(), Ordering::Relaxed);
        self.sender.send(piece).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For what is there already.
    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_slow_follower_loses_lines_and_is_told() {
        let followers = Followers(Mutex::default());
        let (slow, quick) = (followers.add(), followers.add());
        let line = format!("{}\n", "x".repeat(OCTETS_MAX / 8 - 1));
        for _ in 0..8 + 3 {
            followers.pass_on(line.as_bytes());
            assert_eq!(quick.next(NOW).unwrap(), line);
        }
        assert_eq!(std::iter::from_fn(|| slow.next(NOW).ok()).count(), 8);
        followers.pass_on(b"last\n");
        let told = slow.next(NOW).unwrap();
        assert!(told.starts_with("(3 pieces") && told.ends_with("last\n"), "{told}");
        let long = "y".repeat(3 * OCTETS_MAX);
        followers.pass_on(long.as_bytes());
        followers.pass_on(b"left out\n");
        assert_eq!(slow.next(NOW).unwrap(), long);
        assert!(slow.next(NOW).is_err());
        followers.pass_on(long.as_bytes());
        drop(slow);
        followers.pass_on(b"who has gone while much waited is forgotten\n");
        assert_eq!(followers.lock().len(), 1);
    }

    #[test]
    fn the_end_waits_for_those_who_follow_but_not_for_one_that_stalls() {
        let followers = Followers(Mutex::default());
        let stalled = followers.add();
        followers.pass_on(b"last\n");
        followers.end(NOW);
        assert_eq!(stalled.next(NOW).unwrap(), "last\n");
        assert_eq!(stalled.next(NOW), Err(RecvTimeoutError::Disconnected));

        let (follower, taken) = (followers.add(), Arc::new(Mutex::new(String::new())));
        followers.pass_on(b"last\n");
        let reader = std::thread::spawn({
            let taken = Arc::clone(&taken);
            move || {
                while let Ok(piece) = follower.next(Duration::from_secs(60)) {
                    *taken.lock().unwrap() += &piece;
                }
            }
        });
        followers.end(Duration::from_secs(60));
        assert_eq!(*taken.lock().unwrap(), "last\n");
        reader.join().unwrap();
    }
}
