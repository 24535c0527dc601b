//! When a transaction begins: at once, or a moment later with more mails in it. Pure: the time is passed in.
//!
//! A transaction costs the disk the same for one mail as for a hundred. So while clients go on that are within a mail, or that just got
//! an answer and may send the next one, the first mail waits for them, at most as long as a transaction takes: each mail costs a
//! fraction then, and all are answered earlier. A client that is alone never waits.
//!
//! On a slow disk, where the loop goes on during a transaction, a crowd that keeps it busy for longer than that is not waited for:
//! some of it sends while the mails of the others are written.

use std::time::{Duration, Instant};

/// When clients send nothing for this part of the longest wait, a transaction begins.
const SILENCE_PART: u32 = 4;

/// A mail waits no longer than this for others, however slow the disk is.
const WAIT_TIME_MAX: Duration = Duration::from_millis(10);

/// A disk that is waited for longer in a transaction is a slow one.
const SLOW_TIME: Duration = Duration::from_millis(1);

/// On a slow disk a transaction begins with no less than one of so many clients: two crowds of like size take turns then.
const CROWD_PART: usize = 4;

/// How fast the usual time of a transaction follows the last one: the part of the difference that is taken.
const FOLLOWING_PART: u32 = 8;

/// What the loop takes for a mail is a mean over as many as this, or up to twice as many.
const MAILS_REMEMBERED: u32 = 1000;

/// The state between two transactions.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// What a transaction takes, of late.
    transaction_time: Duration,
    /// The part of it that waits for the disk.
    disk_time: Duration,
    /// How long the loop has worked for clients, of late, and for how many mails.
    worked: Duration,
    mails: u32,
    /// When the first mail was there.
    since: Option<Instant>,
    /// When a client last sent something.
    progress_at: Option<Instant>,
    /// Mails of the last transaction for which no other has come yet: their clients may be about to send one.
    returning: usize,
}

/// Those who take part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    /// Mails that wait for the transaction.
    pub(super) waiting: usize,
    /// Clients that are within a mail.
    pub(super) underway: usize,
    /// Whether any of them sent something in this turn.
    pub(super) has_progress: bool,
}

impl Gathering {
    /// How long the transaction may still wait; `None`: it begins now.
    pub(super) fn rest(&mut self, now: Instant, crowd: &Crowd) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        if crowd.has_progress {
            self.progress_at = Some(now);
        }
        let expected = crowd.underway.max(self.returning);
        if expected == 0 || self.is_worth_overlapping(crowd.waiting, expected) {
            return None;
        }
        let waited = now.saturating_duration_since(since);
        let silent = now.saturating_duration_since(self.progress_at.unwrap_or(since));
        let time_max = self.transaction_time.min(WAIT_TIME_MAX);
        let rest = time_max.checked_sub(waited)?.min((time_max / SILENCE_PART).checked_sub(silent)?);
        (!rest.is_zero()).then_some(rest)
    }

    /// What a transaction usually takes.
    pub(super) fn transaction_time(&self) -> Duration {
        self.transaction_time
    }

    /// Whether the loop had better not wait for a transaction.
    pub(super) fn is_slow(&self) -> bool {
        self.disk_time > SLOW_TIME
    }

    /// A mail came.
    pub(super) fn arrived(&mut self) {
        self.mails += 1;
        self.returning = self.returning.saturating_sub(1);
    }

    /// The loop was at work for clients.
    pub(super) fn worked(&mut self, time: Duration) {
        self.worked += time;
        if self.mails > 2 * MAILS_REMEMBERED {
            self.worked /= 2;
            self.mails /= 2;
        }
    }

    /// A transaction took this long, `waited` of it for the disk, and so many mails are answered.
    pub(super) fn committed(&mut self, took: Duration, waited: Duration, mails: usize) {
        follow(&mut self.transaction_time, took);
        follow(&mut self.disk_time, waited);
        self.since = None;
        self.progress_at = None;
        self.returning = mails;
    }

    /// Whether the loop is busy with the crowd for longer than a transaction takes, and enough of it waits.
    fn is_worth_overlapping(&self, waiting: usize, expected: usize) -> bool {
        let crowd = waiting + expected;
        let mail_time = self.worked.checked_div(self.mails).unwrap_or_default();
        let busy = mail_time.saturating_mul(u32::try_from(crowd).unwrap_or(u32::MAX));
        self.is_slow() && waiting * CROWD_PART >= crowd && busy >= self.transaction_time
    }
}

