//! Invariant: whatever rows stand in the tables: the database opens, no look, batch or housekeeping panics or fails, and a second start
//! finds a whole file. The row of the format is left as it is: what another one does is a test's.
//!
//! The edits begin with rows that the program wrote.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a fuzz target")]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use redb::{Database, ReadableTable as _, Table, TableDefinition, TableHandle as _};
use std::path::Path;
use std::sync::LazyLock;
use support::Fixture;

#[path = "../../tests/support/filled.rs"]
mod filled;
#[path = "../../tests/support/store.rs"]
mod support;

/// Long after all that is in the filled one.
const LATER_SECONDS: u64 = 400 * 24 * 3600;

static FILLED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut fixture = filled::filled();
    fixture.close();
    std::fs::read(fixture.path()).unwrap()
});

#[derive(Arbitrary, Debug)]
struct Edit {
    table: u8,
    row: u8,
    change: Change,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Value(Vec<u8>),
    Flip { at: u8, bits: u8 },
    Cut(u8),
    Extend(Vec<u8>),
    Insert { key: Vec<u8>, value: Vec<u8> },
    Remove,
}

fuzz_target!(|edits: Vec<Edit>| {
    let mut fixture = Fixture::new(bouncesvc::store::Settings::default());
    fixture.close();
    std::fs::write(fixture.path(), FILLED.as_slice()).unwrap();
    edit_all(&fixture.path(), &edits);
    fixture.reopen();
    filled::look_at_all(&mut fixture);
    filled::write_all(&mut fixture);
    filled::look_at_all(&mut fixture);
    fixture.seconds = LATER_SECONDS;
    fixture.tidy();
    fixture.reopen();
    filled::look_at_all(&mut fixture);
});

fn edit_all(path: &Path, edits: &[Edit]) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut names: Vec<String> = transaction.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    names.sort();
    for edit in edits {
        let name = &names[usize::from(edit.table) % names.len()];
        edit_row(&mut transaction.open_table(TableDefinition::new(name)).unwrap(), edit);
    }
    transaction.commit().unwrap();
}

fn edit_row(table: &mut Table<'_, &[u8], &[u8]>, edit: &Edit) {
    if let Change::Insert { key, value } = &edit.change {
        table.insert(key.as_slice(), value.as_slice()).unwrap();
        return;
    }
    let rows = table
        .iter()
        .unwrap()
        .map(|row| row.unwrap())
        .map(|(key, value)| (key.value().to_vec(), value.value().to_vec()));
    let mut rows: Vec<_> = rows.filter(|(key, _)| key != b"format").collect();
    if rows.is_empty() {
        return;
    }
    let (key, value) = rows.swap_remove(usize::from(edit.row) % rows.len());
    match changed(value, &edit.change) {
        Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop).unwrap(),
        None => table.remove(key.as_slice()).map(drop).unwrap(),
    }
}

/// `None`: the row is removed.
fn changed(mut value: Vec<u8>, change: &Change) -> Option<Vec<u8>> {
    match change {
        Change::Value(other) => value.clone_from(other),
        Change::Flip { at, bits } => {
            let len = value.len().max(1);
            if let Some(octet) = value.get_mut(usize::from(*at) % len) {
                *octet ^= bits;
            }
        }
        Change::Cut(len) => value.truncate(usize::from(*len)),
        Change::Extend(more) => value.extend(more),
        Change::Insert { .. } => {}
        Change::Remove => return None,
    }
    Some(value)
}
