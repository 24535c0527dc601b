//! The counters as those see them who look: what the journal says, and where it says nothing, a state of the table that is not newer.
//!
//! A look begins before the transaction in which it sees the table, so that nothing leaves the journal that this state of the
//! table does not have. The journal is asked a block at a time, and may change between two of them.

use super::StoreError;
use super::connection::Connection;
use super::reader::Row;
use super::tables::{self, COUNTERS};
use crate::types::Domain;
use redb::{AccessGuard, Range, ReadOnlyTable};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

/// A look at the counters.
pub struct Latest<'a> {
    connection: &'a Connection,
    _held: Arc<()>,
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

/// A counter: its key and its row.
pub enum Found {
    /// As the table has it.
    Settled(AccessGuard<'static, &'static [u8]>, AccessGuard<'static, &'static [u8]>),
    /// As the journal has it.
    Recent(Vec<u8>, Vec<u8>),
}

impl<'a> Latest<'a> {
    /// As they are now.
    pub fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        let held = connection.journal().hold();
        let table = connection.begin_read()?.open_table(COUNTERS)?;
        Ok(Self { connection, _held: held, table })
    }

    /// The row of a counter.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // Copied: the writer waits for whoever holds the journal, and who looks may be put off by the scheduler at any time.
        let recent = self.connection.journal().get(key).map(|entry| entry.value.map(<[u8]>::to_vec));
        match recent {
            Some(value) => Ok(value),
            None => Ok(self.table.get(key)?.map(|row| row.value().to_vec())),
        }
    }

    /// All from `key` on.
    pub fn from(&self, key: &[u8]) -> Result<Merged<'_>, StoreError> {
        let recent = Recent { connection: self.connection, next: Some(key.to_vec()), block: Vec::new().into_iter() };
        Ok(Merged { table: self.table.range::<&[u8]>(key..)?, settled: None, recent: recent.peekable() })
    }

    /// The domains that have counters.
    pub fn domains(&self) -> Result<Vec<Domain>, StoreError> {
        tables::domains_by("counters", &[], |start| {
            Ok(self.from(start)?.next().transpose()?.map(|found| found.key().to_vec()))
        })
    }
}

impl Row for Found {
    fn key(&self) -> &[u8] {
        match self {
            Self::Settled(key, _) => key.value(),
            Self::Recent(key, _) => key,
        }
    }

    fn octets(&self) -> &[u8] {
        match self {
            Self::Settled(_, row) => row.value(),
            Self::Recent(_, row) => row,
        }
    }
}

/// Table and journal in the order of their keys.
pub struct Merged<'a> {
    table: Range<'static, &'static [u8], &'static [u8]>,
    /// The next one of the table.
    settled: Option<Found>,
    recent: Peekable<Recent<'a>>,
}

impl Iterator for Merged<'_> {
    type Item = Result<Found, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Err(error) = self.fill() {
                return Some(Err(error));
            }
            let settled_key = self.settled.as_ref().map(Row::key);
            let is_first = |(key, _): &Recently| settled_key.is_none_or(|settled| key.as_slice() <= settled);
            let Some((key, value)) = self.recent.next_if(is_first) else { return self.settled.take().map(Ok) };
            if settled_key == Some(key.as_slice()) {
                self.settled = None;
            }
            if let Some(value) = value {
                return Some(Ok(Found::Recent(key, value)));
            }
        }
    }
}

impl Merged<'_> {
    fn fill(&mut self) -> Result<(), StoreError> {
        if self.settled.is_none() {
            self.settled = self.table.next().transpose()?.map(|(key, row)| Found::Settled(key, row));
        }
        Ok(())
    }
}

/// A counter that the journal knows; `None`: as removed.
type Recently = (Vec<u8>, Option<Vec<u8>>);

/// What the journal says.
struct Recent<'a> {
    connection: &'a Connection,
    /// Where the next block begins; `None`: there is no more.
    next: Option<Vec<u8>>,
    block: vec::IntoIter<Recently>,
}

