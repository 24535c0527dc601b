//! What is done about a report: [`decide`], pure, from a table.

use crate::bounce::{Reason, Report};
use crate::change::Change;
use crate::tenant::Tenants;
use crate::types::MessageId;
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

/// The operator's overrides per reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions {
    /// Only those that differ from the table.
    pub overrides: BTreeMap<Reason, Action>,
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
    pub mail: &'a Arc<[u8]>,
    /// Whether the mail behind a suspension is archived.
    pub archive: bool,
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
#[derive(Debug, Clone)]
pub struct Finding {
    /// Index into `Report::recipients`; `None`: about the mail as a whole.
    pub recipient: Option<usize>,
    /// The sending domain, where one is configured.
    pub domain: Option<crate::types::Domain>,
    /// What is done; `None` for a mail that goes to the quarantine or is dropped.
    pub action: Option<Action>,
    /// Index into `changes` of what this finding causes.
    pub change: Option<usize>,
    /// Why, where no action says it: `no_domain`, `unreadable`, `no_evidence`, `auto_reply`, `not_bounce`.
    pub note: Option<&'static str>,
}

/// The whole decision about one mail.
pub fn decide(_report: &Report, _received: &Received<'_>, _tenants: &Tenants, _actions: &Actions) -> Decision {
    unimplemented!()
}
