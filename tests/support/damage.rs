//! Rows that no version of the program would write, put into a database that nobody holds.

use redb::{AccessGuard, Database, ReadableTable, Table, TableDefinition};
use std::collections::BTreeMap;
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

/// A counter by its key; `None`: removed.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// As the version wrote it that had no journal of counters.
pub fn turn_into_format_one(path: &Path) {
    turn_back(path, 1, |table, key, value| {
        match value {
            Some(value) => drop(table.insert(key, value).unwrap()),
            None => drop(table.remove(key).unwrap()),
        }
        false
    });
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(TableDefinition::<&[u8], &[u8]>::new("journal")).unwrap();
    transaction.commit().unwrap();
}

/// As the version wrote it whose table had the keys of all counters: new ones went there at once, and a removal was in both.
pub fn turn_into_format_two(path: &Path) {
    turn_back(path, 2, |table, key, value| match value {
        Some(value) if table.get(key).unwrap().is_none() => table.insert(key, value).unwrap().is_some(),
        Some(_) => true,
        None => table.remove(key).unwrap().is_some(),
    });
}

/// Writes the rows of the journal anew, with the changes that `stays` says, which may do others to the table.
fn turn_back(path: &Path, format: u8, mut stays: impl FnMut(&mut Table<&[u8], &[u8]>, &[u8], Option<&[u8]>) -> bool) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let open = |name| transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).unwrap();
        let (mut journal, mut counters) = (open("journal"), open("counters"));
        let octets =
            |(key, row): (AccessGuard<&[u8]>, AccessGuard<&[u8]>)| (key.value().to_vec(), row.value().to_vec());
        let rows: Vec<_> = journal.iter().unwrap().map(|row| octets(row.unwrap())).collect();
        for (id, row) in rows {
            let (mut changes, _): (Changes, _) = postcard::take_from_bytes(&row).unwrap();
            changes.retain(|key, value| stays(&mut counters, key, value.as_deref()));
            journal.insert(id.as_slice(), postcard::to_stdvec(&changes).unwrap().as_slice()).unwrap();
        }
        open("meta").insert(&b"format"[..], &[format][..]).unwrap();
    }
    transaction.commit().unwrap();
}
