//! What the tests of the store share: short ways to say a failure, a mail, a batch.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "only tests use it, though not only inside of test functions")]

#[path = "disk.rs"]
pub mod disk;

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{
    Accepted, Batch, Change, Command, Committed, Effect, Failure, MailResult, Outcome, Quarantined, Settled,
};
use bouncesvc::store::{OpenError, Settings, Store};
use bouncesvc::types::{Address, Domain, MessageId, Timestamp};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub const THRESHOLD: u32 = 3;

/// 2026-01-01, plus seconds.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).after(Duration::from_secs(seconds))
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

pub fn failure(text: &str, class: Class) -> Failure {
    Failure {
        domain: domain("mydomain.example"),
        address: address(text),
        class,
        reason: if class == Class::Hard { Reason::UserUnknown } else { Reason::MailboxFull },
        status: None,
        diagnostic: Some("550 no".to_owned()),
        message_id: MessageId(7),
    }
}

pub fn soft(text: &str) -> Change {
    Change::CountSoft { failure: failure(text, Class::Soft), threshold: THRESHOLD, window: None, archive: None }
}

pub fn hard(text: &str) -> Change {
    Change::Suspend { failure: failure(text, Class::Hard), archive: None }
}

/// A mail for the quarantine.
pub fn quarantined(id: u64, mail: impl AsRef<[u8]>) -> Change {
    Change::Quarantine(Quarantined {
        id: MessageId(id),
        cause: "unreadable",
        sender: String::new(),
        recipients: vec!["no-reply@mydomain.example".to_owned()],
        subject: format!("mail {id}"),
        mail: Arc::new(mail.as_ref().to_vec()),
    })
}

/// A mail whose digest is made of `number`.
pub fn mail(number: u64, changes: Vec<Change>) -> Accepted {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    Accepted { id: MessageId(number), digest, changes }
}

pub fn settled(id: u64, seconds: u64, outcome: Outcome) -> Settled {
    Settled { id, at: at(seconds), outcome }
}

pub fn delivered() -> Outcome {
    Outcome::Delivered { status: 200, body: "ok".to_owned() }
}

pub fn parked() -> Outcome {
    Outcome::Parked { error: "HTTP 400".to_owned() }
}

pub fn retry(seconds: u64) -> Outcome {
    Outcome::Retry { next_attempt: at(seconds), error: "refused".to_owned() }
}

/// A database in a folder of its own, and a clock that tests move.
pub struct Fixture {
    pub folder: TempDir,
    pub settings: Settings,
    pub seconds: u64,
    pub next_mail: u64,
    store: Option<Store>,
}

impl Fixture {
    pub fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut fixture = Self { folder, settings, seconds: 0, next_mail: 0, store: None };
        fixture.reopen();
        fixture
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data/bounces.redb")
    }

    pub fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.path(), self.settings.clone())
    }

    pub fn close(&mut self) {
        self.store = None;
    }

    pub fn reopen(&mut self) {
        self.close();
        self.store = Some(self.try_open().unwrap());
    }

    pub fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    pub fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    pub fn reader(&mut self) -> bouncesvc::store::Reader {
        self.store().reader()
    }

    pub fn commit(&mut self, batch: &Batch) -> Committed {
        let now = self.now();
        self.store().commit(batch, now).unwrap()
    }

    /// One new mail with these changes, whose sender got its 250.
    pub fn receive(&mut self, changes: Vec<Change>) -> Vec<Effect> {
        self.next_mail += 1;
        let mail = mail(self.next_mail, changes);
        let confirmed = vec![mail.digest];
        let mut committed = self.commit(&Batch { mails: vec![mail], ..Batch::default() });
        self.commit(&Batch { confirmed, ..Batch::default() });
        match committed.mails.remove(0) {
            MailResult::Applied(effects) => effects,
            MailResult::Duplicate => panic!("a new mail was taken for a duplicate"),
        }
    }

    pub fn settle(&mut self, id: u64, outcome: Outcome) {
        let settled = settled(id, self.seconds, outcome);
        self.commit(&Batch { settled: vec![settled], ..Batch::default() });
    }

    pub fn command(&mut self, command: Command) -> bouncesvc::change::CommandResult {
        self.commit(&Batch { commands: vec![command], ..Batch::default() }).commands.remove(0)
    }

    /// Whether the text, in any case, stands in a backup: in any table, and not in pages that are free.
    pub fn holds(&mut self, text: &str) -> bool {
        let copy = self.folder.path().join("copy.redb");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&copy).unwrap();
        self.reader().copy_to(file).unwrap();
        let octets = std::fs::read(copy).unwrap().to_ascii_lowercase();
        octets.windows(text.len()).any(|octets| octets == text.as_bytes())
    }

    /// All housekeeping that is due.
    pub fn tidy(&mut self) {
        let now = self.now();
        while self.store().tidy(now, now).unwrap() {}
    }
}

/// Numbers that look random, the same for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Some of `0..limit`, at most `most` of them.
    pub fn some<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}
