//! Counters that changed of late, which their table does not know yet.
//!
//! With a million counters each mail of a transaction finds its own on a page of its own, below a branch of its own: two pages to write
//! for a mail, wherever they lie. So each change of a counter (it is new, it goes up, it is removed) is written to the journal, one row
//! of which holds those of a whole transaction, and kept in memory. From there counters move to the table in the order of their keys, about as
//! many in a transaction as it changes: neighbours share their pages.
//!
//! What the journal says of a counter is newer than the table, and of two rows the later one is right. Rows leave in their order, each
//! once all that it says is in the table, in a later row or forgotten. So the counters are the same after any crash.

use super::StoreError;
use super::damage::{Damaged, tell};
use super::encoding::legible;
use super::journaling::{Additions, counters_after};
use super::moved::Moved;
use super::packed::{Block, Entry, Packed};
use super::tables::{COUNTERS, JOURNAL};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata};
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;

/// Rows of the journal beyond which counters move, however little memory they take: a start reads all. With fewer, a transaction of some
/// forty mails would move counters before there are enough of them in memory to be neighbours.
const ROWS_MAX: usize = 4096;
/// Changes in all rows beyond which counters move as well: large transactions would fill the disk with few rows. So much are
/// [`ROWS_MAX`] rows of 64 counters.
const CHANGES_MAX: usize = 64 * ROWS_MAX;
/// Counters that move at least in a transaction, while any have to.
const MOVES_MIN: usize = 8;
/// Rows that leave in a transaction: one old counter may have kept thousands, and who waits for the transaction waits for all of them.
const SPENT_MAX: usize = 64;
/// Stands for the row of what no row says.
const NO_ROW: u64 = 0;
/// No row comes behind so many.
const ID_MAX: u64 = u64::MAX >> 1;

/// The counters that a transaction changed by key, as it left them; `None`: removed.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What the journal says, in memory.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Packed,
    rows: BTreeMap<u64, RowState>,
    /// In all rows.
    changes: usize,
    /// How many counters there are, here and in the table.
    counters: u64,
    /// Where the next move begins.
    position: Vec<u8>,
    moved: Moved,
}

/// What is known of a row on the disk.
#[derive(Debug, Default)]
struct RowState {
    /// Entries in memory that come from it.
    entries: usize,
    /// Of the keys in it: in which rows a key may be.
    hashes: Box<[u32]>,
}

impl Journal {
    /// As the database has it. What moved since its row was written is there as well, no other than in the table.
    pub fn load(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let (mut journal, mut counters, mut is_damaged) = (Self::default(), None, false);
        for entry in transaction.open_table(JOURNAL)?.range::<&[u8]>(..)? {
            let (key, row) = entry?;
            let Some(id) = row_id(key.value()) else { continue };
            let changes: Option<Changes> = legible(row.value(), "journal", key.value());
            is_damaged |= changes.is_none();
            counters = counters_after(row.value());
            journal.add(id, changes.unwrap_or_default());
            if counters.is_none() {
                journal.forget_removals(id);
            }
        }
        let table = transaction.open_table(COUNTERS)?;
        journal.counters = match counters {
            Some(counters) if !is_damaged => counters,
            _ if is_damaged => journal.count(&table)?,
            _ => table.len()?,
        };
        Ok(journal)
    }

    /// How many counters there are, here and in the table.
    pub fn counters(&self) -> u64 {
        self.counters
    }

    /// What it says of a counter; `None`: nothing.
    pub fn get(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.entries.get(key)
    }

