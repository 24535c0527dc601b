//! What the thread decides, without the thread.

use super::*;
use crate::notify::clock::SystemClocks;
use crate::notify::queue::{ArchiveJob, QueueError};
use crate::samples::notification;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;

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
    runner_with(Arc::new(SystemClocks), queue, Box::new(|_| ()), folder)
}

fn runner_with(clocks: Arc<dyn Clocks>, queue: EndlessQueue, report: Report, folder: &tempfile::TempDir) -> Runner {
    let inbox = Arc::new(Inbox::new(Arc::clone(&clocks)));
    let settings = Settings { archive_dir: Some(folder.path().to_owned()), ..Settings::default() };
    let links = Links { clocks, queue: Arc::new(queue), report, inbox, attempts: Attempts::default() };
    Runner::new(links, Arc::default(), settings)
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

/// Clocks that let a mail be written once they are looked at while the runner stops, and that look is not the first.
struct Releasing {
    fifo: PathBuf,
    is_stopping: AtomicBool,
    was_looked_at: AtomicBool,
}

impl Clocks for Releasing {
    fn steady(&self) -> Instant {
        if self.is_stopping.load(Ordering::Relaxed) && self.was_looked_at.swap(true, Ordering::Relaxed) {
            self.is_stopping.store(false, Ordering::Relaxed);
            // Waits for who reads it, who then comes to its end.
            drop(File::options().write(true).open(&self.fifo).unwrap());
        }
        Instant::now()
    }

    fn wall(&self) -> Timestamp {
        SystemClocks.wall()
    }
}

/// Clocks that end a loop which looks at them again and again.
#[derive(Default)]
struct Counted(AtomicU32);

impl Clocks for Counted {
    fn steady(&self) -> Instant {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) < 1000, "the loop goes on");
        Instant::now()
    }

    fn wall(&self) -> Timestamp {
        SystemClocks.wall()
    }
}

/// The name of the one mail's file: whoever writes the mail waits at it.
fn fifo_in_the_way(folder: &tempfile::TempDir) -> PathBuf {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let fifo = folder.path().join("go/gone@some-provider.com.gz");
    fs::create_dir(fifo.parent().unwrap()).unwrap();
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fifo
}

const ONE_MAIL: EndlessQueue = EndlessQueue { rows: 0, mails: 1 };

#[test]
fn the_end_waits_for_a_mail_that_is_being_archived() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo_in_the_way(&folder);
    let clocks = Arc::new(Releasing { fifo, is_stopping: AtomicBool::default(), was_looked_at: AtomicBool::default() });
    let (report, reported) = channel();
    let report = Box::new(move |settled| report.send(settled).unwrap());
    let mut runner = runner_with(clocks.clone(), ONE_MAIL, report, &folder);
    runner.pass();
    assert_eq!(runner.archiving.under_way(), 1);
    clocks.is_stopping.store(true, Ordering::Relaxed);
    runner.finish(Duration::from_secs(3600));
    let outcomes: Vec<Outcome> = reported.iter().map(|settled| settled.outcome).collect();
    assert_eq!(outcomes, [Outcome::Archived]);
}

#[test]
fn the_end_does_not_wait_for_a_mail_that_is_archived_longer_than_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo_in_the_way(&folder);
    let mut runner = runner_with(Arc::new(Counted::default()), ONE_MAIL, Box::new(|_| ()), &folder);
    runner.pass();
    assert_eq!(runner.archiving.under_way(), 1);
    runner.finish(Duration::ZERO);
    // Who is opened for both waits for nobody, and who reads it comes to its end.
    drop(OpenOptions::new().read(true).write(true).open(fifo).unwrap());
}
