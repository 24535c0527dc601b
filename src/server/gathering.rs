//! When a transaction begins: at once, or a moment later with more mails in it. Pure: the time is passed in.
//!
//! A transaction costs the disk the same for one mail as for a hundred. So while other clients are within a mail and go on, the first mail
//! waits for them, at most half as long as a transaction takes: each mail costs a fraction then, and all are answered earlier.
//! A client that is alone never waits.

use std::time::{Duration, Instant};

/// While clients are within a mail, but none sends anything, a transaction begins after this part of the longest wait.
const SILENCE_PART: u32 = 4;

/// A mail waits no longer than this for others, however slow the disk is.
const WAIT_TIME_MAX: Duration = Duration::from_millis(10);

/// How fast the usual time of a transaction follows the last one: the part of the difference that is taken.
const FOLLOWING_PART: u32 = 8;

/// The state between two transactions.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// What a transaction takes, of late.
    transaction_time: Duration,
    /// When the first mail was there.
    since: Option<Instant>,
    /// When a client last sent something.
    progress_at: Option<Instant>,
}

impl Gathering {
    /// How long the transaction may still wait; `None`: it begins now.
    ///
    /// `has_progress`: clients sent something in this turn; `underway`: clients that are within a mail.
    pub(super) fn rest(&mut self, now: Instant, has_progress: bool, underway: usize) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        if has_progress {
            self.progress_at = Some(now);
        }
        let waited = now.saturating_duration_since(since);
        let silent = now.saturating_duration_since(self.progress_at.unwrap_or(since));
        let time_max = (self.transaction_time / 2).min(WAIT_TIME_MAX);
        if underway == 0 {
            return None;
        }
        let rest = time_max.checked_sub(waited)?.min((time_max / SILENCE_PART).checked_sub(silent)?);
        (!rest.is_zero()).then_some(rest)
    }

    /// A transaction took this long.
    pub(super) fn committed(&mut self, took: Duration) {
        let known = self.transaction_time * (FOLLOWING_PART - 1);
        self.transaction_time = (known + took.min(2 * WAIT_TIME_MAX)) / FOLLOWING_PART;
        self.since = None;
        self.progress_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: Duration = Duration::from_micros(800);

    fn after_some_transactions() -> Gathering {
        let mut gathering = Gathering::default();
        (0..100).for_each(|_| gathering.committed(TAKES));
        gathering
    }

    #[test]
    fn a_mail_waits_while_others_go_on_but_no_longer_than_half_a_transaction() {
        let mut gathering = after_some_transactions();
        let start = Instant::now();
        let end = (0..)
            .step_by(50)
            .map(Duration::from_micros)
            .find(|after| gathering.rest(start + *after, true, 9).is_none());
        assert!(end.is_some_and(|end| end <= TAKES / 2 && end > TAKES / 3), "{end:?}");
    }

    #[test]
    fn a_client_alone_does_not_wait() {
        assert_eq!(after_some_transactions().rest(Instant::now(), true, 0), None);
    }

    #[test]
    fn clients_that_stopped_within_a_mail_are_not_waited_for() {
        let mut gathering = after_some_transactions();
        let start = Instant::now();
        assert!(gathering.rest(start, true, 1).is_some());
        assert_eq!(gathering.rest(start + TAKES / 2 / SILENCE_PART, false, 1), None);
    }

    #[test]
    fn the_first_transaction_begins_at_once() {
        assert_eq!(Gathering::default().rest(Instant::now(), true, 9), None);
    }

    #[test]
    fn a_disk_that_hangs_once_delays_nobody_for_long() {
        let mut gathering = after_some_transactions();
        gathering.committed(Duration::from_secs(60));
        let rest = gathering.rest(Instant::now(), true, 9);
        assert!(rest.is_some_and(|rest| rest <= WAIT_TIME_MAX), "{rest:?}");
    }
}
