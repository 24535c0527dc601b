//! Many notifications and many platforms: who waits for whom.

use super::support::platform::{Answer, Platform};
use super::support::queue::{Harness, MemoryQueue, quick, tenant};
use super::{HOUR, retry_error};
use bouncesvc::change::Outcome;
use bouncesvc::notify::Settings;
use bouncesvc::tenant::Tenants;
use std::sync::Arc;
use std::time::Duration;

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
fn new_limits_hold_from_the_next_attempt_on() {
    let platform = Platform::answering(200);
    let tenants = || vec![tenant("a.de", &platform.template())];
    let settings = |workers_per_domain_max| Settings { workers_per_domain_max, request_time_max: HOUR, ..quick() };
    let mut harness = Harness::start(MemoryQueue::default(), tenants(), settings(1));
    harness.notifier.reload(Arc::new(Tenants::new(tenants())), settings(3));
    harness.push("a.de", "first@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { .. }), "the domain is trusted from here on");
    platform.set_script(|_| Answer::Silent);
    // One after the other: a worker may take several rows that wait.
    for n in 1..=3 {
        harness.push("a.de", &format!("a{n}@b.de"));
        platform.wait_for_count(1 + n);
    }
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
