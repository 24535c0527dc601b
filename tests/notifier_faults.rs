//! A notifier that meets an internal error: whoever takes its reports learns of its end.
#![allow(clippy::unwrap_used, reason = "a test")]

use bouncesvc::change::{Notification, NotificationId};
use bouncesvc::notify::{ArchiveJob, Notifier, Queue, QueueError, Settings};
use bouncesvc::tenant::Tenants;
use bouncesvc::types::{Domain, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// A database that redb panics on.
struct Damaged;

impl Queue for Damaged {
    fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError> {
        panic!("a damaged page")
    }

    fn due(
        &self,
        _: &Domain,
        _: Timestamp,
        _: &dyn Fn(NotificationId) -> bool,
        _: usize,
    ) -> Result<Vec<Notification>, QueueError> {
        Ok(Vec::new())
    }

    fn archive_jobs(&self, _: &dyn Fn(NotificationId) -> bool, _: usize) -> Result<Vec<ArchiveJob>, QueueError> {
        Ok(Vec::new())
    }
}

#[test]
fn whoever_takes_the_reports_learns_that_the_notifier_broke() {
    let (sender, reports) = std::sync::mpsc::channel();
    let tenants = Arc::new(Tenants::new(Vec::new()));
    let report = Box::new(move |settled| _ = sender.send(settled));
    let mut notifier = Notifier::start(Arc::new(Damaged), tenants, Settings::default(), report);
    assert!(reports.recv().is_err(), "no report comes any more");
    notifier.stop(Duration::ZERO);
}
