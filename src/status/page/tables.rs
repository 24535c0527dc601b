//! The lists of the page.

use super::super::summary::top;
use super::super::words::{number, span};
use super::html::Text;
use super::{moment, words};
use crate::metrics::{Event, OTHERS};
use crate::status::{Counter, Queue, Slot, Snapshot};
use crate::types::Timestamp;
use std::fmt::{Result, Write};

/// Rows of a list of shares.
const SHARES_MAX: usize = 10;

/// Reasons of a day.
pub fn write_reasons(page: &mut String, day: &Slot) -> Result {
    let (reasons, rest) = top(&day.reasons, SHARES_MAX);
    let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| (words(reason), count)).collect();
    write_shares(page, ["Reasons, 24 h", "Reason"], &reasons, rest, |_| None)
}

/// Receiving domains of a day, and how much of their refusals is ours.
pub fn write_receivers(page: &mut String, day: &Slot) -> Result {
    let mut receivers = day.receivers.clone();
    let unnamed = receivers.remove(OTHERS).unwrap_or_default();
    let (receivers, rest) = top(&receivers, SHARES_MAX);
    write_shares(page, ["Receiving domains, 24 h", "Domain"], &receivers, rest + unnamed, |receiver| {
        Some(day.alerts.get(receiver).copied().unwrap_or_default())
    })
}

/// Names with their counts as bars; `ours` gives a further column.
fn write_shares(
    page: &mut String,
    [title, name]: [&str; 2],
    rows: &[(String, u64)],
    rest: u64,
    ours: impl Fn(&str) -> Option<u64>,
) -> Result {
    write!(page, "<section class=\"card\"><h2>{title}</h2>")?;
    let Some((_, most)) = rows.first() else {
        return write!(page, "<p class=\"empty\">Nothing failed.</p></section>");
    };
    let has_ours = ours("").is_some();
    let column = if has_ours { "<th scope=\"col\" class=\"n\">they refuse us</th>" } else { "" };
    let class = if has_ours { "four" } else { "three" };
    write!(
        page,
        "<table class=\"{class}\"><thead><tr><th scope=\"col\">{name}</th><th><span hidden>Share</span></th>"
    )?;
    write!(page, "<th scope=\"col\" class=\"n\">Failures</th>{column}</tr></thead><tbody>")?;
    for (name, count) in rows {
        write_share(page, name, *count, *most, ours(name))?;
    }
    if rest > 0 {
        let column = if has_ours { "<td></td>" } else { "" };
        write!(
            page,
            "<tr><th scope=\"row\">all others</th><td></td><td class=\"n\">{}</td>{column}</tr>",
            number(rest)
        )?;
    }
    write!(page, "</tbody></table></section>")
}

/// One row: its bar is as long as `count` is of `most`.
fn write_share(page: &mut String, name: &str, count: u64, most: u64, ours: Option<u64>) -> Result {
    #[expect(clippy::cast_precision_loss, reason = "a length in a picture")]
    let percent = 100.0 * count as f64 / most as f64;
    write!(
        page,
        "<tr><th scope=\"row\">{}</th><td class=\"barcell\"><svg class=\"bar\" aria-hidden=\"true\">\
         <rect width=\"{percent:.1}%\" height=\"8\" rx=\"2\"/></svg></td><td class=\"n\">{}</td>",
        Text(name),
        number(count)
    )?;
    if let Some(ours) = ours {
        write!(page, "<td class=\"n\">{}</td>", if ours == 0 { String::new() } else { number(ours) })?;
    }
    write!(page, "</tr>")
}

/// A table whose rows stand one below the other on a phone.
fn write_table<T>(
    page: &mut String,
    columns: &[&str],
    rows: impl IntoIterator<Item = T>,
    mut row: impl FnMut(&mut String, T) -> Result,
) -> Result {
    write!(page, "<table class=\"stack\"><thead><tr>")?;
    for column in columns {
        write!(page, "<th scope=\"col\">{column}</th>")?;
    }
    write!(page, "</tr></thead><tbody>")?;
    for item in rows {
        write!(page, "<tr>")?;
        row(page, item)?;
        write!(page, "</tr>")?;
    }
    write!(page, "</tbody></table>")
}

fn cell(page: &mut String, name: &str, text: &str) -> Result {
    write!(page, "<td data-name=\"{name}\">{}</td>", Text(text))
}

