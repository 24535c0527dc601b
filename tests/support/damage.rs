//! Rows that no version of the program would write, put into a database that nobody holds.

use redb::{Database, ReadableTable, Table, TableDefinition};
use std::path::Path;

/// Writes to a table.
pub fn meddle(path: &Path, table: &str, work: impl FnOnce(&mut Table<&[u8], &[u8]>)) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    work(&mut transaction.open_table(TableDefinition::new(table)).unwrap());
    transaction.commit().unwrap();
}

/// Puts octets that mean nothing in place of the rows that `pick` says.
pub fn damage(path: &Path, table: &str, pick: impl Fn(&[u8]) -> bool) {
    meddle(path, table, |table| {
        let keys: Vec<_> = table.iter().unwrap().map(|entry| entry.unwrap().0.value().to_vec()).collect();
        for key in keys.iter().filter(|key| pick(key)) {
            table.insert(key.as_slice(), &[0xff; 12][..]).unwrap();
        }
    });
}

/// As the version wrote it that had no journal of counters.
pub fn turn_into_format_one(path: &Path) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = |name| TableDefinition::<&[u8], &[u8]>::new(name);
    assert!(transaction.delete_table(table("journal")).unwrap());
    transaction.open_table(table("meta")).unwrap().insert(&b"format"[..], &[1][..]).unwrap();
    transaction.commit().unwrap();
}
