//! The course of one notification, from its queue to its end.

use super::support::platform::{Answer, PATIENCE, Platform, Request};
use super::support::queue::{Harness, MemoryQueue, now, quick, tenant};
use super::{HOUR, harness, retry_error};
use bouncesvc::change::Outcome;
use bouncesvc::notify::Settings;
use bouncesvc::tenant::Tenants;
use std::io::Read as _;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn what_was_tried_long_enough_is_parked_also_without_an_attempt_of_its_own() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let queue = MemoryQueue::default();
    for n in 0..200 {
        let id = queue.push("a.de", &format!("old{n}@b.de"));
        queue.edit(id, |row| row.tried_since = now().before(8 * 24 * HOUR));
    }
    queue.push("a.de", "young@b.de");
    // The first attempt is the only one: all are given up for it, however many they are.
    let settings = Settings { retry_delay_min: HOUR, retry_delay_max: HOUR, ..quick() };
    let mut harness = Harness::start(queue, vec![tenant("a.de", &format!("http://{closed}/{{address}}"))], settings);
    harness.run_until(|rows| rows.parked.len() == 200);
    let rows = harness.queue.rows();
    assert!(
        rows.parked.iter().all(|(row, error)| row.address.as_str().starts_with("old") && error.contains("given up"))
    );
    assert_eq!(rows.pending.len(), 1);
}

#[test]
fn a_due_time_beyond_every_delay_comes_from_a_wrong_clock_and_is_due_now() {
    let platform = Platform::answering(200);
    let queue = MemoryQueue::default();
    let id = queue.push("a.de", "evil@b.de");
    queue.edit(id, |row| (row.next_attempt, row.tried_since) = (now().after(9000 * HOUR), now().after(9000 * HOUR)));
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], quick());
    assert!(matches!(harness.step(), Outcome::Delivered { .. }));
}

#[test]
fn a_row_is_not_sent_again_before_its_outcome_is_durable() {
    let platform = Platform::answering(500);
    let mut harness = harness(&platform);
    harness.push("a.de", "evil@b.de");
    let first = harness.next();
    // Other rows come and go while the first one still looks due.
    platform.set_script(|_| Answer::status(200));
    for n in 0..5 {
        harness.push("a.de", &format!("a{n}@b.de"));
        assert!(matches!(harness.step(), Outcome::Delivered { .. }));
    }
    let of_first = |requests: &[Request]| requests.iter().filter(|request| request.target.contains("evil")).count();
    assert_eq!(of_first(&platform.requests()), 1);
    harness.commit(&first);
    harness.run_until(|rows| rows.delivered.len() == 6);
    assert_eq!(of_first(&platform.requests()), 2);
}

#[test]
fn stopping_waits_for_the_answer_that_is_on_its_way() {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let platform = Platform::start(move |_| {
        let _ = released.lock().unwrap().recv();
        Answer::status(200)
    });
    let arrived = Arc::new(platform);
    let settings = Settings { request_time_max: HOUR, ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    let harness = Harness::start(queue, vec![tenant("a.de", &arrived.template())], settings);
    // The script holds the request back; it is under way once its connection was accepted.
    while arrived.connections() == 0 {
        std::thread::yield_now();
    }
    let stopping = std::thread::spawn(move || harness.stop(HOUR));
    release.send(()).unwrap();
    let outcomes = stopping.join().unwrap();
    assert_eq!(outcomes.len(), 1);
    assert!(matches!(outcomes[0].outcome, Outcome::Delivered { status: 200, .. }));
}

#[test]
fn stopping_breaks_off_a_request_that_takes_longer_than_the_grace() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let template = format!("http://{}/{{address}}", silent.local_addr().unwrap());
    let settings = Settings { request_time_max: HOUR, ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    let harness = Harness::start(queue, vec![tenant("a.de", &template)], settings);
    let (mut connection, _) = silent.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        connection.read_exact(&mut octet).unwrap();
        request.extend(octet);
    }
    assert_eq!(harness.stop(Duration::ZERO), []);
    assert_eq!(connection.read(&mut [0]).unwrap(), 0, "the connection stays open");
}

#[test]
fn a_new_configuration_holds_at_once_also_for_a_domain_that_is_down() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let slow = Settings { retry_delay_min: HOUR, retry_delay_max: 2 * HOUR, ..quick() };
    let old = tenant("a.de", &format!("http://{closed}/{{address}}"));
    let mut harness = Harness::start(MemoryQueue::default(), vec![old], slow.clone());
    harness.push("a.de", "evil@b.de");
    retry_error(harness.step());
    let platform = Platform::answering(200);
    let tenants = Arc::new(Tenants::new(vec![tenant("a.de", &platform.template())]));
    harness.notifier.reload(tenants, slow);
    harness.push("a.de", "later@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { .. }));
}
