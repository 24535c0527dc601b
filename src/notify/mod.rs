//! Tells the platforms: one thread that takes due notifications from the queue and schedules their POSTs on a few workers.
//!
//! Knows no SMTP and no redb. Only `http` names minreq.

mod queue;

pub use queue::{ArchiveJob, Notification, Queue, QueueError};

use crate::change::{NotificationId, Settled};
use crate::tenant::Tenants;
use std::path::PathBuf;
use std::sync::Arc;
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

/// The running notifier.
pub struct Notifier {}

impl Notifier {
    /// Starts the thread.
    pub fn start(_queue: Arc<dyn Queue>, _tenants: Arc<Tenants>, _settings: Settings, _report: Report) -> Self {
        unimplemented!()
    }

    /// There may be new due rows (a commit queued some, an operator asked for a retry). Never blocks.
    pub fn nudge(&self) {
        unimplemented!()
    }

    /// The outcomes of these notifications are durable: they are no longer in flight.
    pub fn committed(&self, _ids: &[NotificationId]) {
        unimplemented!()
    }

    /// New tenants and settings, from the next attempt on.
    pub fn reload(&self, _tenants: Arc<Tenants>, _settings: Settings) {
        unimplemented!()
    }

    /// Takes no new rows, waits at most `grace` for the POSTs under way (their outcomes are still reported), ends the thread.
    pub fn stop(self, _grace: Duration) {
        unimplemented!()
    }
}
