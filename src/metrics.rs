//! Counters, gauges and histograms of the running daemon.
//!
//! [`Metrics`] belongs to the loop's thread and is plain data without a lock; [`Attempts`] is shared with the notifier, which
//! locks it once for each POST. Both start at zero with the process and have a fixed bound of memory: label values that come
//! from outside (domains) are capped, and beyond the cap they share [`OTHERS`]. No label is ever an address.
//!
//! Deliberately absent: how they are shown (see `status`), and what outlives a restart (the sums in the database).

mod attempts;
mod event;
mod histogram;
mod labels;

pub use attempts::{Attempts, Ended, Results};
pub use event::{EVENTS_MAX, Event, Events, Text};
pub use histogram::Histogram;
pub use labels::{Labelled, OTHERS};

use crate::bounce::{Class, Kind, Reason, Recipient, Report};
use crate::change::{Effect, MailResult};
use crate::policy::{Action, Finding};
use crate::types::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pairs of provider and reason that are told apart.
const ALERTS_MAX: usize = 200;

/// What the loop counted since its start.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// When the process started.
    pub started: Timestamp,
    /// Mail connections.
    pub connections: Connections,
    /// Mails by kind, each after its transaction.
    pub messages: BTreeMap<&'static str, u64>,
    /// Octets of these mails.
    pub message_octets: u64,
    /// Mails that were answered 250 and changed nothing, since they had come before.
    pub duplicates: u64,
    /// Mails that nobody could read or place, by cause.
    pub unrecognised: BTreeMap<&'static str, u64>,
    /// Mails that left the quarantine to make room.
    pub quarantine_evicted: u64,
    /// Replies that kept a mail at its sender, by their code (451, 452).
    pub deferred: BTreeMap<u16, u64>,
    /// Mails that were refused, by cause.
    pub mails_refused: BTreeMap<&'static str, u64>,
    /// Mails that came with CR or LF outside of CRLF, and were taken.
    pub bare_line_ends: u64,
    /// Failed recipients.
    pub failures: BTreeMap<(Class, Reason), u64>,
    /// What was done about them.
    pub actions: BTreeMap<&'static str, u64>,
    /// Soft counters that exceeded the threshold.
    pub escalations: u64,
    /// Failures that are ours, by receiving domain and reason.
    pub alerts: Labelled<Reason>,
    /// Durations of transactions that were committed.
    pub commits: Histogram,
    /// Mails in them.
    pub committed_mails: u64,
    /// Transactions that failed.
    pub commit_failures: u64,
    /// Whether the last one did.
    pub writes_fail: bool,
    /// Reloads of the configuration, by `ok` or `failed`.
    pub reloads: BTreeMap<&'static str, u64>,
    /// The latest findings.
    pub events: Events,
    /// Of the notifier.
    pub attempts: Attempts,
}

