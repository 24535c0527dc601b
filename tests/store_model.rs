//! The store against a model of it: random batches, closed and opened at random, must do what three maps do.
//!
//! `BOUNCESVC_SEEDS=300 cargo test --test store_model` runs that many instead of 8, the further ones four times as long.
#![allow(clippy::unwrap_used, reason = "only tests use it, though not only inside of test functions")]

#[path = "support/store.rs"]
mod support;

use bouncesvc::bounce::Class;
use bouncesvc::change::{
    Accepted, Batch, Change, Command, CommandResult, Committed, Digest, Effect, Failure, Imported, MailResult, Outcome,
    Queued, Selection, Settled,
};
use bouncesvc::notify::Queue;
use bouncesvc::store::{CounterFilter, Settings, WaitingFilter};
use bouncesvc::types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::{Fixture, Random, THRESHOLD, address, delivered, domain, failure, mail};

type Key = (String, String);

const COUNTER_AGE_MAX: Duration = Duration::from_secs(20);

/// What the store should hold.
#[derive(Debug, Default)]
struct Model {
    digests: BTreeSet<Digest>,
    counters: BTreeMap<Key, Counted>,
    waiting: BTreeMap<Key, Waiting>,
    last_id: u64,
    past: BTreeMap<Key, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    count: u32,
    last_seen: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    id: u64,
    parked: bool,
    due: Timestamp,
    attempts: u32,
}

impl Model {
    fn apply(&mut self, batch: &Batch, now: Timestamp) -> Committed {
        for digest in &batch.confirmed {
            self.digests.remove(digest);
        }
        let mails = batch.mails.iter().map(|mail| self.mail(mail, now)).collect();
        for settled in &batch.settled {
            self.settle(settled);
        }
        let commands = batch.commands.iter().map(|command| self.command(command, now)).collect();
        Committed { mails, commands }
    }

    fn mail(&mut self, mail: &Accepted, now: Timestamp) -> MailResult {
        if !self.digests.insert(mail.digest) {
            return MailResult::Duplicate;
        }
        MailResult::Applied(mail.changes.iter().map(|change| self.change(change, now)).collect())
    }

    fn change(&mut self, change: &Change, now: Timestamp) -> Effect {
        match change {
            Change::CountSoft { failure, threshold, .. } => {
                let counted = self.counted(key(failure), now);
                counted.count += 1;
                counted.last_seen = now;
                let count = counted.count;
                if count <= *threshold {
                    return Effect::Counted { count, threshold: *threshold };
                }
                self.counters.remove(&key(failure));
                Effect::Escalated(self.enqueue(failure, now))
            }
            Change::Suspend { failure, .. } => Effect::Suspended(self.suspend(failure, now)),
            Change::Quarantine(_) => unreachable!("the model keeps no quarantine"),
        }
    }

    fn counted(&mut self, key: Key, now: Timestamp) -> &mut Counted {
        self.counters.entry(key).or_insert(Counted { count: 0, last_seen: now })
    }

    fn expire(&mut self, now: Timestamp) {
        self.counters.retain(|_, counted| now.since(counted.last_seen) <= COUNTER_AGE_MAX);
    }

    fn suspend(&mut self, failure: &Failure, now: Timestamp) -> Queued {
        self.counters.remove(&key(failure));
        self.enqueue(failure, now)
    }

    fn enqueue(&mut self, failure: &Failure, now: Timestamp) -> Queued {
        match self.waiting.get_mut(&key(failure)) {
            None => {
                self.last_id += 1;
                let waiting = Waiting { id: self.last_id, parked: false, due: now, attempts: 0 };
                self.waiting.insert(key(failure), waiting);
                Queued::New(self.last_id)
            }
            Some(waiting) if waiting.parked => {
                *waiting = Waiting { id: waiting.id, parked: false, due: now, attempts: 0 };
                Queued::Revived(waiting.id)
            }
            Some(waiting) => Queued::AlreadyPending(waiting.id),
        }
    }

    fn settle(&mut self, settled: &Settled) {
        let Some(key) = self.waiting.iter().find(|(_, row)| row.id == settled.id).map(|(key, _)| key.clone()) else {
            return;
        };
        let Some(row) = self.waiting.get_mut(&key) else { return };
        match &settled.outcome {
            Outcome::Delivered { .. } => {
                self.waiting.remove(&key);
                *self.past.entry(key).or_default() += 1;
            }
            Outcome::Retry { next_attempt, .. } => {
                *row = Waiting { parked: false, due: *next_attempt, attempts: row.attempts + 1, ..row.clone() };
            }
            Outcome::Parked { .. } => {
                *row = Waiting { parked: true, due: settled.at, attempts: row.attempts + 1, ..row.clone() };
            }
            Outcome::Archived => {}
        }
    }

