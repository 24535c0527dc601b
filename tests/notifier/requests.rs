//! What a platform is sent.

use super::outcome_of;
use super::support::platform::{Answer, Platform};
use super::support::queue::{Harness, MemoryQueue, quick, tenant};
use bouncesvc::change::Outcome;
use bouncesvc::notify::Settings;
use bouncesvc::types::Secret;

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
    queue.edit(id, |row| {
        row.diagnostic = Some("550 \"no\"\nsuch user".to_owned());
        row.count = 4;
    });
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
    assert_eq!(body["count"], 4);
    assert_eq!(body["message_id"], "0000000001");
    assert!(body["time"].as_str().unwrap().ends_with('Z'));
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
fn a_dry_run_sends_nothing_and_counts_as_done() {
    let platform = Platform::answering(500);
    let settings = Settings { dry_run: true, ..quick() };
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant("a.de", &platform.template())], settings);
    harness.push("a.de", "evil@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { status: 0, .. }));
    assert_eq!(platform.requests(), []);
}
