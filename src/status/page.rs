//! The page to look at: [`render_page`], one HTML document with its styles and plots inside and no script.
//!
//! Numbers come first, then what came in over time, then lists. It loads itself anew each minute. Times are UTC.

mod html;
mod plot;
mod tables;

use super::summary::{sum, top};
use super::words::{number, octets, short, span};
use super::{Live, Slot, Snapshot};
use crate::bounce::{Class, Reason};
use crate::types::Timestamp;
use html::Text;
use plot::{Plot, Series};
use std::fmt::{self, Write};
use std::time::Duration;

/// What the page may do: show itself. Its styles are allowed by their hash.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-ynFrsUHUuGT53DjCNFfjE0tUvSPsLjO/IUuuz8EM+5o='; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const STYLE: &str = include_str!("page/style.css");

/// The colours of a plot; of more reasons than that, the rest share the last.
const COLOURS: usize = 7;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The whole document.
pub fn render_page(snapshot: &Snapshot) -> String {
    let mut page = String::with_capacity(128 << 10);
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, snapshot);
    page
}

fn write_page(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>bouncesvc</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"60\"><style>{STYLE}</style></head><body>"
    )?;
    write_head(page, snapshot)?;
    page.push_str("<main>");
    write_troubles(page, snapshot)?;
    write_tiles(page, snapshot)?;
    write_plots(page, snapshot)?;
    let day = snapshot.hours_between(DAY, Duration::ZERO);
    page.push_str("<div class=\"grid\">");
    tables::write_reasons(page, &day)?;
    tables::write_receivers(page, &day)?;
    page.push_str("</div>");
    tables::write_queues(page, snapshot)?;
    tables::write_near(page, snapshot)?;
    tables::write_events(page, snapshot)?;
    write_facts(page, snapshot)?;
    page.push_str("</main><footer>Times are UTC. For machines: <a href=\"/metrics\">metrics</a>, ");
    page.push_str("<a href=\"/healthz\">healthz</a>, <a href=\"/readyz\">readyz</a></footer></body></html>\n");
    Ok(())
}

fn write_head(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let (class, state) = if snapshot.readiness.is_ready() { ("pill", "ready") } else { ("pill bad", "not ready") };
    write!(page, "<header><h1>bouncesvc</h1><span class=\"{class}\">{state}</span><p class=\"sub\">")?;
    write!(page, "{}, version {}", moment(snapshot.now), Text(&snapshot.version))?;
    if let Some(live) = &snapshot.live {
        write!(page, ", running for {}", span(snapshot.now.since(live.started)))?;
    }
    write!(page, "</p></header>")
}

fn write_troubles(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    if snapshot.readiness.is_ready() {
        return Ok(());
    }
    write!(page, "<ul class=\"troubles\" role=\"alert\">")?;
    for trouble in &snapshot.readiness.troubles {
        write!(page, "<li>{}</li>", Text(trouble))?;
    }
    write!(page, "</ul>")
}

/// One large number, with what it means above and one line more below.
struct Tile<'a> {
    name: &'a str,
    value: u64,
    more: String,
    is_bad: bool,
}

fn write_tiles(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let day = snapshot.hours_between(DAY, Duration::ZERO);
    let day_before = snapshot.hours_between(2 * DAY, DAY);
    let hour = snapshot.minutes_within(HOUR);
    let class = |slot: &Slot, class| slot.classes.get(&class).copied().unwrap_or_default();
    let pending = snapshot.queues.iter().map(|queue| queue.pending).sum();
    let parked = snapshot.queues.iter().map(|queue| queue.parked).sum();
    let oldest = snapshot.queues.iter().filter_map(|queue| queue.age(snapshot.now)).max();
    let tiles = [
        (
            "Mails, 24 h",
            day.received,
            format!("{} in the last hour{}", number(hour.received), trend(&day, &day_before)),
        ),
        ("Hard, 24 h", class(&day, Class::Hard), format!("{} in the last hour", number(class(&hour, Class::Hard)))),
        ("Soft, 24 h", class(&day, Class::Soft), format!("{} escalated to hard", number(day.escalated))),
        ("Platform told, 24 h", day.delivered, format!("{} in the last hour", number(hour.delivered))),
        (
            "Pending",
            pending,
            oldest.map_or_else(|| "nothing waits".to_owned(), |age| format!("the oldest {}", span(age))),
        ),
        ("Parked", parked, if parked == 0 { "nothing was given up" } else { "wait for an operator" }.to_owned()),
    ];
    write!(page, "<div class=\"tiles\">")?;
    for (name, value, more) in tiles {
        let is_bad = name == "Parked" && value > 0;
        write!(page, "{}", Tile { name, value, more, is_bad })?;
    }
    write!(page, "</div>")
}

