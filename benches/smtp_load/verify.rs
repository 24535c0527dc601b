//! Whether the database holds exactly what was acknowledged.

use crate::mails::{Kind, Mail};
use bouncesvc::store::{CounterFilter, Cursor, Page, Settings, Store, StoreError, WaitingFilter};
use bouncesvc::types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Compares; a difference is a panic.
pub fn holds_what_was_acknowledged(folder: &Path, acknowledged: &[Mail]) {
    let (mut soft, mut hard) = (BTreeMap::<String, u32>::new(), BTreeSet::new());
    // In the order of the acknowledgements: with recipients of their own the order does not matter.
    for mail in acknowledged {
        match mail.kind {
            Kind::Soft => *soft.entry(mail.address.clone()).or_default() += 1,
            Kind::Hard => _ = hard.insert(mail.address.clone()),
            Kind::Junk => {}
        }
    }
    let store = Store::open(&folder.join("bounces.redb"), Settings::default(), Timestamp::default()).unwrap();
    let reader = store.reader();
    let mut told = BTreeSet::new();
    each(
        |cursor| reader.notifications(&WaitingFilter::default(), cursor, 1000),
        |row| _ = told.insert(row.notification.address.to_string()),
    );
    each(|cursor| reader.history(None, cursor, 1000), |row| _ = told.insert(row.address.to_string()));
    assert_eq!(told, hard, "notifications");
    let mut counted = BTreeMap::new();
    each(
        |cursor| reader.counters(&CounterFilter::default(), cursor, 1000),
        |row| _ = counted.insert(row.address.to_string(), row.count),
    );
    // A suspension clears the counter, whenever it came: of an address with both kinds nothing is known.
    soft.retain(|address, _| !hard.contains(address));
    counted.retain(|address, _| !hard.contains(address));
    assert_eq!(counted, soft, "counters");
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
