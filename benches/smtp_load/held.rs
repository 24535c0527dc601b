//! What a database holds: filled in before a run, and compared with what was acknowledged after it.

use crate::mails::{Kind, Mail, address_of};
use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{Accepted, Batch, Change, Failure};
use bouncesvc::store::{CounterFilter, Cursor, Page, Settings, Store, StoreError, WaitingFilter};
use bouncesvc::types::{Address, Domain, MessageId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

/// Rows in a transaction that fills.
const FILL_ROWS: u64 = 10_000;

/// What is there before the first mail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    /// Soft counters at 1, of the recipients of the generator.
    pub counters: u64,
    /// Pending notifications.
    pub pending: u64,
}

impl Held {
    /// Fills a new database.
    pub fn fill(self, database: &Path) {
        if self.counters == 0 && self.pending == 0 {
            return;
        }
        let mut store = open(database);
        fill_with(&mut store, self.counters, |who| Change::CountSoft {
            failure: failure(&address_of(who), Class::Soft, Reason::MailboxFull),
            threshold: u32::MAX,
            window: None,
            archive: None,
        });
        fill_with(&mut store, self.pending, |who| Change::Suspend {
            failure: failure(&pending_address(who), Class::Hard, Reason::UserUnknown),
            archive: None,
        });
    }

    /// Compares with what this and the acknowledged mails lead to; a difference is a panic.
    pub fn verify(self, database: &Path, acknowledged: &[Mail]) {
        let mut soft: BTreeMap<String, u32> = (0..self.counters).map(|who| (address_of(who), 1)).collect();
        let mut hard: BTreeSet<String> = (0..self.pending).map(pending_address).collect();
        for mail in acknowledged {
            match mail.kind {
                Kind::Soft => *soft.entry(mail.address.clone()).or_default() += 1,
                Kind::Hard => _ = hard.insert(mail.address.clone()),
                Kind::Junk => {}
            }
        }
        let store = open(database);
        assert!(told(&store) == hard, "the notifications are not those of the acknowledged mails");
        let mut counted = counters(&store);
        // A suspension clears the counter, whenever it came: of an address with both kinds nothing is known.
        soft.retain(|address, _| !hard.contains(address));
        counted.retain(|address, _| !hard.contains(address));
        assert!(counted == soft, "the counters are not those of the acknowledged mails");
    }
}

fn open(database: &Path) -> Store {
    Store::open(database, Settings::default()).unwrap()
}

fn fill_with(store: &mut Store, rows: u64, change: impl Fn(u64) -> Change) {
    for first in (0..rows).step_by(usize::try_from(FILL_ROWS).unwrap()) {
        let changes = (first..rows.min(first + FILL_ROWS)).map(&change).collect();
        let mail = Accepted { id: MessageId(first + 1), digest: [0; 32], changes };
        store.commit(&Batch { confirmed: vec![[0; 32]], mails: vec![mail], ..Batch::default() }, now()).unwrap();
    }
    store.commit(&Batch { confirmed: vec![[0; 32]], ..Batch::default() }, now()).unwrap();
}

fn pending_address(who: u64) -> String {
    format!("pending{who}@provider{}.example", who % 50)
}

fn failure(address: &str, class: Class, reason: Reason) -> Failure {
    Failure {
        domain: Domain::parse("mydomain.de").unwrap(),
        address: Address::parse(address).unwrap(),
        class,
        reason,
        status: None,
        diagnostic: Some("552 5.2.2 mailbox full".to_owned()),
        message_id: MessageId(1),
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Whom the platform was told about, or is to be.
fn told(store: &Store) -> BTreeSet<String> {
    let (reader, mut told) = (store.reader(), BTreeSet::new());
    each(
        |cursor| reader.notifications(&WaitingFilter::default(), cursor, 1000),
        |row| _ = told.insert(row.notification.address.to_string()),
    );
    each(|cursor| reader.history(None, cursor, 1000), |row| _ = told.insert(row.address.to_string()));
    told
}

fn counters(store: &Store) -> BTreeMap<String, u32> {
    let (reader, mut counted) = (store.reader(), BTreeMap::new());
    each(
        |cursor| reader.counters(&CounterFilter::default(), cursor, 1000),
        |row| _ = counted.insert(row.address.to_string(), row.count),
    );
    counted
}

fn each<T>(mut read: impl FnMut(Option<&Cursor>) -> Result<Page<T>, StoreError>, mut take: impl FnMut(T)) {
    let mut cursor = None;
    loop {
        let page = read(cursor.as_ref()).unwrap();
        page.rows.into_iter().for_each(&mut take);
        if page.next.is_none() {
            return;
        }
        cursor = page.next;
    }
}
