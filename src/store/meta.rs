//! What the database knows of itself: its format, its own id, and the totals that no table's length tells.

use super::StoreError;
use super::encoding::decode;
use super::tables::{FORMAT, Lazy};
use crate::digest::DigestKey;
use redb::ReadableTable;
use ring::rand::{SecureRandom, SystemRandom};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const FORMAT_KEY: &[u8] = b"format";
const DATABASE_KEY: &[u8] = b"database";
const STATE_KEY: &[u8] = b"state";
const DIGEST_KEY: &[u8] = b"digest_key";

/// Numbers that change with the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last id that was given to a notification or an archive job.
    pub last_id: u64,
    /// Octets of all mails in the quarantine.
    pub quarantine_octets: u64,
    /// Octets of all mails that wait to be archived.
    pub archive_octets: u64,
}

/// The format version of a database; `None`: it has none, so it is not ours.
pub fn format(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Option<u32>, StoreError> {
    read(table, FORMAT_KEY)
}

/// The database's own id: part of each idempotency key, so that two databases never make the same.
pub fn database_id(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<u64, StoreError> {
    Ok(read(table, DATABASE_KEY)?.unwrap_or_default())
}

/// The key of its digests.
pub fn digest_key(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<DigestKey, StoreError> {
    read(table, DIGEST_KEY)?.ok_or_else(|| StoreError::Failed("the database has no key for digests".to_owned()))
}

/// The numbers.
pub fn state(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<State, StoreError> {
    Ok(read(table, STATE_KEY)?.unwrap_or_default())
}

/// These few rows are no rows among many: a damaged one is an error.
fn read<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    Ok(table.get(key)?.map(|guard| decode(guard.value(), "meta")).transpose()?)
}

/// Marks a new database as ours.
pub fn create(meta: &mut Lazy<'_>) -> Result<(), StoreError> {
    set_format(meta)?;
    meta.write(DIGEST_KEY, &new_digest_key()?)?;
    meta.write(DATABASE_KEY, &new_id()?)
}

/// Marks a database as one of this format.
pub fn set_format(meta: &mut Lazy<'_>) -> Result<(), StoreError> {
    meta.write(FORMAT_KEY, &FORMAT)
}

fn new_id() -> Result<u64, StoreError> {
    random().map(u64::from_be_bytes)
}

fn new_digest_key() -> Result<DigestKey, StoreError> {
    Ok(DigestKey::new([random()?, random()?, random()?, random()?]))
}

fn random() -> Result<[u8; 8], StoreError> {
    let mut octets = [0; 8];
    SystemRandom::new().fill(&mut octets).map_err(|_| StoreError::Failed("no random numbers".to_owned()))?;
    Ok(octets)
}

/// Whether the database's id and the numbers can be decoded, and it has a key.
pub fn is_whole(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<bool, StoreError> {
    let is_legible = legible_row::<u64>(table, DATABASE_KEY)? && legible_row::<State>(table, STATE_KEY)?;
    Ok(is_legible && digest_key(table).is_ok())
}

/// Puts others in place of those that cannot be decoded; `count` gives the numbers.
pub fn mend(meta: &mut Lazy<'_>, count: impl FnOnce() -> Result<State, StoreError>) -> Result<(), StoreError> {
    if !legible_row::<u64>(meta.open()?, DATABASE_KEY)? {
        meta.write(DATABASE_KEY, &new_id()?)?;
    }
    if digest_key(meta.open()?).is_err() {
        meta.write(DIGEST_KEY, &new_digest_key()?)?;
    }
    if !legible_row::<State>(meta.open()?, STATE_KEY)? {
        meta.write(STATE_KEY, &count()?)?;
    }
    Ok(())
}

fn legible_row<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<bool, StoreError> {
    Ok(table.get(key)?.is_none_or(|row| decode::<T>(row.value(), "meta").is_ok()))
}

/// The numbers inside a write transaction: read at the first use, written once at the end if they changed.
pub struct Numbers<'t> {
    meta: Lazy<'t>,
    loaded: Option<(State, State)>,
}

impl<'t> Numbers<'t> {
    pub fn new(meta: Lazy<'t>) -> Self {
        Self { meta, loaded: None }
    }

    /// The numbers, to read and to change.
    pub fn state(&mut self) -> Result<&mut State, StoreError> {
        if self.loaded.is_none() {
            let state = state(self.meta.open()?)?;
            self.loaded = Some((state.clone(), state));
        }
        Ok(&mut self.loaded.get_or_insert_default().1)
    }

    /// The next id.
    pub fn next_id(&mut self) -> Result<u64, StoreError> {
        let state = self.state()?;
        state.last_id += 1;
        Ok(state.last_id)
    }

    /// Writes them back.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        match &self.loaded {
            Some((before, after)) if before != after => self.meta.write(STATE_KEY, after),
            _ => Ok(()),
        }
    }
}
