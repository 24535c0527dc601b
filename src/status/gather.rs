//! Puts a [`Snapshot`] together from the database and the counters.
//!
//! Meant for a thread beside the loop: it reads the minutes of `MINUTES_SHOWN`, the hours of `HOURS_SHOWN` and at most
//! `COUNTERS_SCANNED_MAX` counters, in short read transactions. It never fails: what could not be read is left out, and said among the
//! troubles.

use super::privacy::{hide_address, hide_addresses};
use super::{Counter, Live, Near, Process, Queue, Readiness, Slot, Snapshot, Times, Totals};
use crate::change::Series;
use crate::metrics::{EVENTS_MAX, Event, Metrics};
use crate::store::{self, CounterFilter, Reader, StoreError, Sum, WaitingFilter};
use crate::tenant::Tenants;
use crate::types::{Domain, Timestamp};
use std::cmp::Reverse;
use std::time::Duration;

/// Counters that one look goes through at most; with more of them it says that it has not seen all.
const COUNTERS_SCANNED_MAX: usize = 100_000;

/// How far back minutes are shown.
const MINUTES_SHOWN: Duration = Duration::from_secs(4 * 3600);

/// How far back hours are shown.
const HOURS_SHOWN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Counters near their threshold that are shown.
const NEAR_MAX: usize = 12;

/// Counters in one read transaction.
const SLICE_ROWS: usize = 1000;

/// What is known beside the database.
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// Of the running daemon; `None`: a command looks at the database of a stopped one.
    pub metrics: Option<&'a Metrics>,
    /// What the operating system says of the daemon.
    pub process: Process,
    /// For the thresholds.
    pub tenants: &'a Tenants,
    /// Whether addresses may be shown.
    pub show_addresses: bool,
    /// A pending notification that is older is a trouble.
    pub queue_age_max: Duration,
}

/// Reads and counts all that a snapshot holds.
pub fn snapshot(reader: &Reader, context: &Context<'_>) -> Snapshot {
    let mut troubles = Vec::new();
    let mut look = Look { reader, context, troubles: &mut troubles };
    let mut snapshot = Snapshot {
        now: context.now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        live: context.metrics.map(|metrics| live(metrics, context.process)),
        totals: look.read(|reader, _| totals(reader)),
        minutes: look.read(|reader, context| minutes(reader, context.now)),
        hours: look.read(|reader, context| hours(reader, context.now)),
        queues: look.read(|reader, _| queues_with_errors(reader)),
        near: look.read(near),
        events: context.metrics.map(events).unwrap_or_default(),
        readiness: Readiness::default(),
    };
    let writes_fail = context.metrics.is_some_and(|metrics| metrics.writes_fail);
    snapshot.readiness = Readiness::judge(writes_fail, &snapshot.queues, context.queue_age_max, context.now);
    snapshot.readiness.troubles.append(&mut troubles);
    if !context.show_addresses {
        hide(&mut snapshot);
    }
    snapshot
}

struct Look<'a> {
    reader: &'a Reader,
    context: &'a Context<'a>,
    troubles: &'a mut Vec<String>,
}

impl Look<'_> {
    /// What `read` finds, or nothing; the same error is said once.
    fn read<T: Default>(&mut self, read: impl FnOnce(&Reader, &Context<'_>) -> Result<T, StoreError>) -> T {
        read(self.reader, self.context).unwrap_or_else(|error| {
            let trouble = format!("the database cannot be read: {error}");
            if !self.troubles.contains(&trouble) {
                self.troubles.push(trouble);
            }
            T::default()
        })
    }
}

fn live(metrics: &Metrics, process: Process) -> Live {
    Live {
        started: metrics.started,
        connections: metrics.connections.open,
        connections_accepted: metrics.connections.accepted,
        connections_refused: metrics.connections.refused.values().sum(),
        deferred: metrics.deferred.values().sum(),
        duplicates: metrics.duplicates,
        commit_failures: metrics.commit_failures,
        committed_mails: metrics.committed_mails,
        commits: Times::of(&metrics.commits),
        requests: Times::of(&metrics.attempts.results().requests),
        process,
    }
}

/// How much is in the database.
pub fn totals(reader: &Reader) -> Result<Totals, StoreError> {
    let totals = reader.totals()?;
    Ok(Totals {
        counters: totals.counters,
        history: totals.history,
        digests: totals.digests,
        quarantine_mails: totals.quarantine_mails,
        quarantine_octets: totals.quarantine_octets,
        archive_octets: totals.archive_octets,
        file_octets: totals.file_octets,
    })
}

fn minutes(reader: &Reader, now: Timestamp) -> Result<Vec<Slot>, StoreError> {
    Ok(reader.sums_by_minute(now.before(MINUTES_SHOWN))?.into_iter().map(slot).collect())
}

