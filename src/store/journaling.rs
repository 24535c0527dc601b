//! What a transaction does to the journal of counters.

use super::StoreError;
use super::encoding::{decode_head, legible};
use super::journal::Changes;
use super::moved::Move;
use super::packed::Entry;
use super::tables::{self, number_key};
use super::writer::Writer;
use crate::types::Domain;
use redb::ReadableTable;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a transaction does to the journal.
#[derive(Debug, Default)]
pub struct Additions {
    /// As it leaves them.
    pub changes: Changes,
    /// Counters that are new, less those that are gone.
    pub counters: i64,
    /// Counters that it put into the table.
    pub moved: Vec<Move>,
    /// Where the next move begins; `None`: there was none.
    pub position: Option<Vec<u8>>,
    /// Rows that leave.
    pub spent: Vec<u64>,
    /// Counters of which no row says anything any longer.
    pub erased: BTreeSet<Vec<u8>>,
}

/// A row of the journal, as it is written.
#[derive(Debug, Serialize)]
struct Row<'a> {
    changes: &'a Changes,
    /// How many counters there are after the transaction. Format 2 had none, and its table the keys of all counters.
    counters: Option<u64>,
}

impl Writer<'_> {
    /// A counter as it is now.
    pub(super) fn latest(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.additions.changes.get(key) {
            return Ok(value.clone());
        }
        if self.additions.erased.contains(key) {
            return Ok(None);
        }
        if let Some(entry) = self.journal.get(key) {
            return Ok(entry.value.map(<[u8]>::to_vec));
        }
        Ok(self.counters.open()?.get(key)?.map(|row| row.value().to_vec()))
    }

    /// Changes a counter, or (`None`) removes it; `is_known`: whether there was one.
    pub(super) fn put_in_journal(&mut self, key: Vec<u8>, value: Option<Vec<u8>>, is_known: bool) {
        self.additions.counters += i64::from(value.is_some()) - i64::from(is_known);
        self.additions.changes.insert(key, value);
    }

    /// The domains that have counters, or had some of late.
    pub(super) fn counter_domains(&mut self) -> Result<Vec<Domain>, StoreError> {
        tables::domains_by("counters", &[], |start| {
            let changed = self.additions.changes.range(start.to_vec()..).next().map(|(key, _)| key.clone());
            let recent = self.journal.from(start).next().map(|entry| entry.key.to_vec());
            let settled = self.counters.keys(&[], start, 1)?;
            Ok(settled.into_iter().chain(changed).chain(recent).min())
        })
    }

    /// Takes counters out of the table and all rows, so that nothing stays of them; how many there were.
    pub(super) fn erase(&mut self, keys: BTreeSet<Vec<u8>>) -> Result<u64, StoreError> {
        let mut erased = 0;
        for key in &keys {
            erased += i64::from(self.latest(key)?.is_some());
            self.counters.remove(key)?;
        }
        for id in self.journal.rows_of(&keys) {
            self.erase_in_row(&number_key(id), &keys)?;
        }
        self.additions.changes.retain(|key, _| !keys.contains(key));
        self.additions.erased.extend(keys);
        self.additions.counters -= erased;
        Ok(erased.unsigned_abs())
    }

    fn erase_in_row(&mut self, row: &[u8], keys: &BTreeSet<Vec<u8>>) -> Result<(), StoreError> {
        let table = self.journal_rows.open()?;
        let Some(octets) = table.get(row)?.map(|octets| octets.value().to_vec()) else { return Ok(()) };
        let Some(mut changes) = legible::<Changes>(&octets, "journal", row) else { return Ok(()) };
        let before = changes.len();
        changes.retain(|key, _| !keys.contains(key));
        if changes.len() == before {
            return Ok(());
        }
        self.journal_rows.write(row, &Row { changes: &changes, counters: counters_after(&octets) })
    }

    /// Writes a row of the journal, if there is something for it, and moves what is due to the table.
    pub(super) fn write_journal(&mut self) -> Result<(), StoreError> {
        if self.additions.changes.is_empty() && self.additions.counters == 0 {
            return Ok(());
        }
        self.move_due()?;
        self.additions.spent = self.journal.spent();
        for id in &self.additions.spent {
            self.journal_rows.remove(&number_key(*id))?;
        }
        let counters = Some(self.journal.counters().saturating_add_signed(self.additions.counters));
        let row = Row { changes: &self.additions.changes, counters };
        self.journal_rows.write(&number_key(self.journal.next_row()), &row)
    }

    fn move_due(&mut self) -> Result<(), StoreError> {
        let due = self.journal.due(self.additions.changes.len(), self.settings.journal_octets_max);
        for Entry { key, value, row } in due {
            if !self.additions.changes.contains_key(key) && !self.additions.erased.contains(key) {
                match value {
                    Some(value) => self.counters.put(key, value)?,
                    None => drop(self.counters.remove(key)?),
                }
                self.additions.moved.push((key.to_vec(), row));
            }
            self.additions.position = Some(tables::after(key));
        }
        Ok(())
    }
}

/// How many counters there are after the transaction of a row, where it tells.
pub fn counters_after(row: &[u8]) -> Option<u64> {
    let (_, rest) = decode_head::<Changes>(row, "journal").ok()?;
    decode_head::<Option<u64>>(rest, "journal").ok()?.0
}
