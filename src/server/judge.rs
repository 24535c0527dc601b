//! From a received mail to what is to be done: [`judge`]. Never fails: a mail that breaks the reader goes to the quarantine.

use super::sessions::Arrived;
use super::settings::Config;
use crate::bounce::{Envelope, Kind, Report};
use crate::change::{Accepted, Change, Quarantined};
use crate::digest::{self, DigestKey};
use crate::policy::{Decision, Finding, Received};
use crate::types::{MessageId, Timestamp};
use crate::{bounce, policy};
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
    /// Whether it came with CR or LF outside of CRLF.
    pub(super) has_bare_line_ends: bool,
    /// What was found in it.
    pub(super) report: Report,
    /// For each finding, what is done.
    pub(super) findings: Vec<Finding>,
}

/// Reads `mail` and decides on it.
pub(super) fn judge(
    id: MessageId,
    key: &DigestKey,
    arrived: Arrived,
    config: &Config,
    time: Timestamp,
) -> (Judged, Accepted) {
    let Arrived { peer, mail, .. } = arrived;
    let digest = digest::of_mail(key, &mail.head, mail.octets);
    let head = Arc::new(mail.head);
    let received = Received {
        id,
        sender: &mail.sender,
        recipients: &mail.recipients,
        mail: &head,
        archive: config.notify.archive_dir.is_some(),
        time,
    };
    let (report, Decision { changes, findings }) = guarded(&received, || {
        let mut report = bounce::read(&head);
        let decision = policy::decide(&mut report, &received, &config.tenants, &config.actions);
        (report, decision)
    });
    let has_bare_line_ends = mail.bare_line_ends > 0;
    let judged = Judged { id, peer, sender: mail.sender, octets: mail.octets, has_bare_line_ends, report, findings };
    (judged, Accepted { id, digest, changes })
}

/// What `read` makes of the mail, or, when it panics, the quarantine: neither the mail nor the loop is lost.
fn guarded(received: &Received<'_>, read: impl FnOnce() -> (Report, Decision)) -> (Report, Decision) {
    // Nothing that `read` can leave half-done outlives it. The panic hook has logged where it happened.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| unreadable(received))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_that_breaks_the_reader_goes_to_the_quarantine() {
        let mail = Arc::new(b"Subject: x\r\n\r\n".to_vec());
        let recipients = ["no-reply@mydomain.de".to_owned()];
        let received = Received {
            id: MessageId(7),
            sender: "",
            recipients: &recipients,
            mail: &mail,
            archive: false,
            time: Timestamp::default(),
        };
        let (report, decision) = guarded(&received, || panic!("the reader broke"));
        assert_eq!((report.kind, report.recipients.len()), (Kind::Bounce, 0));
        let [Change::Quarantine(kept)] = &decision.changes[..] else { panic!("{decision:?}") };
        assert_eq!((kept.id, kept.cause, &kept.recipients[..]), (MessageId(7), "unreadable", &recipients[..]));
        assert_eq!(kept.mail, mail);
        assert_eq!(decision.findings[0].change, Some(0));
    }
}
