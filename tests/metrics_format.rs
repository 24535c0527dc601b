//! `/metrics` keeps the rules of Prometheus' text format 0.0.4 and those that its own linter checks.
//!
//! The rules are checked here; where `promtool` is installed, it has a look, too.
#![allow(clippy::unwrap_used, reason = "a test")]

use bouncesvc::bounce::{Class, EnhancedStatus, Envelope, Kind, Reason, Recipient, Report};
use bouncesvc::change::{Effect, MailResult, Notification, Outcome, Queued};
use bouncesvc::metrics::Metrics;
use bouncesvc::policy::{Action, Finding};
use bouncesvc::status::prometheus::{Gauges, render};
use bouncesvc::status::{Process, Queue, Totals};
use bouncesvc::types::{Address, Domain, MessageId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[test]
fn a_fresh_process_and_a_busy_one_keep_the_rules() {
    let fresh =
        render(&Metrics::new(NOW), &Gauges { now: NOW, process: Process::default(), totals: None, queues: None });
    assert_eq!(problems(&fresh), Vec::<String>::new(), "{fresh}");
    let busy = busy();
    assert_eq!(problems(&busy), Vec::<String>::new(), "{busy}");
    for line in BUSY {
        assert!(
            busy.lines().any(|other| other.strip_prefix("bouncesvc_") == Some(line)),
            "{line} is missing in\n{busy}"
        );
    }
}

/// What dashboards and alerts of operators refer to.
const BUSY: &[&str] = &[
    "start_time_seconds 1800000000",
    "resident_memory_bytes 5000000",
    "cpu_seconds_total 1.25",
    "config_reloads_total{result=\"ok\"} 1",
    "config_reloads_total{result=\"failed\"} 0",
    "connections 3",
    "connections_accepted_total 1",
    "connections_refused_total{cause=\"network\"} 1",
    "messages_total{kind=\"bounce\"} 1",
    "message_bytes_total 4096",
    "messages_duplicate_total 1",
    "messages_deferred_total{code=\"451\"} 1",
    "messages_refused_total{cause=\"too_big\"} 1",
    "messages_bare_line_ends_total 1",
    "messages_unrecognised_total{cause=\"no_domain\"} 1",
    "quarantine_evicted_total 2",
    "failures_total{class=\"soft\",reason=\"blocked\"} 1",
    "actions_total{action=\"alert\"} 1",
    "escalations_total 1",
    "alerts_total{provider=\"provider.example\",reason=\"blocked\"} 1",
    "notification_attempts_total{domain=\"mydomain.example\",outcome=\"delivered\"} 1",
    "notification_attempts_total{domain=\"mydomain.example\",outcome=\"parked\"} 1",
    "notification_request_duration_seconds_count 1",
    "queue_notifications{domain=\"mydomain.example\",state=\"pending\"} 2",
    "queue_notifications{domain=\"mydomain.example\",state=\"parked\"} 1",
    "queue_oldest_age_seconds{domain=\"mydomain.example\"} 90",
    "commit_duration_seconds_bucket{le=\"0.0005\"} 1",
    "commit_duration_seconds_bucket{le=\"+Inf\"} 2",
    "commit_messages_total 3",
    "commit_failures_total 1",
    "database_bytes 10",
    "soft_counters 11",
    "history_entries 12",
    "unconfirmed_digests 13",
    "quarantine_messages 14",
    "quarantine_bytes 15",
    "archive_waiting_bytes 16",
];

#[test]
fn promtool_has_nothing_to_say() {
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut promtool) = promtool else { return println!("left out: promtool is not installed") };
    promtool.stdin.take().unwrap().write_all(busy().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn no_address_is_shown() {
    assert!(!busy().contains('@'));
}

#[test]
fn a_hostile_domain_stays_inside_its_label() {
    let queue = Queue { domain: "a\"} 1\nb\\ \u{202e}\u{1b}[0m".to_owned(), ..Queue::default() };
    let text = render(
        &Metrics::new(NOW),
        &Gauges { now: NOW, process: Process::default(), totals: None, queues: Some(&[queue]) },
    );
    assert_eq!(problems(&text), Vec::<String>::new(), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{1b}']));
}

#[test]
fn the_checker_sees_what_is_wrong() {
    for (text, problem) in [
        ("x 1\n", "sample without a family"),
        ("# HELP x_total a\n# TYPE x_total gauge\nx_total 1\n", "only counters end in _total"),
        ("# HELP x a\n# TYPE x counter\nx 1\n", "only counters end in _total"),
        ("# HELP x a\n# TYPE x gauge\nx 1\nx 2\n", "twice"),
        ("# HELP x a\n# TYPE x gauge\nx{y=\"a\"b\"} 2\n", "not a sample"),
        ("# HELP x_ms a\n# TYPE x_ms gauge\nx_ms 2\n", "unit"),
        (
            "# HELP x a\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n",
            "cumulative",
        ),
        ("# HELP x a\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_sum 1\nx_count 2\n", "+Inf"),
        ("# HELP x a\n# TYPE x gauge\nx 1", "end of line"),
    ] {
        assert!(problems(text).iter().any(|found| found.contains(problem)), "{text:?}: {:?}", problems(text));
    }
}

fn busy() -> String {
    let mut metrics = Metrics::new(NOW);
    metrics.connection_accepted(3);
    metrics.connection_refused("network");
    let (report, findings) = blocked();
    let escalated = MailResult::Applied(vec![Effect::Escalated(Queued::New(1)), Effect::Quarantined { evicted: 2 }]);
    metrics.mail(&report, &findings, 4096, &escalated, NOW);
    metrics.mail(&report, &findings, 4096, &MailResult::Duplicate, NOW);
    metrics.mail_deferred(451);
    metrics.mail_refused("too_big");
    metrics.line_ends(true);
    metrics.committed(2, Duration::from_micros(300));
    metrics.committed(1, Duration::from_secs(4));
    metrics.commit_failed();
    metrics.reloaded(true);
    metrics.attempts.request(Duration::from_millis(70));
    metrics.attempts.ended(&notification(), &Outcome::Delivered { status: 200, body: String::new() }, NOW);
    metrics.attempts.ended(&notification(), &Outcome::Parked { error: "404".to_owned() }, NOW);
    let oldest = Some(NOW.before(Duration::from_secs(90)));
    let queue = Queue { domain: "mydomain.example".to_owned(), pending: 2, parked: 1, oldest, ..Queue::default() };
    let process = Process { resident_octets: Some(5_000_000), cpu_seconds: Some(1.25) };
    let totals = Totals {
        file_octets: 10,
        counters: 11,
        history: 12,
        digests: 13,
        quarantine_mails: 14,
        quarantine_octets: 15,
        archive_octets: 16,
    };
    render(&metrics, &Gauges { now: NOW, process, totals: Some(&totals), queues: Some(&[queue]) })
}

fn blocked() -> (Report, Vec<Finding>) {
    let recipient = Recipient {
        address: Address::parse("evil-address@provider.example").unwrap(),
        final_recipient: None,
        class: Class::Soft,
        reason: Reason::Blocked,
        action: None,
        status: Some(EnhancedStatus { class: 5, subject: 7, detail: 1 }),
        reply: Some(550),
        remote_mta: None,
        diagnostic: None,
        rule: "dsn".to_owned(),
        evidence: String::new(),
    };
    let report = Report {
        kind: Kind::Bounce,
        recipients: vec![recipient],
        rule: "dsn".to_owned(),
        envelope: Envelope::default(),
        returned: None,
        problems: Vec::new(),
    };
    let about = |recipient, action, note| Finding { recipient, domain: None, action, change: None, note };
    (report, vec![about(Some(0), Some(Action::Alert), None), about(None, None, Some("no_domain"))])
}

fn notification() -> Notification {
    Notification {
        id: 1,
        idempotency_key: "key".to_owned(),
        domain: Domain::parse("mydomain.example").unwrap(),
        address: Address::parse("evil-address@provider.example").unwrap(),
        class: Class::Hard,
        reason: Reason::UserUnknown,
        status: None,
        diagnostic: None,
        count: 0,
        message_id: MessageId(1),
        created: NOW,
        tried_since: NOW,
        attempts: 0,
        next_attempt: NOW,
        last_error: None,
    }
}

/// A sample as read: its name, its labels and its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// What breaks the format or the linter's rules.
fn problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.ends_with('\n') {
        problems.push("the last line has no end of line".to_owned());
    }
    let mut families: Vec<(String, String, Vec<Sample>)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').filter(|(_, text)| !text.trim().is_empty()).map(|(name, _)| name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if help.take().as_deref() != Some(name) || families.iter().any(|(other, ..)| other == name) {
                problems.push(format!("{name} has no help of its own, or comes twice"));
            }
            problems.extend(name_problems(name, kind));
            families.push((name.to_owned(), kind.to_owned(), Vec::new()));
        } else if let Some(sample) = sample(line) {
            if !seen.insert((sample.0.clone(), sample.1.clone())) {
                problems.push(format!("{line} comes twice"));
            }
            match families.last_mut().filter(|(name, kind, _)| belongs(&sample.0, name, kind)) {
                Some((_, _, samples)) => samples.push(sample),
                None => problems.push(format!("{line} is a sample without a family")),
            }
        } else {
            problems.push(format!("{line} is not a sample"));
        }
    }
    for (name, kind, samples) in &families {
        if kind == "histogram" {
            problems.extend(histogram_problems(name, samples));
        }
    }
    problems
}

