//! The open database, shared by the one writer and all readers, and closed and opened again after a fault.
//!
//! redb refuses all work after an I/O error until the file is opened anew. So the writer closes it and opens it again, where
//! that fails with growing delays; readers get errors meanwhile, and go on with the same handle afterwards.

use super::compaction;
use super::disk::DiskSource;
use super::journal::Journal;
use super::open::{self, OpenError};
use super::{Settings, StoreError};
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The open database; `None` while it is closed after a fault.
pub struct Connection {
    path: PathBuf,
    disk: DiskSource,
    cache_octets: usize,
    /// Held for writing only to close or to open: neither reading nor committing waits for the other here.
    database: RwLock<Option<Database>>,
    commits: AtomicU64,
    journal: RwLock<Journal>,
}

impl Connection {
    /// Opens or creates the database, and compacts it where that is worth the wait.
    pub fn open(path: &Path, disk: DiskSource, settings: &Settings) -> Result<Self, OpenError> {
        let connection = Self {
            path: path.to_owned(),
            disk,
            cache_octets: settings.cache_octets,
            database: RwLock::new(None),
            commits: AtomicU64::new(0),
            journal: RwLock::default(),
        };
        open::verify(&connection.path, &connection.disk)?;
        let mut database = open::open(&connection.path, &connection.disk, connection.cache_octets)?;
        compaction::compact_if_worth(&mut database, connection.file_octets());
        connection.put(database)?;
        Ok(connection)
    }

    /// Closes what is open, and opens the file anew.
    pub fn reopen(&self) -> Result<(), OpenError> {
        self.close();
        self.put(open::open_again(&self.path, &self.disk, self.cache_octets)?)
    }

    fn put(&self, database: Database) -> Result<(), OpenError> {
        let loaded = database.begin_read().map_err(StoreError::from).and_then(|view| Journal::load(&view));
        *self.journal_mut() = loaded.map_err(|error| OpenError::Io(self.path.clone(), io::Error::other(error)))?;
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(())
    }

    /// What is newer than the table of counters.
    pub fn journal(&self) -> RwLockReadGuard<'_, Journal> {
        self.journal.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the one writer.
    pub fn journal_mut(&self) -> RwLockWriteGuard<'_, Journal> {
        self.journal.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to read.
    pub fn is_open(&self) -> bool {
        self.database.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Lets go of the file.
    fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The size of the file; 0 where it cannot be told.
    pub fn file_octets(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Counts a commit.
    pub fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Commits since it was opened.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// A view of the last commit.
    pub fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|database| Ok(database.begin_read()?))
    }

    /// The one write transaction.
    pub fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.with(|database| Ok(database.begin_write()?))
    }

    fn with<T>(&self, begin: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database
            .as_ref()
            .map_or_else(|| Err(StoreError::Failed("the database is being opened again".to_owned())), begin)
    }
}
