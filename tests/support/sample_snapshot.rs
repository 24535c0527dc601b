//! A week of a service that does its work, made up: for the picture in the README and for tests of the page.

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::metrics::Event;
use bouncesvc::status::{Counter, Live, Near, Process, Queue, Readiness, Slot, Snapshot, Times, Totals};
use bouncesvc::types::Timestamp;
use std::time::Duration;

/// 2026-11-20T15:37:20Z, a Friday.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_189_040_000);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Reasons, and how many of a thousand failures have them.
const REASONS: &[(Reason, u64)] = &[
    (Reason::UserUnknown, 310),
    (Reason::MailboxFull, 262),
    (Reason::Suspended, 88),
    (Reason::SpamDetected, 74),
    (Reason::HostUnknown, 61),
    (Reason::Blocked, 55),
    (Reason::Expired, 52),
    (Reason::MailboxDisabled, 41),
    (Reason::RateLimited, 29),
    (Reason::Greylisted, 16),
    (Reason::PolicyViolation, 12),
];

const RECEIVERS: &[(&str, u64)] = &[
    ("freemail.example", 301),
    ("big-provider.example", 214),
    ("webmail.example", 122),
    ("uni-nord.example", 83),
    ("telco.example", 71),
    ("post.example", 55),
    ("students.example", 42),
    ("corp-mail.example", 31),
    ("cable.example", 24),
    ("isp-sued.example", 19),
    ("others", 38),
];

/// Everything, with addresses.
pub fn snapshot() -> Snapshot {
    Snapshot {
        now: NOW,
        version: "0.1.0".to_owned(),
        live: Some(live()),
        totals: Totals {
            counters: 48_212,
            history: 9_377,
            digests: 3,
            quarantine_mails: 41,
            quarantine_octets: 611_204,
            archive_octets: 0,
            file_octets: 21_400_000,
        },
        minutes: (0..240).map(|ago| slot(ago, MINUTE, 60)).rev().collect(),
        hours: (0..168).map(|ago| slot(ago, HOUR, 1)).rev().collect(),
        queues: queues(),
        near: near(),
        events: events(),
        readiness: Readiness::default(),
    }
}

fn live() -> Live {
    let micros = Duration::from_micros;
    Live {
        started: NOW.before(75 * HOUR),
        connections: 14,
        connections_accepted: 61_337,
        connections_refused: 12,
        deferred: 0,
        duplicates: 7,
        commit_failures: 0,
        committed_mails: 64_002,
        commits: Times { count: 40_121, median: micros(1_000), p99: micros(5_000), longest: micros(38_112) },
        requests: Times { count: 4_418, median: micros(25_000), p99: micros(250_000), longest: micros(1_204_000) },
        process: Process { resident_octets: Some(6_912_000), cpu_seconds: Some(21.4) },
    }
}

/// What came in during the slot that began so many steps ago: more by day than by night, less at the weekend, and a campaign
/// on Wednesday.
fn slot(ago: u32, step: Duration, per_hour: u64) -> Slot {
    let millis = u64::try_from(step.as_millis()).unwrap_or(1);
    let start = Timestamp::from_millis((NOW.millis() / millis - u64::from(ago)) * millis);
    let hours = start.seconds() / 3600;
    let by_hour = [3, 2, 2, 2, 3, 5, 9, 16, 25, 31, 33, 30, 28, 29, 31, 29, 26, 22, 18, 15, 12, 9, 6, 4];
    let by_day = [8, 9, 10, 10, 7, 3, 3];
    let hour = usize::try_from(hours % 24).unwrap_or(0);
    // 1970 began on a Thursday.
    let weekday = usize::try_from((hours / 24 + 3) % 7).unwrap_or(0);
    let mut mails = by_hour[hour] * by_day[weekday] * 2;
    if weekday == 2 && (9..13).contains(&hour) {
        mails *= 3;
    }
    let noise = scramble(start.seconds());
    mails = mails * (70 + noise % 60) / 100 + noise % 2;
    fill(start, (mails + noise % per_hour) / per_hour, noise)
}

