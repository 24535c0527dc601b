//! The notifier against a platform that answers as each test says: what is sent, what each answer leads to, what an outage does.
//!
//! Nothing here measures time: delays are set to milliseconds, and each test waits for what must come.

mod support;

use bouncesvc::change::Outcome;
use bouncesvc::notify::{ArchiveJob, Settings};
use bouncesvc::tenant::{Endpoint, Tenant, Tenants};
use bouncesvc::types::{Address, Secret};
use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::platform::{Answer, Platform, Request};
use support::queue::{Harness, MemoryQueue, TurnedClocks, now, quick, tenant};

const HOUR: Duration = Duration::from_secs(3600);

/// One domain, `a.de`, at `platform`.
fn harness(platform: &Platform) -> Harness {
    Harness::start(MemoryQueue::default(), vec![tenant("a.de", &platform.template())], quick())
}

/// The first outcome of a notification at a platform that does this.
fn outcome_of(tenant: Tenant) -> Outcome {
    let domain = tenant.domain.to_string();
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant], quick());
    harness.push(&domain, "evil@b.de");
    harness.step()
}

fn retry_error(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { error, .. } => error,
        other => panic!("no retry: {other:?}"),
    }
}

#[test]
fn a_post_has_the_encoded_address_no_body_and_our_header_fields() {
    let platform = Platform::answering(200);
    let mut tenant = tenant("a.de", &platform.template());
    tenant.headers = vec![("Authorization".to_owned(), Secret::new("Bearer x".to_owned()))];
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant], quick());
    harness.push("a.de", "Evil+tag@example.com");
    assert_eq!(harness.step(), Outcome::Delivered { status: 200, body: "answer 200".to_owned() });

    let requests = platform.requests();
    let [request] = requests.as_slice() else { panic!("one request, not {requests:?}") };
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/emails/Evil%2Btag%40example.com/suspend")
    );
    assert_eq!(request.header("content-length"), Some("0"));
    assert_eq!(request.header("idempotency-key"), Some("key-1"));
    assert_eq!(request.header("user-agent"), Some(concat!("bouncesvc/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("authorization"), Some("Bearer x"));
    assert_eq!(request.header("host"), Some(platform.address().to_string().as_str()));
}

#[test]
fn a_json_body_says_what_is_known() {
    let platform = Platform::answering(204);
    let mut tenant = tenant("a.de", &platform.template());
    tenant.json_body = true;
    let queue = MemoryQueue::default();
    let id = queue.push("a.de", "evil@b.de");
    queue.edit(id, |row| row.diagnostic = Some("550 \"no\"\nsuch user".to_owned()));
    Harness::start(queue, vec![tenant], quick()).step();

    let request = &platform.requests()[0];
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["address"], "evil@b.de");
    assert_eq!(body["domain"], "a.de");
    assert_eq!(body["class"], "hard");
    assert_eq!(body["reason"], "user_unknown");
    assert_eq!(body["status"], serde_json::Value::Null);
    assert_eq!(body["diagnostic"], "550 \"no\"\nsuch user");
    assert_eq!(body["count"], 0);
    assert_eq!(body["message_id"], "0000000001");
    assert!(body["time"].as_str().unwrap().ends_with('Z'));
}

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
fn a_host_may_be_an_ipv6_literal() {
    let Some(platform) = Platform::start_ipv6(|_| Answer::status(200)) else {
        eprintln!("left out: this machine has no IPv6");
        return;
    };
    let outcome = outcome_of(tenant("a.de", &platform.template()));
    assert!(matches!(outcome, Outcome::Delivered { status: 200, .. }), "{outcome:?}");
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

#[test]
fn hanging_platforms_hold_up_no_other() {
    let hanging = Platform::start(|_| Answer::Silent);
    let good = Platform::answering(200);
    let mut tenants: Vec<_> = (0..50).map(|n| tenant(&format!("hanging{n}.de"), &hanging.template())).collect();
    tenants.push(tenant("good.de", &good.template()));
    let queue = MemoryQueue::default();
    for n in 0..50 {
        queue.push(&format!("hanging{n}.de"), &format!("a{n}@b.de"));
        queue.push(&format!("hanging{n}.de"), &format!("b{n}@b.de"));
    }
    for n in 0..300 {
        queue.push("good.de", &format!("a{n}@b.de"));
    }
    // A hanging request outlasts the test: what is delivered is delivered beside it.
    let mut harness = Harness::start(queue, tenants, Settings { request_time_max: HOUR, ..quick() });
    harness.run_until(|rows| rows.delivered.len() == 300);
    assert!(hanging.requests().len() <= 8, "probes had more than half of the workers");
    assert!(harness.stop(Duration::ZERO).is_empty());
}

#[test]
fn a_long_backlog_of_one_domain_starves_no_other_also_with_a_single_worker() {
    let platform = Platform::answering(200);
    let queue = MemoryQueue::default();
    for n in 0..50 {
        queue.push("a.de", &format!("a{n}@b.de"));
    }
    queue.push("b.de", "other@b.de");
    let tenants = ["a.de", "b.de"].map(|domain| tenant(domain, &platform.template())).to_vec();
    let mut harness = Harness::start(queue, tenants, Settings { workers_max: 1, ..quick() });
    harness.run_until(|rows| rows.pending.is_empty());
    let turn = platform.requests().iter().position(|request| request.target.contains("other")).unwrap();
    assert!(turn < 3, "{turn} of the other domain came first");
}

#[test]
fn a_backlog_drains_at_full_speed_once_the_platform_is_back() {
    let reserved = Platform::answering(200);
    let address = reserved.address();
    drop(reserved);
    let queue = MemoryQueue::default();
    for n in 0..300 {
        queue.push("a.de", &format!("a{n}@b.de"));
    }
    let template = format!("http://{address}/{{address}}");
    let mut harness = Harness::start(queue, vec![tenant("a.de", &template)], quick());
    for _ in 0..5 {
        retry_error(harness.step());
    }
    let platform = Platform::start_at(address, |_| Answer::status(200));
    harness.run_until(|rows| rows.delivered.len() == 300);
    let failed = harness.history.iter().filter(|settled| matches!(settled.outcome, Outcome::Retry { .. })).count();
    assert!(failed < 20, "{failed} attempts failed: the outage was not left to one probe at a time");
    assert_eq!(platform.requests().len(), 300);
}

#[test]
fn a_notification_that_always_fails_stops_neither_its_domain_nor_itself() {
    let platform = Platform::start(|request| Answer::status(if request.target.contains("poison") { 500 } else { 200 }));
    let queue = MemoryQueue::default();
    let poison = queue.push("a.de", "poison@b.de");
    for n in 0..50 {
        queue.push("a.de", &format!("a{n}@b.de"));
    }
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], quick());
    harness.run_until(|rows| rows.delivered.len() == 50 && rows.pending[&poison].attempts >= 4);
    harness.push("a.de", "later@b.de");
    harness.run_until(|rows| rows.delivered.len() == 51);
}

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
fn a_backlog_shares_connections() {
    let platform = Platform::answering(200);
    let queue = MemoryQueue::default();
    for n in 0..400 {
        queue.push("a.de", &format!("a{n}@b.de"));
    }
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], quick());
    harness.run_until(|rows| rows.delivered.len() == 400);
    let connections: std::collections::HashSet<_> =
        platform.requests().iter().map(|request| request.connection).collect();
    assert!(connections.len() < 100, "{} connections for 400 requests", connections.len());
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
fn a_dry_run_sends_nothing_and_counts_as_done() {
    let platform = Platform::answering(500);
    let settings = Settings { dry_run: true, ..quick() };
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant("a.de", &platform.template())], settings);
    harness.push("a.de", "evil@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { status: 0, .. }));
    assert_eq!(platform.requests(), []);
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

/// A platform that says itself where it is told, with this `Cache-Control`.
fn xikolo(platform: &Platform, template: &str, cache_control: &str) -> Tenant {
    let object = format!("{{\"email_suspensions_url\": {template:?}}}");
    let cache_control = cache_control.to_owned();
    platform.set_script(move |request| match request.method.as_str() {
        "GET" => Answer::json(&object).with_header("Cache-Control", &cache_control),
        _ => Answer::status(200),
    });
    let endpoint = Endpoint::Xikolo { base_url: format!("{}/", platform.url()), allowed_hosts: Vec::new() };
    Tenant { endpoint, ..tenant("a.de", &platform.template()) }
}

fn gets(platform: &Platform) -> usize {
    platform.requests().iter().filter(|request| request.method == "GET").count()
}

#[test]
fn a_xikolo_platform_is_asked_where_it_is_told_and_the_answer_is_kept() {
    for (cache_control, expected_gets) in [("max-age=600", 1), ("public", 1), ("no-store", 3), ("max-age=0", 3)] {
        let platform = Platform::answering(200);
        let tenant = xikolo(&platform, &format!("{}/told/{{address}}", platform.url()), cache_control);
        let mut harness = Harness::start(MemoryQueue::default(), vec![tenant], quick());
        for n in 0..3 {
            harness.push("a.de", &format!("a{n}@b.de"));
            assert!(matches!(harness.step(), Outcome::Delivered { .. }));
        }
        assert_eq!(gets(&platform), expected_gets, "{cache_control}");
        let posts = platform.requests().into_iter().filter(|request| request.method == "POST");
        assert!(posts.into_iter().all(|request| request.target.starts_with("/told/a")));
    }
}

#[test]
fn a_xikolo_platform_cannot_send_us_elsewhere_unless_the_operator_allows_it() {
    let platform = Platform::answering(200);
    let mut tenant = xikolo(&platform, "http://localhost:1/{address}", "");
    assert!(retry_error(outcome_of(tenant.clone())).contains("allowed_hosts"));
    let Endpoint::Xikolo { allowed_hosts, .. } = &mut tenant.endpoint else { unreachable!() };
    *allowed_hosts = vec!["LOCALHOST".to_owned()];
    assert!(retry_error(outcome_of(tenant)).contains("refused"));
}

#[test]
fn a_xikolo_platform_with_a_broken_answer_is_tried_again() {
    for answer in
        [Answer::status(500), Answer::status(302), Answer::json("{}"), Answer::json("<html>"), Answer::Endless]
    {
        let platform = Platform::answering(200);
        let tenant = xikolo(&platform, "unused", "");
        platform.set_script(move |_| answer.clone());
        let error = retry_error(outcome_of(tenant));
        assert!(error.starts_with(&platform.url()), "{error}");
    }
}

fn unzipped(path: &Path) -> Vec<u8> {
    let mut mail = Vec::new();
    let file = File::open(path).expect("a file");
    flate2::read::GzDecoder::new(file).read_to_end(&mut mail).expect("a whole gzip file");
    mail
}

#[test]
fn mails_behind_suspensions_are_archived_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let platform = Platform::answering(200);
    let settings = Settings { archive_dir: Some(dir.path().join("archive")), ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    for (id, mail) in [(101, b"one"), (102, b"two")] {
        let address = Address::parse("evil@b.de").unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: mail.to_vec() });
    }
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], settings);
    harness.run_until(|rows| rows.archive.is_empty() && rows.delivered.len() == 1);
    let folder = dir.path().join("archive/ev");
    assert_eq!(unzipped(&folder.join("evil@b.de.gz")), b"one");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
}

