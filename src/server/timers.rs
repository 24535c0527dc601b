//! When something is due. Cheap per message: a deadline that moves later costs nothing until the earlier one comes.

use super::token::ConnectionId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries of connections that are gone leave once they are more than this and outnumber the living.
const STALE_MAX: usize = 1024;

/// One entry for each connection that waits, and some of those that are gone.
///
/// An entry is a reminder to look at the connection's own deadline, not the deadline itself.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, ConnectionId)>>,
}

impl Timers {
    /// Looks at `id` at `at`.
    pub(super) fn push(&mut self, at: Instant, id: ConnectionId) {
        self.heap.push(Reverse((at, id)));
    }

    /// When the next entry is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<ConnectionId> {
        (self.next()? <= now).then(|| self.heap.pop().map(|Reverse((_, id))| id))?
    }

    /// Drops the entries of those that are gone, when there are many.
    pub(super) fn sweep(&mut self, living: usize, is_living: impl Fn(ConnectionId) -> bool) {
        if self.heap.len() > 2 * living + STALE_MAX {
            self.heap.retain(|Reverse((_, id))| is_living(*id));
            self.heap.shrink_to(2 * living);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn entries_come_in_the_order_of_their_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timers = Timers::default();
        for (seconds, id) in [(3, 30), (1, 10), (2, 20)] {
            timers.push(at(seconds), id);
        }
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.pop_due(at(0)), None);
        assert_eq!(timers.pop_due(at(2)), Some(10));
        assert_eq!(timers.pop_due(at(2)), Some(20));
        assert_eq!(timers.pop_due(at(2)), None);
    }

    #[test]
    fn connections_that_are_gone_do_not_pile_up() {
        let now = Instant::now();
        let mut timers = Timers::default();
        for id in 0..100_000 {
            timers.push(now, id);
            timers.sweep(10, |id| id < 10);
        }
        assert!(timers.heap.len() <= STALE_MAX + 20);
        // Those that live are not looked at each time, however many they are.
        (10..10 * STALE_MAX).for_each(|id| timers.push(now, id));
        timers.sweep(10 * STALE_MAX, |_| panic!("a look at each of them in each turn"));
        timers.sweep(0, |id| id < 10);
        let living = std::iter::from_fn(|| timers.pop_due(now)).filter(|id| *id < 10).count();
        assert_eq!(living, 10);
    }
}