fn fill(start: Timestamp, mails: u64, noise: u64) -> Slot {
    let mut slot = Slot { start, received: mails + mails / 6, ..Slot::default() };
    for mail in 0..mails {
        let reason = pick(REASONS, scramble(noise ^ (mail << 8)));
        let class = match reason {
            Reason::UserUnknown | Reason::HostUnknown | Reason::MailboxDisabled => Class::Hard,
            _ => Class::Soft,
        };
        let receiver = pick(RECEIVERS, scramble(noise ^ (mail << 9) ^ 0x4d)).to_owned();
        if matches!(reason, Reason::Blocked | Reason::SpamDetected | Reason::RateLimited | Reason::PolicyViolation) {
            *slot.alerts.entry(receiver.clone()).or_default() += 1;
        }
        *slot.receivers.entry(receiver).or_default() += 1;
        *slot.reasons.entry(reason).or_default() += 1;
        *slot.classes.entry(class).or_default() += 1;
    }
    slot.escalated = mails / 30;
    slot.delivered = slot.classes.get(&Class::Hard).copied().unwrap_or_default() + slot.escalated;
    if noise.is_multiple_of(11) {
        slot.classes.insert(Class::Feedback, 1 + mails / 40);
        slot.reasons.insert(Reason::Complaint, 1 + mails / 40);
    }
    slot
}

fn pick<T: Copy>(table: &[(T, u64)], noise: u64) -> T {
    let mut left = noise % table.iter().map(|(_, weight)| weight).sum::<u64>();
    for (value, weight) in table {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *value,
        }
    }
    table[0].0
}

/// A number that looks random and is always the same.
fn scramble(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn queues() -> Vec<Queue> {
    let down = "connection refused: 10.0.4.17:443";
    vec![
        Queue {
            domain: "learn.example".to_owned(),
            pending: 23,
            parked: 0,
            oldest: Some(NOW.before(47 * MINUTE)),
            next_attempt: Some(NOW.after(3 * MINUTE)),
            last_error: Some((NOW.before(2 * MINUTE), down.to_owned())),
        },
        Queue { domain: "mydomain.example".to_owned(), ..Queue::default() },
        Queue {
            domain: "shop.example".to_owned(),
            pending: 1,
            parked: 2,
            oldest: Some(NOW.before(4 * Duration::from_secs(1))),
            next_attempt: Some(NOW),
            last_error: Some((NOW.before(26 * HOUR), "the platform answered 404".to_owned())),
        },
    ]
}

fn near() -> Near {
    let counter = |address: &str, domain: &str, count, reason, minutes| Counter {
        address: address.to_owned(),
        domain: domain.to_owned(),
        count,
        threshold: 3,
        reason,
        last_seen: NOW.before(minutes * MINUTE),
    };
    let counters = vec![
        counter("j.petersen@freemail.example", "learn.example", 3, Reason::MailboxFull, 12),
        counter("info@tischlerei-brandt.example", "mydomain.example", 3, Reason::MailboxFull, 51),
        counter("m.okafor@uni-nord.example", "learn.example", 3, Reason::Suspended, 190),
        counter("lena.w@webmail.example", "shop.example", 2, Reason::Expired, 7),
        counter("kontakt@verein-ost.example", "mydomain.example", 2, Reason::Greylisted, 33),
    ];
    Near { counters, more: 318, is_complete: true }
}

fn events() -> Vec<Event> {
    let event =
        |seconds, what: &'static str, address: &str, domain: &str, class, reason: &'static str, text: &str| Event {
            at: NOW.before(Duration::from_secs(seconds)),
            what: what.into(),
            address: Some(address.to_owned()).filter(|address| !address.is_empty()),
            domain: Some(domain.to_owned()).filter(|domain| !domain.is_empty()),
            class,
            reason: Some(reason.into()),
            text: text.to_owned().into(),
        };
    let (hard, soft) = (Some(Class::Hard), Some(Class::Soft));
    vec![
        event(3, "delivered", "t.nguyen@freemail.example", "mydomain.example", hard, "user_unknown", "HTTP 200"),
        event(4, "suspended", "t.nguyen@freemail.example", "mydomain.example", hard, "user_unknown", "5.1.1"),
        event(19, "counted", "lena.w@webmail.example", "shop.example", soft, "expired", "4.4.7, 2 of 3"),
        event(58, "alert", "r.costa@big-provider.example", "mydomain.example", soft, "blocked", "5.7.1"),
        event(
            120,
            "retry",
            "s.lind@telco.example",
            "learn.example",
            hard,
            "user_unknown",
            "connection refused: 10.0.4.17:443",
        ),
        event(121, "escalated", "s.lind@telco.example", "learn.example", soft, "mailbox_full", "5.2.2"),
        event(366, "dropped", "", "", None, "auto_reply", ""),
        event(371, "counted", "j.petersen@freemail.example", "learn.example", soft, "mailbox_full", "5.2.2, 3 of 3"),
        event(590, "quarantined", "", "", None, "unreadable", ""),
    ]
}
