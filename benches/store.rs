//! How fast the store commits, how it grows, how soon it is open again.
//!
//! `cargo bench --bench store [-- NAME…]` prints one table for each of `commits`, `kinds`, `growth`, `queue`, `reopen`, `month`
//! (all without a name). Every commit is durable; `commits` also runs on disks that take 1 ms and 5 ms to sync.

#![allow(clippy::cast_precision_loss, reason = "rates are rounded anyway")]

#[path = "support/slow_disk.rs"]
mod slow_disk;

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{Accepted, Batch, Change, Digest, Failure, MailResult, Outcome, Quarantined, Series, Settled};
use bouncesvc::notify::Queue;
use bouncesvc::store::{DiskSource, Settings, Store};
use bouncesvc::types::{Address, Domain, MessageId, Timestamp};
use slow_disk::SlowDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SPAN: Duration = Duration::from_millis(700);
const THRESHOLD: u32 = 1_000_000;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let tables: [(&str, fn()); 6] = [
        ("commits", commits),
        ("kinds", kinds),
        ("growth", growth),
        ("queue", queue),
        ("reopen", reopen),
        ("month", month),
    ];
    for (name, print) in tables {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            print();
            println!();
        }
    }
}

/// Mails a second, by mails in a commit and by the disk.
fn commits() {
    println!("{:<28}{:>10}{:>10}{:>10}{:>10}", "mails/s, mails in a commit:", 1, 10, 100, 1000);
    for (name, sync_delay) in [
        ("this disk", None),
        ("sync 1 ms", Some(Duration::from_millis(1))),
        ("sync 5 ms", Some(Duration::from_millis(5))),
    ] {
        let rates = [1, 10, 100, 1000].map(|mails| {
            let mut bench = Bench::new(sync_delay);
            bench.rate(mails, |number| soft(number % 10_000))
        });
        println!("{name:<28}{:>10.0}{:>10.0}{:>10.0}{:>10.0}", rates[0], rates[1], rates[2], rates[3]);
    }
}

/// What the kinds of mail cost, 100 in a commit.
fn kinds() {
    println!("{:<28}{:>12}", "100 in a commit", "mails/s");
    let known_soft = |number: u64| soft(number % 10_000);
    let known_hard = |number: u64| hard(number % 10_000);
    let kinds = [
        ("soft, known address", known_soft as fn(u64) -> Change),
        ("soft, new address", soft),
        ("hard, already pending", known_hard),
        ("hard, new address", hard),
        ("hard, new, 6 KB to archive", archived),
        ("quarantine, 6 KB", quarantined),
    ];
    for (name, change) in kinds {
        let mut bench = Bench::new(None);
        println!("{name:<28}{:>12.0}", bench.rate(100, change));
    }
    let mut bench = Bench::new(None);
    bench.sums = (0..100).map(|number| (Series::Alert(format!("p{number}.example"), Reason::Blocked), 1)).collect();
    println!("{:<28}{:>12.0}", "soft, 100 series of sums", bench.rate(100, known_soft));
}

/// Text that compresses about as well as a bounce does.
fn archived(number: u64) -> Change {
    let lines = (0..96)
        .map(|line| format!("X-Line-{line}: {:016x} undeliverable, no such user here\r\n", scatter(number + line)));
    Change::Suspend { failure: failure(number), archive: Some(Arc::from(lines.collect::<String>().into_bytes())) }
}

fn quarantined(number: u64) -> Change {
    Change::Quarantine(Quarantined {
        id: MessageId(number + 1),
        cause: "unreadable",
        sender: String::new(),
        recipients: vec!["no-reply@mydomain.example".to_owned()],
        subject: "Undeliverable".to_owned(),
        mail: Arc::from(vec![b'x'; 6000]),
    })
}

