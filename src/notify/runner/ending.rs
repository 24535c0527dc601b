//! What follows from the end of an attempt: its report, and the pause of what failed.

use super::super::attempt::End;
use super::super::inbox::{Ended, Over};
use super::super::schedule::{Blame, Lesson};
use super::super::{Settings, backoff, story};
use super::Runner;
use crate::change::{Notification, NotificationId, Outcome, Settled};
use crate::types::{Domain, Timestamp};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

impl Runner {
    /// Reports how an attempt ended; on a failure its domain, or it alone, pauses.
    pub(super) fn settle(&mut self, ended: Ended) {
        let Ended { notification, started, at: ended, end } = ended;
        let now = self.clocks.steady();
        let time = self.clock.time(self.clocks.wall(), now);
        let domain = &notification.domain;
        let evidence = end.evidence();
        let failures_before = self.schedule.failures(domain);
        let settings = &self.settings;
        let blame = self
            .schedule
            .learn(&Lesson { domain, started, ended, evidence }, now, |failures| probe_delay(settings, failures));
        self.flights.end(notification.id);
        if self.schedule.failures(domain) > failures_before {
            self.giving_up.insert(domain.clone());
            self.view.forget_rows(domain);
        }
        story::tell_outage(domain, failures_before, self.schedule.failures(domain), &end);
        let outcome = self.outcome(&notification, end, blame, time);
        story::tell_outcome(&notification, &outcome);
        self.services.attempts.ended(&notification, &outcome, time);
        self.tell(notification.id, time, outcome);
    }

    /// A worker is free; what it did not try is read again.
    pub(super) fn end_round(&mut self, over: &Over) {
        self.schedule.over(&over.ticket);
        if !over.left.is_empty() {
            for id in &over.left {
                self.flights.end(*id);
            }
            self.view.forget_rows(over.ticket.domain());
        }
    }

    fn outcome(&mut self, notification: &Notification, end: End, blame: Blame, time: Timestamp) -> Outcome {
        match end {
            End::Done { status, body } => Outcome::Delivered { status, body },
            End::Park { error } => Outcome::Parked { error },
            End::Retry { error, .. } if self.was_tried_enough(notification) => given_up(&error),
            End::Retry { retry_after, error, .. } => {
                let own = || {
                    let (min, max) = (self.settings.retry_delay_min, self.settings.retry_delay_max);
                    backoff::delay(notification.attempts.saturating_add(1), min, max, random())
                };
                let delay = match blame {
                    Blame::Domain(delay) => delay,
                    Blame::Notification => own(),
                };
                let delay = delay.max(retry_after.unwrap_or_default());
                Outcome::Retry { next_attempt: time.after(delay), error }
            }
        }
    }

    fn was_tried_enough(&mut self, notification: &Notification) -> bool {
        let time = self.sober.time(self.clocks.wall(), self.clocks.steady());
        time.since(notification.tried_since) >= self.settings.retry_time_max
    }

    /// Parks the rows of a domain that is down which were queued too long ago, also those that had no attempt of their own.
    pub(super) fn give_up(&mut self, domain: Domain, time: Timestamp) {
        let flights = &self.flights;
        let Ok(due) = self.queue.due(&domain, time, &|id| flights.holds(id), GIVE_UP_ROWS) else { return };
        let is_full = due.len() == GIVE_UP_ROWS;
        let old: Vec<_> = due.into_iter().filter(|row| self.was_tried_enough(row)).collect();
        let more = is_full && !old.is_empty();
        for notification in old {
            let last_error = notification.last_error.as_deref().unwrap_or("the platform was down all the time");
            let outcome = given_up(last_error);
            story::tell_outcome(&notification, &outcome);
            self.services.attempts.ended(&notification, &outcome, time);
            self.tell(notification.id, time, outcome);
        }
        if more {
            self.giving_up.insert(domain);
        }
    }

    /// Reports what became of a notification.
    pub(super) fn tell(&mut self, id: NotificationId, at: Timestamp, outcome: Outcome) {
        self.flights.report(id);
        (self.report)(Settled { id, at, outcome });
    }
}

fn probe_delay(settings: &Settings, failures: u32) -> Duration {
    let max = settings.retry_delay_max.min(PROBE_DELAY_MAX.max(settings.retry_delay_min));
    backoff::delay(failures, settings.retry_delay_min, max, random())
}

fn given_up(error: &str) -> Outcome {
    Outcome::Parked { error: format!("given up after the longest time to try: {error}") }
}

/// From 0 to 1, from the keys that the standard library draws for its hash tables.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// Rows of a domain that are parked at once.
const GIVE_UP_ROWS: usize = 64;

/// A platform that is down is probed at least this often (unless it asks for more time, or the configured first delay is longer).
const PROBE_DELAY_MAX: Duration = Duration::from_secs(60);
