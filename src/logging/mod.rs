//! The log: one event a line on standard output, in the form that its reader wants, written by a thread of its own.
//!
//! Whoever logs never waits: lines go to a bounded `queue`, and a reader that stalls loses lines, which are counted and
//! reported, but stalls no mail. Every message and every value is escaped here, so that text from the wire cannot
//! forge a line. Commands, which log little and to a person, use [`for_command`] instead.

mod follow;
mod queue;
mod render;

pub use follow::{Following, follow};
pub use queue::LINES_OCTETS_MAX;

use crate::escape::Escaped;
use log::kv::Value;
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use queue::Queue;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// `2026-11-21T03:46:53Z INFO id=… client=[…]`.
    #[default]
    Text,
    /// The same after `<N>` (sd-daemon(3)) and without the time, which the journal knows better.
    Journal,
    /// One object a line.
    Json,
}

impl Format {
    /// [`Format::Journal`] when standard output is the journal's own stream (systemd.exec(5), `JOURNAL_STREAM`).
    pub fn of_stdout() -> Self {
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let is_journal =
            rustix::fs::fstat(std::io::stdout()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino));
        if is_journal { Self::Journal } else { Self::Text }
    }
}

/// The running log of a daemon.
pub struct Logging {
    queue: Arc<Queue>,
}

impl Logging {
    /// Takes over the `log` crate's macros for this process, at level debug or info.
    pub fn start(format: Format, debug: bool) -> Result<Self, SetLoggerError> {
        let queue = Arc::new(Queue::new(format));
        let level = if debug { LevelFilter::Debug } else { LevelFilter::Info };
        log::set_boxed_logger(Box::new(Lines { format, level, queue: Arc::clone(&queue) }))?;
        log::set_max_level(level);
        queue::spawn_writer(Arc::clone(&queue), std::io::stdout());
        std::panic::set_hook(Box::new(|panic| log::error!("internal error: {panic}")));
        Ok(Self { queue })
    }

    /// Writes what is left, but waits no longer than `grace` for a reader that stalls, and as long again for those who follow.
    pub fn finish(self, grace: Duration) {
        self.queue.finish(grace);
        follow::end(grace);
    }
}

/// Logs to standard error, for a command that a person runs.
pub fn for_command(debug: bool) -> Result<(), SetLoggerError> {
    std::panic::set_hook(Box::new(|panic| log::error!("internal error: {}", Escaped(&panic.to_string()))));
    let level = if debug { LevelFilter::Debug } else { LevelFilter::Warn };
    let config = simplelog::ConfigBuilder::new()
        .set_time_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_thread_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .add_filter_allow_str(OUR_TARGET)
        .build();
    simplelog::WriteLogger::init(level, config, std::io::stderr())
}

/// Lines of this thread wait for [`flush`], so that a turn of the loop wakes the writer once.
pub fn defer_on_this_thread() {
    DEFERRED.set(true);
}

/// Hands what this thread logged to the writer.
pub fn flush() {
    log::logger().flush();
}

/// One event: named values in order, without those that are `None`.
pub struct Event<'a> {
    fields: Vec<(&'static str, Value<'a>)>,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self { fields: Vec::with_capacity(FIELDS) }
    }
}

impl<'a> Event<'a> {
    /// Adds a value; numbers stay numbers in JSON. What only shows itself is shown when the line is made: [`Value::from_display`].
    pub fn with(mut self, name: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Adds a value that may be missing.
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value<'a>>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Logs it; `message` may be empty.
    pub fn log(&self, level: Level, message: &str) {
        let fields = self.fields.as_slice();
        log::logger().log(
            &Record::builder()
                .level(level)
                .target(OUR_TARGET)
                .key_values(&fields)
                .args(format_args!("{message}"))
                .build(),
        );
    }
}

/// As many fields as most events have at most.
const FIELDS: usize = 16;

/// Modules of other crates log nothing here.
const OUR_TARGET: &str = "bouncesvc";

thread_local! {
    static DEFERRED: Cell<bool> = const { Cell::new(false) };
    static SCRATCH: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The [`Log`] of a daemon.
struct Lines {
    format: Format,
    level: LevelFilter,
    queue: Arc<Queue>,
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level && metadata.target().starts_with(OUR_TARGET)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // A value whose `Display` logs would find the scratch text taken: it gets one of its own.
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut line) => self.push(record, &mut line),
            Err(_) => self.push(record, &mut String::new()),
        });
        if !DEFERRED.get() {
            self.queue.wake();
        }
    }

    fn flush(&self) {
        self.queue.wake();
    }
}

impl Lines {
    fn push(&self, record: &Record<'_>, line: &mut String) {
        line.clear();
        render::line(line, self.format, record, SystemTime::now());
        line.push('\n');
        self.queue.push(line.as_bytes());
    }
}
