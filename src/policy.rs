//! What is done about a report: [`decide`], pure, from a table: (kind, reason, class) → [`Action`].
//!
//! Two questions are answered here: which configured domain a bounce belongs to, and what each failed recipient
//! leads to. What an action does to counters and the queue is the store's; the threshold is compared there, too.

use crate::bounce::{Class, Kind, Reason, Recipient, Report};
use crate::change::{Change, Failure, Quarantined};
use crate::evidence::{Inquiry, Strength};
use crate::tenant::{Tenant, Tenants};
use crate::types::{Address, Domain, MessageId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is done about one failed recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tell the platform.
    Suspend,
    /// One more soft bounce.
    Count,
    /// Log a warning; it is our failure.
    Alert,
    /// Nothing.
    Ignore,
}

impl Action {
    /// Every action.
    pub const ALL: &[Self] = &[Self::Suspend, Self::Count, Self::Alert, Self::Ignore];

    /// The word of the configuration and of `classify --format json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Count => "count",
            Self::Alert => "alert",
            Self::Ignore => "ignore",
        }
    }

    /// The action with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

/// The operator's overrides per reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions {
    /// Only those that differ from the table.
    pub overrides: BTreeMap<Reason, Action>,
}

impl Actions {
    /// What is done: the operator's word for the reason, else the table's.
    ///
    /// A delay warning is at most counted, whatever the operator said: the mail may still arrive.
    pub fn action(&self, kind: Kind, reason: Reason, class: Class) -> Action {
        match self.overrides.get(&reason) {
            Some(Action::Suspend) if kind == Kind::Delay => Action::Count,
            Some(&action) => action,
            None => default_action(kind, reason, class),
        }
    }
}

/// The received mail around the report, as far as the decision needs it.
pub struct Received<'a> {
    /// Our id.
    pub id: MessageId,
    /// The envelope sender, empty for `<>`.
    pub sender: &'a str,
    /// The envelope recipients.
    pub recipients: &'a [String],
    /// The head of the mail.
    pub mail: &'a Arc<Vec<u8>>,
    /// Whether the mail behind a suspension is archived.
    pub archive: bool,
    /// When it came.
    pub time: Timestamp,
}

/// What is to be done, and why, for the log.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// For the store, in order.
    pub changes: Vec<Change>,
    /// One line of the log for each recipient (or one for the mail): what was found and what is done.
    pub findings: Vec<Finding>,
}

/// One finding, for the log and the statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index into `Report::recipients`; `None`: about the mail as a whole.
    pub recipient: Option<usize>,
    /// The sending domain, where one is configured.
    pub domain: Option<Domain>,
    /// What is done; `None` for a mail that goes to the quarantine or is dropped.
    pub action: Option<Action>,
    /// Index into `changes` of what this finding causes.
    pub change: Option<usize>,
    /// Why, where no action says it: `no_domain`, `unreadable`, `no_evidence`, `auto_reply`, `not_bounce`.
    pub note: Option<&'static str>,
}

/// The whole decision about one mail.
///
/// Every recipient gets its own finding and, where something is to be done, its own change; a mail goes to the
/// quarantine at most once. An address that a signed envelope sender knows better is put right in the report.
pub fn decide(report: &mut Report, received: &Received<'_>, tenants: &Tenants, actions: &Actions) -> Decision {
    let mut decision = Decision::default();
    let tenant = tenant_of(report, received, tenants);
    if let Some(tenant) = tenant {
        inquiry(tenant, received).settle_address(report);
    }
    let report = &*report;
    match report.kind {
        Kind::AutoReply => decision.drop_mail("auto_reply"),
        Kind::NotBounce => decision.drop_mail("not_bounce"),
        Kind::Feedback if report.recipients.is_empty() => decision.redacted_complaint(report, received, actions),
        Kind::Bounce | Kind::Delay if report.recipients.is_empty() => {
            decision.quarantine("unreadable", None, report, received);
        }
        Kind::Bounce | Kind::Delay | Kind::Feedback => {
            for (index, recipient) in report.recipients.iter().enumerate() {
                let action = actions.action(report.kind, recipient.reason, recipient.class);
                decision.recipient(index, action, tenant, report, received);
            }
        }
    }
    decision
}

