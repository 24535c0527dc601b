//! The metrics in Prometheus' text format 0.0.4.
//!
//! Names follow its rules: a prefix, the unit (seconds, bytes) at the end, `_total` behind counters. A label that could
//! be anything (a domain) is escaped; no label is an address.

use crate::escape::Escaped;
use crate::metrics::{Histogram, Metrics};
use crate::status::{Process, Queue, Totals};
use crate::types::Timestamp;
use std::fmt::{Display, Write};
use std::time::Duration;

/// What is known beside the counters; each `None` leaves its gauges out.
pub struct Gauges<'a> {
    /// Now.
    pub now: Timestamp,
    /// Of the operating system.
    pub process: Process,
    /// How much is in the database.
    pub totals: Option<&'a Totals>,
    /// The queue of each sending domain.
    pub queues: Option<&'a [Queue]>,
}

/// The whole answer.
pub fn render(metrics: &Metrics, gauges: &Gauges<'_>) -> String {
    let mut text = Exposition { text: String::with_capacity(8 << 10) };
    process(&mut text, metrics, gauges);
    connections(&mut text, metrics);
    messages(&mut text, metrics);
    findings(&mut text, metrics);
    notifications(&mut text, metrics, gauges);
    database(&mut text, metrics, gauges);
    text.text
}

fn process(text: &mut Exposition, metrics: &Metrics, gauges: &Gauges<'_>) {
    let mut build = text.family("build_info", "gauge", "Always 1; the version of the running program.");
    build.sample(&[("version", env!("CARGO_PKG_VERSION")), ("revision", env!("BOUNCESVC_COMMIT"))], 1);
    let mut start = text.family("start_time_seconds", "gauge", "When the process started, since 1970.");
    start.sample(&[], metrics.started.seconds());
    if let Some(octets) = gauges.process.resident_octets {
        text.family("resident_memory_bytes", "gauge", "Resident memory of the process.").sample(&[], octets);
    }
    if let Some(seconds) = gauges.process.cpu_seconds {
        text.family("cpu_seconds_total", "counter", "Processor time of the process.").sample(&[], seconds);
    }
    let mut reloads = text.family("config_reloads_total", "counter", "Reloads of the configuration.");
    for (result, count) in &metrics.reloads {
        reloads.sample(&[("result", result)], count);
    }
}

fn connections(text: &mut Exposition, metrics: &Metrics) {
    let connections = &metrics.connections;
    text.family("connections", "gauge", "Open mail connections.").sample(&[], connections.open);
    let mut accepted = text.family("connections_accepted_total", "counter", "Mail connections that were accepted.");
    accepted.sample(&[], connections.accepted);
    let mut refused = text.family("connections_refused_total", "counter", "Mail connections that were turned away.");
    for (cause, count) in &connections.refused {
        refused.sample(&[("cause", cause)], count);
    }
}

fn messages(text: &mut Exposition, metrics: &Metrics) {
    let mut messages = text.family("messages_total", "counter", "Mails that were accepted, by kind.");
    for (kind, count) in &metrics.messages {
        messages.sample(&[("kind", kind)], count);
    }
    text.family("message_bytes_total", "counter", "Octets of these mails.").sample(&[], metrics.message_octets);
    let mut duplicates = text.family("messages_duplicate_total", "counter", "Redelivered mails that changed nothing.");
    duplicates.sample(&[], metrics.duplicates);
    let mut deferred =
        text.family("messages_deferred_total", "counter", "Mails that stayed at their sender, by reply.");
    for (code, count) in &metrics.deferred {
        deferred.sample(&[("code", &code.to_string())], count);
    }
    let mut refused =
        text.family("messages_refused_total", "counter", "Mails and recipients that were refused, by cause.");
    for (cause, count) in &metrics.mails_refused {
        refused.sample(&[("cause", cause)], count);
    }
    let mut bare =
        text.family("messages_bare_line_ends_total", "counter", "Mails that were taken with CR or LF outside of CRLF.");
    bare.sample(&[], metrics.bare_line_ends);
    let mut unrecognised =
        text.family("messages_unrecognised_total", "counter", "Mails that nobody could read or place, by cause.");
    for (cause, count) in &metrics.unrecognised {
        unrecognised.sample(&[("cause", cause)], count);
    }
    let mut evicted =
        text.family("quarantine_evicted_total", "counter", "Mails that left the quarantine to make room.");
    evicted.sample(&[], metrics.quarantine_evicted);
}