/// Mail connections, of all listeners together.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Accepted since the start.
    pub accepted: u64,
    /// Turned away, by cause.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Metrics {
    /// At zero. Counts under the words of a short list are there from the start, so that their first increase shows as one.
    pub fn new(started: Timestamp) -> Self {
        let kinds = [Kind::Bounce, Kind::Delay, Kind::Feedback, Kind::AutoReply, Kind::NotBounce];
        Self {
            started,
            connections: Connections::default(),
            messages: zeros(kinds.map(Kind::name)),
            message_octets: 0,
            duplicates: 0,
            unrecognised: zeros(["unreadable", "no_domain", "no_evidence"]),
            quarantine_evicted: 0,
            deferred: zeros([451, 452]),
            mails_refused: zeros(["too_big", "bare_line_ends", "recipient"]),
            bare_line_ends: 0,
            failures: BTreeMap::new(),
            actions: zeros(Action::ALL.iter().map(|action| action.name())),
            escalations: 0,
            alerts: Labelled::new(ALERTS_MAX),
            commits: Histogram::of_commits(),
            committed_mails: 0,
            commit_failures: 0,
            writes_fail: false,
            reloads: zeros(["ok", "failed"]),
            events: Events::default(),
            attempts: Attempts::default(),
        }
    }

    /// A connection was accepted; `open` are open now.
    pub fn connection_accepted(&mut self, open: usize) {
        self.connections.accepted += 1;
        self.connections_open(open);
    }

    /// How many are open now.
    pub fn connections_open(&mut self, open: usize) {
        self.connections.open = open as u64;
    }

    /// A connection was turned away. `cause` is one of a closed list.
    pub fn connection_refused(&mut self, cause: &'static str) {
        *self.connections.refused.entry(cause).or_default() += 1;
    }

    /// A mail whose transaction is committed.
    pub fn mail(&mut self, report: &Report, findings: &[Finding], octets: u64, result: &MailResult, at: Timestamp) {
        let MailResult::Applied(effects) = result else {
            self.duplicates += 1;
            return;
        };
        *self.messages.entry(report.kind.name()).or_default() += 1;
        self.message_octets += octets;
        for effect in effects {
            self.effect(effect);
        }
        for finding in findings {
            self.finding(report, finding);
            let effect = finding.change.and_then(|index| effects.get(index));
            self.events.push(|| Event::of_finding(report, finding, effect, at));
        }
    }

    /// A mail that its sender keeps, answered with this code.
    pub fn mail_deferred(&mut self, code: u16) {
        *self.deferred.entry(code).or_default() += 1;
    }

    /// A mail or a recipient that is never taken, for this cause.
    pub fn mail_refused(&mut self, cause: &'static str) {
        *self.mails_refused.entry(cause).or_default() += 1;
    }

    /// The same mail, perhaps with bare line ends.
    pub fn line_ends(&mut self, are_bare: bool) {
        self.bare_line_ends += u64::from(are_bare);
    }

    /// A transaction with `mails` in it was committed.
    pub fn committed(&mut self, mails: usize, took: Duration) {
        self.commits.record(took);
        self.committed_mails += mails as u64;
        self.writes_fail = false;
    }

    /// A transaction failed.
    pub fn commit_failed(&mut self) {
        self.commit_failures += 1;
        self.writes_fail = true;
    }

    /// SIGHUP was answered.
    pub fn reloaded(&mut self, is_ok: bool) {
        *self.reloads.entry(if is_ok { "ok" } else { "failed" }).or_default() += 1;
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Escalated(_) => self.escalations += 1,
            Effect::Quarantined { evicted } => self.quarantine_evicted += u64::from(*evicted),
            Effect::Counted { .. } | Effect::Suspended(_) => {}
        }
    }

    fn finding(&mut self, report: &Report, finding: &Finding) {
        let recipient = finding.recipient.and_then(|index| report.recipients.get(index));
        if let Some(recipient) = recipient {
            self.failure(recipient, finding.action);
        }
        if finding.action.is_none() && !matches!(report.kind, Kind::AutoReply | Kind::NotBounce) {
            *self.unrecognised.entry(finding.note.unwrap_or("unknown")).or_default() += 1;
        }
    }

    fn failure(&mut self, recipient: &Recipient, action: Option<Action>) {
        *self.failures.entry((recipient.class, recipient.reason)).or_default() += 1;
        let Some(action) = action else { return };
        *self.actions.entry(action.name()).or_default() += 1;
        if action == Action::Alert {
            self.alerts.add(recipient.address.domain(), recipient.reason);
        }
    }
}

