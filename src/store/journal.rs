//! Counters that went up of late, and are not in their table yet.
//!
//! With a million counters each mail of a transaction finds its own on a page of its own, below a branch of its own: two pages to write
//! for a mail, wherever they lie. So a counter that is known goes up in the journal, one row of which holds those of a whole
//! transaction, and in memory. From there counters move to the table in the order of their keys, about as many in a transaction as it
//! counts: neighbours share their pages.
//!
//! The table has the keys of all counters; what the journal has of one is newer. New counters go to the table at once, and a
//! removal is in both. A row of the journal leaves once each of its counters moved, was counted again or was removed.

use super::StoreError;
use super::encoding::legible;
use super::tables::{self, JOURNAL, number_at_end, number_key};
use super::writer::Writer;
use redb::ReadTransaction;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

/// What an entry takes in memory beside its key and its value.
const ENTRY_OCTETS: usize = 120;
/// Rows of the journal beyond which counters move, however little memory they take: a start reads all.
const ROWS_MAX: usize = 500;
/// Counters that move at least in a transaction, while any have to.
const MOVES_MIN: usize = 8;

/// The counters of a transaction by key, as it left them; `None`: removed.
type Row = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A counter that is in the table now, and the row that the journal had of it.
type Move = (Vec<u8>, u64);

/// What the journal holds, in memory.
#[derive(Debug, Default)]
pub struct Journal {
    entries: BTreeMap<Vec<u8>, Entry>,
    /// What they take in memory.
    octets: usize,
    /// How many entries each row still has.
    rows: BTreeMap<u64, usize>,
    /// Where the next move begins.
    position: Vec<u8>,
    moved: Moved,
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    row: u64,
}

/// What a transaction does to the journal.
#[derive(Debug, Default)]
pub struct Additions {
    changed: Row,
    moved: Vec<Move>,
    /// Where the next move begins; `None`: there was none.
    position: Option<Vec<u8>>,
    /// Rows that leave.
    spent: Vec<u64>,
    /// Counters of which no row says anything any longer.
    erased: BTreeSet<Vec<u8>>,
}

impl Journal {
    /// As the database has it. What moved since its row was written is there as well, no other than in the table.
    pub fn load(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let mut journal = Self::default();
        for entry in transaction.open_table(JOURNAL)?.range::<&[u8]>(..)? {
            let (key, row) = entry?;
            let row = legible(row.value(), "journal", key.value());
            if let Some((id, row)) = number_at_end(key.value()).zip(row) {
                journal.add(id, row);
            }
        }
        Ok(journal)
    }

    /// A counter, where it is newer than in the table.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(|entry| entry.value.as_slice())
    }

    /// To be held by who looks at the table, from before the transaction begins: until then nothing leaves that this state of
    /// the table does not have.
    pub fn hold(&self) -> Arc<()> {
        Arc::clone(&self.moved.now.holders)
    }

    /// Takes over what a transaction did, once it is durable.
    pub fn apply(&mut self, additions: Additions) {
        let Additions { changed, moved, position, spent, erased } = additions;
        let id = self.next_row();
        for id in spent {
            self.rows.remove(&id);
        }
        for key in erased {
            self.remove(&key);
        }
        self.position = position.unwrap_or(mem::take(&mut self.position));
        if !changed.is_empty() {
            self.add(id, changed);
        }
        for (key, row) in self.moved.turn(moved) {
            if self.entries.get(&key).is_some_and(|entry| entry.row == row) {
                self.remove(&key);
            }
        }
    }

    fn add(&mut self, id: u64, row: Row) {
        self.rows.insert(id, row.values().flatten().count());
        for (key, value) in row {
            self.remove(&key);
            if let Some(value) = value {
                self.octets += octets(&key, &value);
                self.entries.insert(key, Entry { value, row: id });
            }
        }
    }

    fn remove(&mut self, key: &[u8]) {
        let Some(Entry { value, row }) = self.entries.remove(key) else { return };
        self.octets -= octets(key, &value);
        if let Some(entries) = self.rows.get_mut(&row) {
            *entries -= 1;
        }
    }

    /// The id of the row that the next transaction writes, whichever leave with it.
    fn next_row(&self) -> u64 {
        self.rows.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// The entries that move in a transaction with `changed` counters: somewhat more than come in, once there are too many.
    fn due(&self, changed: usize, octets_max: usize) -> impl Iterator<Item = (&Vec<u8>, &Entry)> {
        let is_full = self.octets > octets_max || self.rows.len() > ROWS_MAX;
        let moves = if is_full { changed + changed / 4 + MOVES_MIN } else { 0 };
        let (before, behind) = (..self.position.clone(), self.position.clone()..);
        self.entries.range(behind).chain(self.entries.range(before)).take(moves)
    }

    /// The oldest rows, up to the first one with entries. None leaves before an older one, which may know a counter that it removed.
    fn spent(&self) -> Vec<u64> {
        self.rows.iter().take_while(|(_, entries)| **entries == 0).map(|(id, _)| *id).collect()
    }
}

