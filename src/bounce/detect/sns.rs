//! Amazon SES notifications that arrive by mail: JSON in the text, sometimes JSON inside a JSON string.

use super::Detected;
use crate::bounce::address::parse_mailbox;
use crate::bounce::finding::Finding;
use crate::bounce::mail::Mail;
use crate::bounce::report::{DsnAction, Kind, Reason};
use crate::bounce::status::EnhancedStatus;
use serde_json::Value;

/// The most recipients that are taken.
const RECIPIENTS_MAX: usize = 500;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    let part = mail.tree.parts.first()?;
    let start = part.body.trim_ascii_start();
    if !start.starts_with(b"{") {
        return None;
    }
    // Old Sendmail breaks long lines by `!`, a line end and a space.
    let text = part.text().replace("!\r\n ", "").replace("!\n ", "");
    let event = unwrap(serde_json::Deserializer::from_str(&text).into_iter::<Value>().next()?.ok()?);
    let kind = event.get("notificationType").or_else(|| event.get("eventType"))?.as_str()?;
    match kind {
        "Bounce" => bounce(event.get("bounce")?),
        "Complaint" => complaint(event.get("complaint")?),
        "Delivery" => Some(Detected { kind: Kind::NotBounce, rule: "ses/delivery".to_owned(), recipients: Vec::new() }),
        _ => None,
    }
}

/// SNS wraps the notification into a string.
fn unwrap(event: Value) -> Value {
    match event.get("Message").and_then(Value::as_str).map(serde_json::from_str::<Value>) {
        Some(Ok(inner)) => inner,
        _ => event,
    }
}

fn bounce(event: &Value) -> Option<Detected> {
    let recipients = event.get("bouncedRecipients")?.as_array()?.iter().take(RECIPIENTS_MAX);
    let found: Vec<_> =
        recipients.filter_map(|item| finding(item, event)).map(|f| f.judge(Kind::Bounce, std::iter::empty())).collect();
    (!found.is_empty()).then(|| Detected { kind: Kind::Bounce, rule: "ses/bounce".to_owned(), recipients: found })
}

fn finding<'v>(item: &'v Value, event: &Value) -> Option<Finding<'v>> {
    let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or("");
    let diagnostic = field("diagnosticCode");
    let subtype = event.get("bounceSubType").and_then(Value::as_str).unwrap_or("");
    let text = if diagnostic.is_empty() { subtype_text(subtype) } else { diagnostic };
    let mut finding = Finding::new(parse_mailbox(field("emailAddress"))?, text, "ses");
    finding.status = EnhancedStatus::find(field("status"));
    finding.action = Some(DsnAction::Failed);
    Some(finding)
}

/// SES's own words for a bounce without an SMTP reply.
fn subtype_text(subtype: &str) -> &'static str {
    match subtype {
        "NoEmail" => "mailbox does not exist",
        "Suppressed" | "OnAccountSuppressionList" => "address is on the suppression list: user unknown",
        "MailboxFull" => "mailbox full",
        "MessageTooLarge" => "message too large",
        "ContentRejected" => "content rejected",
        "AttachmentRejected" => "attachment not allowed",
        _ => "",
    }
}

fn complaint(event: &Value) -> Option<Detected> {
    let recipients = event.get("complainedRecipients")?.as_array()?.iter().take(RECIPIENTS_MAX);
    let addresses = recipients.filter_map(|item| parse_mailbox(item.get("emailAddress")?.as_str()?));
    let recipients = addresses.map(|address| super::feedback::complaint(address, "ses/complaint")).collect();
    Some(Detected { kind: Kind::Feedback, rule: format!("ses/{}", Reason::Complaint.name()), recipients })
}