/// The tenant, from the most direct sign of where the bounced mail came from to the least.
///
/// A returned message is the last to be asked: it is quoted text, and may be quoted from anywhere.
fn tenant_of<'t>(report: &Report, received: &Received<'_>, tenants: &'t Tenants) -> Option<&'t Tenant> {
    let envelope = &report.envelope;
    let returned = report.returned.as_ref();
    let returned_from = returned.map_or(&[][..], |message| &message.from);
    let return_path = returned.and_then(|message| message.return_path.as_ref());
    tenants
        .covering_any(envelope.to_mailboxes.iter().map(Address::domain))
        .or_else(|| tenants.covering_any(received.recipients.iter().map(|path| domain_of(path))))
        .or_else(|| tenants.covering_any(envelope.delivered_to.iter().map(Address::domain)))
        .or_else(|| tenants.covering_any(returned_from.iter().chain(return_path).map(Address::domain)))
}

/// The domain of an envelope recipient; all of it where it has no `@`, which no configured domain covers then.
fn domain_of(path: &str) -> &str {
    path.rsplit_once('@').map_or("", |(_, domain)| domain)
}

impl Decision {
    fn drop_mail(&mut self, note: &'static str) {
        self.findings.push(Finding { recipient: None, domain: None, action: None, change: None, note: Some(note) });
    }

    /// A complaint that does not name the recipient (providers cut it out) needs a person only where complaints count.
    fn redacted_complaint(&mut self, report: &Report, received: &Received<'_>, actions: &Actions) {
        match actions.action(Kind::Feedback, Reason::Complaint, Class::Feedback) {
            Action::Ignore => self.drop_mail("unreadable"),
            _ => self.quarantine("unreadable", None, report, received),
        }
    }

    fn recipient(
        &mut self,
        index: usize,
        action: Action,
        tenant: Option<&Tenant>,
        report: &Report,
        received: &Received<'_>,
    ) {
        if tenant.is_none() && action != Action::Ignore {
            return self.quarantine("no_domain", Some(index), report, received);
        }
        if tenant.is_some_and(|tenant| lacks_evidence(action, &report.recipients[index], tenant, report, received)) {
            return self.quarantine("no_evidence", Some(index), report, received);
        }
        let change = tenant.and_then(|tenant| change(action, &report.recipients[index], tenant, received));
        self.findings.push(Finding {
            recipient: Some(index),
            domain: tenant.map(|tenant| tenant.domain.clone()),
            action: Some(action),
            change: change.is_some().then_some(self.changes.len()),
            note: None,
        });
        self.changes.extend(change);
    }

    fn quarantine(&mut self, cause: &'static str, recipient: Option<usize>, report: &Report, received: &Received<'_>) {
        let kept = self.changes.iter().position(|change| matches!(change, Change::Quarantine(_)));
        let change = kept.unwrap_or_else(|| {
            self.changes.push(Change::Quarantine(Quarantined {
                id: received.id,
                cause,
                sender: received.sender.to_owned(),
                recipients: received.recipients.to_vec(),
                subject: report.envelope.subject.clone(),
                mail: Arc::clone(received.mail),
            }));
            self.changes.len() - 1
        });
        let note = Some(cause);
        self.findings.push(Finding { recipient, domain: None, action: None, change: Some(change), note });
    }
}

/// Whether a bounce brings too little to show that it is about a mail of the tenant. Soft ones are looked at, too: enough of
/// them would suspend.
fn lacks_evidence(
    action: Action,
    about: &Recipient,
    tenant: &Tenant,
    report: &Report,
    received: &Received<'_>,
) -> bool {
    let required = tenant.evidence.required;
    let has_effect = matches!(action, Action::Suspend | Action::Count);
    let strength = || inquiry(tenant, received).strength(&about.address, report);
    has_effect && required > Strength::None && strength() < required
}

fn inquiry<'a>(tenant: &'a Tenant, received: &'a Received<'_>) -> Inquiry<'a> {
    let (domain, rules) = (&tenant.domain, &tenant.evidence);
    Inquiry { domain, rules, paths: received.recipients, today: received.time.into() }
}

