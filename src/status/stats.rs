//! A snapshot as one screen of text: [`render_stats`].

use super::summary::top;
use super::words::{count, cut, number, octets, short, span};
use super::{Live, Slot, Snapshot, Times};
use crate::bounce::Class;
use crate::escape::Escaped;
use std::fmt::Write;
use std::time::Duration;

/// Rows of each list.
const ROWS_MAX: usize = 8;

/// The longest error that is shown, in characters.
const ERROR_CHARS_MAX: usize = 46;

const HOUR: Duration = Duration::from_secs(3600);

/// `bouncesvc stats`: at most 100 columns, but for what is wrong, which is told whole; harmless for a terminal.
pub fn render_stats(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_stats(&mut text, snapshot);
    text
}

fn write_stats(text: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    write_head(text, snapshot)?;
    write_rates(text, snapshot)?;
    let day = snapshot.hours_between(24 * HOUR, Duration::ZERO);
    write_tops(text, &day)?;
    write_queues(text, snapshot)?;
    write_totals(text, snapshot)?;
    snapshot.live.as_ref().map_or(Ok(()), |live| write_live(text, live))
}

fn write_head(text: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let state = match &snapshot.live {
        Some(live) => format!("running for {}", span(snapshot.now.since(live.started))),
        None => "not running".to_owned(),
    };
    writeln!(text, "bouncesvc {}, {state}", Escaped(&snapshot.version))?;
    for trouble in &snapshot.readiness.troubles {
        writeln!(text, "trouble: {}", Escaped(trouble))?;
    }
    writeln!(text)
}

fn write_rates(text: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let spans = [
        ("5 min", snapshot.minutes_within(HOUR / 12)),
        ("1 h", snapshot.minutes_within(HOUR)),
        ("24 h", snapshot.hours_between(24 * HOUR, Duration::ZERO)),
        ("7 d", snapshot.hours_between(7 * 24 * HOUR, Duration::ZERO)),
    ];
    let counts = |count: &dyn Fn(&Slot) -> u64| spans.each_ref().map(|(_, slot)| number(count(slot)));
    let class = |class| counts(&|slot| slot.classes.get(&class).copied().unwrap_or_default());
    for (name, columns) in [
        ("the last", spans.each_ref().map(|(name, _)| (*name).to_owned())),
        ("mails", counts(&|slot| slot.received)),
        ("hard", class(Class::Hard)),
        ("soft", class(Class::Soft)),
        ("complaints", class(Class::Feedback)),
        ("escalated", counts(&|slot| slot.escalated)),
        ("platform told", counts(&|slot| slot.delivered)),
    ] {
        let [minutes, hour, day, week] = columns;
        writeln!(text, "{name:<16}{minutes:>12}{hour:>12}{day:>12}{week:>12}")?;
    }
    writeln!(text)
}

fn write_tops(text: &mut String, day: &Slot) -> std::fmt::Result {
    let (reasons, _) = top(&day.reasons, ROWS_MAX);
    let (receivers, _) = top(&day.receivers, ROWS_MAX);
    if reasons.is_empty() && receivers.is_empty() {
        return Ok(());
    }
    writeln!(text, "{:<32}   receiving domain", "reason, 24 h")?;
    for row in 0..reasons.len().max(receivers.len()) {
        let reason = reasons.get(row).map(|(reason, count)| (reason.name(), number(*count))).unwrap_or_default();
        let receiver = receivers.get(row).map(|(name, count)| (name.as_str(), number(*count))).unwrap_or_default();
        let line = format!("{:<20}{:>12}   {:<40}{:>12}", reason.0, reason.1, cut(receiver.0, 40), receiver.1);
        writeln!(text, "{}", line.trim_end())?;
    }
    writeln!(text)
}

fn write_queues(text: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let queues: Vec<_> = snapshot.queues.iter().filter(|queue| queue.pending + queue.parked > 0).collect();
    if queues.is_empty() {
        return writeln!(text, "queue            empty\n");
    }
    writeln!(text, "{:<24}{:>9}{:>8}{:>11}  last error", "queue", "pending", "parked", "oldest")?;
    for queue in queues {
        let oldest = queue.age(snapshot.now).map(span).unwrap_or_default();
        let error = queue.last_error.as_ref().map_or("", |(_, error)| error);
        let (domain, error) = (cut(&queue.domain, 23), cut(error, ERROR_CHARS_MAX));
        let (pending, parked) = (number(queue.pending), number(queue.parked));
        let line = format!("{domain:<24}{pending:>9}{parked:>8}{oldest:>11}  {error}");
        writeln!(text, "{}", line.trim_end())?;
    }
    writeln!(text)
}

fn write_totals(text: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let totals = &snapshot.totals;
    writeln!(
        text,
        "database         {}; {}, {}",
        octets(totals.file_octets),
        count(totals.counters, "soft counter"),
        count(totals.history, "past notification")
    )?;
    writeln!(text, "quarantine       {}, {}", count(totals.quarantine_mails, "mail"), octets(totals.quarantine_octets))
}

fn write_live(text: &mut String, live: &Live) -> std::fmt::Result {
    writeln!(
        text,
        "transactions     {}; {}, {} failed",
        times(&live.commits),
        count(live.committed_mails, "mail"),
        number(live.commit_failures)
    )?;
    writeln!(text, "requests         {}", times(&live.requests))?;
    writeln!(
        text,
        "connections      {} open, {} accepted, {} refused",
        number(live.connections),
        number(live.connections_accepted),
        number(live.connections_refused)
    )?;
    writeln!(
        text,
        "mails            {} left at their sender, {} came again",
        number(live.deferred),
        number(live.duplicates)
    )?;
    match live.process.resident_octets {
        Some(resident) => writeln!(text, "memory           {}", octets(resident)),
        None => Ok(()),
    }
}

fn times(times: &Times) -> String {
    let (median, p99, longest) = (short(times.median), short(times.p99), short(times.longest));
    format!("{}: median {median}, 99 % {p99}, longest {longest}", number(times.count))
}
