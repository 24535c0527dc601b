//! What each answer of a platform leads to.

use super::support::platform::{Answer, Platform, Request};
use super::support::queue::{Harness, MemoryQueue, quick, tenant};
use super::{HOUR, harness, outcome_of, retry_error};
use bouncesvc::change::Outcome;
use bouncesvc::notify::Settings;
use std::net::TcpListener;

#[test]
fn answers_that_try_again_would_not_change_are_parked_unless_they_mean_done() {
    for (status, done_statuses, parked) in
        [(404, &[][..], true), (410, &[404, 410], false), (400, &[404, 410], true), (302, &[], true)]
    {
        let platform = Platform::start(move |_| Answer::status(status).with_header("Location", "/elsewhere"));
        let mut tenant = tenant("a.de", &platform.template());
        tenant.done_statuses = done_statuses.to_vec();
        let outcome = outcome_of(tenant);
        assert_eq!(matches!(outcome, Outcome::Parked { .. }), parked, "{status}: {outcome:?}");
        assert_eq!(platform.requests().len(), 1, "{status}: a redirect was followed");
    }
}

#[test]
fn a_platform_that_wants_none_of_them_is_not_taken_for_down() {
    let platform = Platform::answering(400);
    let queue = MemoryQueue::default();
    for n in 0..10 {
        queue.push("a.de", &format!("a{n}@b.de"));
    }
    let settings = Settings { retry_delay_min: HOUR, retry_delay_max: HOUR, ..quick() };
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], settings);
    harness.run_until(|rows| rows.parked.len() == 10);
}

#[test]
fn a_domain_that_is_not_configured_is_parked() {
    let mut harness = Harness::start(MemoryQueue::default(), Vec::new(), quick());
    harness.push("gone.de", "evil@b.de");
    let outcome = harness.step();
    assert_eq!(outcome, Outcome::Parked { error: "the domain gone.de is not configured".to_owned() });
}

#[test]
fn faults_of_the_platform_are_tried_again_until_it_takes_the_notification() {
    let long_header = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (name, answer, error) in [
        ("500", Answer::status(500), "the platform answered 500"),
        ("503", Answer::status(503), "the platform answered 503"),
        ("401", Answer::status(401), "the platform answered 401"),
        ("408", Answer::status(408), "the platform answered 408"),
        ("silent", Answer::Silent, "no answer within 500ms"),
        ("closing", Answer::Close, "closed without an answer"),
        ("dripping", Answer::Drip("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(3)), "no answer within 500ms"),
        ("not HTTP", Answer::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), ""),
        ("broken off", Answer::Raw(b"HTTP/1.1 200".to_vec()), ""),
        ("too long a head", Answer::Raw(long_header.into_bytes()), ""),
    ] {
        let platform = Platform::start(move |_| answer.clone());
        let mut harness = harness(&platform);
        harness.push("a.de", "evil@b.de");
        let said = retry_error(harness.step());
        assert!(said.contains(error), "{name} led to {said:?}");
        platform.set_script(|_| Answer::status(200));
        harness.run_until(|rows| rows.delivered.len() == 1);
        let requests = platform.requests();
        let is_same = |request: &Request| request.header("idempotency-key") == Some("key-1");
        assert!(requests.iter().all(is_same), "{name}: the key changed");
    }
}

#[test]
fn a_body_without_an_end_takes_nothing_from_the_status() {
    for answer in [Answer::Endless, Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort".to_vec())] {
        let platform = Platform::start(move |_| answer.clone());
        let outcome = outcome_of(tenant("a.de", &platform.template()));
        let Outcome::Delivered { status: 200, body } = outcome else { panic!("{outcome:?}") };
        assert!(body.len() <= 1000);
    }
}

#[test]
fn a_platform_that_cannot_be_reached_is_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (template, error) in
        [(format!("http://{closed}/{{address}}"), "refused"), ("http://no-such-host.invalid/{address}".to_owned(), "")]
    {
        let said = retry_error(outcome_of(tenant("a.de", &template)));
        assert!(said.contains(error), "{said}");
    }
}

#[test]
fn the_platforms_retry_after_is_kept_to_up_to_the_longest_delay() {
    for (status, retry_after, seconds) in
        [(429, "120", 120), (503, "120", 120), (500, "120", 120), (429, "999999", 3600)]
    {
        let platform = Platform::start(move |_| Answer::status(status).with_header("Retry-After", retry_after));
        let settings = Settings { retry_delay_max: HOUR, ..quick() };
        let mut harness = Harness::start(MemoryQueue::default(), vec![tenant("a.de", &platform.template())], settings);
        harness.push("a.de", "evil@b.de");
        let settled = harness.next();
        let Outcome::Retry { next_attempt, .. } = settled.outcome else { panic!("{settled:?}") };
        assert_eq!(next_attempt.since(settled.at).as_secs(), seconds, "{status}");
    }
}