    fn command(&mut self, command: &Command, now: Timestamp) -> CommandResult {
        let before = (self.counters.len(), self.waiting.len());
        match command {
            Command::Suspend(failure) => return CommandResult::Queued(self.suspend(failure, now)),
            Command::ResetCounter { address, .. } => self.counters.retain(|(_, other), _| *other != address.key()),
            Command::RetryNotifications(Selection::Parked) => return CommandResult::Rows(self.retry_parked(now)),
            Command::DropNotifications(Selection::Domain(domain)) => {
                for key in self.waiting.keys().filter(|(other, _)| other == domain.as_str()) {
                    *self.past.entry(key.clone()).or_default() += 1;
                }
                self.waiting.retain(|(other, _), _| other != domain.as_str());
            }
            Command::Forget(address) => return CommandResult::Rows(self.forget(&address.key())),
            Command::Import(rows) => {
                return CommandResult::Rows(rows.iter().map(|row| u64::from(self.import(row, now))).sum());
            }
            other => unreachable!("{other:?} is not drawn"),
        }
        CommandResult::Rows((before.0 - self.counters.len() + before.1 - self.waiting.len()) as u64)
    }

    fn forget(&mut self, address: &str) -> u64 {
        let past: u64 = self.past.iter().filter(|((_, other), _)| other == address).map(|(_, rows)| rows).sum();
        let before = self.counters.len() + self.waiting.len();
        self.counters.retain(|(_, other), _| other != address);
        self.waiting.retain(|(_, other), _| other != address);
        self.past.retain(|(_, other), _| other != address);
        past + (before - self.counters.len() - self.waiting.len()) as u64
    }

    fn import(&mut self, row: &Imported, now: Timestamp) -> bool {
        let Imported::Counter { domain, address, count } = row else { unreachable!("{row:?} is not drawn") };
        let key = (domain.as_str().to_owned(), address.key());
        let is_more = self.counters.get(&key).is_none_or(|counted| counted.count < *count);
        if is_more {
            self.counted(key, now).count = *count;
        }
        is_more
    }

    fn retry_parked(&mut self, now: Timestamp) -> u64 {
        let parked = self.waiting.values_mut().filter(|row| row.parked);
        parked.map(|row| *row = Waiting { id: row.id, parked: false, due: now, attempts: 0 }).count() as u64
    }
}

fn key(failure: &Failure) -> Key {
    (failure.domain.as_str().to_owned(), failure.address.key())
}

fn some_failure(random: &mut Random, class: Class) -> Failure {
    let name = if random.below(2) == 0 { "user" } else { "USER" };
    let mut failure = failure(&format!("{name}{}@x.example", random.below(8)), class);
    failure.domain = domain(match random.below(3) {
        0 => "one.example",
        1 => "two.example",
        _ => "sub.one.example",
    });
    failure
}

fn some_change(random: &mut Random) -> Change {
    match random.below(3) {
        0 => Change::Suspend { failure: some_failure(random, Class::Hard), archive: None },
        _ => Change::CountSoft {
            failure: some_failure(random, Class::Soft),
            threshold: THRESHOLD,
            window: None,
            archive: None,
        },
    }
}

fn some_settled(random: &mut Random, now: Timestamp, last_id: u64) -> Settled {
    let outcome = match random.below(3) {
        0 => delivered(),
        1 => {
            let next_attempt = Timestamp::from_millis(now.millis() + random.below(5000));
            Outcome::Retry { next_attempt, error: "refused".to_owned() }
        }
        _ => Outcome::Parked { error: "HTTP 400".to_owned() },
    };
    Settled { id: 1 + random.below(last_id + 2), at: now, outcome }
}

fn some_command(random: &mut Random) -> Command {
    let some_address = |random: &mut Random| address(&format!("User{}@x.example", random.below(8)));
    match random.below(6) {
        0 => Command::Suspend(some_failure(random, Class::Hard)),
        1 => Command::ResetCounter { address: some_address(random), domain: None },
        2 => Command::Forget(some_address(random)),
        3 => Command::Import(random.some(3, some_import)),
        4 => Command::RetryNotifications(Selection::Parked),
        _ => Command::DropNotifications(Selection::Domain(domain("one.example"))),
    }
}