    /// What it says from `key` on.
    pub fn from(&self, key: &[u8]) -> impl Iterator<Item = Entry<'_>> {
        self.entries.from(key)
    }

    /// Some of what it says from `key` on, to be looked at while it changes; `None`: nothing.
    pub fn block_from(&self, key: &[u8]) -> Option<Block> {
        self.entries.block_from(key).cloned()
    }

    /// To be held by who looks at the table, from before the transaction begins: until then nothing leaves that this state of
    /// the table does not have.
    pub fn hold(&self) -> Arc<()> {
        self.moved.hold()
    }

    /// Takes over what a transaction did, once it is durable.
    pub fn apply(&mut self, additions: Additions) {
        let Additions { changes, counters, mut moved, position, spent, erased } = additions;
        let id = self.next_row();
        for id in spent {
            self.changes -= self.rows.remove(&id).map_or(0, |state| state.hashes.len());
        }
        for key in erased {
            self.insert(&key, None, NO_ROW);
            moved.push((key, NO_ROW));
        }
        self.counters = self.counters.saturating_add_signed(counters);
        self.position = position.unwrap_or(mem::take(&mut self.position));
        if !changes.is_empty() || counters != 0 {
            self.add(id, changes);
        }
        for (key, row) in self.moved.turn(moved) {
            if self.get(&key).is_some_and(|entry| entry.row == row) {
                self.remove(&key);
            }
        }
    }

    fn add(&mut self, id: u64, changes: Changes) {
        let hashes = changes.keys().map(|key| hash(key)).collect();
        self.changes += changes.len();
        self.rows.insert(id, RowState { entries: changes.len(), hashes });
        for (key, value) in changes {
            self.insert(&key, value.as_deref(), id);
        }
    }

    fn insert(&mut self, key: &[u8], value: Option<&[u8]>, row: u64) {
        let replaced = self.entries.insert(Entry { key, value, row });
        self.release(replaced);
    }

    fn remove(&mut self, key: &[u8]) {
        let removed = self.entries.remove(key);
        self.release(removed);
    }

    /// Counts an entry of a row out.
    fn release(&mut self, row: Option<u64>) {
        if let Some(state) = row.and_then(|row| self.rows.get_mut(&row)) {
            state.entries -= 1;
        }
    }

    /// In format 2 a removed counter had left the table at once, and may have come back to it since.
    fn forget_removals(&mut self, row: u64) {
        let removed = self.entries.from(&[]).filter(|entry| entry.row == row && entry.value.is_none());
        for key in removed.map(|entry| entry.key.to_vec()).collect::<Vec<_>>() {
            self.remove(&key);
        }
    }

    /// How many counters there are, where no row tells.
    fn count(&self, table: &ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<u64, StoreError> {
        let mut counters = table.len()?;
        for entry in self.entries.from(&[]) {
            match (entry.value.is_some(), table.get(entry.key)?.is_some()) {
                (true, false) => counters += 1,
                (false, true) => counters -= 1,
                _ => {}
            }
        }
        Ok(counters)
    }

    /// The id of the row that the next transaction writes, whichever leave with it.
    pub fn next_row(&self) -> u64 {
        self.rows.last_key_value().map_or(NO_ROW, |(id, _)| *id) + 1
    }

    /// The entries that move in a transaction with so many changes: somewhat more than come in, once there are too many.
    pub fn due(&self, changes: usize, octets_max: usize) -> impl Iterator<Item = Entry<'_>> {
        let is_full = self.entries.octets() > octets_max || self.has_long_rows();
        let moves = if is_full { changes + changes / 4 + MOVES_MIN } else { 0 };
        let before = self.entries.from(&[]).take_while(|entry| entry.key < self.position.as_slice());
        self.entries.from(&self.position).chain(before).take(moves)
    }

    fn has_long_rows(&self) -> bool {
        self.rows.len() > ROWS_MAX || self.changes > CHANGES_MAX
    }

    /// The oldest rows that may leave now, up to the first one with entries. None leaves before an older one, which may know what it changed.
    pub fn spent(&self) -> Vec<u64> {
        let spent = self.rows.iter().take_while(|(_, state)| state.entries == 0);
        spent.take(SPENT_MAX).map(|(id, _)| *id).collect()
    }

    /// The rows that may say something of one of these counters.
    pub fn rows_of(&self, keys: &BTreeSet<Vec<u8>>) -> impl Iterator<Item = u64> {
        let hashes: HashSet<u32, FxBuildHasher> = keys.iter().map(|key| hash(key)).collect();
        let rows = self.rows.iter().filter(move |(_, state)| state.hashes.iter().any(|hash| hashes.contains(hash)));
        rows.map(|(id, _)| *id)
    }
}

/// The number of a row; `None`: its key is none that the program would give, and other rows must not be taken for it.
fn row_id(key: &[u8]) -> Option<u64> {
    let id = key.try_into().ok().map(u64::from_be_bytes).filter(|id| (1..=ID_MAX).contains(id));
    if id.is_none() {
        tell(&Damaged { table: "journal".to_owned(), cause: "its key is no number of a row".to_owned() }, key);
    }
    id
}