/// The rate at a million distinct counters against that at ten thousand, 100 in a commit, interleaved, median of 5.
fn growth() {
    println!("{:<28}{:>12}{:>12}{:>10}", "distinct counters", 10_000, 1_000_000, "ratio");
    for (name, sync_delay) in [("this disk", None), ("sync 1 ms", Some(Duration::from_millis(1)))] {
        let sizes = [10_000, 1_000_000];
        let mut benches = sizes.map(|size| {
            let mut bench = Bench::new(sync_delay);
            bench.fill(size);
            bench
        });
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            for (index, size) in sizes.into_iter().enumerate() {
                rates[index].push(benches[index].rate(100, |number| soft(scatter(number) % size)));
            }
        }
        let [small, large] = rates.map(median);
        println!("{name:<28}{small:>12.0}{large:>12.0}{:>10.2}", large / small);
    }
}

/// What a queue of 100,000 pending notifications costs those who come after.
fn queue() {
    println!("{:<28}{:>12}{:>16}{:>16}", "pending notifications", "mails/s", "due, us", "settle 4, us");
    for pending in [100, 100_000] {
        let mut bench = Bench::new(None);
        for batch in 0..pending / 100 {
            bench.commit((0..100).map(|number| hard(batch * 100 + number)).collect());
        }
        let rate = bench.rate(100, |number| soft(number % 10_000));
        let reader = bench.store.reader();
        let (mine, now) = (domain(), at(1_000_000));
        let due = micros(200, || drop(reader.due(&mine, now, &|_| false, 4)));
        let settle = micros(200, || bench.retry_four());
        println!("{pending:<28}{rate:>12.0}{due:>16.0}{settle:>16.0}");
    }
}

/// How long opening takes after `kill -9` and after an orderly end.
fn reopen() {
    println!("{:<28}{:>12}{:>16}", "open with counters", "orderly, ms", "after kill, ms");
    for size in [10_000, 1_000_000] {
        let mut bench = Bench::new(None);
        bench.fill(size);
        let killed = bench.folder.path().join("killed.redb");
        fs::copy(bench.path(), &killed).expect("a copy of the live file is what a crash leaves");
        let (path, folder) = (bench.path(), bench.close());
        println!("{size:<28}{:>12.1}{:>16.1}", open_millis(&path), open_millis(&killed));
        drop(folder);
    }
}

/// A month of 10,000 mails a day: new and known addresses, escalations, deliveries, expiry.
fn month() {
    let settings = Settings { history_age_max: days(10), counter_age_max: Some(days(10)), ..Settings::default() };
    let mut bench = Bench::with(settings, None);
    println!("{:<10}{:>14}{:>14}{:>10}", "day", "file octets", "copy octets", "ratio");
    for day in 0..30_u64 {
        for slot in 0..500 {
            bench.seconds = day * 86_400 + slot * 172;
            let first = (day * 500 + slot) * 20;
            bench.commit((first..first + 20).map(month_mail).collect());
            bench.deliver_due();
            while bench.store.tidy(at(bench.seconds), at(bench.seconds)).expect("housekeeping succeeds") {}
        }
        if day % 5 == 4 {
            let copy = bench.folder.path().join("copy.redb");
            let file = fs::File::options().read(true).write(true).create(true).truncate(true).open(&copy);
            bench.store.reader().copy_to(file.expect("a file")).expect("the backup succeeds");
            let (file, copied) = (bench.file_octets(), fs::metadata(&copy).expect("the copy is there").len());
            println!("{:<10}{file:>14}{copied:>14}{:>10.2}", day + 1, file as f64 / copied as f64);
        }
    }
}

fn month_mail(number: u64) -> Change {
    match number % 4 {
        0 => hard(number),
        1 => soft(number),
        _ => Change::CountSoft { failure: failure(scatter(number) % 5_000), threshold: 3, window: None, archive: None },
    }
}

/// A store under load.
struct Bench {
    folder: TempDir,
    store: Store,
    mails: u64,
    unconfirmed: Vec<Digest>,
    /// Added by each commit.
    sums: Vec<(Series, u64)>,
    seconds: u64,
}

impl Bench {
    fn new(sync_delay: Option<Duration>) -> Self {
        Self::with(Settings::default(), sync_delay)
    }