/// The usual time comes nearer to the last one, which counts for no more than twice the longest wait.
fn follow(usual: &mut Duration, last: Duration) {
    *usual = (*usual * (FOLLOWING_PART - 1) + last.min(2 * WAIT_TIME_MAX)) / FOLLOWING_PART;
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: Duration = Duration::from_micros(400);
    const TAKES_LONG: Duration = Duration::from_millis(5);
    const MAIL_TIME: Duration = Duration::from_micros(50);

    fn after_transactions_of(took: Duration) -> Gathering {
        after_mails(100, took)
    }

    /// Each in a transaction of its own.
    fn after_mails(mails: usize, took: Duration) -> Gathering {
        let mut gathering = Gathering::default();
        for _ in 0..mails {
            gathering.arrived();
            gathering.worked(MAIL_TIME);
            gathering.committed(took, took, 0);
        }
        gathering
    }

    fn crowd(waiting: usize, underway: usize) -> Crowd {
        Crowd { waiting, underway, has_progress: true }
    }

    /// How long one mail waits for nine clients that go on.
    fn wait_of_the_first(mut gathering: Gathering) -> Duration {
        let start = Instant::now();
        let mut steps = (0..).step_by(50).map(Duration::from_micros);
        steps.find(|after| gathering.rest(start + *after, &crowd(1, 9)).is_none()).unwrap()
    }

    #[test]
    fn a_mail_waits_while_others_go_on_but_no_longer_than_a_transaction() {
        let waited = wait_of_the_first(after_transactions_of(TAKES));
        assert!(waited <= TAKES && waited > TAKES / 2, "{waited:?}");
    }

    #[test]
    fn a_client_alone_does_not_wait() {
        let mut gathering = after_transactions_of(TAKES);
        gathering.committed(TAKES, TAKES, 1);
        gathering.arrived();
        assert_eq!(gathering.rest(Instant::now(), &crowd(1, 0)), None);
    }

    #[test]
    fn those_who_just_got_an_answer_are_waited_for() {
        let mut gathering = after_transactions_of(TAKES);
        gathering.committed(TAKES, TAKES, 2);
        gathering.arrived();
        assert!(gathering.rest(Instant::now(), &crowd(5, 0)).is_some());
        gathering.arrived();
        assert_eq!(gathering.rest(Instant::now(), &crowd(6, 0)), None);
    }

    #[test]
    fn clients_that_stopped_within_a_mail_are_not_waited_for() {
        let mut gathering = after_transactions_of(TAKES);
        let start = Instant::now();
        assert!(gathering.rest(start, &crowd(1, 1)).is_some());
        let silent = Crowd { has_progress: false, ..crowd(1, 1) };
        assert_eq!(gathering.rest(start + TAKES / SILENCE_PART, &silent), None);
    }

    #[test]
    fn the_first_transaction_begins_at_once() {
        assert_eq!(Gathering::default().rest(Instant::now(), &crowd(1, 9)), None);
    }

    #[test]
    fn a_disk_that_hangs_once_delays_nobody_for_long() {
        let mut gathering = after_transactions_of(TAKES);
        gathering.committed(Duration::from_secs(60), TAKES, 0);
        let rest = gathering.rest(Instant::now(), &crowd(1, 9));
        assert!(rest.is_some_and(|rest| rest <= WAIT_TIME_MAX), "{rest:?}");
    }

    #[test]
    fn on_a_disk_that_always_hangs_a_mail_waits_no_longer_than_the_longest_wait() {
        let waited = wait_of_the_first(after_transactions_of(Duration::from_secs(60)));
        assert!(waited <= WAIT_TIME_MAX && waited > WAIT_TIME_MAX / 2, "{waited:?}");
    }

    #[test]
    fn each_transaction_waits_anew() {
        let mut gathering = after_transactions_of(TAKES);
        let start = Instant::now();
        let silent = Crowd { has_progress: false, ..crowd(1, 9) };
        for (second, crowd) in [(0, crowd(1, 9)), (1, crowd(1, 9)), (2, silent)] {
            let now = start + Duration::from_secs(second);
            assert!(gathering.rest(now, &crowd).is_some(), "{second}");
            gathering.committed(TAKES, TAKES, 0);
        }
    }

    #[test]
    fn a_transaction_that_takes_the_processor_is_none_of_a_slow_disk() {
        let mut gathering = Gathering::default();
        (0..100).for_each(|_| gathering.committed(TAKES_LONG, Duration::ZERO, 0));
        assert!(!gathering.is_slow());
    }

    #[test]
    fn what_a_mail_takes_stays_the_same_over_many_mails() {
        let mut gathering = after_mails(10_000, TAKES_LONG);
        assert!(gathering.rest(Instant::now(), &crowd(25, 25)).is_some());
        assert_eq!(gathering.rest(Instant::now(), &crowd(200, 300)), None);
    }

    #[test]
    fn on_a_slow_disk_a_crowd_that_is_soon_there_is_waited_for() {
        let mut gathering = after_transactions_of(TAKES_LONG);
        assert!(gathering.is_slow());
        assert!(gathering.rest(Instant::now(), &crowd(25, 25)).is_some());
    }

    #[test]
    fn on_a_slow_disk_a_large_crowd_is_written_in_turns() {
        let mut gathering = after_transactions_of(TAKES_LONG);
        let (few, enough) = (crowd(10, 490), crowd(200, 300));
        assert!(gathering.rest(Instant::now(), &few).is_some());
        assert_eq!(gathering.rest(Instant::now(), &enough), None);
        // On a fast one the loop does nothing else during a transaction.
        let mut fast = after_transactions_of(TAKES);
        assert!(!fast.is_slow() && fast.rest(Instant::now(), &enough).is_some());
    }
}
