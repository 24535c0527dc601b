//! The database: counters, notification queue, history, unconfirmed digests, quarantine, sums.
//!
//! The only part that names redb. One [`Store`] writes, and one transaction holds all that a turn of the loop did;
//! any number of [`Reader`]s look, each from short read transactions, in any thread.
//!
//! [`Store::commit`] returns once the transaction is on the disk. After an error the file is opened anew, with growing
//! delays, by the next commits and by [`Store::tidy`]; readers go on with the same handle. What failed is then there as a
//! whole (the last sync failed, but the octets had arrived) or not at all. A mail that its sender sends again finds its digest
//! in the one case and not in the other, and counts once in both.
//!
//! The files, in reading order:
//! - a transaction: `writer` applies a batch to `counters`, `queue`, `history`, `quarantine`, `archives`, `digests` and `sums`;
//!   `commands` are what operators ask for, `tidy` lets go of what is old;
//! - a look: `reader`, `waiting` for the queue, and `backup` for all of it;
//! - how rows lie there: `tables`, `encoding`, `meta` for what the database knows of itself, `damage` for what cannot be read;
//! - counters that changed of late wait in the `journal`: `journaling` writes it, `packed` holds it in memory, and `latest` and `moved`
//!   show those who look one state of journal and table;
//! - from the start to a fault: `open`, through an `overlay` and where a panic is `expected`, with `mending` and `compaction`; then
//!   `connection`, `recovery`, `error`, and the `disk` below.
//!
//! Deliberately absent: a clock (the time is passed in), a thread of its own, and a transaction that spans two calls.

mod archives;
mod backup;
mod commands;
mod compaction;
mod connection;
mod counters;
mod damage;
mod digests;
mod disk;
mod encoding;
mod error;
mod expected;
mod history;
mod journal;
mod journaling;
mod latest;
mod mending;
mod meta;
mod moved;
mod open;
mod overlay;
mod packed;
mod quarantine;
mod queue;
mod reader;
mod recovery;
mod sums;
mod tables;
mod tidy;
mod waiting;
mod writer;

pub use commands::COMMAND_ROWS_MAX;
pub use counters::{Counter, CounterFilter, WINDOW_THRESHOLD_MAX};
pub use disk::{Disk, DiskFactory, DiskSource};
pub use error::StoreError;
pub use history::{End, Past};
pub use open::OpenError;
pub use quarantine::QuarantinedMail;
pub use reader::{Cursor, Page, Pattern, Reader, SCANNED_ROWS_MAX, Totals};
pub use sums::Sum;
pub use waiting::{DomainQueue, Waiting, WaitingFilter};

use crate::change::{Batch, Committed};
use crate::digest::DigestKey;
use crate::types::Timestamp;
use connection::Connection;
use latest::Latest;
use recovery::Recovery;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tables::META;
use tidy::{Findings, Walks};
use writer::Writer;

/// How the database is kept. What an operator may want to change has a key in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// redb's page cache, in octets.
    pub cache_octets: usize,
    /// Counters that changed and are not in their table yet, in octets of memory. Beyond it each commit moves more of them than it changes.
    pub journal_octets_max: usize,
    /// How long the history of delivered notifications is kept.
    pub history_age_max: Duration,
    /// How long an unconfirmed digest is kept: longer than senders retry (RFC 5321 §4.5.4.1: 4 to 5 days).
    pub digest_age_max: Duration,
    /// Unconfirmed digests. Beyond it some leave in the order of their octets, that is at random: a client that never waits for
    /// its answers gains nothing by filling the table.
    pub digests_max: u64,
    /// Parked notifications older than this leave; `None`: never.
    pub parked_age_max: Option<Duration>,
    /// Soft counters whose last bounce is older than this leave; `None`: never.
    pub counter_age_max: Option<Duration>,
    /// Mails in the quarantine.
    pub quarantine_mails_max: u64,
    /// Octets in the quarantine.
    pub quarantine_octets_max: u64,
    /// Octets of mails that wait to be archived; a mail beyond them is not archived.
    pub archive_octets_max: u64,
    /// A notification that is due later than this is due now: the clock was ahead when its time was set. More than any delay between attempts.
    pub next_attempt_ahead_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            cache_octets: 8 << 20,
            journal_octets_max: 5 << 20,
            history_age_max: 365 * DAY,
            digest_age_max: 7 * DAY,
            digests_max: 1_000_000,
            parked_age_max: None,
            counter_age_max: None,
            quarantine_mails_max: 1000,
            quarantine_octets_max: 64 << 20,
            archive_octets_max: 256 << 20,
            next_attempt_ahead_max: 2 * DAY,
        }
    }
}

