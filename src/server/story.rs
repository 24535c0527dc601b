//! What the log tells of each mail. What became of a notification, the notifier tells.
//!
//! One line for each recipient, in the manner of Postfix; with `--debug` also the block that operators of the
//! predecessor know.

use super::judge::Judged;
use crate::bounce::Class;
use crate::change::{Effect, MailResult, Queued};
use crate::logging::Event;
use crate::policy::{Action, Finding};
use crate::types::Domain;
use log::Level;

/// Tells what became of a mail.
pub(super) fn tell_mail(judged: &Judged, result: &MailResult) {
    let effects: &[Effect] = match result {
        MailResult::Duplicate => return tell_duplicate(judged),
        MailResult::Applied(effects) => effects,
    };
    if log::log_enabled!(Level::Debug) {
        tell_block(judged);
    }
    for finding in &judged.findings {
        tell_finding(judged, finding, finding.change.and_then(|change| effects.get(change)));
    }
    for problem in &judged.report.problems {
        log::debug!("id={} problem: {}", judged.id, problem.0);
    }
}

/// Tells that a mail could not be kept; its sender tries again.
pub(super) fn tell_refused(judged: &Judged, error: &str) {
    let (id, client, from) = origin(judged);
    Event::default()
        .with("id", &id)
        .with("client", &client)
        .with("from", &from)
        .with("action", &"refused")
        .with("error", &error)
        .log(Level::Warn, "");
}

fn origin(judged: &Judged) -> (String, String, String) {
    (judged.id.to_string(), format!("[{}]", judged.peer), in_angles(&judged.sender))
}

fn in_angles(address: &str) -> String {
    ["<", address, ">"].concat()
}

fn tell_duplicate(judged: &Judged) {
    let (id, client, from) = origin(judged);
    Event::default()
        .with("id", &id)
        .with("client", &client)
        .with("from", &from)
        .with("action", &"duplicate")
        .log(Level::Info, "");
}

fn tell_finding(judged: &Judged, finding: &Finding, effect: Option<&Effect>) {
    let (id, client, from) = origin(judged);
    let recipient = finding.recipient.and_then(|index| judged.report.recipients.get(index));
    let address = recipient.map(|recipient| in_angles(recipient.address.as_str()));
    let domain = finding.domain.as_ref().map(Domain::as_str);
    let kind = recipient.is_none().then(|| judged.report.kind.name());
    let class = recipient.map(|recipient| recipient.class.name());
    let reason = recipient.map(|recipient| recipient.reason.name());
    let status = recipient.and_then(|recipient| recipient.status).map(|status| status.to_string());
    let rule = recipient.map_or(judged.report.rule.as_str(), |recipient| &recipient.rule);
    let count = effect.and_then(count);
    let notification = effect.and_then(notification);
    let level = if finding.action == Some(Action::Alert) { Level::Warn } else { Level::Info };
    let diagnostic = recipient.filter(|_| level == Level::Warn).and_then(|recipient| recipient.diagnostic.as_deref());
    Event::default()
        .with("id", &id)
        .with("client", &client)
        .with("from", &from)
        .with_some("addr", address.as_ref())
        .with_some("domain", domain.as_ref())
        .with_some("kind", kind.as_ref())
        .with_some("class", class.as_ref())
        .with_some("reason", reason.as_ref())
        .with_some("status", status.as_ref())
        .with("rule", &rule)
        .with_some("count", count.as_ref())
        .with_some("notification", notification.as_ref())
        .with_some("note", finding.note.as_ref())
        .with_some("diagnostic", diagnostic.as_ref())
        .with("action", &action(finding, effect))
        .log(level, "");
}

/// What was done, in one word.
fn action(finding: &Finding, effect: Option<&Effect>) -> &'static str {
    match effect {
        Some(Effect::Counted { .. }) => "counted",
        Some(Effect::Escalated(_)) => "escalated",
        Some(Effect::Suspended(_)) => "suspended",
        Some(Effect::Quarantined { .. }) => "quarantined",
        None => match finding.action {
            Some(Action::Alert) => "alert",
            Some(Action::Ignore) => "ignored",
            Some(Action::Suspend | Action::Count) | None => "dropped",
        },
    }
}

fn count(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Counted { count, threshold } => Some(format!("{count}/{threshold}")),
        _ => None,
    }
}

fn notification(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Escalated(queued) | Effect::Suspended(queued) => match queued {
            Queued::New(id) | Queued::AlreadyPending(id) | Queued::Revived(id) => Some(*id),
        },
        Effect::Counted { .. } | Effect::Quarantined { .. } => None,
    }
}

/// The block of the predecessor's log, one line each.
fn tell_block(judged: &Judged) {
    let envelope = &judged.report.envelope;
    log::debug!("INCOMING MESSAGE");
    log::debug!("From: {}", envelope.from);
    log::debug!("Subject: {}", envelope.subject);
    log::debug!("To: {}", envelope.to);
    for finding in &judged.findings {
        let recipient = finding.recipient.and_then(|index| judged.report.recipients.get(index));
        if let Some(domain) = &finding.domain {
            log::debug!("Domain: {domain}");
        }
        match recipient {
            Some(recipient) if recipient.class == Class::Hard => log::debug!("Permanent: {}", recipient.address),
            Some(recipient) => log::debug!("Temporary: {}", recipient.address),
            None => log::debug!("No action: {}", finding.note.unwrap_or(judged.report.kind.name())),
        }
    }
}
