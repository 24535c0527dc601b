//! The tables, how their keys are made, and the format version.
//!
//! All keys and values are octets, so that one loop can copy every table. Keys are made to sort: numbers in
//! big-endian, `domain NUL rest` (no domain holds a NUL). Values are rows, see [`super::encoding`]. Whoever changes one raises
//! [`FORMAT`].

use super::StoreError;
use super::damage::{Damaged, tell};
use super::encoding::{encode, legible};
use crate::types::{Domain, Timestamp};
use redb::{ReadableTable, Table, TableDefinition, TableHandle, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format of this version. A database with a higher one is refused.
pub const FORMAT: u32 = 3;

/// Every table maps octets to octets.
pub type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// `"format"`, `"database"`, `"state"` -> see [`super::meta`].
pub const META: Definition = TableDefinition::new("meta");
/// domain NUL address key -> [`super::counters::Row`], where [`JOURNAL`] has nothing newer.
pub const COUNTERS: Definition = TableDefinition::new("counters");
/// number -> the counters that a transaction changed, newer than [`COUNTERS`]; see [`super::journal`].
pub const JOURNAL: Definition = TableDefinition::new("journal");
/// notification id -> [`super::queue::Row`].
pub const NOTIFICATIONS: Definition = TableDefinition::new("notifications");
/// domain NUL address key -> notification id: one notification for an address.
pub const NOTIFICATIONS_BY_ADDRESS: Definition = TableDefinition::new("notifications_by_address");
/// state, domain NUL due time, notification id -> nothing.
pub const NOTIFICATIONS_BY_TIME: Definition = TableDefinition::new("notifications_by_time");
/// state, domain NUL notification id -> nothing.
pub const NOTIFICATIONS_BY_DOMAIN: Definition = TableDefinition::new("notifications_by_domain");
/// domain -> [`super::queue::DomainRow`].
pub const DOMAINS: Definition = TableDefinition::new("domains");
/// job id -> the address, and behind it the mail; see [`super::archives`].
pub const ARCHIVES: Definition = TableDefinition::new("archives");
/// time, notification id -> [`super::history::Row`].
pub const HISTORY: Definition = TableDefinition::new("history");
/// address key NUL time, notification id -> nothing.
pub const HISTORY_BY_ADDRESS: Definition = TableDefinition::new("history_by_address");
/// digest -> time.
pub const DIGESTS: Definition = TableDefinition::new("digests");
/// message id -> [`super::quarantine::Row`].
pub const QUARANTINE: Definition = TableDefinition::new("quarantine");
/// message id -> the mail.
pub const QUARANTINE_MAILS: Definition = TableDefinition::new("quarantine_mails");
/// minute since the epoch -> [`super::sums::Row`].
pub const SUMS_BY_MINUTE: Definition = TableDefinition::new("sums_by_minute");
/// hour since the epoch -> [`super::sums::Row`], of the minutes that left.
pub const SUMS_BY_HOUR: Definition = TableDefinition::new("sums_by_hour");

/// Every table.
pub const ALL: [Definition; 16] = [
    META,
    COUNTERS,
    JOURNAL,
    NOTIFICATIONS,
    NOTIFICATIONS_BY_ADDRESS,
    NOTIFICATIONS_BY_TIME,
    NOTIFICATIONS_BY_DOMAIN,
    DOMAINS,
    ARCHIVES,
    HISTORY,
    HISTORY_BY_ADDRESS,
    DIGESTS,
    QUARANTINE,
    QUARANTINE_MAILS,
    SUMS_BY_MINUTE,
    SUMS_BY_HOUR,
];

/// A table of a write transaction, opened at its first use: opening costs as much as an insert.
pub struct Lazy<'t> {
    transaction: &'t WriteTransaction,
    definition: Definition,
    table: Option<Open<'t>>,
}

/// A table that can be written.
pub type Open<'t> = Table<'t, &'static [u8], &'static [u8]>;

impl<'t> Lazy<'t> {
    /// Opens nothing yet.
    pub fn new(transaction: &'t WriteTransaction, definition: Definition) -> Self {
        Self { transaction, definition, table: None }
    }

