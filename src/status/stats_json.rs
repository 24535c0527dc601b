//! A snapshot as one JSON object for scripts: [`stats_json`].
//!
//! The names and their meaning are stable; more may be added. Times are RFC 3339 in UTC, spans seconds, sizes octets. What
//! only the running daemon knows stands in `daemon`, which is null without it.

use super::{Live, Queue, Slot, Snapshot, Times};
use crate::bounce::Class;
use crate::escape::JsonDocument;
use crate::types::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// `bouncesvc stats --format json`: what the screen shows, uncut.
pub fn stats_json(snapshot: &Snapshot) -> String {
    let day = snapshot.hours_between(24 * HOUR, Duration::ZERO);
    let totals = &snapshot.totals;
    let stats = json!({
        "version": snapshot.version,
        "time": snapshot.now.to_string(),
        "troubles": snapshot.readiness.troubles,
        "last_5m": sums(&snapshot.minutes_within(HOUR / 12)),
        "last_1h": sums(&snapshot.minutes_within(HOUR)),
        "last_24h": sums(&day),
        "last_7d": sums(&snapshot.hours_between(7 * 24 * HOUR, Duration::ZERO)),
        "reasons_24h": counts(day.reasons.iter().map(|(reason, count)| (reason.name(), *count))),
        "receivers_24h": counts(day.receivers.iter().map(|(name, count)| (name.as_str(), *count))),
        "alerts_24h": counts(day.alerts.iter().map(|(name, count)| (name.as_str(), *count))),
        "queue": snapshot.queues.iter().map(queue).collect::<Vec<_>>(),
        "counters": totals.counters,
        "history": totals.history,
        "quarantine_mails": totals.quarantine_mails,
        "quarantine_octets": totals.quarantine_octets,
        "database_octets": totals.file_octets,
        "daemon": snapshot.live.as_ref().map(live),
    });
    format!("{}\n", JsonDocument(&format!("{stats:#}")))
}

fn sums(slot: &Slot) -> Value {
    let class = |class| slot.classes.get(&class).copied().unwrap_or_default();
    json!({
        "mails": slot.received,
        "hard": class(Class::Hard),
        "soft": class(Class::Soft),
        "complaints": class(Class::Feedback),
        "escalated": slot.escalated,
        "delivered": slot.delivered,
    })
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Map<String, Value> {
    let mut object = Map::new();
    // Collecting would sort first, with a sort of its own for each kind of iterator.
    object.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
    object
}

fn queue(queue: &Queue) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "domain": queue.domain,
        "pending": queue.pending,
        "parked": queue.parked,
        "oldest": time(queue.oldest),
        "next_attempt": time(queue.next_attempt),
        "last_error": queue.last_error.as_ref().map(|(_, error)| error),
    })
}

fn live(live: &Live) -> Value {
    json!({
        "started": live.started.to_string(),
        "connections": live.connections,
        "connections_accepted": live.connections_accepted,
        "connections_refused": live.connections_refused,
        "mails_deferred": live.deferred,
        "mails_duplicate": live.duplicates,
        "mails_committed": live.committed_mails,
        "commits": times(&live.commits),
        "commits_failed": live.commit_failures,
        "requests": times(&live.requests),
        "resident_octets": live.process.resident_octets,
        "cpu_seconds": live.process.cpu_seconds,
    })
}

fn times(times: &Times) -> Value {
    json!({
        "count": times.count,
        "median": times.median.as_secs_f64(),
        "p99": times.p99.as_secs_f64(),
        "longest": times.longest.as_secs_f64(),
    })
}