fn octets(key: &[u8], value: &[u8]) -> usize {
    ENTRY_OCTETS + key.len() + value.len()
}

/// What moved, as long as somebody may look at a state of the table from before.
#[derive(Debug, Default)]
struct Moved {
    now: Generation,
    before: Generation,
}

/// Those who began to look at about the same time, and what moved then.
#[derive(Debug, Default)]
struct Generation {
    holders: Arc<()>,
    moves: Vec<Move>,
}

impl Moved {
    /// Takes what has just moved, and gives what nobody needs any longer.
    fn turn(&mut self, moves: Vec<Move>) -> Vec<Move> {
        self.now.moves.extend(moves);
        if Arc::strong_count(&self.before.holders) > 1 {
            return Vec::new();
        }
        mem::replace(&mut self.before, mem::take(&mut self.now)).moves
    }
}

impl Writer<'_> {
    /// A counter, where the journal has it newer than the table.
    pub(super) fn journaled(&self, key: &[u8]) -> Option<&[u8]> {
        match self.additions.changed.get(key) {
            Some(value) => value.as_deref(),
            None => self.journal.get(key),
        }
    }

    /// Changes a counter that the table has, or (`None`) no longer has.
    pub(super) fn put_in_journal(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.additions.changed.insert(key, value);
    }

    /// Takes counters that the table no longer has out of all rows: of whom is to be forgotten nothing stays.
    pub(super) fn erase_from_journal(&mut self, keys: BTreeSet<Vec<u8>>) -> Result<(), StoreError> {
        for id in self.journal.rows.keys() {
            let key = number_key(*id);
            let Some(mut row): Option<Row> = self.journal_rows.read(&key)? else { continue };
            let known = row.len();
            row.retain(|key, _| !keys.contains(key));
            if row.len() < known {
                self.journal_rows.write(&key, &row)?;
            }
        }
        self.additions.changed.retain(|key, _| !keys.contains(key));
        self.additions.erased.extend(keys);
        Ok(())
    }

    /// Writes a row of the journal, if there is something for it, and moves what is due to the table.
    pub(super) fn write_journal(&mut self) -> Result<(), StoreError> {
        if self.additions.changed.is_empty() {
            return Ok(());
        }
        self.move_due()?;
        self.additions.spent = self.journal.spent();
        for id in &self.additions.spent {
            self.journal_rows.remove(&number_key(*id))?;
        }
        self.journal_rows.write(&number_key(self.journal.next_row()), &self.additions.changed)
    }

    fn move_due(&mut self) -> Result<(), StoreError> {
        let due = self.journal.due(self.additions.changed.len(), self.settings.journal_octets_max);
        for (key, entry) in due {
            if !self.additions.changed.contains_key(key) && !self.additions.erased.contains(key) {
                self.counters.put(key, &entry.value)?;
                self.additions.moved.push((key.clone(), entry.row));
            }
            self.additions.position = Some(tables::after(key));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(counters: &[(&str, Option<&str>)]) -> Row {
        let octets = |text: &str| text.as_bytes().to_vec();
        counters.iter().map(|(key, value)| (octets(key), value.map(octets))).collect()
    }

    fn journal_of(rows: &[&[(&str, Option<&str>)]]) -> Journal {
        let mut journal = Journal::default();
        for counters in rows {
            journal.apply(Additions { changed: row(counters), ..Additions::default() });
        }
        journal
    }

    fn due(journal: &Journal, octets_max: usize) -> String {
        journal.due(1, octets_max).map(|(key, _)| String::from_utf8_lossy(key)).collect()
    }

    fn moving(journal: &Journal, key: &str) -> Additions {
        let row = journal.entries[key.as_bytes()].row;
        Additions { moved: vec![(key.as_bytes().to_vec(), row)], ..Additions::default() }
    }

    #[test]
    fn the_last_value_counts_and_a_removed_counter_is_gone() {
        let journal = journal_of(&[&[("a", Some("1")), ("b", Some("1"))], &[("a", Some("2")), ("b", None)]]);
        assert_eq!((journal.get(b"a"), journal.get(b"b")), (Some(b"2".as_slice()), None));
        assert_eq!(journal.octets, octets(b"a", b"2"));
    }

    #[test]
    fn a_row_leaves_once_all_in_it_is_elsewhere_and_none_before_an_older_one() {
        let journal = journal_of(&[&[("a", Some("1"))], &[("b", Some("1"))], &[("b", None)]]);
        assert!(journal.spent().is_empty());
        let journal = journal_of(&[&[("a", Some("1"))], &[("b", Some("1"))], &[("b", None)], &[("a", Some("2"))]]);
        assert_eq!(journal.spent(), [1, 2, 3]);
    }

    #[test]
    fn ids_rise_while_any_row_is_there() {
        let mut journal = journal_of(&[&[("a", Some("1"))], &[("a", None)]]);
        journal.apply(Additions { changed: row(&[("b", Some("1"))]), spent: vec![1, 2], ..Additions::default() });
        assert_eq!((journal.entries[b"b".as_slice()].row, journal.next_row()), (3, 4));
    }

    #[test]
    fn counters_move_in_turn_once_there_are_too_many() {
        let mut journal = journal_of(&[&[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]]);
        assert_eq!(due(&journal, 1000), "");
        assert_eq!(due(&journal, 0), "abc");
        journal.apply(Additions { position: Some(b"b".to_vec()), ..Additions::default() });
        assert_eq!(due(&journal, 0), "bca");
    }

    #[test]
    fn counters_move_once_there_are_too_many_rows() {
        let rows = vec![[("a", Some("1"))]; ROWS_MAX];
        let mut journal = journal_of(&rows.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>());
        assert_eq!(due(&journal, 1000), "");
        journal.apply(Additions { changed: row(&[("a", Some("2"))]), ..Additions::default() });
        assert_eq!(due(&journal, 1000), "a");
    }

    #[test]
    fn what_moved_stays_for_those_who_look_at_the_table_as_it_was() {
        let mut journal = journal_of(&[&[("a", Some("1"))]]);
        let held = journal.hold();
        journal.apply(moving(&journal, "a"));
        for _ in 0..3 {
            journal.apply(Additions::default());
            assert_eq!(journal.get(b"a"), Some(b"1".as_slice()));
        }
        drop(held);
        journal.apply(Additions::default());
        assert_eq!(journal.get(b"a"), None);
        assert_eq!(journal.octets, 0);
    }

    #[test]
    fn what_is_counted_after_its_move_stays() {
        let mut journal = journal_of(&[&[("a", Some("1"))]]);
        journal.apply(moving(&journal, "a"));
        journal.apply(Additions { changed: row(&[("a", Some("2"))]), ..Additions::default() });
        journal.apply(Additions::default());
        assert_eq!(journal.get(b"a"), Some(b"2".as_slice()));
    }
}