    /// The open table.
    pub fn open(&mut self) -> Result<&mut Open<'t>, StoreError> {
        let table = match self.table.take() {
            Some(table) => table,
            None => self.transaction.open_table(self.definition)?,
        };
        Ok(self.table.insert(table))
    }

    /// The row under `key`, see [`read`].
    pub fn read<T: DeserializeOwned>(&mut self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let definition = self.definition;
        read(self.open()?, key, definition.name())
    }

    /// Puts a row under `key`.
    pub fn write<T: Serialize>(&mut self, key: &[u8], row: &T) -> Result<(), StoreError> {
        self.put(key, &encode(row)?)
    }

    /// Puts octets under `key`.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.open()?.insert(key, value)?;
        Ok(())
    }

    /// Removes what is under `key`; whether there was something.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.open()?.remove(key)?.is_some())
    }

    /// Removes the first key that begins with `prefix` and is the one.
    pub fn remove_first(&mut self, prefix: &[u8], is_it: impl Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        let mut found = None;
        for entry in self.open()?.range::<&[u8]>(prefix..)? {
            let key = entry?.0;
            if is_it(key.value()) || !key.value().starts_with(prefix) {
                found = Some(key.value().to_vec()).filter(|key| key.starts_with(prefix));
                break;
            }
        }
        found.map_or(Ok(()), |key| self.remove(&key).map(drop))
    }

    /// How many keys begin with `prefix`.
    pub fn count(&mut self, prefix: &[u8]) -> Result<u64, StoreError> {
        let mut keys = 0;
        for entry in self.open()?.range::<&[u8]>(prefix..)? {
            if !entry?.0.value().starts_with(prefix) {
                break;
            }
            keys += 1;
        }
        Ok(keys)
    }

    /// The domains of an index, see [`domains`].
    pub fn domains(&mut self, prefix: &[u8]) -> Result<Vec<Domain>, StoreError> {
        domains(self.open()?, prefix)
    }

    /// The keys from `start` on that begin with `prefix`, at most `keys_max`.
    pub fn keys(&mut self, prefix: &[u8], start: &[u8], keys_max: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        keys(self.open()?, prefix, start, keys_max)
    }
}

/// The row of `table` under `key`; a row that cannot be decoded is as good as none.
pub fn read<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    name: &str,
) -> Result<Option<T>, StoreError> {
    Ok(table.get(key)?.and_then(|guard| legible(guard.value(), name, key)))
}

/// The keys of `table` from `start` on that begin with `prefix`, at most `keys_max`.
pub fn keys(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    prefix: &[u8],
    start: &[u8],
    keys_max: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    for entry in table.range::<&[u8]>(prefix.max(start)..)?.take(keys_max) {
        let (key, _) = entry?;
        if !key.value().starts_with(prefix) {
            break;
        }
        found.push(key.value().to_vec());
    }
    Ok(found)
}

/// The domains in an index whose keys are `prefix domain NUL …`: one look-up each, however many keys a domain has. A key that names
/// none is passed over.
pub fn domains(
    table: &(impl ReadableTable<&'static [u8], &'static [u8]> + TableHandle),
    prefix: &[u8],
) -> Result<Vec<Domain>, StoreError> {
    domains_by(table.name(), prefix, |start| Ok(keys(table, prefix, start, 1)?.pop()))
}

/// The same, where `first` gives the first key from another on.
pub fn domains_by(
    name: &str,
    prefix: &[u8],
    mut first: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Vec<Domain>, StoreError> {
    let mut domains = Vec::new();
    let mut start = prefix.to_vec();
    while let Some(key) = first(&start)? {
        if let Some((domain, _)) = split_domain_key(&key[prefix.len()..]) {
            start = [prefix, domain.as_str().as_bytes(), &[1]].concat();
            domains.push(domain);
        } else {
            tell(&Damaged { table: name.to_owned(), cause: "its key names no domain".to_owned() }, &key);
            start = after(&key);
        }
    }
    Ok(domains)
}

/// domain NUL rest.
pub fn domain_key(domain: &Domain, rest: &[u8]) -> Vec<u8> {
    [domain.as_str().as_bytes(), &[0], rest].concat()
}

/// The two sides of [`domain_key`].
pub fn split_domain_key(key: &[u8]) -> Option<(Domain, &[u8])> {
    let end = key.iter().position(|&octet| octet == 0)?;
    Some((Domain::parse(std::str::from_utf8(&key[..end]).ok()?)?, &key[end + 1..]))
}

/// A number that sorts.
pub fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The number of [`number_key`], read from the end of a key.
pub fn number_at_end(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|octets| u64::from_be_bytes(*octets))
}

/// time, id: sorts by time.
pub fn time_key(time: Timestamp, id: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number_key(time.millis()));
    key[8..].copy_from_slice(&number_key(id));
    key
}

/// Both sides of [`time_key`], read from the end of a key.
pub fn time_at_end(key: &[u8]) -> Option<(Timestamp, u64)> {
    let octets: &[u8; 16] = key.last_chunk()?;
    Some((Timestamp::from_millis(number_at_end(&octets[..8])?), number_at_end(octets)?))
}

/// The first key behind `key`.
pub fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
