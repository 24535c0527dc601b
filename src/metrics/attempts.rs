//! What the notifier's POSTs led to.

use super::event::{Event, Events};
use super::histogram::Histogram;
use super::labels::Labelled;
use crate::change::{Notification, Outcome};
use crate::types::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pairs of sending domain and end that are told apart: more than anybody configures.
const PAIRS_MAX: usize = 1000;

/// How an attempt ended, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// The platform took it.
    Delivered,
    /// It will be tried again.
    Retry,
    /// Given up.
    Parked,
}

impl Ended {
    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::Parked => "parked",
        }
    }
}

/// A handle on the counts, shared between the notifier and who shows them.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<Results>>);

/// The counts.
#[derive(Debug, Clone)]
pub struct Results {
    /// By sending domain and end.
    pub ended: Labelled<Ended>,
    /// How long the platforms took to answer, or not to.
    pub requests: Histogram,
    /// The latest.
    pub events: Events,
}

impl Default for Results {
    fn default() -> Self {
        Self { ended: Labelled::new(PAIRS_MAX), requests: Histogram::of_requests(), events: Events::default() }
    }
}

impl Attempts {
    /// A request to a platform ended after this time.
    pub fn request(&self, took: Duration) {
        self.lock().requests.record(took);
    }

    /// An attempt for `notification` ended with `outcome`.
    pub fn ended(&self, notification: &Notification, outcome: &Outcome, at: Timestamp) {
        let (ended, text) = match outcome {
            Outcome::Delivered { status, .. } => (Ended::Delivered, format!("HTTP {status}")),
            Outcome::Retry { error, .. } => (Ended::Retry, Event::cut(error)),
            Outcome::Parked { error } => (Ended::Parked, Event::cut(error)),
            Outcome::Archived => return,
        };
        let mut results = self.lock();
        results.ended.add(notification.domain.as_str(), ended);
        results.events.push(|| Event {
            at,
            what: ended.name().into(),
            address: Some(notification.address.to_string()),
            domain: Some(notification.domain.to_string()),
            class: Some(notification.class),
            reason: Some(notification.reason.name().into()),
            text: text.into(),
        });
    }

    /// A copy.
    pub fn results(&self) -> Results {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use crate::types::Domain;

    #[test]
    fn each_end_counts_under_its_name_and_a_mail_in_the_archive_under_none() {
        let notification = samples::notification(&Domain::parse("mydomain.de").unwrap());
        let (attempts, now, error) = (Attempts::default(), Timestamp::default(), "no".to_owned());
        for outcome in [
            Outcome::Delivered { status: 204, body: String::new() },
            Outcome::Retry { next_attempt: now, error: error.clone() },
            Outcome::Parked { error },
            Outcome::Archived,
        ] {
            attempts.ended(&notification, &outcome, now);
        }
        let results = attempts.results();
        let counts: Vec<_> = results.ended.iter().map(|(domain, ended, count)| (domain, ended.name(), count)).collect();
        assert_eq!(counts, ["delivered", "retry", "parked"].map(|name| ("mydomain.de", name, 1)));
        let told: Vec<_> = results.events.iter().map(|event| format!("{}: {}", event.what, event.text)).collect();
        assert_eq!(told, ["parked: no", "retry: no", "delivered: HTTP 204"]);
    }
}
