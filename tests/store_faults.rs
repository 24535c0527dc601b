//! Disks fail: at any write, change of length or sync of a scripted run, once, for a while, or with the power.
//!
//! Whichever it is: what was acknowledged stays, what was not is there as a whole or not at all, and once the
//! senders have sent again what they were not told is safe, everything is as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "only tests use it, though not only inside of test functions")]

#[path = "support/store.rs"]
mod support;

use bouncesvc::bounce::Class;
use bouncesvc::change::{Batch, Change, Command, Outcome, Series, Settled};
use bouncesvc::notify::Queue;
use bouncesvc::store::{CounterFilter, OpenError, Reader, Settings, Store, StoreError, WaitingFilter};
use bouncesvc::types::Timestamp;
use std::path::Path;
use std::sync::Arc;
use support::disk::{Fault, MemoryDisk};
use support::{Random, address, at, delivered, failure, hard, mail, quarantined, soft};

/// Each batch as it comes when nothing goes wrong. None holds what would show that it was applied twice, except mails.
fn script() -> Vec<Batch> {
    let mails = |first: u64, changes: Vec<Change>| Batch {
        confirmed: (first.saturating_sub(10)..first).map(|number| mail(number, vec![]).digest).collect(),
        mails: changes.into_iter().zip(first..).map(|(change, number)| mail(number, vec![change])).collect(),
        ..Batch::default()
    };
    let settled = |id, outcome| Batch { settled: vec![Settled { id, at: at(5), outcome }], ..Batch::default() };
    vec![
        mails(10, vec![soft("a@x.example"), soft("a@x.example"), hard("b@x.example")]),
        mails(20, (0..60).map(|number| soft(&format!("user{number}@x.example"))).collect()),
        settled(1, delivered()),
        mails(
            100,
            vec![soft("a@x.example"), soft("a@x.example"), archived("c@x.example"), quarantined(7, [b'x'; 20_000])],
        ),
        settled(2, Outcome::Parked { error: "HTTP 400".to_owned() }),
        mails(110, vec![hard("b@x.example"), quarantined(8, [b'x'; 20_000])]),
        settled(4, Outcome::Archived),
        // Counters that leave, come back and leave again: the one above its threshold, and others.
        mails(
            120,
            vec![hard("user1@x.example"), soft("a@x.example"), soft("user1@x.example"), hard("user2@x.example")],
        ),
        forget("user3@x.example"),
        mails(130, vec![soft("user3@x.example"), hard("user1@x.example"), soft("a@x.example")]),
    ]
}

fn forget(text: &str) -> Batch {
    Batch { commands: vec![Command::Forget(address(text))], ..Batch::default() }
}

fn archived(text: &str) -> Change {
    Change::Suspend { failure: failure(text, Class::Hard), archive: Some(Arc::new(b"the mail".to_vec())) }
}

/// All that can be seen, in words.
fn look(reader: &Reader) -> Vec<String> {
    let counters = reader.counters(&CounterFilter::default(), None, 1000).unwrap().rows;
    let waiting = reader.notifications(&WaitingFilter::default(), None, 1000).unwrap().rows;
    let totals = reader.totals().unwrap();
    let mut seen: Vec<String> = counters.iter().map(|row| format!("{} {}", row.address, row.count)).collect();
    seen.extend(waiting.iter().map(|row| format!("{} {}", row.notification.address, row.parked)));
    seen.push(format!("{} mails in {} octets", totals.quarantine_mails, totals.quarantine_octets));
    seen.push(format!("{} counters, {} past, {} digests", totals.counters, totals.history, totals.digests));
    seen.push(format!("{} archive jobs", reader.archive_jobs(&|_| false, 10).unwrap().len()));
    let queues = reader.domain_queues().unwrap();
    seen.extend(queues.iter().map(|queue| format!("{} pending {} parked", queue.pending, queue.parked)));
    seen
}

fn open(disk: &MemoryDisk) -> Result<Store, OpenError> {
    // Each transaction moves counters from the journal to their table.
    let settings = Settings { journal_octets_max: 0, ..Settings::default() };
    Store::open_on(disk.source(), Path::new("in memory"), settings)
}