impl Iterator for Recent<'_> {
    type Item = Recently;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(recently) = self.block.next() {
            return Some(recently);
        }
        let start = self.next.take()?;
        let block = self.connection.journal().block_from(&start)?;
        let entries = block.entries().filter(|entry| entry.key >= start.as_slice());
        let entries: Vec<_> = entries.map(|entry| (entry.key.to_vec(), entry.value.map(<[u8]>::to_vec))).collect();
        self.next = entries.last().map(|(key, _)| tables::after(key));
        self.block = entries.into_iter();
        self.block.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Batch, Command, Imported};
    use crate::store::reader::Row;
    use crate::store::tables::domain_key;
    use crate::store::{Settings, Store};
    use crate::types::{Address, Timestamp};
    use tempfile::TempDir;

    /// A store each of whose transactions moves counters to the table.
    struct Fixture {
        _folder: TempDir,
        store: Store,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let settings = Settings { journal_octets_max: 0, ..Settings::default() };
            let store = Store::open(&folder.path().join("b.redb"), settings).unwrap();
            Self { _folder: folder, store }
        }

        fn command(&mut self, command: Command) {
            self.store.commit(&Batch { commands: vec![command], ..Batch::default() }, Timestamp::default()).unwrap();
        }

        fn count(&mut self, name: char, count: u32) {
            self.command(Command::Import(vec![Imported::Counter { domain: domain(), address: address(name), count }]));
        }

        fn reset(&mut self, name: char) {
            self.command(Command::ResetCounter { address: address(name), domain: None });
        }

        /// All that is in the journal moves to the table.
        fn settle(&mut self) {
            for count in 100..110 {
                self.count('z', count);
            }
        }
    }

    fn domain() -> Domain {
        Domain::parse("mydomain.example").unwrap()
    }

    fn address(name: char) -> Address {
        Address::parse(&format!("{name}@x.example")).unwrap()
    }

    fn key(name: char) -> Vec<u8> {
        domain_key(&domain(), address(name).key().as_bytes())
    }

    /// What a look finds, all at once and one by one: the first letters of the addresses.
    fn names(latest: &Latest<'_>) -> String {
        let all: Vec<_> = latest.from(&[]).unwrap().map(|found| found.unwrap().key().to_vec()).collect();
        assert!(all.is_sorted());
        let listed: String = ('a'..='z').filter(|name| all.contains(&key(*name))).collect();
        let single: String = ('a'..='z').filter(|name| latest.get(&key(*name)).unwrap().is_some()).collect();
        assert_eq!((listed.len(), &listed), (all.len(), &single));
        listed
    }

    #[test]
    fn a_look_sees_what_is_removed_comes_back_or_is_new_meanwhile_however_much_moves() {
        let mut fixture = Fixture::new();
        "abcdef".chars().for_each(|name| fixture.count(name, 1));
        fixture.settle();
        let connection = Arc::clone(&fixture.store.connection);
        let latest = Latest::begin(&connection).unwrap();
        assert_eq!(names(&latest), "abcdefz");
        fixture.reset('a');
        fixture.reset('b');
        fixture.command(Command::Forget(address('c')));
        fixture.command(Command::Forget(address('d')));
        fixture.count('n', 1);
        for _ in 0..2 {
            assert_eq!(names(&latest), "efnz");
            fixture.settle();
        }
        fixture.count('b', 1);
        fixture.count('d', 1);
        for _ in 0..2 {
            assert_eq!(names(&latest), "bdefnz");
            fixture.settle();
        }
        assert_eq!(names(&Latest::begin(&connection).unwrap()), "bdefnz");
    }

    #[test]
    fn a_look_from_a_key_on_begins_there_wherever_counters_are() {
        let mut fixture = Fixture::new();
        "aceg".chars().for_each(|name| fixture.count(name, 1));
        fixture.settle();
        "bdf".chars().for_each(|name| fixture.count(name, 1));
        fixture.reset('e');
        let latest = Latest::begin(&fixture.store.connection).unwrap();
        for (start, first) in [('a', 'a'), ('b', 'b'), ('c', 'c'), ('e', 'f'), ('g', 'g'), ('h', 'z')] {
            let found = latest.from(&key(start)).unwrap().next().unwrap().unwrap();
            assert_eq!(found.key(), key(first), "from {start}");
        }
        assert_eq!(latest.domains().unwrap(), [domain()]);
    }
}
