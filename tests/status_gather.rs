//! A snapshot is put together from a real database, and keeps addresses to itself unless told otherwise.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/store.rs"]
mod support;

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{Batch, Notification, Outcome, Series, Settled};
use bouncesvc::metrics::Metrics;
use bouncesvc::status::answer::Question;
use bouncesvc::status::gather::{Context, snapshot};
use bouncesvc::status::http::Target;
use bouncesvc::status::page::render_page;
use bouncesvc::status::stats::render_stats;
use bouncesvc::status::{Process, Snapshot};
use bouncesvc::store::{Settings, Store, WaitingFilter};
use bouncesvc::tenant::{Endpoint, Tenant, Tenants, UrlTemplate};
use bouncesvc::types::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::disk::{Fault, MemoryDisk};
use support::{at, domain};

const QUEUE_AGE_MAX: Duration = Duration::from_secs(3600);

fn tenants() -> Tenants {
    Tenants::new(vec![Tenant {
        domain: domain("mydomain.example"),
        endpoint: Endpoint::Template(UrlTemplate::parse("http://localhost/{address}").unwrap()),
        headers: Vec::new(),
        json_body: false,
        done_statuses: Vec::new(),
        threshold: support::THRESHOLD,
        window: None,
        evidence: bouncesvc::evidence::Rules::default(),
    }])
}

/// A database in which one address stands at the threshold, one failed for good, and whose platform named it in an error.
fn filled(now: Timestamp) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("bounces.redb"), Settings::default()).unwrap();
    let three = ["Three.Times@b.example"; 3].map(support::soft);
    for (number, change) in
        (1..).zip(three.into_iter().chain([support::soft("once@b.example"), support::hard("gone@c.example")]))
    {
        let mails = vec![support::mail(number, vec![change])];
        let receiver = Series::Receiver("b.example".to_owned());
        let sums = vec![(Series::Received, 1), (receiver, 1), (Series::Class(Class::Soft), 1)];
        store.commit(&Batch { mails, sums, ..Batch::default() }, now).unwrap();
    }
    let id = store.reader().notifications(&WaitingFilter::default(), None, 1).unwrap().rows[0].notification.id;
    let error = "no route to http://x.example/gone%40c.example".to_owned();
    let outcome = Outcome::Retry { next_attempt: now.after(QUEUE_AGE_MAX), error };
    store.commit(&Batch { settled: vec![Settled { id, at: now, outcome }], ..Batch::default() }, now).unwrap();
    (dir, store)
}

fn look(store: &Store, now: Timestamp, show_addresses: bool, metrics: Option<&Metrics>) -> Snapshot {
    let tenants = tenants();
    let process = Process::default();
    let queue_age_max = QUEUE_AGE_MAX;
    snapshot(&store.reader(), &Context { now, metrics, process, tenants: &tenants, show_addresses, queue_age_max })
}

#[test]
fn all_that_the_database_knows_is_there() {
    let (_dir, store) = filled(at(0));
    let found = look(&store, at(30), true, None);
    assert_eq!(found.readiness.troubles, Vec::<String>::new());
    assert_eq!((found.totals.counters, found.queues[0].pending, found.queues[0].parked), (2, 1, 0));
    assert_eq!(found.queues[0].age(at(30)), Some(Duration::from_secs(30)));
    let near: Vec<_> = found.near.counters.iter().map(|counter| (counter.address.as_str(), counter.count)).collect();
    assert_eq!(near, [("Three.Times@b.example", 3)]);
    assert!(found.near.is_complete);
    assert_eq!((found.near.counters[0].threshold, found.near.counters[0].reason), (3, Reason::MailboxFull));
    let minute = &found.minutes[0];
    assert_eq!((minute.received, minute.receivers["b.example"], minute.classes[&Class::Soft]), (5, 5, 5));
    assert_eq!(found.hours[0].received, 5);
}

#[test]
fn a_parked_notification_shows_its_error_after_a_delivery_of_others() {
    let (_dir, mut store) = filled(at(0));
    settle(&mut store, 9, Outcome::Parked { error: "the platform answered 404".to_owned() });
    queue_another(&mut store);
    settle(&mut store, 11, Outcome::Delivered { status: 200, body: String::new() });
    let queue = &look(&store, at(30), true, None).queues[0];
    assert_eq!((queue.pending, queue.parked), (0, 1));
    assert_eq!(queue.last_error, Some((at(9), "the platform answered 404".to_owned())));
}

#[test]
fn a_later_failure_is_shown_before_the_error_of_a_parked_notification() {
    let (_dir, mut store) = filled(at(0));
    settle(&mut store, 9, Outcome::Parked { error: "the platform answered 404".to_owned() });
    queue_another(&mut store);
    settle(&mut store, 12, Outcome::Retry { next_attempt: at(99), error: "no route".to_owned() });
    assert_eq!(look(&store, at(30), true, None).queues[0].last_error, Some((at(12), "no route".to_owned())));
}

