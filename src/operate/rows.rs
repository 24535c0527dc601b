//! Rows of the lists: their columns, in the words of the documentation, and their values.

use super::{Reply, Request};
use crate::bounce::EnhancedStatus;
use crate::store::{Counter, End, Past, QuarantinedMail, Waiting};
use serde_json::{Value, json};

const COUNTERS: &[&str] = &["domain", "address", "count", "first_seen", "last_seen", "status", "reason"];
const NOTIFICATIONS: &[&str] =
    &["id", "domain", "address", "state", "attempts", "next_attempt", "last_error", "created"];
const FOUND: &[&str] = &["what", "domain", "address", "state", "count", "class", "reason", "status", "time", "detail"];
const QUARANTINE: &[&str] = &["id", "received", "cause", "sender", "recipients", "subject", "octets"];
const DETAILS: &[&str] = &["field", "value"];

/// The columns of the rows that answer `request`; none where the answer has no rows.
pub fn columns(request: &Request) -> &'static [&'static str] {
    match request {
        Request::Counters { .. } => COUNTERS,
        Request::Find { .. } => FOUND,
        Request::Notifications { .. } => NOTIFICATIONS,
        Request::Notification(_) => DETAILS,
        Request::Quarantine => QUARANTINE,
        Request::QuarantinedMail(_) | Request::Stats { .. } | Request::Backup | Request::Tail | Request::Change(_) => {
            &[]
        }
    }
}

pub(super) fn counter(counter: &Counter) -> Reply {
    Reply::Row(vec![
        json!(counter.domain.as_str()),
        json!(counter.address.as_str()),
        json!(counter.count),
        json!(counter.first_seen.to_string()),
        json!(counter.last_seen.to_string()),
        status(counter.status),
        json!(counter.reason.name()),
    ])
}

pub(super) fn notification(waiting: &Waiting) -> Reply {
    let notification = &waiting.notification;
    // One that is parked has no next attempt.
    let next_attempt = (!waiting.parked).then(|| notification.next_attempt.to_string());
    Reply::Row(vec![
        json!(notification.id),
        json!(notification.domain.as_str()),
        json!(notification.address.as_str()),
        json!(state(waiting)),
        json!(notification.attempts),
        json!(next_attempt),
        json!(notification.last_error),
        json!(notification.created.to_string()),
    ])
}

/// One notification, a row for each field.
pub(super) fn details(waiting: &Waiting) -> Vec<Reply> {
    let shown = &waiting.notification;
    let Reply::Row(values) = notification(waiting) else { return Vec::new() };
    let listed = NOTIFICATIONS.iter().copied().zip(values);
    let others = [
        ("class", json!(shown.class.name())),
        ("reason", json!(shown.reason.name())),
        ("status", status(shown.status)),
        ("diagnostic", json!(shown.diagnostic)),
        ("count", json!(shown.count)),
        ("message_id", json!(shown.message_id.to_string())),
        ("tried_since", json!(shown.tried_since.to_string())),
        ("idempotency_key", json!(shown.idempotency_key)),
    ];
    listed.chain(others).map(|(field, value)| Reply::Row(vec![json!(field), value])).collect()
}

pub(super) fn found_counter(counter: &Counter) -> Reply {
    Reply::Row(vec![
        json!("counter"),
        json!(counter.domain.as_str()),
        json!(counter.address.as_str()),
        Value::Null,
        json!(counter.count),
        json!("soft"),
        json!(counter.reason.name()),
        status(counter.status),
        json!(counter.last_seen.to_string()),
        json!(format!("first seen {}", counter.first_seen)),
    ])
}

pub(super) fn found_notification(waiting: &Waiting) -> Reply {
    let notification = &waiting.notification;
    let detail = notification.last_error.as_ref().or(notification.diagnostic.as_ref());
    Reply::Row(vec![
        json!("notification"),
        json!(notification.domain.as_str()),
        json!(notification.address.as_str()),
        json!(state(waiting)),
        json!(notification.count),
        json!(notification.class.name()),
        json!(notification.reason.name()),
        status(notification.status),
        json!(notification.created.to_string()),
        json!(detail),
    ])
}

pub(super) fn found_past(past: &Past) -> Reply {
    let (state, answer) = match &past.end {
        End::Delivered { status, body } => ("delivered", format!("HTTP {status} {body}")),
        End::Dropped => ("dropped", String::new()),
        End::Expired => ("expired", String::new()),
    };
    let said = past.diagnostic.as_deref().unwrap_or("");
    let detail = [answer.trim(), said].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join("; ");
    Reply::Row(vec![
        json!("history"),
        json!(past.domain.as_str()),
        json!(past.address.as_str()),
        json!(state),
        json!(past.count),
        json!(past.class.name()),
        json!(past.reason.name()),
        status(past.status),
        json!(past.ended.to_string()),
        json!(detail),
    ])
}

pub(super) fn quarantined(mail: &QuarantinedMail) -> Reply {
    Reply::Row(vec![
        json!(mail.id.to_string()),
        json!(mail.received.to_string()),
        json!(mail.cause),
        json!(mail.sender),
        json!(mail.recipients.join(" ")),
        json!(mail.subject),
        json!(mail.octets),
    ])
}

fn state(waiting: &Waiting) -> &'static str {
    if waiting.parked { "parked" } else { "pending" }
}

fn status(status: Option<EnhancedStatus>) -> Value {
    status.map_or(Value::Null, |status| json!(status.to_string()))
}
