//! Looking at the database: [`Reader`], and the slices that bound each look.
//!
//! Each call is one short read transaction: it sees one state of the database, blocks no writer, and ends after
//! [`SCANNED_ROWS_MAX`] rows at the latest. Who wants more comes again with the cursor.

use super::connection::Connection;
use super::meta;
use super::tables::{DIGESTS, HISTORY, META, NOTIFICATIONS, QUARANTINE};
use super::{StoreError, tables};
use redb::{AccessGuard, ReadTransaction, ReadableTableMetadata};
use std::sync::Arc;

/// Rows that one call looks at, whether they match or not.
pub const SCANNED_ROWS_MAX: usize = 4096;

/// Looks at the database from any thread; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pub(super) connection: Arc<Connection>,
}

/// Some rows, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Those that match. May be empty although more follow.
    pub rows: Vec<T>,
    /// For the next call; `None`: there are no more.
    pub next: Option<Cursor>,
}

/// Where a slice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

/// An address with `*` for any text, compared without regard to case; without `*` the whole address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

/// How much is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Soft counters.
    pub counters: u64,
    /// Notifications, pending and parked.
    pub notifications: u64,
    /// Delivered (or dropped) notifications that are still remembered.
    pub history: u64,
    /// Mails whose sender was not yet seen to have got its 250.
    pub digests: u64,
    /// Mails in the quarantine.
    pub quarantine_mails: u64,
    /// Their octets.
    pub quarantine_octets: u64,
    /// Octets of mails that wait to be archived.
    pub archive_octets: u64,
    /// Octets of the database file.
    pub file_octets: u64,
}

impl Reader {
    pub(super) fn begin(&self) -> Result<ReadTransaction, StoreError> {
        self.connection.begin_read()
    }

    /// Commits of this process so far: who reads much sees by them whether somebody writes meanwhile.
    pub fn commits(&self) -> u64 {
        self.connection.commits()
    }

    /// How much is there; costs the same however much it is.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        let transaction = self.begin()?;
        let rows = |definition: tables::Definition| -> Result<u64, StoreError> {
            Ok(transaction.open_table(definition)?.len()?)
        };
        let state = meta::state(&transaction.open_table(META)?)?;
        // On its own, since the writer waits for whoever holds the journal.
        let counters = self.connection.journal().counters();
        Ok(Totals {
            counters,
            notifications: rows(NOTIFICATIONS)?,
            history: rows(HISTORY)?,
            digests: rows(DIGESTS)?,
            quarantine_mails: rows(QUARANTINE)?,
            quarantine_octets: state.quarantine_octets,
            archive_octets: state.archive_octets,
            file_octets: self.connection.file_octets(),
        })
    }
}

impl Cursor {
    /// The first key that the next slice may show.
    pub(super) fn successor(&self) -> Vec<u8> {
        tables::after(&self.0)
    }

    /// The last key that was looked at: the end, not included, of a slice that runs backwards.
    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl Pattern {
    /// Any text is a pattern.
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase().split('*').map(str::to_owned).collect())
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return false };
        if self.0.len() == 1 {
            return text == *first;
        }
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for part in &self.0[1..self.0.len() - 1] {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

/// A row that was found, with its key.
pub trait Row {
    /// Its key.
    fn key(&self) -> &[u8];

    /// What stands under the key.
    fn octets(&self) -> &[u8];
}

impl Row for (AccessGuard<'_, &'static [u8]>, AccessGuard<'_, &'static [u8]>) {
    fn key(&self) -> &[u8] {
        self.0.value()
    }

    fn octets(&self) -> &[u8] {
        self.1.value()
    }
}

/// Collects what `show` makes of the rows whose keys begin with `prefix`.
pub fn page<T, E: Into<StoreError>>(
    entries: impl Iterator<Item = Result<impl Row, E>>,
    prefix: &[u8],
    rows_max: usize,
    mut show: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, StoreError> {
    let mut rows = Vec::new();
    for (scanned, entry) in entries.enumerate() {
        let row = entry.map_err(Into::into)?;
        if !row.key().starts_with(prefix) {
            break;
        }
        rows.extend(show(row.key(), row.octets())?);
        if rows.len() >= rows_max || scanned + 1 >= SCANNED_ROWS_MAX {
            return Ok(Page { rows, next: Some(Cursor(row.key().to_vec())) });
        }
    }
    Ok(Page { rows, next: None })
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_whole_addresses() {
        for (pattern, address, matches) in [
            ("A@b.de", "a@B.de", true),
            ("a@b.de", "xa@b.de", false),
            ("*@b.de", "x.y@b.de", true),
            ("*@b.de", "x@b.de.com", false),
            ("a*", "a@b.de", true),
            ("a*z*@*", "abzc@b.de", true),
            ("a*z*@*", "abc@b.de", false),
            ("*", "anything", true),
            ("ab*ba", "aba", false),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(address), matches, "{pattern} {address}");
        }
    }
}
