//! Everything that is shown, as plain data: put together once, then rendered as a page or as text, here or elsewhere.

use crate::bounce::{Class, Reason};
use crate::metrics::{Event, Histogram};
use crate::types::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is known at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When.
    pub now: Timestamp,
    /// Of the program.
    pub version: String,
    /// Of the running daemon; `None`: it does not run, and the database was opened to look.
    pub live: Option<Live>,
    /// How much is in the database.
    pub totals: Totals,
    /// The last hours by minute, the oldest first; minutes without anything may be left out.
    pub minutes: Vec<Slot>,
    /// The last days by hour, the oldest first; hours without anything may be left out.
    pub hours: Vec<Slot>,
    /// The queue of each sending domain.
    pub queues: Vec<Queue>,
    /// Soft counters that are near their threshold.
    pub near: Near,
    /// The latest events, the newest first.
    pub events: Vec<Event>,
    /// Whether it can take mail.
    pub readiness: Readiness,
}

/// Of the running daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// When it started.
    pub started: Timestamp,
    /// Open mail connections.
    pub connections: u64,
    /// Mail connections since the start.
    pub connections_accepted: u64,
    /// Mail connections that were turned away since the start.
    pub connections_refused: u64,
    /// Mails that stayed at their sender since the start (451, 452).
    pub deferred: u64,
    /// Redeliveries since the start.
    pub duplicates: u64,
    /// Transactions that failed since the start.
    pub commit_failures: u64,
    /// Mails in the committed transactions since the start.
    pub committed_mails: u64,
    /// How long transactions took.
    pub commits: Times,
    /// How long requests to platforms took.
    pub requests: Times,
    /// Of the operating system.
    pub process: Process,
}

/// What the operating system says of the process; `None` where it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Resident memory, in octets.
    pub resident_octets: Option<u64>,
    /// Processor time, in seconds.
    pub cpu_seconds: Option<f64>,
}

/// A histogram in four numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Half are at most this long.
    pub median: Duration,
    /// 99 of 100 are at most this long.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
}

/// How much is in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Soft counters.
    pub counters: u64,
    /// Past notifications.
    pub history: u64,
    /// Mails whose sender was not yet seen to have got its 250.
    pub digests: u64,
    /// Mails in the quarantine.
    pub quarantine_mails: u64,
    /// Their octets.
    pub quarantine_octets: u64,
    /// Octets of mails that wait to be archived.
    pub archive_octets: u64,
    /// Octets of the file.
    pub file_octets: u64,
}

/// What came in during one minute or hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// When it began.
    pub start: Timestamp,
    /// Mails.
    pub received: u64,
    /// Failed recipients by class.
    pub classes: BTreeMap<Class, u64>,
    /// Failed recipients by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// Failed recipients by receiving domain.
    pub receivers: BTreeMap<String, u64>,
    /// Failures that are ours, by receiving domain.
    pub alerts: BTreeMap<String, u64>,
    /// Mails that changed nothing, by kind.
    pub others: BTreeMap<String, u64>,
    /// Soft counters that exceeded the threshold.
    pub escalated: u64,
    /// Notifications that were delivered.
    pub delivered: u64,
}

/// The notifications of one sending domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The configured sending domain.
    pub domain: String,
    /// That are being tried.
    pub pending: u64,
    /// That were given up.
    pub parked: u64,
    /// When the oldest pending one was queued.
    pub oldest: Option<Timestamp>,
    /// When the first pending one is due.
    pub next_attempt: Option<Timestamp>,
    /// How and when the last attempt failed; none since the last delivery.
    pub last_error: Option<(Timestamp, String)>,
}

/// Soft counters that are near their threshold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// Those that come first.
    pub counters: Vec<Counter>,
    /// How many more there are beside them, as far as it was looked.
    pub more: u64,
    /// Whether all counters were looked at; there may be too many of them.
    pub is_complete: bool,
}

/// One soft counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The recipient, or what may be shown of it.
    pub address: String,
    /// The configured sending domain.
    pub domain: String,
    /// Soft failures.
    pub count: u32,
    /// It may reach this without an effect.
    pub threshold: u32,
    /// Why it last failed.
    pub reason: Reason,
    /// When.
    pub last_seen: Timestamp,
}

/// Whether the service can take mail and pass on what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Each in one line; none: it is ready.
    pub troubles: Vec<String>,
}

impl Times {
    /// Of a histogram.
    pub fn of(histogram: &Histogram) -> Self {
        Self {
            count: histogram.count(),
            median: histogram.quantile(0.5),
            p99: histogram.quantile(0.99),
            longest: histogram.longest(),
        }
    }
}

impl Queue {
    /// How old the oldest pending one is.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| now.since(oldest))
    }
}

impl Readiness {
    /// Ready while the database takes writes and no pending notification is older than `queue_age_max`.
    pub fn judge(writes_fail: bool, queues: &[Queue], queue_age_max: Duration, now: Timestamp) -> Self {
        let mut troubles = Vec::new();
        if writes_fail {
            troubles.push("the database takes no writes".to_owned());
        }
        for queue in queues {
            let age = queue.age(now).unwrap_or_default();
            if age > queue_age_max {
                let (domain, age) = (&queue.domain, super::words::span(age));
                troubles.push(format!("the oldest pending notification of {domain} is {age} old"));
            }
        }
        Self { troubles }
    }

    /// Whether nothing is wrong.
    pub fn is_ready(&self) -> bool {
        self.troubles.is_empty()
    }
}
