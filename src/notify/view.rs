//! What was read from the queue, and when it is read again: [`View`]. Pure; times are passed in.

use crate::change::Notification;
use crate::types::{Domain, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What was read.
#[derive(Debug)]
pub struct View {
    /// Each domain with pending rows, and when its first is due.
    pub domains: Vec<(Domain, Timestamp)>,
    rows: HashMap<Domain, Rows>,
    /// The queue may have changed since.
    pub is_stale: bool,
    /// Not read again before.
    pub rested_at: Instant,
    /// Read again at the latest.
    pub refresh_at: Instant,
}

/// The next rows of a domain.
#[derive(Debug, Default)]
struct Rows {
    /// Those that are due.
    waiting: VecDeque<Notification>,
    behind: Behind,
}

/// What comes behind the rows that were read.
#[derive(Debug, Default)]
enum Behind {
    /// Perhaps more that are due.
    #[default]
    Unknown,
    /// One that is due at this time.
    Later(Timestamp),
    /// Nothing.
    End,
}

impl View {
    /// Nothing was read yet.
    pub fn new(now: Instant) -> Self {
        Self { domains: Vec::new(), rows: HashMap::new(), is_stale: true, rested_at: now, refresh_at: now }
    }

    /// Begins anew with these domains.
    pub fn refresh(&mut self, domains: Vec<(Domain, Timestamp)>, now: Instant) {
        *self = Self {
            domains,
            rows: HashMap::new(),
            is_stale: false,
            rested_at: now + READ_INTERVAL_MIN,
            refresh_at: now + REFRESH_INTERVAL,
        };
    }

    /// What is known so far may be wrong: nothing is known until this time.
    pub fn forget_until(&mut self, time: Instant) {
        *self = Self::new(time);
    }

    /// All domains in order, beginning behind this one.
    pub fn domains_behind(&self, served_last: Option<&Domain>) -> Vec<(Domain, Timestamp)> {
        let mut domains = self.domains.clone();
        domains.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let behind = domains.partition_point(|(domain, _)| Some(domain) <= served_last);
        domains.rotate_left(behind);
        domains
    }

    /// Whether rows of `domain` are to be read to know which is due at `time`.
    pub fn needs_rows(&self, domain: &Domain, time: Timestamp) -> bool {
        self.rows.get(domain).is_none_or(|rows| rows.waiting.is_empty() && rows.behind.may_be_due(time))
    }

    /// The first rows of `domain` that may be started, due or not, at most [`BATCH_ROWS`].
    pub fn take_rows(&mut self, domain: &Domain, mut pending: Vec<Notification>, time: Timestamp) {
        let is_full = pending.len() >= BATCH_ROWS;
        let later = pending.split_off(pending.partition_point(|row| row.next_attempt <= time));
        let behind = match later.first() {
            Some(row) => Behind::Later(row.next_attempt),
            None if is_full => Behind::Unknown,
            None => Behind::End,
        };
        self.rows.insert(domain.clone(), Rows { waiting: pending.into(), behind });
    }

    /// The next due rows, at most so many of those that were read.
    pub fn next_rows(&mut self, domain: &Domain, rows_max: usize) -> Vec<Notification> {
        let Some(rows) = self.rows.get_mut(domain) else { return Vec::new() };
        rows.waiting.drain(..rows_max.min(rows.waiting.len())).collect()
    }

    /// Rows of the domain have to be read anew.
    pub fn forget_rows(&mut self, domain: &Domain) {
        self.rows.remove(domain);
    }

    /// When the first row falls due behind those that were, if one does.
    pub fn later(&self, domain: &Domain) -> Option<Timestamp> {
        match self.rows.get(domain)?.behind {
            Behind::Later(due) => Some(due),
            Behind::Unknown | Behind::End => None,
        }
    }

    /// When it is read again without news.
    pub fn next_read(&self) -> Instant {
        if self.is_stale { self.rested_at } else { self.refresh_at }
    }
}

impl Behind {
    fn may_be_due(&self, time: Timestamp) -> bool {
        match self {
            Self::Unknown => true,
            Self::Later(due) => *due <= time,
            Self::End => false,
        }
    }
}

/// Rows that are read ahead for one domain.
pub const BATCH_ROWS: usize = 16;

/// Commits may follow each other by the thousand a second; the queue is not read for each.
const READ_INTERVAL_MIN: Duration = Duration::from_millis(5);

/// So that a wall clock that was set forward is noticed.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn domain() -> Domain {
        Domain::parse("a.de").unwrap()
    }

    fn due_at(seconds: u64) -> Notification {
        Notification { id: seconds, next_attempt: at(seconds), ..samples::notification(&domain()) }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// A view of rows that are due then, read at 10 seconds.
    fn view_of(due: impl IntoIterator<Item = u64>) -> View {
        let mut view = View::new(Instant::now());
        view.take_rows(&domain(), due.into_iter().map(due_at).collect(), at(10));
        view
    }

    #[test]
    fn news_of_the_queue_wait_until_it_has_rested() {
        let now = Instant::now();
        let mut view = View::new(now);
        assert_eq!(view.next_read(), now);
        view.refresh(Vec::new(), now);
        assert_eq!(view.next_read(), now + REFRESH_INTERVAL);
        view.is_stale = true;
        assert_eq!(view.next_read(), now + READ_INTERVAL_MIN);
    }

    #[test]
    fn domains_take_turns_in_whatever_order_they_were_read() {
        let [a, b, c] = ["a.de", "b.de", "c.de"].map(|name| Domain::parse(name).unwrap());
        let mut view = View::new(Instant::now());
        view.refresh([&c, &a, &b].map(|domain| (domain.clone(), at(10))).into(), Instant::now());
        for (served_last, next) in [(None, [&a, &b, &c]), (Some(&a), [&b, &c, &a]), (Some(&c), [&a, &b, &c])] {
            let turns = view.domains_behind(served_last);
            assert!(turns.iter().map(|(domain, _)| domain).eq(next), "{turns:?}");
        }
    }

    #[test]
    fn rows_are_read_again_when_the_next_falls_due_and_not_before() {
        let mut view = view_of([9, 10, 30]);
        assert_eq!(
            [vec![9], vec![10]],
            [0; 2].map(|_| view.next_rows(&domain(), 1).iter().map(|row| row.id).collect::<Vec<_>>())
        );
        assert!(view.next_rows(&domain(), 1).is_empty() && view.later(&domain()) == Some(at(30)));
        assert!(!view.needs_rows(&domain(), at(29)) && view.needs_rows(&domain(), at(30)));
    }

    #[test]
    fn behind_a_full_batch_there_may_be_more_and_behind_a_short_one_there_is_none() {
        for (rows, may_be_more) in [(BATCH_ROWS, true), (BATCH_ROWS - 1, false)] {
            let mut view = view_of(vec![5; rows]);
            assert!(!view.needs_rows(&domain(), at(10)), "the batch comes first");
            assert_eq!(view.next_rows(&domain(), usize::MAX).len(), rows);
            assert_eq!((view.needs_rows(&domain(), Timestamp::MAX), view.later(&domain())), (may_be_more, None));
        }
    }
}
