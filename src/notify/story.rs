//! What the log says of platforms and notifications. Texts from outside are escaped here.

use super::attempt::End;
use crate::change::{Notification, Outcome};
use crate::escape::Escaped;
use crate::types::Domain;

/// A platform that went down or came up, by its failures in a row before and after an attempt.
pub fn tell_outage(domain: &Domain, failures_before: u32, failures: u32, end: &End) {
    match (failures_before, failures, end) {
        (0, 1.., End::Retry { error, .. }) => {
            log::warn!("domain={domain} the platform is down, its notifications wait: {}", Escaped(error));
        }
        (1.., 0, _) => log::info!("domain={domain} the platform is up again"),
        _ => {}
    }
}

/// How an attempt ended.
pub fn tell_outcome(notification: &Notification, outcome: &Outcome) {
    let (id, domain) = (notification.message_id, &notification.domain);
    let addr = Escaped(notification.address.as_str());
    let attempts = notification.attempts.saturating_add(1);
    match outcome {
        Outcome::Delivered { status, .. } => {
            log::info!(
                "id={id} addr=<{addr}> domain={domain} notification=delivered status={status} attempts={attempts}"
            );
        }
        Outcome::Retry { next_attempt, error } => log::info!(
            "id={id} addr=<{addr}> domain={domain} notification=deferred attempts={attempts} next={next_attempt} error={}",
            Escaped(error)
        ),
        Outcome::Parked { error } => log::warn!(
            "id={id} addr=<{addr}> domain={domain} notification=parked attempts={attempts} error={}",
            Escaped(error)
        ),
        Outcome::Archived => {}
    }
}