/// The change that `action` is; `None` where it is only logged.
fn change(action: Action, recipient: &Recipient, tenant: &Tenant, received: &Received<'_>) -> Option<Change> {
    let failure = || Failure {
        domain: tenant.domain.clone(),
        address: recipient.address.clone(),
        class: recipient.class,
        reason: recipient.reason,
        status: recipient.status,
        diagnostic: recipient.diagnostic.clone(),
        message_id: received.id,
    };
    let archive = || received.archive.then(|| Arc::clone(received.mail));
    match action {
        Action::Suspend => Some(Change::Suspend { failure: failure(), archive: archive() }),
        Action::Count => Some(Change::CountSoft {
            failure: failure(),
            threshold: tenant.threshold,
            window: tenant.window,
            archive: archive(),
        }),
        Action::Alert | Action::Ignore => None,
    }
}

/// Which findings a row of [`DEFAULT_ACTIONS`] is about; `None` is any, and so is an empty list of reasons.
struct Row {
    kind: Option<Kind>,
    class: Option<Class>,
    reasons: &'static [Reason],
    action: Action,
    /// Why this row, and why at this place.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people and by the tests"))]
    origin: &'static str,
}

/// The first row that fits decides.
const DEFAULT_ACTIONS: &[Row] = &[
    Row {
        kind: Some(Kind::AutoReply),
        class: None,
        reasons: &[],
        action: Action::Ignore,
        origin: "RFC 3834: a reply proves that the mailbox takes mail",
    },
    Row {
        kind: Some(Kind::NotBounce),
        class: None,
        reasons: &[],
        action: Action::Ignore,
        origin: "no failure is reported",
    },
    Row {
        kind: Some(Kind::Feedback),
        class: None,
        reasons: &[],
        action: Action::Ignore,
        origin: "RFC 5965: the mail arrived; whether a complaint ends the mails is the operator's choice",
    },
    Row {
        kind: None,
        class: None,
        reasons: &[Reason::Complaint, Reason::Vacation, Reason::Delivered],
        action: Action::Ignore,
        origin: "the mail arrived, whatever kind of mail says so",
    },
    Row {
        kind: Some(Kind::Bounce),
        class: Some(Class::Hard),
        reasons: &[],
        action: Action::Suspend,
        origin: "the address is said never to take mail again",
    },
    Row {
        kind: None,
        class: None,
        reasons: OURS,
        action: Action::Alert,
        origin: "before the row of delays: a day on a block list sends delay warnings for every user of a provider",
    },
    Row {
        kind: Some(Kind::Delay),
        class: None,
        reasons: &[],
        action: Action::Count,
        origin: "RFC 3464 §2.3.3: the sender still tries, so never more than a count",
    },
    Row {
        kind: Some(Kind::Bounce),
        class: Some(Class::Soft),
        reasons: &[],
        action: Action::Count,
        origin: "the recipient's side failed for now",
    },
];

/// Failures that speak of the sender, not of the recipient.
const OURS: &[Reason] = &[
    Reason::Blocked,
    Reason::BadReputation,
    Reason::AuthFailure,
    Reason::RequirePtr,
    Reason::RateLimited,
    Reason::SpamDetected,
    Reason::VirusDetected,
    Reason::ContentError,
    Reason::MessageTooBig,
    Reason::PolicyViolation,
    Reason::Rejected,
    Reason::NoRelaying,
    Reason::SecurityError,
    Reason::SyntaxError,
    Reason::NotCompliantRfc,
];

/// What is done where the operator has not said otherwise.
pub fn default_action(kind: Kind, reason: Reason, class: Class) -> Action {
    let fits = |row: &&Row| {
        row.kind.is_none_or(|k| k == kind)
            && row.class.is_none_or(|c| c == class)
            && (row.reasons.is_empty() || row.reasons.contains(&reason))
    };
    DEFAULT_ACTIONS.iter().find(fits).map_or(Action::Ignore, |row| row.action)
}

#[cfg(test)]
mod tests;