fn name_problems(name: &str, kind: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !is_name(name) || name.chars().any(char::is_uppercase) {
        problems.push(format!("{name} is not a name in snake case"));
    }
    if !matches!(kind, "counter" | "gauge" | "histogram") {
        problems.push(format!("{kind} is not a type"));
    }
    if name.ends_with("_total") != (kind == "counter") {
        problems.push(format!("{name}: only counters end in _total"));
    }
    let words: Vec<_> = name.split('_').collect();
    let units =
        ["ms", "s", "milliseconds", "microseconds", "minutes", "hours", "days", "kb", "mb", "kilobytes", "octets"];
    if words.iter().any(|word| units.contains(word)) {
        problems.push(format!("{name} has a unit that is not a base unit"));
    }
    if words.contains(&kind) || ["_bucket", "_sum", "_count"].iter().any(|suffix| name.ends_with(suffix)) {
        problems.push(format!("{name} has a reserved ending, or its type in its name"));
    }
    problems
}

fn belongs(sample: &str, family: &str, kind: &str) -> bool {
    match kind {
        "histogram" => ["_bucket", "_sum", "_count"].iter().any(|suffix| sample.strip_suffix(suffix) == Some(family)),
        _ => sample == family,
    }
}

fn histogram_problems(name: &str, samples: &[Sample]) -> Vec<String> {
    let mut problems = Vec::new();
    let buckets: Vec<_> = samples.iter().filter(|(sample, ..)| sample.ends_with("_bucket")).collect();
    let bounds: Vec<f64> = buckets.iter().map(|(_, labels, _)| labels["le"].parse().unwrap()).collect();
    let is_cumulative = buckets.windows(2).all(|pair| pair[0].2 <= pair[1].2);
    if !bounds.is_sorted() || !is_cumulative {
        problems.push(format!("{name} is not cumulative"));
    }
    let count = samples.iter().find(|(sample, ..)| sample.ends_with("_count")).map(|(_, _, value)| *value);
    let has_sum = samples.iter().any(|(sample, ..)| sample.ends_with("_sum"));
    if bounds.last() != Some(&f64::INFINITY) || buckets.last().map(|bucket| bucket.2) != count || !has_sum {
        problems.push(format!("{name} lacks +Inf, _sum or _count, or they differ"));
    }
    problems
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value_and_rest) = rest.split_once("=\"")?;
            let (value, after) = label_value(value_and_rest)?;
            if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => break rest = after.strip_prefix('}')?,
            }
        }
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    is_name(name).then(|| (name.to_owned(), labels, value))
}

/// The value up to its quote, and what follows.
fn label_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
