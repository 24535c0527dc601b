//! The sums of what came in, by the minute, for those who look. Gathered here, and written with a transaction once a second: a row of
//! many names, which would cost more than all else in a small transaction. A crash loses the last second of them, and no count of an
//! address.

use super::judge::Judged;
use crate::change::{Effect, MailResult, Outcome, Series, Settled};
use crate::policy::Action;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Sums are written no later than this.
const TIME_MAX: Duration = Duration::from_secs(1);

/// More names than these are written with the next transaction.
const NAMES_MAX: usize = 1024;

/// What was not written yet.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sums: BTreeMap<Series, u64>,
    due_at: Option<Instant>,
}

impl Tally {
    /// Adds a mail, after its own transaction: only then it is known what became of it.
    pub(super) fn mail(&mut self, judged: &Judged, result: &MailResult, now: Instant) {
        let MailResult::Applied(effects) = result else { return };
        self.add(Series::Received, now);
        for finding in &judged.findings {
            match finding.recipient.and_then(|index| judged.report.recipients.get(index)) {
                Some(recipient) => {
                    self.add(Series::Class(recipient.class), now);
                    self.add(Series::Reason(recipient.reason), now);
                    let receiver = recipient.address.domain().to_owned();
                    if finding.action == Some(Action::Alert) {
                        self.add(Series::Alert(receiver.clone(), recipient.reason), now);
                    }
                    self.add(Series::Receiver(receiver), now);
                }
                None => self.add(Series::Other(finding.note.unwrap_or(judged.report.kind.name()).to_owned()), now),
            }
        }
        for _ in effects.iter().filter(|effect| matches!(effect, Effect::Escalated(_))) {
            self.add(Series::Escalated, now);
        }
    }

    /// Adds an attempt that ended.
    pub(super) fn settled(&mut self, settled: &Settled, now: Instant) {
        if matches!(settled.outcome, Outcome::Delivered { .. }) {
            self.add(Series::Delivered, now);
        }
    }

    /// When they are to be written.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// Whether that time has come, or there are too many.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due_at.is_some_and(|at| at <= now) || self.sums.len() > NAMES_MAX
    }

    /// Those to be written now.
    pub(super) fn take_if_due(&mut self, now: Instant) -> Vec<(Series, u64)> {
        if !self.is_due(now) {
            return Vec::new();
        }
        self.due_at = None;
        std::mem::take(&mut self.sums).into_iter().collect()
    }

    /// The service ends.
    pub(super) fn make_due(&mut self, now: Instant) {
        self.due_at = Some(now);
    }

    /// They could not be written.
    pub(super) fn put_back(&mut self, sums: Vec<(Series, u64)>, now: Instant) {
        for (series, number) in sums {
            *self.sums.entry(series).or_default() += number;
        }
        self.due_at = Some(now + TIME_MAX);
    }

    fn add(&mut self, series: Series, now: Instant) {
        *self.sums.entry(series).or_default() += 1;
        self.due_at.get_or_insert(now + TIME_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounce::{Class, Kind, Reason};
    use crate::change::Queued;
    use crate::policy::Finding;
    use crate::samples;
    use crate::types::MessageId;
    use std::net::{IpAddr, Ipv4Addr};

    /// A mail about two recipients, and what was found in it as a whole.
    fn judged() -> Judged {
        let recipient = |address, reason| samples::recipient(address, Class::Soft, reason);
        let recipients =
            vec![recipient("a@full.example", Reason::MailboxFull), recipient("b@strict.example", Reason::Blocked)];
        let finding = |recipient, action, note| Finding { recipient, domain: None, action, change: None, note };
        Judged {
            id: MessageId(1),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            sender: String::new(),
            octets: 100,
            has_bare_line_ends: false,
            report: samples::report(Kind::Bounce, recipients),
            findings: vec![
                finding(Some(0), Some(Action::Count), None),
                finding(Some(1), Some(Action::Alert), None),
                finding(None, None, Some("unreadable")),
                finding(None, None, None),
            ],
        }
    }

    #[test]
    fn a_mail_counts_once_under_each_of_its_names() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.mail(&judged(), &MailResult::Duplicate, now);
        assert!(tally.sums.is_empty() && tally.due_at().is_none());
        let effects = vec![
            Effect::Escalated(Queued::New(1)),
            Effect::Suspended(Queued::New(2)),
            Effect::Escalated(Queued::New(3)),
        ];
        tally.mail(&judged(), &MailResult::Applied(effects), now);
        let receiver = |name: &str| Series::Receiver(name.to_owned());
        let expected = [
            (Series::Received, 1),
            (Series::Class(Class::Soft), 2),
            (Series::Reason(Reason::MailboxFull), 1),
            (Series::Reason(Reason::Blocked), 1),
            (receiver("full.example"), 1),
            (receiver("strict.example"), 1),
            (Series::Alert("strict.example".to_owned(), Reason::Blocked), 1),
            (Series::Other("unreadable".to_owned()), 1),
            (Series::Other("bounce".to_owned()), 1),
            (Series::Escalated, 2),
        ];
        assert_eq!(tally.sums, BTreeMap::from(expected));
        assert_eq!(tally.due_at(), Some(now + TIME_MAX));
    }

    #[test]
    fn sums_are_written_once_a_second_and_kept_while_they_cannot_be() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        (0..3).for_each(|_| tally.add(Series::Received, start));
        assert!(tally.take_if_due(start).is_empty());
        let sums = tally.take_if_due(start + TIME_MAX);
        assert_eq!(sums, [(Series::Received, 3)]);
        tally.add(Series::Received, start + TIME_MAX);
        tally.put_back(sums, start + TIME_MAX);
        assert!(!tally.is_due(start + TIME_MAX));
        assert_eq!(tally.take_if_due(start + 2 * TIME_MAX), [(Series::Received, 4)]);
        assert_eq!(tally.due_at(), None);
    }

    #[test]
    fn many_names_do_not_wait() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        (0..=NAMES_MAX).for_each(|number| tally.add(Series::Receiver(format!("d{number}.example")), now));
        assert_eq!(tally.take_if_due(now).len(), NAMES_MAX + 1);
    }
}
