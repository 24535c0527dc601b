//! One attempt to tell a platform about one address: [`Courier::attempt`], on a worker, blocking.

use super::http::{Client, Post};
use super::outcome::{Judgement, judge};
use super::resolver::Resolver;
use super::schedule::Evidence;
use crate::change::Notification;
use crate::escape::Escaped;
use crate::metrics::Attempts;
use crate::tenant::{Endpoint, Tenant, Tenants, UrlTemplate};
use crate::types::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a worker needs.
pub struct Courier {
    /// As configured now.
    pub tenants: Arc<Tenants>,
    /// Shared by all attempts.
    pub services: Arc<Services>,
    /// Log instead of sending.
    pub dry_run: bool,
    /// The time when it was given its work.
    pub now: Timestamp,
    /// The longest delay that a platform may ask for.
    pub delay_max: Duration,
}

/// What all attempts share.
pub struct Services {
    /// Connections.
    pub client: Client,
    /// Templates.
    pub resolver: Resolver,
    /// What they led to.
    pub attempts: Attempts,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The platform was told.
    Done {
        /// The HTTP status; 0 in a dry run.
        status: u16,
        /// The head of the body.
        body: String,
    },
    /// Again later.
    Retry {
        /// What it says about the domain.
        evidence: Evidence,
        /// As the platform asks.
        retry_after: Option<Duration>,
        /// One line.
        error: String,
    },
    /// Never again by itself.
    Park {
        /// One line.
        error: String,
    },
}

impl End {
    /// What it says about the platform.
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Done { .. } | Self::Park { .. } => Evidence::Up,
            Self::Retry { evidence, .. } => *evidence,
        }
    }
}

impl Courier {
    /// Resolves, posts and judges.
    pub fn attempt(&self, notification: &Notification) -> End {
        let Some(tenant) = self.tenants.get(&notification.domain) else {
            return End::Park { error: format!("the domain {} is not configured", notification.domain) };
        };
        let url = match self.template(tenant) {
            Ok(template) => template.expand(&notification.address),
            Err(error) => return unreachable(&error),
        };
        log::debug!("Post to: {url}");
        if self.dry_run {
            log::info!("dry_run addr=<{}> url={url}", Escaped(notification.address.as_str()));
            return End::Done { status: 0, body: "dry_run: not sent".to_owned() };
        }
        self.post(tenant, &url, notification)
    }

    fn template(&self, tenant: &Tenant) -> Result<UrlTemplate, String> {
        match &tenant.endpoint {
            Endpoint::Template(template) => Ok(template.clone()),
            Endpoint::Xikolo { base_url, allowed_hosts } => {
                self.services.resolver.template(&self.services.client, base_url, allowed_hosts, Instant::now())
            }
        }
    }

    fn post(&self, tenant: &Tenant, url: &str, notification: &Notification) -> End {
        let start = Instant::now();
        let answer = self.services.client.post(&Post {
            url,
            idempotency_key: &notification.idempotency_key,
            headers: &tenant.headers,
            json: tenant.json_body.then(|| json_body(notification)),
        });
        self.services.attempts.request(start.elapsed());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return unreachable(&error),
        };
        let (status, body) = (answer.status, head_of(&answer.body));
        log::debug!("Response: {status} {}", Escaped(&body));
        match judge(status, answer.retry_after.as_deref(), &tenant.done_statuses, self.now, self.delay_max) {
            Judgement::Done => End::Done { status, body },
            Judgement::Retry { evidence, retry_after } => {
                End::Retry { evidence, retry_after, error: format!("the platform answered {status}") }
            }
            Judgement::Park => End::Park { error: format!("the platform answered {status}") },
        }
    }
}

/// The end of an attempt that got no answer.
pub fn unreachable(error: &str) -> End {
    let error = error.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERROR_CHARS_MAX).collect();
    End::Retry { evidence: Evidence::Unavailable { pause: None }, retry_after: None, error }
}

fn json_body(notification: &Notification) -> String {
    serde_json::json!({
        "address": notification.address.as_str(),
        "domain": notification.domain.as_str(),
        "class": notification.class.name(),
        "reason": notification.reason.name(),
        "status": notification.status.map(|status| status.to_string()),
        "diagnostic": notification.diagnostic,
        "count": notification.count,
        "time": notification.created.to_string(),
        "message_id": notification.message_id.to_string(),
    })
    .to_string()
}

/// At most [`BODY_OCTETS_MAX`] octets, cut between characters.
fn head_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(BODY_OCTETS_MAX)]);
    let end = (0..=BODY_OCTETS_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// Of an answer's body, for the log and the history.
const BODY_OCTETS_MAX: usize = 1000;

const ERROR_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_between_characters() {
        assert_eq!(head_of(b"ok"), "ok");
        for body in ["ü".repeat(700), format!("a{}", "ü".repeat(700)), "\u{1f600}".repeat(300)] {
            let head = head_of(body.as_bytes());
            assert!(head.len() <= 1000 && head.len() > 990, "{}", head.len());
        }
        assert!(head_of(&[0xff; 5000]).len() <= 1000);
    }

    #[test]
    fn an_error_is_one_short_line() {
        let End::Retry { error, .. } = unreachable(&"a\r\nb".repeat(500)) else { panic!("no retry") };
        assert!(error.starts_with("a  ba") && error.len() == ERROR_CHARS_MAX);
    }
}
