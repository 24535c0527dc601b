//! What others tell the notifier's thread: [`Inbox`]. Telling never blocks for long, and equal news are merged, so that nothing piles up.

use super::Settings;
use super::attempt::End;
use super::clock::Clocks;
use super::schedule::Ticket;
use crate::change::{Notification, NotificationId};
use crate::tenant::Tenants;
use crate::types::Domain;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by the thread, its owner and the workers.
pub struct Inbox {
    clocks: Arc<dyn Clocks>,
    news: Mutex<News>,
    changed: Condvar,
}

/// What happened since the thread looked last.
#[derive(Default)]
pub struct News {
    /// The queue may have changed.
    pub nudged: bool,
    /// Domains whose pause is over; `None`: all.
    pub resumed: Vec<Option<Domain>>,
    /// Reports that are durable.
    pub committed: Vec<NotificationId>,
    /// Attempts that ended; no more than there are workers.
    pub ended: Vec<Ended>,
    /// Archive files that were written or not.
    pub archived: Vec<(NotificationId, Result<(), String>)>,
    /// The latest configuration.
    pub reload: Option<(Arc<Tenants>, Settings)>,
    /// Stop, with this grace.
    pub stop: Option<Duration>,
}

/// An attempt that ended.
pub struct Ended {
    /// Of the schedule.
    pub ticket: Arc<Ticket>,
    /// Which.
    pub notification: Notification,
    /// How.
    pub end: End,
}

impl Inbox {
    /// Without news.
    pub fn new(clocks: Arc<dyn Clocks>) -> Self {
        Self { clocks, news: Mutex::default(), changed: Condvar::default() }
    }

    /// Adds news and wakes the thread.
    pub fn tell(&self, add: impl FnOnce(&mut News)) {
        add(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Waits for news until `until` at most, and takes them. A nudge alone does not end the wait before `rested`.
    pub fn wait(&self, until: Instant, rested: Instant) -> News {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = self.clocks.steady();
            let until = if news.nudged { until.min(rested) } else { until };
            if news.is_pressing() || now >= until {
                return std::mem::take(&mut news);
            }
            let waited = self.changed.wait_timeout(news, until - now);
            (news, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl News {
    fn is_pressing(&self) -> bool {
        let none = self.committed.is_empty() && self.ended.is_empty() && self.archived.is_empty();
        !none || !self.resumed.is_empty() || self.reload.is_some() || self.stop.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SystemClocks;
    use super::*;

    #[test]
    fn a_nudge_alone_waits_until_the_queue_has_rested_and_all_else_is_told_at_once() {
        let inbox = Inbox::new(Arc::new(SystemClocks));
        let hour = Duration::from_secs(3600);
        let (until, rested) = (Instant::now() + hour, Instant::now() + Duration::from_millis(20));
        inbox.tell(|news| news.nudged = true);
        assert!(inbox.wait(until, rested).nudged);
        assert!(Instant::now() >= rested);
        inbox.tell(|news| news.nudged = true);
        inbox.tell(|news| news.committed.push(7));
        assert_eq!(inbox.wait(until, until).committed, [7]);
    }
}