fn hours(reader: &Reader, now: Timestamp) -> Result<Vec<Slot>, StoreError> {
    Ok(reader.sums_by_hour(now.before(HOURS_SHOWN))?.into_iter().map(slot).collect())
}

fn slot(sum: Sum) -> Slot {
    let mut slot = Slot { start: sum.start, ..Slot::default() };
    for (series, count) in sum.series {
        *match series {
            Series::Received => &mut slot.received,
            Series::Class(class) => slot.classes.entry(class).or_default(),
            Series::Reason(reason) => slot.reasons.entry(reason).or_default(),
            Series::Receiver(receiver) => slot.receivers.entry(receiver).or_default(),
            Series::Alert(receiver, _) => slot.alerts.entry(receiver).or_default(),
            Series::Other(kind) => slot.others.entry(kind).or_default(),
            Series::Escalated => &mut slot.escalated,
            Series::Delivered => &mut slot.delivered,
        } += count;
    }
    slot
}

/// The queue of each sending domain, for `/metrics` and `/readyz`, too.
pub fn queues(reader: &Reader) -> Result<Vec<Queue>, StoreError> {
    let queues = reader.domain_queues()?.into_iter().map(|queue| Queue {
        domain: queue.domain.to_string(),
        pending: queue.pending,
        parked: queue.parked,
        oldest: queue.oldest,
        next_attempt: queue.next_attempt,
        last_error: queue.last_error,
    });
    Ok(queues.collect())
}

/// The same; a domain that has delivered since its notifications were parked shows why the first of them was.
fn queues_with_errors(reader: &Reader) -> Result<Vec<Queue>, StoreError> {
    let mut queues = queues(reader)?;
    for queue in queues.iter_mut().filter(|queue| queue.parked > 0 && queue.last_error.is_none()) {
        let filter = WaitingFilter { domain: Domain::parse(&queue.domain), parked: Some(true), address: None };
        let parked = reader.notifications(&filter, None, 1)?.rows.pop().map(|waiting| waiting.notification);
        queue.last_error = parked.and_then(|parked| Some((parked.next_attempt, parked.last_error?)));
    }
    Ok(queues)
}

/// The counters for which one bounce more, or two, will be too many.
fn near(reader: &Reader, context: &Context<'_>) -> Result<Near, StoreError> {
    let (mut found, mut cursor, mut slices) = (Vec::new(), None, 0..COUNTERS_SCANNED_MAX / SLICE_ROWS);
    let mut near = Near { is_complete: true, ..Near::default() };
    while slices.next().is_some() {
        let page = reader.counters(&CounterFilter::default(), cursor.as_ref(), SLICE_ROWS)?;
        for counter in page.rows {
            let Some(threshold) = context.tenants.get(&counter.domain).map(|tenant| tenant.threshold) else { continue };
            if counter.count.saturating_add(1) >= threshold {
                found.push((threshold, counter));
            }
        }
        found.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        near.more += found.len().saturating_sub(NEAR_MAX) as u64;
        found.truncate(NEAR_MAX);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    near.is_complete = cursor.is_none();
    near.counters = found
        .into_iter()
        .map(|(threshold, counter)| Counter {
            address: counter.address.to_string(),
            domain: counter.domain.to_string(),
            count: counter.count,
            threshold,
            reason: counter.reason,
            last_seen: counter.last_seen,
        })
        .collect();
    Ok(near)
}

/// The nearest to its threshold first, then the latest; of equal ones by name, so that the page does not change by itself.
fn rank((threshold, counter): &(u32, store::Counter)) -> (u32, Reverse<Timestamp>, &str, &str) {
    let left = threshold.saturating_sub(counter.count);
    (left, Reverse(counter.last_seen), counter.domain.as_str(), counter.address.as_str())
}

/// Those of the loop and of the notifier, the newest first.
fn events(metrics: &Metrics) -> Vec<Event> {
    let results = metrics.attempts.results();
    let mut events: Vec<_> = metrics.events.iter().chain(results.events.iter()).cloned().collect();
    events.sort_by_key(|event| Reverse(event.at));
    events.truncate(EVENTS_MAX);
    events
}

fn hide(snapshot: &mut Snapshot) {
    for counter in &mut snapshot.near.counters {
        counter.address = hide_address(&counter.address);
    }
    for event in &mut snapshot.events {
        event.address = event.address.as_deref().map(hide_address);
        event.text = hide_addresses(&event.text.to_string()).into_owned().into();
    }
    for (_, error) in snapshot.queues.iter_mut().filter_map(|queue| queue.last_error.as_mut()) {
        *error = hide_addresses(error).into_owned();
    }
}