impl fmt::Display for Tile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.is_bad { "card tile bad" } else { "card tile" };
        let (name, value, more) = (self.name, number(self.value), &self.more);
        write!(f, "<div class=\"{class}\"><p class=\"name\">{name}</p><p class=\"big\">{value}</p>")?;
        write!(f, "<p class=\"more\">{more}</p></div>")
    }
}

/// How a day compares with the one before, where that tells anything.
fn trend(day: &Slot, day_before: &Slot) -> String {
    if day_before.received < 20 {
        return String::new();
    }
    let percent = day.received.abs_diff(day_before.received).saturating_mul(100) / day_before.received;
    let direction = if day.received >= day_before.received { "+" } else { "−" };
    format!("<br>{direction}{} % day on day", number(percent))
}

fn write_plots(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let minutes = Columns::new(&snapshot.minutes, snapshot.now, MINUTE, 240);
    // A minute has too few failures to show many reasons.
    let five_minutes = Columns::new(&snapshot.minutes, snapshot.now, 5 * MINUTE, 48);
    let hours = Columns::new(&snapshot.hours, snapshot.now, HOUR, 168);
    write!(page, "<div class=\"grid\">")?;
    write!(page, "{}", minutes.plot("Failures per minute by class, 4 hours", minutes.by_class(), 5))?;
    write!(page, "{}", five_minutes.plot("Failures per 5 minutes by reason, 4 hours", five_minutes.by_reason(), 1))?;
    write!(page, "{}", hours.plot("Failures per hour by class, 7 days", hours.by_class(), 1))?;
    write!(page, "{}", hours.plot("Failures per hour by reason, 7 days", hours.by_reason(), 1))?;
    write!(page, "</div>")
}

/// Slots, each in its column.
struct Columns<'a> {
    start: Timestamp,
    step: Duration,
    /// Those of each column.
    slots: Vec<Vec<&'a Slot>>,
}

impl<'a> Columns<'a> {
    /// The last `columns` up to and with the one in which `now` lies.
    fn new(slots: &'a [Slot], now: Timestamp, step: Duration, columns: usize) -> Self {
        let millis = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        let last = now.millis() / millis;
        let first = (last + 1).saturating_sub(columns as u64);
        let mut columns = vec![Vec::new(); columns];
        for slot in slots {
            let column =
                (slot.start.millis() / millis).checked_sub(first).and_then(|column| usize::try_from(column).ok());
            if let Some(place) = column.and_then(|column| columns.get_mut(column)) {
                place.push(slot);
            }
        }
        Self { start: Timestamp::from_millis(first * millis), step, slots: columns }
    }

    fn plot<'t>(&self, title: &'t str, series: Vec<Series>, columns_per_title: usize) -> Plot<'t> {
        Plot { title, start: self.start, step: self.step, columns: self.slots.len(), columns_per_title, series }
    }

    fn by_class(&self) -> Vec<Series> {
        let classes = [(Class::Hard, "hard", 1), (Class::Soft, "soft", 2), (Class::Feedback, "complaints", 3)];
        let series = classes.map(|(class, name, colour)| {
            self.series(name.to_owned(), colour, |slot| slot.classes.get(&class).copied().unwrap_or_default())
        });
        series.into_iter().filter(|series| series.values.iter().any(|value| *value > 0)).collect()
    }

    fn by_reason(&self) -> Vec<Series> {
        let total = sum(self.slots.iter().flatten().copied());
        let mut reasons: Vec<_> = top(&total.reasons, usize::MAX).0.into_iter().map(|(reason, _)| reason).collect();
        let others = if reasons.len() > COLOURS { reasons.split_off(COLOURS - 1) } else { Vec::new() };
        let count = |slot: &Slot, reason: &Reason| slot.reasons.get(reason).copied().unwrap_or_default();
        let of_one = |(reason, colour): (&Reason, _)| self.series(words(*reason), colour, |slot| count(slot, reason));
        let mut series: Vec<_> = reasons.iter().zip(1..).map(of_one).collect();
        if !others.is_empty() {
            let of_others = |slot: &Slot| others.iter().map(|reason| count(slot, reason)).sum();
            series.push(self.series("others".to_owned(), COLOURS, of_others));
        }
        series
    }

    fn series(&self, name: String, colour: usize, value: impl Fn(&Slot) -> u64) -> Series {
        Series {
            name,
            colour,
            values: self.slots.iter().map(|slots| slots.iter().map(|slot| value(slot)).sum()).collect(),
        }
    }
}

