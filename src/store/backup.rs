//! A consistent copy of the database while it is written to.

use super::StoreError;
use super::reader::Reader;
use super::tables::{ALL, Definition};
use redb::{Database, Durability, ReadTransaction};
use std::fs::File;

/// Rows that one transaction of the copy holds: bounds its memory.
const ROWS_PER_TRANSACTION: usize = 20_000;
/// The copy's page cache, in octets.
const CACHE_OCTETS: usize = 1 << 20;

impl Reader {
    /// Writes a copy of the last commit to `file`, which is empty and open for reading and writing; it is safe on return. How many rows
    /// there are in all tables.
    ///
    /// It takes as long as reading everything does: not for the event loop's thread. Commits go on meanwhile; the pages
    /// that they free stay in use until the end.
    pub fn copy_to(&self, file: File) -> Result<u64, StoreError> {
        let source = self.begin()?;
        let copy = Database::builder().set_cache_size(CACHE_OCTETS).create_file(file).map_err(redb::Error::from)?;
        let mut rows = 0;
        for definition in ALL {
            rows += copy_table(&source, &copy, definition)?;
        }
        // The transactions before were not made durable; an empty one that is takes them along.
        copy.begin_write()?.commit()?;
        Ok(rows)
    }
}

fn copy_table(source: &ReadTransaction, copy: &Database, definition: Definition) -> Result<u64, StoreError> {
    let table = source.open_table(definition)?;
    let mut entries = table.range::<&[u8]>(..)?;
    let mut rows = 0;
    loop {
        let mut transaction = copy.begin_write()?;
        transaction.set_durability(Durability::None).map_err(redb::Error::from)?;
        let mut full = false;
        {
            let mut target = transaction.open_table(definition)?;
            for entry in entries.by_ref().take(ROWS_PER_TRANSACTION) {
                let (key, value) = entry?;
                target.insert(key.value(), value.value())?;
                rows += 1;
                full = rows % ROWS_PER_TRANSACTION as u64 == 0;
            }
        }
        transaction.commit()?;
        if !full {
            return Ok(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Batch, Command, Imported};
    use crate::store::tables::HISTORY;
    use crate::store::{Settings, Store};
    use crate::types::{Address, Domain, Timestamp};

    /// A store on a file, with more rows than its cache holds.
    fn filled(folder: &tempfile::TempDir) -> Store {
        let settings = Settings { cache_octets: 0, ..Settings::default() };
        let mut store = Store::open(&folder.path().join("b.redb"), settings).unwrap();
        let domain = Domain::parse("mydomain.de").unwrap();
        let address = |number| Address::parse(&format!("user{number}@some-provider.com")).unwrap();
        let row = |number| {
            let (at, domain) = (Timestamp::default(), domain.clone());
            Imported::Past { at, domain, address: address(number), status: 200 }
        };
        let batch = Batch { commands: vec![Command::Import((0..2000).map(row).collect())], ..Batch::default() };
        store.commit(&batch, Timestamp::default()).unwrap();
        store
    }

    #[test]
    fn a_database_that_is_opened_anew_after_a_fault_waits_for_no_backup_and_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(&folder);
        let underway = store.reader().begin().unwrap();
        store.connection.reopen().unwrap();
        let copy = Database::create(folder.path().join("copy.redb")).unwrap();
        let error = copy_table(&underway, &copy, HISTORY).unwrap_err();
        assert!(error.to_string().contains("was closed after a fault"), "{error}");
        let again = store.reader().begin().unwrap();
        assert_eq!(copy_table(&again, &copy, HISTORY), Ok(2000));
    }
}