#[test]
fn a_file_of_the_archive_that_cannot_be_written_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("ba");
    std::fs::write(&in_the_way, b"").unwrap();
    let settings = Settings { archive_dir: Some(dir.path().to_owned()), ..quick() };
    let queue = MemoryQueue::default();
    for id in 101..130 {
        let address = Address::parse(&format!("{}@b.de", if id == 101 { "bad" } else { "evil" })).unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: vec![u8::try_from(id).unwrap()] });
    }
    let clocks = Arc::new(TurnedClocks::default());
    let mut harness = Harness::start_with(clocks.clone(), queue, Vec::new(), settings);
    harness.run_until(|rows| rows.archive.len() == 1);
    assert_eq!(harness.queue.rows().archive[0].id, 101);
    std::fs::remove_file(in_the_way).unwrap();
    harness.run_turning(&clocks, Duration::from_secs(60), |rows| rows.archive.is_empty());
    assert_eq!(unzipped(&dir.path().join("ba/bad@b.de.gz")), [101]);
}

#[test]
fn an_archive_that_has_no_room_rests_and_is_complete_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    std::fs::write(&archive, b"a file in the way").unwrap();
    let settings = Settings { archive_dir: Some(archive.clone()), ..quick() };
    let queue = MemoryQueue::default();
    for id in 101..300 {
        let address = Address::parse(&format!("a{id}@b.de")).unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: b"x".to_vec() });
    }
    let clocks = Arc::new(TurnedClocks::default());
    let mut harness = Harness::start_with(clocks.clone(), queue, Vec::new(), settings);
    std::fs::remove_file(&archive).unwrap();
    harness.run_turning(&clocks, Duration::from_secs(60), |rows| rows.archive.is_empty());
    assert_eq!(std::fs::read_dir(archive.join("a1")).unwrap().count(), 99);
}

#[test]
fn an_archive_that_cannot_be_written_holds_up_no_notification() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    let platform = Platform::answering(200);
    let settings = Settings { archive_dir: Some(blocked), ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    let address = Address::parse("evil@b.de").unwrap();
    queue.rows().archive.push(ArchiveJob { id: 101, address, mail: b"one".to_vec() });
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], settings);
    harness.run_until(|rows| rows.delivered.len() == 1);
    assert_eq!(harness.queue.rows().archive.len(), 1);
}