fn write_facts(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    write!(page, "<section class=\"card wide\"><h2>The service</h2><dl class=\"facts\">")?;
    for (name, value) in snapshot.live.as_ref().map(live_facts).unwrap_or_default() {
        write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    let totals = &snapshot.totals;
    for (name, value) in [
        ("Database", octets(totals.file_octets)),
        ("Soft counters", number(totals.counters)),
        ("Past notifications", number(totals.history)),
        ("Quarantine", format!("{} mails, {}", number(totals.quarantine_mails), octets(totals.quarantine_octets))),
    ] {
        write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    write!(page, "</dl></section>")
}

/// Since the start of the process.
fn live_facts(live: &Live) -> Vec<(&'static str, String)> {
    let times = |times: super::Times| match times.count {
        0 => "none yet".to_owned(),
        _ => format!("{} median, {} p99", short(times.median), short(times.p99)),
    };
    let refused = number(live.connections_refused);
    vec![
        ("Connections", format!("{} open, {refused} refused", number(live.connections))),
        ("Transactions", times(live.commits)),
        ("Requests to platforms", times(live.requests)),
        ("Memory", live.process.resident_octets.map_or_else(|| "unknown".to_owned(), octets)),
        ("Left at their sender (451, 452)", format!("{} mails", number(live.deferred))),
        ("Redelivered", format!("{} mails", number(live.duplicates))),
        ("Failed transactions", number(live.commit_failures)),
        (
            "Processor time",
            live.process.cpu_seconds.map_or_else(|| "unknown".to_owned(), |used| short(Duration::from_secs_f64(used))),
        ),
    ]
}

/// `user unknown`.
fn words(reason: Reason) -> String {
    reason.name().replace('_', " ")
}

/// `2026-11-21 04:05`.
fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).map_or_else(|| text.clone(), |minutes| minutes.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::digest::{SHA256, digest};

    /// RFC 4648 §4, for lengths that leave two octets over, as SHA-256's does.
    fn base64(octets: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |group: u32, shift: u32| char::from(DIGITS[(group >> shift & 63) as usize]);
        let mut text = String::new();
        for chunk in octets.chunks(3) {
            let group = chunk.iter().fold(0, |group, octet| group << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
            text.extend([18, 12, 6, 0].map(|shift| digit(group, shift)));
        }
        text.replace_range(text.len() - 1.., "=");
        text
    }

    #[test]
    fn the_policy_allows_the_styles_of_the_page() {
        let hash = base64(digest(&SHA256, STYLE.as_bytes()).as_ref());
        assert!(CONTENT_SECURITY_POLICY.contains(&format!("'sha256-{hash}'")), "the hash is now sha256-{hash}");
    }

    #[test]
    fn the_last_column_is_the_one_that_is_filling() {
        let now = Timestamp::from_millis(10 * 3_600_000 + 1);
        let slot =
            |hour: u64| Slot { start: Timestamp::from_millis(hour * 3_600_000), received: hour, ..Slot::default() };
        let slots: Vec<_> = [6, 7, 9, 10, 10, 11].map(slot).into();
        let columns = Columns::new(&slots, now, HOUR, 4);
        let received: Vec<_> = columns.slots.iter().map(|slots| sum(slots.iter().copied()).received).collect();
        assert_eq!(received, [7, 0, 9, 20]);
    }
}
