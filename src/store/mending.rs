//! What is put right before a database is used: rows that sum up others, or speak for the whole, and cannot be decoded. No notification
//! could be queued without them, and nothing else would make them anew.

use super::archives;
use super::encoding::legible;
use super::meta::{self, State};
use super::queue::{DomainRow, PARKED, PENDING, index_prefix};
use super::tables::{
    ARCHIVES, DOMAINS, Definition, HISTORY, Lazy, META, NOTIFICATIONS, NOTIFICATIONS_BY_DOMAIN, QUARANTINE_MAILS,
    number_at_end,
};
use super::{StoreError, history};
use crate::types::Domain;
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};

/// Makes damaged ones anew from the rows that are there; without any it writes nothing.
pub fn mend(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_read()?;
    let is_whole = meta::is_whole(&transaction.open_table(META)?)?;
    let domains = damaged_domains(&transaction.open_table(DOMAINS)?)?;
    if is_whole && domains.is_empty() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    meta::mend(&mut Lazy::new(&transaction, META), || numbers(&transaction))?;
    let (mut rows, mut index) = (Lazy::new(&transaction, DOMAINS), Lazy::new(&transaction, NOTIFICATIONS_BY_DOMAIN));
    for domain in domains {
        rows.write(domain.as_str().as_bytes(), &queue_of(&domain, &mut index)?)?;
    }
    drop((rows, index));
    transaction.commit()?;
    log::warn!("what was damaged of the sums in the database is made anew");
    Ok(())
}

fn damaged_domains(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Vec<Domain>, StoreError> {
    let mut damaged = Vec::new();
    for entry in table.range::<&[u8]>(..)? {
        let (key, row) = entry?;
        if legible::<DomainRow>(row.value(), "domains", key.value()).is_none() {
            damaged.extend(std::str::from_utf8(key.value()).ok().and_then(Domain::parse));
        }
    }
    Ok(damaged)
}

/// How many rows a domain has; how its last attempt failed is lost.
fn queue_of(domain: &Domain, index: &mut Lazy<'_>) -> Result<DomainRow, StoreError> {
    let mut rows = |tag| index.count(&index_prefix(tag, domain));
    Ok(DomainRow { pending: rows(PENDING)?, parked: rows(PARKED)?, last_error: None })
}

fn numbers(transaction: &WriteTransaction) -> Result<State, StoreError> {
    let mut last_id = 0;
    each(transaction, HISTORY, |key, _| last_id = last_id.max(history::given_id(key)))?;
    for definition in [NOTIFICATIONS, ARCHIVES] {
        each(transaction, definition, |key, _| last_id = last_id.max(number_at_end(key).unwrap_or_default()))?;
    }
    let (mut quarantine_octets, mut archive_octets) = (0, 0);
    each(transaction, QUARANTINE_MAILS, |_, mail| quarantine_octets += mail.len() as u64)?;
    each(transaction, ARCHIVES, |_, row| archive_octets += archives::octets(row))?;
    Ok(State { last_id, quarantine_octets, archive_octets })
}

fn each(
    transaction: &WriteTransaction,
    definition: Definition,
    mut look: impl FnMut(&[u8], &[u8]),
) -> Result<(), StoreError> {
    for entry in transaction.open_table(definition)?.range::<&[u8]>(..)? {
        let (key, value) = entry?;
        look(key.value(), value.value());
    }
    Ok(())
}