/// The one writer.
pub struct Store {
    connection: Arc<Connection>,
    digest_key: DigestKey,
    settings: Settings,
    recovery: Recovery,
    walks: Walks,
}

impl Store {
    /// Opens or creates the database (and its folder).
    pub fn open(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        Self::open_on(DiskSource::File, path, settings)
    }

    /// Opens the database once nobody else holds it: for a daemon that starts while a command is at work.
    ///
    /// `pause` waits a while, and says whether to go on waiting.
    pub fn open_waiting(path: &Path, settings: &Settings, mut pause: impl FnMut() -> bool) -> Result<Self, OpenError> {
        loop {
            match Self::open(path, settings.clone()) {
                Err(OpenError::Locked(_)) if pause() => {}
                other => return other,
            }
        }
    }

    /// Opens the database on storage that a test or a bench provides.
    pub fn open_on(disk: DiskSource, path: &Path, settings: Settings) -> Result<Self, OpenError> {
        let connection = Arc::new(Connection::open(path, disk, &settings)?);
        let digest_key =
            connection.begin_read().and_then(|transaction| meta::digest_key(&transaction.open_table(META)?));
        let digest_key = digest_key.map_err(|error| OpenError::Io(path.to_owned(), io::Error::other(error)))?;
        Ok(Self { connection, digest_key, settings, recovery: Recovery::default(), walks: Walks::default() })
    }

    /// Applies all of `batch` in one transaction that is durable on return; after an error it is to be tried again.
    ///
    /// An empty batch costs nothing.
    pub fn commit(&mut self, batch: &Batch, now: Timestamp) -> Result<Committed, StoreError> {
        if batch.is_empty() {
            return Ok(Committed::default());
        }
        self.write(now, |writer| writer.apply(batch))
    }

    /// One bounded slice of housekeeping (expiry); whether more is left. Also opens the database again after a fault.
    /// `sober` is the time by which things are old, see [`crate::clock`].
    pub fn tidy(&mut self, now: Timestamp, sober: Timestamp) -> Result<bool, StoreError> {
        self.recovery.restore(&self.connection, now)?;
        let (findings, more) = self.look(now, sober)?;
        if !findings.is_empty() {
            self.write(now, |writer| writer.clear_out(&findings))?;
        }
        Ok(more)
    }

    /// Other limits and ages, from the next commit on. The size of the cache stays as it was at the start.
    pub fn reload(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// For the digests of the mails that it gets.
    pub fn digest_key(&self) -> DigestKey {
        self.digest_key
    }

    /// For those who only look.
    pub fn reader(&self) -> Reader {
        Reader { connection: Arc::clone(&self.connection) }
    }

    fn look(&mut self, now: Timestamp, sober: Timestamp) -> Result<(Findings, bool), StoreError> {
        let (transaction, latest) = (self.connection.begin_read()?, Latest::begin(&self.connection)?);
        tidy::look((&transaction, &latest), &self.settings, &mut self.walks, now, sober)
    }

    fn write<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.recovery.restore(&self.connection, now)?;
        let written = transact(&self.connection, &self.settings, now, work);
        self.recovery.note(&self.connection, written.as_ref().err(), now);
        written
    }
}

fn transact<T>(
    connection: &Connection,
    settings: &Settings,
    now: Timestamp,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // One phase, one sync, and no allocator state (redb's quick repair): that would halve the rate on every disk
    // (two syncs a commit) to open after a crash in 0.1 ms instead of 0.5 ms, with a million counters instead of 50 to 70 ms.
    // Where nobody looks at the state before, redb gives its pages back at once, by a second transaction that stays in memory.
    // While that waits, each page that a full cache has to read drives one of the new pages out to the file, to be read
    // again and written again: a fifth of all reads and writes with a million counters. One commit later they come back as well.
    let before = connection.begin_read()?;
    let transaction = connection.begin_write()?;
    let journal = connection.journal();
    let mut writer = Writer::new(&transaction, settings, &journal, now);
    let result = work(&mut writer)?;
    let additions = writer.finish()?;
    transaction.commit()?;
    drop(journal);
    connection.journal_mut().apply(additions);
    drop(before);
    connection.note_commit();
    Ok(result)
}