fn findings(text: &mut Exposition, metrics: &Metrics) {
    let mut failures = text.family("failures_total", "counter", "Failed recipients, by class and reason.");
    for ((class, reason), count) in &metrics.failures {
        failures.sample(&[("class", class.name()), ("reason", reason.name())], count);
    }
    let mut actions = text.family("actions_total", "counter", "What was done about failed recipients.");
    for (action, count) in &metrics.actions {
        actions.sample(&[("action", action)], count);
    }
    let mut escalations = text.family("escalations_total", "counter", "Soft counters that exceeded the threshold.");
    escalations.sample(&[], metrics.escalations);
    let mut alerts = text.family("alerts_total", "counter", "Failures that are ours, by receiving domain and reason.");
    for (provider, reason, count) in metrics.alerts.iter() {
        alerts.sample(&[("provider", provider), ("reason", reason.name())], count);
    }
}

fn notifications(text: &mut Exposition, metrics: &Metrics, gauges: &Gauges<'_>) {
    let results = metrics.attempts.results();
    let mut ended = text.family("notification_attempts_total", "counter", "Attempts to tell a platform, by their end.");
    for (domain, end, count) in results.ended.iter() {
        ended.sample(&[("domain", domain), ("outcome", end.name())], count);
    }
    text.histogram("notification_request_duration_seconds", "How long requests to platforms took.", &results.requests);
    let Some(queues) = gauges.queues else { return };
    let mut waiting = text.family("queue_notifications", "gauge", "Notifications that wait, by domain and state.");
    for queue in queues {
        waiting.sample(&[("domain", &queue.domain), ("state", "pending")], queue.pending);
        waiting.sample(&[("domain", &queue.domain), ("state", "parked")], queue.parked);
    }
    let mut oldest =
        text.family("queue_oldest_age_seconds", "gauge", "Age of the oldest pending notification; 0 without one.");
    for queue in queues {
        oldest.sample(&[("domain", &queue.domain)], Seconds(queue.age(gauges.now).unwrap_or_default()));
    }
}

fn database(text: &mut Exposition, metrics: &Metrics, gauges: &Gauges<'_>) {
    text.histogram("commit_duration_seconds", "How long transactions took, their sync included.", &metrics.commits);
    let mut mails = text.family("commit_messages_total", "counter", "Mails in committed transactions.");
    mails.sample(&[], metrics.committed_mails);
    let mut failures = text.family("commit_failures_total", "counter", "Transactions that failed.");
    failures.sample(&[], metrics.commit_failures);
    let Some(totals) = gauges.totals else { return };
    for (name, help, value) in [
        ("database_bytes", "Size of the database file.", totals.file_octets),
        ("soft_counters", "Soft counters in the database.", totals.counters),
        ("history_entries", "Past notifications in the database.", totals.history),
        ("unconfirmed_digests", "Mails whose sender has not yet shown that it got its 250.", totals.digests),
        ("quarantine_messages", "Mails in the quarantine.", totals.quarantine_mails),
        ("quarantine_bytes", "Octets in the quarantine.", totals.quarantine_octets),
        ("archive_waiting_bytes", "Octets of mails that wait to be archived.", totals.archive_octets),
    ] {
        text.family(name, "gauge", help).sample(&[], value);
    }
}

/// The text as it grows.
struct Exposition {
    text: String,
}

/// One metric with all its samples.
struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

// Writing to a String cannot fail, so the results of `write!` are dropped below.
impl Exposition {
    fn family<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Family<'a> {
        let _ = writeln!(self.text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
        Family { text: &mut self.text, name }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        let mut family = self.family(name, "histogram", help);
        for (bound, count) in histogram.cumulative() {
            family.part("_bucket", &[("le", &Seconds(bound).to_string())], count);
        }
        family.part("_bucket", &[("le", "+Inf")], histogram.count());
        family.part("_sum", &[], Seconds(histogram.sum()));
        family.part("_count", &[], histogram.count());
    }
}

impl Family<'_> {
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.part("", labels, value);
    }

    fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{PREFIX}{}{suffix}", self.name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }
}

const PREFIX: &str = "bouncesvc_";

/// A label value (backslash, quote and line feed are escaped), with what is harmful to a reader made visible before.
fn escaped(value: &str) -> String {
    Escaped(value).to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

/// Seconds as the format wants them.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}
