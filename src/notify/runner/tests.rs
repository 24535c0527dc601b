//! What the thread decides, without the thread.

use super::*;
use crate::notify::clock::SystemClocks;
use crate::notify::queue::{ArchiveJob, QueueError};
use crate::samples::notification;

/// Each domain always has so many more rows, for a tenant that nobody knows, and the archive so many more mails.
struct EndlessQueue {
    rows: usize,
    mails: usize,
}

impl Queue for EndlessQueue {
    fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError> {
        Ok(vec![(domain(), Timestamp::default())])
    }

    fn due(
        &self,
        domain: &Domain,
        _: Timestamp,
        _: &dyn Fn(NotificationId) -> bool,
        _: usize,
    ) -> Result<Vec<Notification>, QueueError> {
        Ok(vec![notification(domain); self.rows])
    }

    fn archive_jobs(&self, _: &dyn Fn(NotificationId) -> bool, mails: usize) -> Result<Vec<ArchiveJob>, QueueError> {
        let address = crate::types::Address::parse("gone@some-provider.com").unwrap();
        let job = |id| ArchiveJob { id, address: address.clone(), mail: Vec::new() };
        Ok((1..=self.mails.min(mails) as u64).map(|number| job(NotificationId::MAX - number)).collect())
    }
}

fn domain() -> Domain {
    Domain::parse("mydomain.de").unwrap()
}

/// A runner whose archive is in the folder.
fn runner(queue: EndlessQueue, folder: &tempfile::TempDir) -> Runner {
    let clocks = Arc::new(SystemClocks);
    let inbox = Arc::new(Inbox::new(clocks.clone()));
    let (tenants, report) = (Arc::default(), Box::new(|_| ()));
    let settings = Settings { archive_dir: Some(folder.path().to_owned()), ..Settings::default() };
    Runner::new(clocks, Arc::new(queue), tenants, settings, report, inbox, Attempts::default())
}

#[test]
fn nothing_is_started_while_too_many_outcomes_are_not_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = runner(EndlessQueue { rows: 1, mails: 1 }, &folder);
    let ids = 1..=NotificationId::try_from(UNCONFIRMED_MAX).unwrap();
    ids.for_each(|id| runner.flights.report(id));
    runner.pass();
    assert_eq!((runner.schedule.running(), runner.archiving.under_way()), (0, 0));
    runner.flights.committed(1);
    runner.pass();
    assert_eq!(runner.schedule.running(), 1, "one place is free, and a new domain is probed by one attempt");
    assert_eq!(runner.archiving.under_way(), 1);
}

#[test]
fn a_system_without_room_for_threads_is_asked_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = runner(EndlessQueue { rows: BATCH_ROWS, mails: 1 }, &folder);
    runner.pool = Pool::with_stacks(usize::MAX / 4);
    let start = runner.clocks.steady();
    let until = runner.pass();
    assert!(until >= start + UNREADABLE_PAUSE);
    assert_eq!((runner.schedule.running(), runner.flights.holds(0)), (0, false));
}

#[test]
fn ends_are_waited_for_where_something_else_may_start_then() {
    let folder = tempfile::tempdir().unwrap();
    for (rows, mails, haste) in
        [(0, 0, Haste::None), (0, 1, Haste::None), (0, 100, Haste::Pressing), (1, 1, Haste::Pressing)]
    {
        let mut runner = runner(EndlessQueue { rows, mails }, &folder);
        runner.pass();
        assert_eq!(runner.haste, haste, "{rows} {mails}");
    }
}