/// One scripted run on a disk that breaks, and those who keep trying.
struct Run {
    disk: MemoryDisk,
    fault: Fault,
    random: Random,
    seconds: u64,
    store: Store,
    errors: Vec<StoreError>,
}

impl Run {
    fn new(fault: Fault, fault_at: u64) -> Self {
        let disk = MemoryDisk::new(fault);
        let store = open(&disk).unwrap();
        disk.break_at(fault_at);
        Self { disk, fault, random: Random(fault_at), seconds: 0, store, errors: Vec::new() }
    }

    /// Commits until it succeeds; what was seen after each repair.
    fn commit(&mut self, batch: &Batch) -> Vec<Vec<String>> {
        let mut seen = Vec::new();
        while let Err(error) = self.store.commit(batch, at(self.seconds)) {
            self.errors.push(error);
            assert!(self.errors.len() < 20, "{:?}", self.errors);
            self.seconds += 3;
            if self.errors.len() >= 3 || self.fault == Fault::PowerLoss {
                self.mend();
                seen.push(look(&self.store.reader()));
            }
        }
        seen
    }

    fn mend(&mut self) {
        if self.fault == Fault::PowerLoss {
            self.disk.reboot(&mut self.random);
            self.store = open(&self.disk).unwrap();
        } else {
            self.disk.repair();
            self.store.tidy(at(self.seconds), at(self.seconds)).unwrap();
        }
    }
}

/// What is to be seen after each batch, and the number of operations of the whole run.
fn without_faults() -> (Vec<Vec<String>>, u64) {
    let mut run = Run::new(Fault::Error, 0);
    let mut stages = vec![look(&run.store.reader())];
    for batch in script() {
        assert!(run.commit(&batch).is_empty());
        stages.push(look(&run.store.reader()));
    }
    drop(run.store);
    (stages, run.disk.operations())
}

fn nothing_is_lost_or_halved_or_doubled(fault: Fault) {
    let (stages, operations) = without_faults();
    assert!(operations > 60, "the script is worth failing in: {operations}");
    for fault_at in 1..=operations {
        let story = format!("{fault:?} at operation {fault_at} of {operations}");
        let mut run = Run::new(fault, fault_at);
        let reader = run.store.reader();
        for (number, batch) in script().iter().enumerate() {
            for seen in run.commit(batch) {
                assert!(seen == stages[number] || seen == stages[number + 1], "{story}, batch {number}: {seen:#?}");
            }
            assert_eq!(look(&run.store.reader()), stages[number + 1], "{story}, batch {number}");
        }
        if fault != Fault::PowerLoss {
            assert_eq!(look(&reader), look(&run.store.reader()), "{story}: a reader outlives the fault");
        }
        let is_as_it_should = |error: &StoreError| matches!(error, StoreError::Full(_)) == (fault == Fault::Full);
        assert!(run.errors.iter().all(is_as_it_should), "{story}: {:?}", run.errors);
    }
}

#[test]
fn an_io_error_at_any_operation() {
    nothing_is_lost_or_halved_or_doubled(Fault::Error);
}

#[test]
fn a_sync_that_fails_after_any_operation() {
    nothing_is_lost_or_halved_or_doubled(Fault::SyncError);
}

#[test]
fn a_disk_that_is_full_at_any_operation() {
    nothing_is_lost_or_halved_or_doubled(Fault::Full);
}

#[test]
fn a_power_loss_at_any_operation() {
    nothing_is_lost_or_halved_or_doubled(Fault::PowerLoss);
}

#[test]
fn while_the_disk_is_broken_attempts_are_few_and_answers_are_quick() {
    let batch = Batch { sums: vec![(Series::Received, 1)], ..Batch::default() };
    let broken = MemoryDisk::new(Fault::Error);
    let mut store = open(&broken).unwrap();
    let before = broken.operations();
    store.commit(&batch, at(0)).unwrap();
    let one_commit = broken.operations() - before;
    broken.break_at(1);
    let before = broken.operations();
    for millis in 0..10_000 {
        let now = Timestamp::from_millis(at(0).millis() + millis);
        assert!(store.commit(&batch, now).is_err());
    }
    let attempted = broken.operations() - before;
    assert!(attempted < 20 * one_commit, "{attempted} operations in 10,000 commits within 10 s");
    broken.repair();
    store.commit(&batch, at(15)).unwrap();
}
