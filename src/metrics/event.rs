//! The latest events, for a person to look at. What must not be forgotten is in the database and the log.

use crate::bounce::{Class, EnhancedStatus, Report};
use crate::change::Effect;
use crate::policy::{Action, Finding};
use crate::types::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write as _;

/// How many are kept.
pub const EVENTS_MAX: usize = 40;

/// As many octets as most texts of findings take.
const TEXT_OCTETS: usize = 24;

/// The longest text of one, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What, in one word: `suspended`, `escalated`, `counted`, `alert`, `ignored`, `quarantined`, `dropped`,
    /// `delivered`, `retry`, `parked`.
    pub what: Cow<'static, str>,
    /// Whose address failed.
    pub address: Option<String>,
    /// The configured sending domain.
    pub domain: Option<String>,
    /// Hard, soft or feedback.
    pub class: Option<Class>,
    /// The reason, or why the mail changed nothing.
    pub reason: Option<Cow<'static, str>>,
    /// What was said, in one line: the status, the counter, the platform's error.
    pub text: String,
}

/// The last [`EVENTS_MAX`] events, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Events(VecDeque<Event>);

impl Events {
    /// Adds one; the oldest leaves.
    pub fn push(&mut self, event: impl FnOnce() -> Event) {
        self.0.truncate(EVENTS_MAX - 1);
        self.0.push_front(event());
    }

    /// The newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.0.iter()
    }
}

impl Event {
    pub(super) fn of_finding(report: &Report, finding: &Finding, effect: Option<&Effect>, at: Timestamp) -> Self {
        let recipient = finding.recipient.and_then(|index| report.recipients.get(index));
        let reason = recipient.map(|recipient| recipient.reason.name()).or(finding.note);
        Self {
            at,
            what: what(finding, effect).into(),
            address: recipient.map(|recipient| recipient.address.to_string()),
            domain: finding.domain.as_ref().map(ToString::to_string),
            class: recipient.map(|recipient| recipient.class),
            reason: reason.map(Cow::Borrowed),
            text: text(recipient.and_then(|recipient| recipient.status), effect),
        }
    }

    /// Cuts a text that came from outside.
    pub(super) fn cut(text: &str) -> String {
        text.chars().take(TEXT_CHARS_MAX).collect()
    }
}

fn what(finding: &Finding, effect: Option<&Effect>) -> &'static str {
    match effect {
        Some(Effect::Suspended(_)) => "suspended",
        Some(Effect::Escalated(_)) => "escalated",
        Some(Effect::Counted { .. }) => "counted",
        Some(Effect::Quarantined { .. }) => "quarantined",
        None => match finding.action {
            Some(Action::Alert) => "alert",
            Some(_) => "ignored",
            None => "dropped",
        },
    }
}

/// The status and the counter.
fn text(status: Option<EnhancedStatus>, effect: Option<&Effect>) -> String {
    let mut text = String::with_capacity(TEXT_OCTETS);
    if let Some(status) = status {
        let _ = write!(text, "{status}");
    }
    if let Some(Effect::Counted { count, threshold }) = effect {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{count} of {threshold}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_is_cut() {
        let text = "ä".repeat(TEXT_CHARS_MAX);
        assert_eq!(Event::cut(&format!("{text}more")), text);
    }
}
