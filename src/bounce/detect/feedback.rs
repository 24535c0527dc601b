//! Complaints: feedback reports (RFC 5965), and the mails that some providers send instead.

use super::Detected;
use crate::bounce::arf;
use crate::bounce::header;
use crate::bounce::mail::Mail;
use crate::bounce::mime::Content;
use crate::bounce::report::{Class, Kind, Reason, Recipient};
use crate::types::Address;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    if let Some(part) = mail.part(Content::FeedbackReport) {
        let report = arf::read(&part.text());
        return Some(if report.is_complaint() { detected(report.recipients, "arf") } else { not_a_complaint() });
    }
    if mail.tree.content_type.contains("feedback-report") {
        let report = mail.tree.parts.iter().map(|part| arf::read(&part.text())).find(|report| report.kind.is_some());
        return Some(detected(report.map(|report| report.recipients).unwrap_or_default(), "arf"));
    }
    hotmail(mail).or_else(|| apple(mail))
}

fn not_a_complaint() -> Detected {
    Detected { kind: Kind::NotBounce, rule: "arf/other".to_owned(), recipients: Vec::new() }
}

fn detected(addresses: Vec<Address>, rule: &str) -> Detected {
    let recipients = addresses.into_iter().map(|address| complaint(address, rule)).collect();
    Detected { kind: Kind::Feedback, rule: rule.to_owned(), recipients }
}

/// Hotmail's junk mail reporting: the complained mail as a part, with the complainer in a field of its own.
fn hotmail(mail: &Mail<'_>) -> Option<Detected> {
    const START: &str = "complaint about message from";
    let start = mail.outer.envelope.subject.get(..START.len());
    if !start.is_some_and(|start| start.eq_ignore_ascii_case(START)) {
        return None;
    }
    let recipients = mail.tree.parts.iter().filter(|part| part.content == Content::Message).find_map(|part| {
        let (fields, _) = header::read(part.body);
        let field = fields.iter().find(|field| field.is("x-hmxmroriginalrecipient"))?;
        crate::bounce::address::parse_mailbox(&field.value())
    });
    Some(detected(recipients.into_iter().collect(), "hotmail-jmrp"))
}

/// Apple Mail's answer to `List-Unsubscribe: <mailto:…>`: the sender of the mail wants no more.
fn apple(mail: &Mail<'_>) -> Option<Detected> {
    if !mail.outer.envelope.subject.trim().eq_ignore_ascii_case("unsubscribe") {
        return None;
    }
    let body = mail.tree.body.get(..mail.tree.body.len().min(500))?;
    memchr::memmem::find(body, b"sent this email to unsubscribe")?;
    let from = crate::bounce::address::parse_mailbox(&mail.outer.envelope.from);
    Some(detected(from.into_iter().collect(), "unsubscribe"))
}

/// A recipient who complained.
pub fn complaint(address: Address, rule: &str) -> Recipient {
    Recipient {
        address,
        final_recipient: None,
        class: Class::Feedback,
        reason: Reason::Complaint,
        action: None,
        status: None,
        reply: None,
        remote_mta: None,
        diagnostic: None,
        rule: rule.to_owned(),
        evidence: String::new(),
    }
}
