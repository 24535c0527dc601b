//! The notifier against a platform that answers as each test says: what is sent, what each answer leads to, what an outage does.
//!
//! Nothing here measures time: delays are set to milliseconds, and each test waits for what must come.

mod answers;
mod archive;
mod course;
mod crowd;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod xikolo;

use bouncesvc::change::Outcome;
use bouncesvc::tenant::Tenant;
use std::time::Duration;
use support::platform::Platform;
use support::queue::{Harness, MemoryQueue, quick, tenant};

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