    fn with(settings: Settings, sync_delay: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = sync_delay.map_or(DiskSource::File, SlowDisk::source);
        let store = Store::open_on(disk, &path_in(&folder), settings).expect("a new database");
        Self { folder, store, mails: 0, unconfirmed: Vec::new(), sums: Vec::new(), seconds: 0 }
    }

    fn path(&self) -> PathBuf {
        path_in(&self.folder)
    }

    fn file_octets(&self) -> u64 {
        self.store.reader().totals().expect("the totals").file_octets
    }

    fn close(self) -> TempDir {
        self.folder
    }

    /// One mail for each change, all in one commit; their senders are seen to know with the next one.
    fn commit(&mut self, changes: Vec<Change>) {
        let mails: Vec<Accepted> = changes.into_iter().map(|change| self.mail(change)).collect();
        let digests = mails.iter().map(|mail| mail.digest).collect();
        let confirmed = std::mem::replace(&mut self.unconfirmed, digests);
        let sums = self.sums.clone();
        self.apply(&Batch { confirmed, mails, sums, ..Batch::default() });
    }

    fn apply(&mut self, batch: &Batch) {
        let committed = self.store.commit(batch, at(self.seconds)).expect("the commit succeeds");
        assert!(committed.mails.iter().all(|mail| *mail != MailResult::Duplicate));
    }

    fn mail(&mut self, change: Change) -> Accepted {
        self.mails += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&scatter(self.mails).to_be_bytes());
        digest[8..16].copy_from_slice(&self.mails.to_be_bytes());
        Accepted { id: MessageId(self.mails), digest, changes: vec![change] }
    }

    /// Mails a second with `mails` in each commit.
    fn rate(&mut self, mails: u64, change: impl Fn(u64) -> Change) -> f64 {
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed() < SPAN {
            self.commit((done..done + mails).map(&change).collect());
            done += mails;
        }
        done as f64 / start.elapsed().as_secs_f64()
    }

    fn fill(&mut self, counters: u64) {
        for first in (0..counters).step_by(10_000) {
            self.commit((first..counters.min(first + 10_000)).map(soft).collect());
        }
    }

    fn due(&self, limit: usize) -> Vec<u64> {
        let due = self.store.reader().due(&domain(), at(self.seconds), &|_| false, limit).expect("the due rows");
        due.into_iter().map(|row| row.id).collect()
    }

    fn deliver_due(&mut self) {
        self.settle(&self.due(100), &Outcome::Delivered { status: 200, body: "{\"ok\": true}".to_owned() });
    }

    fn retry_four(&mut self) {
        self.seconds += 1;
        self.settle(&self.due(4), &Outcome::Retry { next_attempt: at(self.seconds), error: "refused".to_owned() });
    }

    fn settle(&mut self, ids: &[u64], outcome: &Outcome) {
        let settle = |id: &u64| Settled { id: *id, at: at(self.seconds), outcome: outcome.clone() };
        self.apply(&Batch { settled: ids.iter().map(settle).collect(), ..Batch::default() });
    }
}

fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("bounces.redb")
}

fn open_millis(path: &Path) -> f64 {
    let start = Instant::now();
    let store = Store::open(path, Settings::default()).expect("the database opens");
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    drop(store);
    millis
}

fn micros(times: u32, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..times).for_each(|_| work());
    start.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Spreads numbers evenly (the finaliser of SplitMix64), the same in each run.
fn scatter(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).after(Duration::from_secs(seconds))
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn domain() -> Domain {
    Domain::parse("mydomain.example").expect("a domain")
}

fn failure(number: u64) -> Failure {
    Failure {
        domain: domain(),
        address: Address::parse(&format!("user{number:07}@some-provider.example")).expect("an address"),
        class: Class::Soft,
        reason: Reason::MailboxFull,
        status: None,
        diagnostic: Some("452 4.2.2 The email account that you tried to reach is over quota".to_owned()),
        message_id: MessageId(1),
    }
}

fn soft(number: u64) -> Change {
    Change::CountSoft { failure: failure(number), threshold: THRESHOLD, window: None, archive: None }
}

fn hard(number: u64) -> Change {
    Change::Suspend { failure: failure(number), archive: None }
}
