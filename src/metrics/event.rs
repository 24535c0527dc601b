//! The latest events, for a person to look at. What must not be forgotten is in the database and the log.

use crate::bounce::{Class, EnhancedStatus, Report};
use crate::change::Effect;
use crate::policy::{Action, Finding};
use crate::types::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

/// How many are kept.
pub const EVENTS_MAX: usize = 40;

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
    /// What was said.
    pub text: Text,
}

/// What was said, in one line. Most is never looked at: it is put into words for those who do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Text {
    /// Of a mail.
    Failure {
        /// What the receiver said.
        status: Option<EnhancedStatus>,
        /// The counter and its threshold.
        count: Option<(u32, u32)>,
    },
    /// Of a notification: the platform's answer or error.
    Said(String),
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure { status, count } => {
                let comma = if status.is_some() { ", " } else { "" };
                status.map_or(Ok(()), |status| write!(f, "{status}"))?;
                count.map_or(Ok(()), |(count, threshold)| write!(f, "{comma}{count} of {threshold}"))
            }
            Self::Said(text) => f.write_str(text),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Said(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.to_string()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Said(String::new())
    }
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
            address: recipient.map(|recipient| recipient.address.as_str().to_owned()),
            domain: finding.domain.as_ref().map(|domain| domain.as_str().to_owned()),
            class: recipient.map(|recipient| recipient.class),
            reason: reason.map(Cow::Borrowed),
            text: Text::Failure {
                status: recipient.and_then(|recipient| recipient.status),
                count: effect.and_then(count),
            },
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

fn count(effect: &Effect) -> Option<(u32, u32)> {
    match *effect {
        Effect::Counted { count, threshold } => Some((count, threshold)),
        _ => None,
    }
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
