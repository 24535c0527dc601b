//! What the log tells of each mail. What became of a notification, the notifier tells.
//!
//! One line for each recipient, in the manner of Postfix; with `--debug` also the block that operators of the
//! predecessor know.

use super::judge::Judged;
use crate::bounce::Class;
use crate::change::{Effect, MailResult, Queued};
use crate::logging::Event;
use crate::policy::{Action, Finding};
use crate::types::{Domain, MessageId};
use log::Level;
use log::kv::Value;
use std::fmt;
use std::net::IpAddr;

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
    Origin::of(judged).event().with("action", "refused").with("error", error).log(Level::Warn, "");
}

fn tell_duplicate(judged: &Judged) {
    Origin::of(judged).event().with("action", "duplicate").log(Level::Info, "");
}

fn tell_finding(judged: &Judged, finding: &Finding, effect: Option<&Effect>) {
    let recipient = finding.recipient.and_then(|index| judged.report.recipients.get(index));
    let address = recipient.map(|recipient| InAngles(recipient.address.as_str()));
    let kind = recipient.is_none().then(|| judged.report.kind.name());
    let status = recipient.and_then(|recipient| recipient.status);
    let rule = recipient.map_or(judged.report.rule.as_str(), |recipient| &recipient.rule);
    let count = effect.and_then(count);
    let level = if finding.action == Some(Action::Alert) { Level::Warn } else { Level::Info };
    let diagnostic = recipient.filter(|_| level == Level::Warn).and_then(|recipient| recipient.diagnostic.as_deref());
    Origin::of(judged)
        .event()
        .with_some("addr", address.as_ref().map(Value::from_display))
        .with_some("domain", finding.domain.as_ref().map(Domain::as_str))
        .with_some("kind", kind)
        .with_some("class", recipient.map(|recipient| recipient.class.name()))
        .with_some("reason", recipient.map(|recipient| recipient.reason.name()))
        .with_some("status", status.as_ref().map(Value::from_display))
        .with("rule", rule)
        .with_some("count", count.as_ref().map(Value::from_display))
        .with_some("notification", effect.and_then(notification))
        .with_some("note", finding.note)
        .with_some("diagnostic", diagnostic)
        .with("action", action(finding, effect))
        .log(level, "");
}

/// What each line about a mail begins with.
struct Origin<'a> {
    id: MessageId,
    client: InBrackets,
    from: InAngles<'a>,
}

impl<'a> Origin<'a> {
    fn of(judged: &'a Judged) -> Self {
        Self { id: judged.id, client: InBrackets(judged.peer), from: InAngles(&judged.sender) }
    }

    fn event(&self) -> Event<'_> {
        Event::default()
            .with("id", Value::from_display(&self.id))
            .with("client", Value::from_display(&self.client))
            .with("from", Value::from_display(&self.from))
    }
}

struct InBrackets(IpAddr);

impl fmt::Display for InBrackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        self.0.fmt(f)?;
        f.write_str("]")
    }
}

struct InAngles<'a>(&'a str);

impl fmt::Display for InAngles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ["<", self.0, ">"].iter().try_for_each(|part| f.write_str(part))
    }
}

/// How often an address failed, and how often it may.
struct Count {
    count: u32,
    threshold: u32,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.threshold)
    }
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

fn count(effect: &Effect) -> Option<Count> {
    match *effect {
        Effect::Counted { count, threshold } => Some(Count { count, threshold }),
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
