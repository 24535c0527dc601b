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

/// What became of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Rows in all tables.
    pub rows: u64,
    /// The size of the copy.
    pub octets: u64,
}

impl Reader {
    /// Writes a copy of the last commit to `file`, which is empty and open for reading and writing; it is safe on return.
    ///
    /// It takes as long as reading everything does: not for the event loop's thread. Commits go on meanwhile; the pages
    /// that they free stay in use until the end.
    pub fn copy_to(&self, file: File) -> Result<Copied, StoreError> {
        let source = self.begin()?;
        let written = file.try_clone()?;
        let copy = Database::builder().set_cache_size(CACHE_OCTETS).create_file(file).map_err(redb::Error::from)?;
        let mut rows = 0;
        for definition in ALL {
            rows += copy_table(&source, &copy, definition)?;
        }
        // The transactions before were not made durable; an empty one that is takes them along.
        copy.begin_write()?.commit()?;
        drop(copy);
        Ok(Copied { rows, octets: written.metadata()?.len() })
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
