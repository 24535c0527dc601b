//! What is done about a finding: (kind, reason, class) → [`Action`].
//!
//! Pure data and look-up. What an action does to counters and the queue is elsewhere.

use crate::bounce::{Class, Kind, Reason};

/// What is done about one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tell the platform that the address has failed for good.
    Suspend,
    /// Count it; above the threshold it becomes [`Action::Suspend`].
    Count,
    /// Log a warning: the failure is ours, and says nothing about the recipient.
    Alert,
    /// Log it, and do nothing.
    Ignore,
}

impl Action {
    /// The word of the configuration and of `classify --format json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Count => "count",
            Self::Alert => "alert",
            Self::Ignore => "ignore",
        }
    }
}

/// Which findings a row of [`DEFAULT_ACTIONS`] is about; `None` is any.
struct Row {
    kind: Option<Kind>,
    class: Option<Class>,
    reasons: &'static [Reason],
    action: Action,
}

/// The first row that fits decides. An empty list of reasons fits every reason.
///
/// Origin: DESIGN.md §4, "Class", for every row; the first two name mail that reports no failure.
const DEFAULT_ACTIONS: &[Row] = &[
    Row { kind: Some(Kind::AutoReply), class: None, reasons: &[], action: Action::Ignore },
    Row { kind: Some(Kind::NotBounce), class: None, reasons: &[], action: Action::Ignore },
    Row { kind: Some(Kind::Feedback), class: None, reasons: &[], action: Action::Ignore },
    Row {
        kind: None,
        class: None,
        reasons: &[Reason::Complaint, Reason::Vacation, Reason::Delivered],
        action: Action::Ignore,
    },
    Row { kind: Some(Kind::Delay), class: None, reasons: &[], action: Action::Count },
    Row { kind: None, class: Some(Class::Hard), reasons: &[], action: Action::Suspend },
    Row { kind: None, class: Some(Class::Soft), reasons: OURS, action: Action::Alert },
    Row { kind: None, class: Some(Class::Soft), reasons: &[], action: Action::Count },
];

/// Failures that speak of the sender, not of the recipient: counting them would let a day on a block list switch off
/// every user of a large provider.
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
mod tests {
    use super::*;

    #[test]
    fn a_hard_failure_suspends_and_our_own_fault_only_alerts() {
        for (kind, reason, class, action) in [
            (Kind::Bounce, Reason::UserUnknown, Class::Hard, Action::Suspend),
            (Kind::Bounce, Reason::Undefined, Class::Hard, Action::Suspend),
            (Kind::Bounce, Reason::MailboxFull, Class::Soft, Action::Count),
            (Kind::Bounce, Reason::Blocked, Class::Soft, Action::Alert),
            (Kind::Delay, Reason::Blocked, Class::Soft, Action::Count),
            (Kind::Feedback, Reason::Complaint, Class::Feedback, Action::Ignore),
            (Kind::AutoReply, Reason::Vacation, Class::Soft, Action::Ignore),
        ] {
            assert_eq!(default_action(kind, reason, class), action, "{kind:?} {reason:?} {class:?}");
        }
    }
}
