//! A snapshot is put together from a real database, and keeps addresses to itself unless told otherwise.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/store.rs"]
mod support;

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{Batch, Notification, Outcome, Series, Settled};
use bouncesvc::metrics::Metrics;
use bouncesvc::status::gather::{Context, snapshot};
use bouncesvc::status::page::render_page;
use bouncesvc::status::stats::render_stats;
use bouncesvc::status::{Process, Snapshot};
use bouncesvc::store::{Settings, Store, WaitingFilter};
use bouncesvc::tenant::{Endpoint, Tenant, Tenants, UrlTemplate};
use bouncesvc::types::Timestamp;
use std::time::Duration;
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
    let settle = |store: &mut Store, outcome| {
        let id = notification(store).id;
        store.commit(&Batch { settled: vec![Settled { id, at: at(9), outcome }], ..Batch::default() }, at(9)).unwrap();
    };
    settle(&mut store, Outcome::Parked { error: "the platform answered 404".to_owned() });
    let mails = vec![support::mail(99, vec![support::hard("other@c.example")])];
    store.commit(&Batch { mails, ..Batch::default() }, at(10)).unwrap();
    let id = store
        .reader()
        .notifications(&WaitingFilter { parked: Some(false), ..WaitingFilter::default() }, None, 1)
        .unwrap()
        .rows[0]
        .notification
        .id;
    let outcome = Outcome::Delivered { status: 200, body: String::new() };
    store.commit(&Batch { settled: vec![Settled { id, at: at(11), outcome }], ..Batch::default() }, at(11)).unwrap();
    let queue = &look(&store, at(30), true, None).queues[0];
    assert_eq!((queue.pending, queue.parked), (0, 1));
    assert_eq!(queue.last_error, Some((at(9), "the platform answered 404".to_owned())));
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

fn notification(store: &Store) -> Notification {
    store.reader().notifications(&WaitingFilter::default(), None, 1).unwrap().rows.remove(0).notification
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
fn a_snapshot_travels_as_json() {
    let (_dir, store) = filled(at(0));
    let found = look(&store, at(30), true, Some(&Metrics::new(at(0))));
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), found);
}
