//! What a worker does with the rows that it was given: [`Round::run`]. It tells the platform about one after the other, as long as that
//! goes quickly and well, and gives back the others. A change of threads costs more than a request to a platform that is near: with one
//! row at a time, each would cost two. Behind an attempt that hangs the others wait as long as a request may take.

use super::attempt::{Courier, unreachable};
use super::clock::Clocks;
use super::inbox::{Ended, Inbox, Over};
use super::schedule::{Evidence, Ticket};
use crate::change::Notification;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Rows of one domain, and all that is needed to tell its platform about them.
pub struct Round {
    /// Of the schedule.
    pub ticket: Arc<Ticket>,
    /// At least one, and at most [`ROUND_ROWS`].
    pub rows: Vec<Notification>,
    /// Who tells it.
    pub courier: Courier,
    /// Of the notifier.
    pub clocks: Arc<dyn Clocks>,
    /// Who is told how it went.
    pub inbox: Arc<Inbox>,
}

impl Round {
    /// Attempts, and reports each as it ends; blocks.
    pub fn run(self) {
        let begun = self.clocks.steady();
        let mut rows = self.rows.into_iter();
        while let Some(notification) = rows.next() {
            let started = self.clocks.steady();
            let end = catch_unwind(AssertUnwindSafe(|| self.courier.attempt(&notification)));
            let end = end.unwrap_or_else(|_| unreachable("internal error: the attempt panicked"));
            let now = self.clocks.steady();
            let goes_well = end.evidence() == Evidence::Up && now.saturating_duration_since(begun) < ROUND_TIME;
            let ended = Ended { notification, started, at: now, end };
            if goes_well && rows.len() > 0 {
                self.inbox.tell(|news| news.ended.push(ended));
                continue;
            }
            let left = rows.map(|row| row.id).collect();
            return self.inbox.tell(|news| {
                news.ended.push(ended);
                news.over.push(Over { ticket: self.ticket, left });
            });
        }
    }
}

/// Rows of a round, if each takes `attempt_time`.
pub fn rows_within(attempt_time: Duration) -> usize {
    let rows = ROUND_TIME.as_nanos() / attempt_time.as_nanos().max(1);
    usize::try_from(rows).unwrap_or(usize::MAX).clamp(1, ROUND_ROWS)
}

/// A row that could be told by another worker waits no longer than this for the one that it was given to, and for one attempt.
const ROUND_TIME: Duration = Duration::from_millis(10);

/// Rows of one round at most.
const ROUND_ROWS: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::attempt::Services;
    use super::super::clock::SystemClocks;
    use super::super::http::Client;
    use super::super::resolver::Resolver;
    use super::super::schedule::{Limits, Schedule};
    use super::*;
    use crate::metrics::Attempts;
    use crate::samples;
    use crate::tenant::{Endpoint, Tenant, Tenants, UrlTemplate};
    use crate::types::{Domain, Timestamp};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    /// One on which so much time passes between two looks.
    struct Ticking {
        start: Instant,
        tick: Duration,
        looks: AtomicU32,
    }

    impl Clocks for Ticking {
        fn steady(&self) -> Instant {
            self.start + self.tick * self.looks.fetch_add(1, Ordering::Relaxed)
        }

        fn wall(&self) -> Timestamp {
            Timestamp::default()
        }
    }

    fn domain() -> Domain {
        Domain::parse("a.de").unwrap()
    }

    /// A platform that cannot be reached; in a dry run it need not be.
    fn closed_platform() -> Tenants {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let template = UrlTemplate::parse(&format!("http://{address}/{{address}}")).unwrap();
        Tenants::new(vec![Tenant { endpoint: Endpoint::Template(template), ..samples::tenant("a.de") }])
    }

    fn courier(dry_run: bool) -> Courier {
        let Settings { request_time_max, retry_delay_max, .. } = Settings::default();
        let (client, attempts) = (Client::new(request_time_max), Attempts::default());
        Courier {
            tenants: Arc::new(closed_platform()),
            services: Arc::new(Services { client, resolver: Resolver::default(), attempts }),
            dry_run,
            now: Timestamp::default(),
            delay_max: retry_delay_max,
        }
    }

    /// The rows that were tried and those that were left, of the rows 1, 2 and 3.
    fn round(courier: Courier, clocks: Arc<dyn Clocks>) -> (Vec<u64>, Vec<u64>) {
        let start = Instant::now();
        let ticket = Schedule::new(Limits { all: 1, per_domain: 1 }).start(&domain(), start).unwrap();
        let rows = [1, 2, 3].map(|id| Notification { id, ..samples::notification(&domain()) }).to_vec();
        let inbox = Arc::new(Inbox::new(Arc::new(SystemClocks)));
        Round { ticket: Arc::new(ticket), rows, courier, clocks, inbox: Arc::clone(&inbox) }.run();
        let news = inbox.wait(start, start, super::super::inbox::Haste::None);
        assert_eq!(news.over.len(), 1);
        let tried = news.ended.iter().map(|ended| ended.notification.id).collect();
        (tried, news.over[0].left.clone())
    }

    #[test]
    fn a_round_goes_on_while_it_goes_well() {
        assert_eq!(round(courier(true), Arc::new(SystemClocks)), (vec![1, 2, 3], vec![]));
        assert_eq!(round(courier(false), Arc::new(SystemClocks)), (vec![1], vec![2, 3]));
    }

    #[test]
    fn a_request_is_timed_whether_or_not_it_is_answered() {
        for (dry_run, requests) in [(false, 1), (true, 0)] {
            let courier = courier(dry_run);
            let services = Arc::clone(&courier.services);
            round(courier, Arc::new(SystemClocks));
            assert_eq!(services.attempts.results().requests.count(), requests);
        }
    }

    #[test]
    fn what_takes_too_long_for_a_round_is_left_to_others() {
        // It is looked at when the round begins, and when each attempt starts and ends.
        let ticking = |tick| Arc::new(Ticking { start: Instant::now(), tick, looks: AtomicU32::new(0) });
        assert_eq!(round(courier(true), ticking(ROUND_TIME)), (vec![1], vec![2, 3]));
        assert_eq!(round(courier(true), ticking(ROUND_TIME / 4)), (vec![1, 2], vec![3]));
        assert_eq!(round(courier(true), ticking(ROUND_TIME / 20)), (vec![1, 2, 3], vec![]));
    }

    #[test]
    fn a_platform_that_is_as_slow_as_a_round_gets_one_row_in_each() {
        let rows = [ROUND_TIME * 2, ROUND_TIME, ROUND_TIME / 3, Duration::ZERO].map(rows_within);
        assert_eq!(rows, [1, 1, 3, ROUND_ROWS]);
    }
}
