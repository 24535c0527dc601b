//! A consistent copy of the database while it is written to.

use super::StoreError;
use super::reader::Reader;
use super::tables::{ALL, Definition};
use redb::{Database, Durability, ReadTransaction};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

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
    /// Writes a copy of the last commit to `target`, and replaces what was there once the copy is safe.
    ///
    /// It takes as long as reading everything does: not for the event loop's thread. Commits go on meanwhile; the pages
    /// that they free stay in use until the end.
    pub fn backup(&self, target: &Path) -> Result<Copied, StoreError> {
        if self.is_live(target) {
            return Err(StoreError::Failed(format!("{} is the database itself", target.display())));
        }
        let part = beside(target);
        let copied = self.copy_to(&part).and_then(|rows| Ok((rows, put_in_place(&part, target)?)));
        if copied.is_err() {
            let _ = fs::remove_file(&part);
        }
        copied.map(|(rows, octets)| Copied { rows, octets })
    }

    fn is_live(&self, target: &Path) -> bool {
        let live = self.connection.path().canonicalize();
        target.canonicalize().is_ok_and(|target| live.is_ok_and(|live| live == target))
    }

    fn copy_to(&self, part: &Path) -> Result<u64, StoreError> {
        let source = self.begin()?;
        File::create(part)?;
        let copy = Database::builder().set_cache_size(CACHE_OCTETS).create(part).map_err(redb::Error::from)?;
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

fn put_in_place(part: &Path, target: &Path) -> Result<u64, StoreError> {
    let octets = fs::metadata(part)?.len();
    fs::rename(part, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all())?;
    Ok(octets)
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    target.with_file_name(name)
}