#[test]
fn near_are_counters_that_one_bounce_more_or_two_exceed_the_nearest_first() {
    let (_dir, mut store) = filled(at(0));
    for number in 0..14 {
        for time in 1..=2 {
            let mails =
                vec![support::mail(100 + 2 * number + time, vec![support::soft(&format!("n{number}@b.example"))])];
            store.commit(&Batch { mails, ..Batch::default() }, at(10 * number + time)).unwrap();
        }
    }
    let near = look(&store, at(300), true, None).near;
    let shown: Vec<_> = near.counters.iter().map(|counter| counter.address.as_str()).collect();
    assert_eq!(shown[..3], ["Three.Times@b.example", "n13@b.example", "n12@b.example"]);
    assert_eq!((shown.len(), near.more), (12, 3), "and not the one that was counted once");
}

#[test]
fn minutes_are_shown_for_hours_and_hours_for_days() {
    const HOUR: u64 = 3600;
    let (_dir, store) = filled(at(0));
    for (hours, minutes_shown, hours_shown) in [(3, 1, 1), (5, 0, 1), (6 * 24, 0, 1), (8 * 24, 0, 0)] {
        let found = look(&store, at(hours * HOUR), true, None);
        assert_eq!((found.minutes.len(), found.hours.len()), (minutes_shown, hours_shown), "{hours} h");
    }
}

#[test]
fn addresses_stay_hidden_unless_they_may_be_shown() {
    let (_dir, store) = filled(at(0));
    let mut metrics = Metrics::new(at(0));
    metrics.attempts.ended(&notification(&store), &Outcome::Parked { error: "gone@c.example: 404".to_owned() }, at(5));
    metrics.committed(1, Duration::from_millis(1));
    for (show, shown) in [(false, false), (true, true)] {
        let found = look(&store, at(30), show, Some(&metrics));
        let text = [render_page(&found), render_stats(&found), serde_json::to_string(&found).unwrap()].concat();
        for part in ["Three.Times", "gone@", "gone%40"] {
            assert_eq!(text.contains(part), shown, "{part}");
        }
        assert!(text.contains("…@b.example") != shown);
    }
}

/// The first that is pending.
fn notification(store: &Store) -> Notification {
    let pending = WaitingFilter { parked: Some(false), ..WaitingFilter::default() };
    store.reader().notifications(&pending, None, 1).unwrap().rows.remove(0).notification
}

/// Ends an attempt at the first that is pending.
fn settle(store: &mut Store, seconds: u64, outcome: Outcome) {
    let settled = vec![Settled { id: notification(store).id, at: at(seconds), outcome }];
    store.commit(&Batch { settled, ..Batch::default() }, at(seconds)).unwrap();
}

fn queue_another(store: &mut Store) {
    let mails = vec![support::mail(99, vec![support::hard("other@c.example")])];
    store.commit(&Batch { mails, ..Batch::default() }, at(10)).unwrap();
}

#[test]
fn an_old_notification_or_a_failing_disk_makes_it_not_ready() {
    let (_dir, store) = filled(at(0));
    assert!(look(&store, at(3600), false, None).readiness.is_ready());
    let troubles = look(&store, at(3601), false, None).readiness.troubles;
    assert_eq!(troubles, ["the oldest pending notification of mydomain.example is 1 h old"]);
    let mut metrics = Metrics::new(at(0));
    metrics.commit_failed();
    assert_eq!(look(&store, at(1), false, Some(&metrics)).readiness.troubles, ["the database takes no writes"]);
    metrics.committed(1, Duration::ZERO);
    assert!(look(&store, at(1), false, Some(&metrics)).readiness.is_ready());
}

#[test]
fn a_database_that_cannot_be_read_is_told_once_and_makes_it_not_ready() {
    let disk = MemoryDisk::new(Fault::PowerLoss);
    let mut store = Store::open_on(disk.source(), Path::new("in memory"), Settings::default()).unwrap();
    disk.break_at(1);
    let mails = vec![support::mail(1, vec![support::soft("a@b.example")])];
    assert!(store.commit(&Batch { mails, ..Batch::default() }, at(1)).is_err());
    let troubles = look(&store, at(2), false, None).readiness.troubles;
    assert!(troubles.len() == 1 && troubles[0].starts_with("the database cannot be read: "), "{troubles:?}");
    let question = Question {
        target: Target::Ready,
        now: at(2),
        metrics: Metrics::new(at(0)),
        process: Process::default(),
        tenants: Arc::new(tenants()),
        show_addresses: false,
        queue_age_max: QUEUE_AGE_MAX,
    };
    let answer = question.answer(&store.reader());
    assert_eq!((answer.status, answer.body), (503, format!("{}\n", troubles[0])));
}

#[test]
fn a_snapshot_travels_as_json() {
    let (_dir, store) = filled(at(0));
    let found = look(&store, at(30), true, Some(&Metrics::new(at(0))));
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), found);
}
