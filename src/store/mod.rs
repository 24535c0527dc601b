//! The database: counters, the notification queue, history, unconfirmed digests, quarantine, sums.
//!
//! The only part that names redb. One [`Store`] writes, and one transaction holds all that a turn of the loop did;
//! any number of [`Reader`]s look, each from short read transactions, in any thread.

use crate::change::{Batch, Committed};
use crate::types::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the database is kept. Each field has a key in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// redb's page cache, in octets.
    pub cache_octets: usize,
    /// How long the history of delivered notifications is kept.
    pub history_age_max: Duration,
    /// How long an unconfirmed digest is kept: longer than senders retry (RFC 5321 §4.5.4.1: 4 to 5 days).
    pub digest_age_max: Duration,
    /// Parked notifications older than this leave; `None`: never.
    pub parked_age_max: Option<Duration>,
    /// Soft counters whose last bounce is older than this leave; `None`: never.
    pub counter_age_max: Option<Duration>,
    /// Mails in the quarantine.
    pub quarantine_mails_max: u64,
    /// Octets in the quarantine.
    pub quarantine_octets_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            cache_octets: 4 << 20,
            history_age_max: 365 * DAY,
            digest_age_max: 7 * DAY,
            parked_age_max: None,
            counter_age_max: None,
            quarantine_mails_max: 1000,
            quarantine_octets_max: 64 << 20,
        }
    }
}

/// Why a database could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds it.
    Locked(PathBuf),
    /// It is no redb file, or a damaged one; nothing was changed.
    Foreign(PathBuf, String),
    /// Written by a newer version: its format, and ours.
    Newer(PathBuf, u32, u32),
    /// The operating system's word.
    Io(PathBuf, std::io::Error),
}

/// Why a transaction failed. Nothing of it is in the database.
#[derive(Debug)]
pub enum StoreError {
    /// No space left: 452.
    Full(String),
    /// Anything else: 451. The database is reopened with backoff.
    Failed(String),
}

/// The one writer.
pub struct Store {}

/// Looks at the database from any thread; cheap to clone.
#[derive(Clone)]
pub struct Reader {}

impl Store {
    /// Opens or creates the database (and its folder).
    pub fn open(_path: &Path, _settings: Settings, _now: Timestamp) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Applies all of `batch` in one transaction that is durable on return; on an error nothing of it happened.
    pub fn commit(&mut self, _batch: &Batch, _now: Timestamp) -> Result<Committed, StoreError> {
        unimplemented!()
    }

    /// One bounded slice of housekeeping (expiry); whether more is left.
    pub fn tidy(&mut self, _now: Timestamp) -> Result<bool, StoreError> {
        unimplemented!()
    }

    /// For those who only look.
    pub fn reader(&self) -> Reader {
        unimplemented!()
    }
}