fn hash(key: &[u8]) -> u32 {
    let hash = FxBuildHasher.hash_one(key).to_be_bytes();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(counters: &[(&str, Option<&str>)]) -> Changes {
        let octets = |text: &str| text.as_bytes().to_vec();
        counters.iter().map(|(key, value)| (octets(key), value.map(octets))).collect()
    }

    fn journal_of(rows: &[&[(&str, Option<&str>)]]) -> Journal {
        let mut journal = Journal::default();
        for counters in rows {
            journal.apply(Additions { changes: changes(counters), ..Additions::default() });
        }
        journal
    }

    /// `None`: it says nothing.
    fn says(journal: &Journal, key: &str) -> Option<String> {
        let entry = journal.get(key.as_bytes())?;
        Some(entry.value.map_or("removed".to_owned(), |value| String::from_utf8_lossy(value).into_owned()))
    }

    fn due(journal: &Journal, octets_max: usize) -> String {
        journal.due(1, octets_max).map(|entry| String::from_utf8_lossy(entry.key)).collect()
    }

    fn moving(journal: &Journal, key: &str) -> Additions {
        let row = journal.get(key.as_bytes()).unwrap().row;
        Additions { moved: vec![(key.as_bytes().to_vec(), row)], ..Additions::default() }
    }

    #[test]
    fn the_last_change_counts_be_it_a_removal() {
        let journal = journal_of(&[&[("a", Some("1")), ("b", Some("1"))], &[("a", Some("2")), ("b", None)]]);
        assert_eq!(["a", "b", "c"].map(|key| says(&journal, key)), [Some("2".into()), Some("removed".into()), None]);
    }

    #[test]
    fn a_row_leaves_once_all_in_it_is_elsewhere_and_none_before_an_older_one() {
        let mut journal = journal_of(&[&[("a", Some("1"))], &[("b", Some("1"))], &[("b", None)]]);
        assert!(journal.spent().is_empty());
        journal.apply(moving(&journal, "b"));
        journal.apply(Additions::default());
        assert_eq!(says(&journal, "b"), None);
        assert!(journal.spent().is_empty(), "the first would bring b back, were it alone");
        journal.apply(Additions { changes: changes(&[("a", Some("2"))]), ..Additions::default() });
        assert_eq!(journal.spent(), [1, 2, 3]);
    }

    #[test]
    fn a_heap_of_rows_leaves_in_slices() {
        let rows = vec![[("a", Some("1"))]; SPENT_MAX + 3];
        let mut journal = journal_of(&rows.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>());
        for left in [SPENT_MAX, 3, 1] {
            let spent = journal.spent();
            assert_eq!(spent.len(), left);
            journal.apply(Additions { changes: changes(&[("a", Some("2"))]), spent, ..Additions::default() });
        }
    }

    #[test]
    fn ids_rise_while_any_row_is_there() {
        let mut journal = journal_of(&[&[("a", Some("1"))], &[("a", None)]]);
        journal.apply(Additions { changes: changes(&[("b", Some("1"))]), spent: vec![1], ..Additions::default() });
        assert_eq!((journal.get(b"b").unwrap().row, journal.next_row()), (3, 4));
    }

    #[test]
    fn counters_move_in_turn_once_there_are_too_many() {
        let mut journal = journal_of(&[&[("a", Some("1")), ("b", None), ("c", Some("1"))]]);
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
        journal.apply(Additions { changes: changes(&[("a", Some("2"))]), ..Additions::default() });
        assert_eq!(due(&journal, 1000), "a");
    }

    #[test]
    fn counters_move_once_the_rows_are_too_long() {
        let keys: Vec<_> = (0..CHANGES_MAX / 16).map(|number| format!("{number:06}")).collect();
        let row: Vec<_> = keys.iter().map(|key| (key.as_str(), Some("1"))).collect();
        let mut journal = journal_of(&[row.as_slice(); 16]);
        assert_eq!(due(&journal, usize::MAX), "");
        journal.apply(Additions { changes: changes(&[("000003", Some("2"))]), ..Additions::default() });
        assert!(due(&journal, usize::MAX).starts_with("000000"));
        let spent = journal.spent();
        assert_eq!(spent.len(), 15);
        journal.apply(Additions { spent, ..Additions::default() });
        assert_eq!(due(&journal, usize::MAX), "");
    }

    #[test]
    fn what_moved_stays_for_those_who_look_at_the_table_as_it_was() {
        for (value, says_so) in [(Some("1"), "1"), (None, "removed")] {
            let mut journal = journal_of(&[&[("a", value)]]);
            let held = journal.hold();
            journal.apply(moving(&journal, "a"));
            for _ in 0..3 {
                journal.apply(Additions::default());
                assert_eq!(says(&journal, "a").as_deref(), Some(says_so));
            }
            drop(held);
            journal.apply(Additions::default());
            assert_eq!(says(&journal, "a"), None);
        }
    }

    #[test]
    fn what_is_erased_is_removed_for_those_who_look_at_the_table_as_it_was() {
        let mut journal = journal_of(&[&[("a", Some("1"))]]);
        let held = journal.hold();
        let erased = BTreeSet::from([b"a".to_vec(), b"b".to_vec()]);
        journal.apply(Additions { erased, ..Additions::default() });
        journal.apply(Additions::default());
        assert_eq!(["a", "b"].map(|key| says(&journal, key)), [Some("removed".into()), Some("removed".into())]);
        assert_eq!(journal.spent(), [1]);
        drop(held);
        journal.apply(Additions::default());
        assert_eq!(["a", "b"].map(|key| says(&journal, key)), [None, None]);
    }

    #[test]
    fn what_changes_after_its_move_stays() {
        for value in [Some("2"), None] {
            let mut journal = journal_of(&[&[("a", Some("1"))]]);
            journal.apply(moving(&journal, "a"));
            journal.apply(Additions { changes: changes(&[("a", value)]), ..Additions::default() });
            journal.apply(Additions::default());
            assert_eq!(says(&journal, "a").as_deref(), Some(value.unwrap_or("removed")));
        }
    }

    #[test]
    fn the_rows_of_a_counter_are_found() {
        let journal = journal_of(&[&[("a", Some("1"))], &[("b", Some("1"))], &[("a", None), ("c", Some("1"))]]);
        let rows = |key: &str| journal.rows_of(&BTreeSet::from([key.as_bytes().to_vec()])).collect::<Vec<_>>();
        assert_eq!((rows("a"), rows("b"), rows("d")), (vec![1, 3], vec![2], vec![]));
    }
}
