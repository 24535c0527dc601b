//! From a received mail to what is to be done: [`judge`]. Never fails: a mail that breaks the reader goes to the quarantine.

use super::settings::Config;
use crate::bounce::{Envelope, Kind, Report};
use crate::change::{Accepted, Change, Quarantined};
use crate::policy::{Decision, Finding, Received};
use crate::smtp::Mail;
use crate::types::{MessageId, Timestamp};
use crate::{bounce, digest, policy};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A mail that was read and decided on; what the store makes of it is still open.
pub(super) struct Judged {
    /// Our id.
    pub(super) id: MessageId,
    /// The client's address.
    pub(super) peer: IpAddr,
    /// The envelope sender, empty for `<>`.
    pub(super) sender: String,
    /// How long the mail is, in octets.
    pub(super) octets: u64,
    /// What was found in it.
    pub(super) report: Report,
    /// For each finding, what is done.
    pub(super) findings: Vec<Finding>,
}

/// Reads `mail` and decides on it.
pub(super) fn judge(id: MessageId, peer: IpAddr, mail: Mail, config: &Config, time: Timestamp) -> (Judged, Accepted) {
    let digest = digest::of_mail(&mail.head, mail.octets);
    let head: Arc<[u8]> = mail.head.into();
    let received = Received {
        id,
        sender: &mail.sender,
        recipients: &mail.recipients,
        mail: &head,
        archive: config.notify.archive_dir.is_some(),
        time,
    };
    let read = || {
        let mut report = bounce::read(&head);
        let decision = policy::decide(&mut report, &received, &config.tenants, &config.actions);
        (report, decision)
    };
    // Nothing that `read` can leave half-done outlives it. The panic hook has logged where it happened.
    let (report, decision) = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| unreadable(&received));
    let Decision { changes, findings } = decision;
    (Judged { id, peer, sender: mail.sender, octets: mail.octets, report, findings }, Accepted { id, digest, changes })
}

fn unreadable(received: &Received<'_>) -> (Report, Decision) {
    let report = Report {
        kind: Kind::Bounce,
        recipients: Vec::new(),
        rule: "panic".to_owned(),
        envelope: Envelope::default(),
        returned: None,
        problems: Vec::new(),
    };
    let quarantined = Quarantined {
        id: received.id,
        cause: "unreadable",
        sender: received.sender.to_owned(),
        recipients: received.recipients.to_vec(),
        subject: String::new(),
        mail: Arc::clone(received.mail),
    };
    let finding = Finding { recipient: None, domain: None, action: None, change: Some(0), note: Some("unreadable") };
    (report, Decision { changes: vec![Change::Quarantine(quarantined)], findings: vec![finding] })
}
