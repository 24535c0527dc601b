//! What others tell the notifier's thread: [`Inbox`]. Telling never blocks for long, and equal news are merged, so that nothing piles up.

use super::Settings;
use super::attempt::End;
use super::clock::Clocks;
use super::schedule::Ticket;
use crate::change::{Notification, NotificationId};
use crate::tenant::Tenants;
use crate::types::Domain;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by the thread, its owner and the workers.
pub struct Inbox {
    clocks: Arc<dyn Clocks>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    news: News,
    haste: Haste,
}

/// Whether the thread waits for what ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Haste {
    /// It has nothing to start: an end may wait for the next ones.
    #[default]
    None,
    /// With an end something else may start.
    Pressing,
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
    /// Attempts that ended; no more than the rounds of all workers hold.
    pub ended: Vec<Ended>,
    /// Rounds that are over; no more than there are workers.
    pub over: Vec<Over>,
    /// Archive files that were written or not.
    pub archived: Vec<(NotificationId, Result<(), String>)>,
    /// The latest configuration.
    pub reload: Option<(Arc<Tenants>, Settings)>,
    /// Stop, with this grace.
    pub stop: Option<Duration>,
}

/// An attempt that ended.
pub struct Ended {
    /// Which.
    pub notification: Notification,
    /// When it started.
    pub started: Instant,
    /// When it ended.
    pub at: Instant,
    /// How.
    pub end: End,
}

/// A round that is over.
pub struct Over {
    /// Of the schedule.
    pub ticket: Arc<Ticket>,
    /// Rows that were not tried.
    pub left: Vec<NotificationId>,
}

impl Inbox {
    /// Without news.
    pub fn new(clocks: Arc<dyn Clocks>) -> Self {
        Self { clocks, state: Mutex::default(), changed: Condvar::default() }
    }

    /// Adds news and wakes the thread, unless it has to rest and knows already that there are some.
    pub fn tell(&self, add: impl FnOnce(&mut News)) {
        let mut state = self.lock();
        let had_some = state.news.has_some();
        add(&mut state.news);
        let wakes = !had_some || state.is_pressing();
        // Who is woken would wait for the lock otherwise.
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
    }

    /// Waits for news until `until` at most, and takes them. Nudges and ends within a round, and without `haste` all that ended, do not
    /// end the wait before `rested`: in a busy hour they come by the thousand a second, and each would cost a change of threads.
    pub fn wait(&self, until: Instant, rested: Instant, haste: Haste) -> News {
        let mut state = self.lock();
        state.haste = haste;
        loop {
            let now = self.clocks.steady();
            let until = if state.news.has_some() { until.min(rested) } else { until };
            if state.is_pressing() || now >= until {
                return std::mem::take(&mut state.news);
            }
            let waited = self.changed.wait_timeout(state, until - now);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_pressing(&self) -> bool {
        self.news.is_pressing() || (self.haste == Haste::Pressing && self.news.leaves_room())
    }
}

impl News {
    fn is_pressing(&self) -> bool {
        !self.resumed.is_empty() || self.reload.is_some() || self.stop.is_some()
    }

    /// Whether something else may start now.
    fn leaves_room(&self) -> bool {
        !self.committed.is_empty() || !self.over.is_empty() || !self.archived.is_empty()
    }

    fn has_some(&self) -> bool {
        self.nudged || !self.ended.is_empty() || self.leaves_room() || self.is_pressing()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SystemClocks;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_nudge_waits_until_the_queue_has_rested_and_news_that_press_are_told_at_once() {
        let inbox = Inbox::new(Arc::new(SystemClocks));
        let (until, rested) = (Instant::now() + HOUR, Instant::now() + Duration::from_millis(20));
        inbox.tell(|news| news.nudged = true);
        assert!(inbox.wait(until, rested, Haste::Pressing).nudged);
        assert!(Instant::now() >= rested);
        inbox.tell(|news| news.nudged = true);
        inbox.tell(|news| news.resumed.push(None));
        assert_eq!(inbox.wait(until, until, Haste::None).resumed, [None]);
    }

    #[test]
    fn what_ended_is_told_at_once_where_something_else_may_start_and_else_after_a_rest() {
        let inbox = Inbox::new(Arc::new(SystemClocks));
        let until = Instant::now() + HOUR;
        inbox.tell(|news| news.committed.push(7));
        assert_eq!(inbox.wait(until, until, Haste::Pressing).committed, [7]);
        let rested = Instant::now() + Duration::from_millis(20);
        inbox.tell(|news| news.committed.push(8));
        assert_eq!(inbox.wait(until, rested, Haste::None).committed, [8]);
        assert!(Instant::now() >= rested);
    }

    #[test]
    fn a_thread_that_waits_is_woken_by_the_first_news_and_by_those_that_press() {
        let inbox = Arc::new(Inbox::new(Arc::new(SystemClocks)));
        let until = Instant::now() + HOUR;
        let waiting = |rested, haste| {
            let inbox = Arc::clone(&inbox);
            std::thread::spawn(move || inbox.wait(until, rested, haste).committed)
        };
        let thread = waiting(Instant::now(), Haste::None);
        inbox.tell(|news| news.committed.push(1));
        assert_eq!(thread.join().unwrap(), [1]);
        let thread = waiting(until, Haste::Pressing);
        while inbox.lock().haste != Haste::Pressing {
            std::thread::yield_now();
        }
        inbox.tell(|news| news.nudged = true);
        inbox.tell(|news| news.committed.push(2));
        assert_eq!(thread.join().unwrap(), [2]);
    }
}
