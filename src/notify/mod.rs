//! Tells the platforms: one thread that takes due notifications from the queue and schedules their POSTs on a few workers.
//!
//! - `runner` is the thread; `schedule` decides who may start what, `backoff` how long to wait, `outcome` what an answer means: all pure;
//! - `attempt` is one POST on a worker of the `pool`, by `http`, to where the configuration or the `resolver` says;
//! - `archiving` writes the mails behind suspensions;
//! - `inbox` is how everybody tells the thread something, `view` what it has read of the queue, `flights` what it must not start again yet.
//!
//! Knows no SMTP and no redb, and never writes the queue: each outcome is handed to a [`Report`]. Only `http` names the HTTP library.

mod archiving;
mod attempt;
mod backoff;
mod clock;
mod flights;
pub mod http;
mod inbox;
mod outcome;
mod pool;
mod queue;
pub mod resolver;
mod round;
mod runner;
mod schedule;
mod story;
mod view;

pub use clock::{Clocks, SystemClocks};
pub use queue::{ArchiveJob, Queue, QueueError};

use crate::change::{NotificationId, Settled};
use crate::metrics::Attempts;
use crate::tenant::Tenants;
use crate::types::Domain;
use inbox::Inbox;
use runner::{Links, Runner};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How the notifier works. Each field has a key in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Workers in all: POSTs under way at the same time.
    pub workers_max: usize,
    /// POSTs under way at the same time for one domain that is up; one that fails is probed by one at a time.
    pub workers_per_domain_max: usize,
    /// How long one POST may take, from connecting to the end of the answer.
    pub request_time_max: Duration,
    /// The delay before the second attempt; it doubles from there.
    pub retry_delay_min: Duration,
    /// The longest delay.
    pub retry_delay_max: Duration,
    /// How long a notification is tried before it is parked.
    pub retry_time_max: Duration,
    /// Where the archive is written; `None`: no archive.
    pub archive_dir: Option<PathBuf>,
    /// Log each POST instead of sending it (shadow mode), and treat it as done.
    pub dry_run: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers_max: 16,
            workers_per_domain_max: 4,
            request_time_max: Duration::from_secs(30),
            retry_delay_min: Duration::from_secs(10),
            retry_delay_max: Duration::from_secs(3600),
            retry_time_max: Duration::from_secs(7 * 24 * 3600),
            archive_dir: None,
            dry_run: false,
        }
    }
}

/// Takes what the notifier reports; must not block for long. The event loop's one sends on a channel and wakes the loop.
pub type Report = Box<dyn Fn(Settled) + Send + Sync>;

/// The running notifier. Dropping it ends the thread without waiting.
pub struct Notifier {
    inbox: Arc<Inbox>,
    attempts: Attempts,
    thread: Option<JoinHandle<()>>,
}

impl Notifier {
    /// Starts the thread. It reads the queue at once.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn start(queue: Arc<dyn Queue>, tenants: Arc<Tenants>, settings: Settings, report: Report) -> Self {
        Self::start_with(Arc::new(SystemClocks), queue, tenants, settings, report)
    }

    /// The same with other clocks. Delays between attempts follow them; the time of one request and of idle threads does not.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn start_with(
        clocks: Arc<dyn Clocks>,
        queue: Arc<dyn Queue>,
        tenants: Arc<Tenants>,
        settings: Settings,
        report: Report,
    ) -> Self {
        let inbox = Arc::new(Inbox::new(Arc::clone(&clocks)));
        let attempts = Attempts::default();
        let links = Links { clocks, queue, report, inbox: Arc::clone(&inbox), attempts: attempts.clone() };
        let runner = Runner::new(links, tenants, settings);
        let thread = thread::Builder::new().name("notifier".to_owned()).stack_size(STACK_OCTETS);
        let thread = thread.spawn(move || runner.run()).expect("a thread for the notifier");
        Self { inbox, attempts, thread: Some(thread) }
    }

    /// What the attempts led to, as a handle that stays true.
    pub fn attempts(&self) -> Attempts {
        self.attempts.clone()
    }

    /// There may be new due rows, since a commit queued some. Never blocks.
    pub fn nudge(&self) {
        self.inbox.tell(|news| news.nudged = true);
    }

    /// An operator asked for a retry: a domain that is paused since its platform is down (`None`: each of them) is tried now.
    pub fn resume(&self, domain: Option<Domain>) {
        self.inbox.tell(|news| {
            news.nudged = true;
            news.resumed.push(domain);
        });
    }

    /// The outcomes of these notifications are durable: they are no longer in flight. One id for each [`Settled`].
    pub fn committed(&self, ids: &[NotificationId]) {
        self.inbox.tell(|news| news.committed.extend_from_slice(ids));
    }

    /// New tenants and settings, from the next round of a worker on. The pause of a platform that was down ends, so that what is due is tried
    /// at once; a notification whose own delay still runs is tried when it ends, unless whoever writes the queue makes it due.
    pub fn reload(&self, tenants: Arc<Tenants>, settings: Settings) {
        self.inbox.tell(|news| news.reload = Some((tenants, settings)));
    }

    /// Takes no new rows, waits at most `grace` for the POSTs under way (their outcomes are still reported), ends the thread.
    pub fn stop(&mut self, grace: Duration) {
        self.inbox.tell(|news| news.stop = Some(grace));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the notifier's thread had panicked");
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.inbox.tell(|news| news.stop = Some(Duration::ZERO));
        }
    }
}

/// The thread reads the database; only what is touched costs memory.
const STACK_OCTETS: usize = 512 << 10;