fn zeros<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
    keys.into_iter().map(|key| (key, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn report(address: &str) -> Report {
        samples::report(Kind::Bounce, vec![samples::recipient(address, Class::Soft, Reason::Blocked)])
    }

    fn finding(action: Option<Action>, note: Option<&'static str>) -> Finding {
        Finding { recipient: Some(0), domain: None, action, change: None, note }
    }

    fn applied() -> MailResult {
        MailResult::Applied(Vec::new())
    }

    #[test]
    fn a_duplicate_counts_only_as_one() {
        let mut metrics = Metrics::new(Timestamp::default());
        let (report, findings) = (report("a@b.example"), [finding(Some(Action::Alert), None)]);
        metrics.mail(&report, &findings, 100, &MailResult::Duplicate, Timestamp::default());
        assert_eq!((metrics.duplicates, metrics.message_octets, metrics.failures.len()), (1, 0, 0));
        metrics.mail(&report, &findings, 100, &applied(), Timestamp::default());
        assert_eq!((metrics.duplicates, metrics.message_octets), (1, 100));
        assert_eq!(metrics.failures[&(Class::Soft, Reason::Blocked)], 1);
    }

    #[test]
    fn memory_is_bounded_whatever_domains_come() {
        let mut metrics = Metrics::new(Timestamp::default());
        for number in 0..10 * ALERTS_MAX {
            let report = report(&format!("a@d{number}.example"));
            metrics.mail(&report, &[finding(Some(Action::Alert), None)], 1, &applied(), Timestamp::default());
        }
        assert_eq!(metrics.alerts.iter().count(), ALERTS_MAX + 1);
        assert_eq!(metrics.alerts.iter().map(|(_, _, count)| count).sum::<u64>(), 10 * ALERTS_MAX as u64);
        assert_eq!(metrics.events.iter().count(), EVENTS_MAX);
    }

    #[test]
    fn a_mail_without_a_domain_of_ours_is_unrecognised() {
        let mut metrics = Metrics::new(Timestamp::default());
        metrics.mail(&report("a@b.example"), &[finding(None, Some("no_domain"))], 1, &applied(), Timestamp::default());
        assert_eq!(metrics.unrecognised["no_domain"], 1);
        assert_eq!(metrics.actions.values().sum::<u64>(), 0);
    }

    #[test]
    fn an_auto_reply_is_not_unrecognised() {
        let mut metrics = Metrics::new(Timestamp::default());
        let reply = Report { kind: Kind::AutoReply, recipients: Vec::new(), ..report("a@b.example") };
        let dropped = Finding { recipient: None, ..finding(None, Some("auto_reply")) };
        metrics.mail(&reply, &[dropped], 1, &applied(), Timestamp::default());
        assert_eq!((metrics.messages["auto_reply"], metrics.unrecognised.values().sum::<u64>()), (1, 0));
        assert_eq!(metrics.events.iter().next().unwrap().what, "dropped");
    }

    #[test]
    fn writes_fail_until_one_succeeds() {
        let mut metrics = Metrics::new(Timestamp::default());
        metrics.commit_failed();
        assert!(metrics.writes_fail);
        metrics.committed(0, Duration::ZERO);
        assert!(!metrics.writes_fail && metrics.commit_failures == 1);
    }

    #[test]
    fn an_event_tells_what_its_own_change_did() {
        let mut metrics = Metrics::new(Timestamp::default());
        let changed = |change| Finding { change: Some(change), ..finding(Some(Action::Count), None) };
        let effects = [1, 2].map(|count| Effect::Counted { count, threshold: 3 });
        let (report, result) = (report("a@b.example"), MailResult::Applied(effects.to_vec()));
        metrics.mail(&report, &[changed(0), changed(1)], 1, &result, Timestamp::default());
        metrics.mail(&report, &[finding(Some(Action::Alert), None)], 1, &applied(), Timestamp::default());
        metrics.mail(&report, &[finding(Some(Action::Ignore), None)], 1, &applied(), Timestamp::default());
        let told: Vec<_> = metrics.events.iter().map(|event| format!("{}: {}", event.what, event.text)).collect();
        assert_eq!(told, ["ignored: ", "alert: ", "counted: 2 of 3", "counted: 1 of 3"]);
    }
}