fn some_import(random: &mut Random) -> Imported {
    let Failure { domain, address, .. } = some_failure(random, Class::Soft);
    Imported::Counter { domain, address, count: 1 + u32::try_from(random.below(3)).unwrap() }
}

/// Digests are few, so that redeliveries and confirmations are drawn often.
fn some_batch(random: &mut Random, now: Timestamp, last_id: u64) -> Batch {
    Batch {
        confirmed: random.some(3, |random| mail(random.below(20), vec![]).digest),
        mails: random.some(6, |random| {
            let number = random.below(20);
            mail(number, random.some(3, some_change))
        }),
        settled: random.some(3, |random| some_settled(random, now, last_id)),
        commands: if random.below(8) == 0 { random.some(4, some_command) } else { Vec::new() },
        sums: Vec::new(),
        sober: None,
    }
}

fn assert_equal(fixture: &mut Fixture, model: &Model, story: &str) {
    let reader = fixture.reader();
    let counters = reader.counters(&CounterFilter::default(), None, 1000).unwrap().rows;
    let counters: BTreeMap<Key, Counted> = counters
        .into_iter()
        .map(|counter| {
            let counted = Counted { count: counter.count, last_seen: counter.last_seen };
            ((counter.domain.as_str().to_owned(), counter.address.key()), counted)
        })
        .collect();
    assert_eq!(counters, model.counters, "{story}");
    let rows = reader.notifications(&WaitingFilter::default(), None, 1000).unwrap().rows;
    let waiting: BTreeMap<Key, Waiting> = rows
        .into_iter()
        .map(|row| {
            let (parked, row) = (row.parked, row.notification);
            let waiting = Waiting { id: row.id, parked, due: row.next_attempt, attempts: row.attempts };
            ((row.domain.as_str().to_owned(), row.address.key()), waiting)
        })
        .collect();
    assert_eq!(waiting, model.waiting, "{story}");
    let totals = reader.totals().unwrap();
    let expected = (model.counters.len() as u64, model.digests.len() as u64, model.past.values().sum());
    assert_eq!((totals.counters, totals.digests, totals.history), expected, "{story}");
    assert_indexes_agree(fixture, model, story);
}

/// What is found by index must be what is found by looking at every row.
fn assert_indexes_agree(fixture: &mut Fixture, model: &Model, story: &str) {
    let reader = fixture.reader();
    for queue in reader.domain_queues().unwrap() {
        let mine = || model.waiting.iter().filter(|((domain, _), _)| domain == queue.domain.as_str());
        let count = |parked| mine().filter(|(_, row)| row.parked == parked).count() as u64;
        assert_eq!((queue.pending, queue.parked), (count(false), count(true)), "{story}");
        let pending = || mine().map(|(_, row)| row).filter(|row| !row.parked);
        assert_eq!(queue.next_attempt, pending().map(|row| row.due).min(), "{story}");
        let now = fixture.now();
        let mut due: Vec<_> = pending().filter(|row| row.due <= now).map(|row| (row.due, row.id)).collect();
        due.sort_unstable();
        let found = reader.due(&queue.domain, now, &|_| false, 1000).unwrap();
        assert_eq!(found.iter().map(|row| (row.next_attempt, row.id)).collect::<Vec<_>>(), due, "{story}");
    }
}

fn run(seed: u64, batches: u64) {
    let mut random = Random(seed);
    // With little room, counters move from the journal to their table in each transaction.
    let journal_octets_max = [0, 500, Settings::default().journal_octets_max][usize::try_from(seed % 3).unwrap()];
    let counter_age_max = Some(COUNTER_AGE_MAX);
    let mut fixture = Fixture::new(Settings { journal_octets_max, counter_age_max, ..Settings::default() });
    let mut model = Model::default();
    for number in 0..batches {
        fixture.seconds += random.below(3);
        let batch = some_batch(&mut random, fixture.now(), model.last_id);
        let story = format!("seed {seed}, batch {number}: {batch:?}");
        assert_eq!(fixture.commit(&batch), model.apply(&batch, fixture.now()), "{story}");
        if random.below(8) == 0 {
            fixture.tidy();
            model.expire(fixture.now());
            fixture.reopen();
        }
        if random.below(4) == 0 {
            assert_equal(&mut fixture, &model, &story);
        }
    }
    assert_equal(&mut fixture, &model, &format!("seed {seed}, at the end"));
}

#[test]
fn random_batches_do_what_the_model_does() {
    let seeds = std::env::var("BOUNCESVC_SEEDS").map_or(8, |number| number.parse().unwrap());
    (0..seeds).for_each(|seed| run(seed, if seed < 8 { 120 } else { 500 }));
}