/// What waits for the platforms.
pub fn write_queues(page: &mut String, snapshot: &Snapshot) -> Result {
    write!(page, "<section class=\"card wide\"><h2>Notifications that wait</h2>")?;
    let queues: Vec<_> = snapshot.queues.iter().filter(|queue| queue.pending + queue.parked > 0).collect();
    if queues.is_empty() {
        return write!(page, "<p class=\"empty\">None: every platform was told.</p></section>");
    }
    let columns = ["Sending domain", "Pending", "Parked", "Oldest", "Next attempt", "Last error"];
    write_table(page, &columns, queues, |page, queue| write_queue(page, queue, snapshot.now))?;
    write!(page, "</section>")
}

fn write_queue(page: &mut String, queue: &Queue, now: Timestamp) -> Result {
    write!(page, "<th scope=\"row\">{}</th>", Text(&queue.domain))?;
    cell(page, "Pending", &number(queue.pending))?;
    cell(page, "Parked", &number(queue.parked))?;
    cell(page, "Oldest", &queue.age(now).map(span).unwrap_or_default())?;
    let next = queue.next_attempt.map(|next| match next.since(now) {
        left if left.is_zero() => "now".to_owned(),
        left => format!("in {}", span(left)),
    });
    cell(page, "Next attempt", &next.unwrap_or_default())?;
    let error = queue.last_error.as_ref().map(|(at, error)| format!("{error} ({} ago)", span(now.since(*at))));
    cell(page, "Last error", &error.unwrap_or_default())
}

/// Soft counters that will soon escalate.
pub fn write_near(page: &mut String, snapshot: &Snapshot) -> Result {
    let near = &snapshot.near;
    write!(page, "<section class=\"card wide\"><h2>Soft counters near their threshold</h2>")?;
    if near.counters.is_empty() {
        write!(page, "<p class=\"empty\">None.</p>")?;
    } else {
        let columns = ["Address", "Sending domain", "Count", "Last reason", "Last seen"];
        write_table(page, &columns, &near.counters, |page, counter| write_counter(page, counter, snapshot.now))?;
    }
    if near.more > 0 {
        write!(page, "<p class=\"empty\">and {} more</p>", number(near.more))?;
    }
    if !near.is_complete {
        write!(page, "<p class=\"empty\">There are too many counters to look at all of them here; ")?;
        write!(page, "dump-counters does.</p>")?;
    }
    write!(page, "</section>")
}

fn write_counter(page: &mut String, counter: &Counter, now: Timestamp) -> Result {
    write!(page, "<th scope=\"row\">{}</th>", Text(&counter.address))?;
    cell(page, "Sending domain", &counter.domain)?;
    let next = if counter.count >= counter.threshold { ", the next one escalates" } else { "" };
    cell(page, "Count", &format!("{} of {}{next}", counter.count, counter.threshold))?;
    cell(page, "Last reason", &words(counter.reason))?;
    cell(page, "Last seen", &format!("{} ago", span(now.since(counter.last_seen))))
}

/// What happened last.
pub fn write_events(page: &mut String, snapshot: &Snapshot) -> Result {
    write!(page, "<section class=\"card wide\"><h2>Latest events</h2>")?;
    if snapshot.events.is_empty() {
        return write!(page, "<p class=\"empty\">None since the start.</p></section>");
    }
    let columns = ["Time", "Event", "Address", "Sending domain", "Reason", "Details"];
    write_table(page, &columns, &snapshot.events, write_event)?;
    write!(page, "</section>")
}

fn write_event(page: &mut String, event: &Event) -> Result {
    let time = event.at.to_string();
    write!(
        page,
        "<td class=\"time\" data-name=\"Time\" title=\"{}\">{}</td>",
        moment(event.at),
        Text(time.get(11..19).unwrap_or_default())
    )?;
    write!(page, "<td class=\"first\"><span class=\"what {0}\">{0}</span></td>", Text(&event.what))?;
    cell(page, "Address", event.address.as_deref().unwrap_or_default())?;
    cell(page, "Sending domain", event.domain.as_deref().unwrap_or_default())?;
    let class = event.class.map(|class| format!("{}: ", class.name())).unwrap_or_default();
    let reason = event.reason.as_deref().unwrap_or_default().replace('_', " ");
    cell(page, "Reason", &format!("{class}{reason}"))?;
    cell(page, "Details", &event.text.to_string())
}
