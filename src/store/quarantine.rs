//! Mails that no rule or no domain matched: bounded in number and size, the oldest leave first.
//!
//! What is listed and the mails themselves lie in two tables, so that a list reads no mail.

use super::StoreError;
use super::encoding::{decode, legible};
use super::reader::{Cursor, Page, Reader, page};
use super::tables::{QUARANTINE, QUARANTINE_MAILS, number_at_end, number_key};
use super::writer::Writer;
use crate::change::{Effect, MailPlace, Quarantined};
use crate::needles::Needles;
use crate::types::{Address, MessageId, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

/// What is kept of one mail; its id is the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    received: Timestamp,
    cause: String,
    sender: String,
    recipients: Vec<String>,
    subject: String,
    octets: u64,
}

/// One mail in the quarantine, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedMail {
    /// Our id.
    pub id: MessageId,
    /// When it came.
    pub received: Timestamp,
    /// Why it is here: `unreadable`, `no_domain`, `no_evidence`.
    pub cause: String,
    /// The envelope sender, empty for `<>`.
    pub sender: String,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The length of what was kept of it.
    pub octets: u64,
}

impl Row {
    fn show(self, id: MessageId) -> QuarantinedMail {
        QuarantinedMail {
            id,
            received: self.received,
            cause: self.cause,
            sender: self.sender,
            recipients: self.recipients,
            subject: self.subject,
            octets: self.octets,
        }
    }
}

impl Writer<'_> {
    /// Keeps a mail, and lets the oldest go where that is too much.
    pub(super) fn quarantine(&mut self, mail: &Quarantined) -> Result<Effect, StoreError> {
        let row = Row {
            received: self.now,
            cause: mail.cause.to_owned(),
            sender: mail.sender.clone(),
            recipients: mail.recipients.clone(),
            subject: mail.subject.clone(),
            octets: mail.mail.len() as u64,
        };
        let key = number_key(mail.id.0);
        self.release(&key)?;
        self.quarantine.write(&key, &row)?;
        self.quarantine_mails.put(&key, &mail.mail)?;
        self.numbers.state()?.quarantine_octets += row.octets;
        Ok(Effect::Quarantined { evicted: self.shrink_quarantine()? })
    }

    fn shrink_quarantine(&mut self) -> Result<u32, StoreError> {
        let mut evicted = 0;
        while self.quarantine.open()?.len()? > self.settings.quarantine_mails_max
            || self.numbers.state()?.quarantine_octets > self.settings.quarantine_octets_max
        {
            let Some(oldest) = self.quarantine.keys(&[], &[], 1)?.pop() else { break };
            self.release(&oldest)?;
            evicted += 1;
        }
        Ok(evicted)
    }

    /// Removes a mail by its key; whether it was there.
    pub(super) fn release(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        if !self.quarantine.remove(key)? {
            return Ok(false);
        }
        let octets = self.quarantine_mails.open()?.remove(key)?.map_or(0, |mail| mail.value().len() as u64);
        let state = self.numbers.state()?;
        state.quarantine_octets = state.quarantine_octets.saturating_sub(octets);
        Ok(true)
    }
}

impl Reader {
    /// The first id for mails of a run that starts at `now`. The oldest mails of the quarantine leave first, and ids are their order: so it
    /// is behind those that are there, though a clock was ahead when they came.
    pub fn first_id(&self, now: Timestamp) -> Result<MessageId, StoreError> {
        let table = self.begin()?.open_table(QUARANTINE)?;
        let newest = table.last()?.and_then(|(key, _)| number_at_end(key.value()));
        let behind = newest.map_or(0, |newest| newest.saturating_add(1));
        Ok(MessageId::first(now).max(MessageId(behind)))
    }

    /// A slice of the quarantine, the newest first.
    pub fn quarantine(&self, cursor: Option<&Cursor>, rows_max: usize) -> Result<Page<QuarantinedMail>, StoreError> {
        let table = self.begin()?.open_table(QUARANTINE)?;
        let end = cursor.map_or(&[0xff; 9][..], Cursor::key);
        page(table.range::<&[u8]>(..end)?.rev(), &[], rows_max, |key, row| {
            let row: Option<Row> = legible(row, "quarantine", key);
            Ok(row.zip(number_at_end(key)).map(|(row, id)| row.show(MessageId(id))))
        })
    }

    /// One mail in the quarantine, and its octets.
    pub fn quarantined(&self, id: MessageId) -> Result<Option<(QuarantinedMail, Vec<u8>)>, StoreError> {
        let transaction = self.begin()?;
        let (rows, mails) = (transaction.open_table(QUARANTINE)?, transaction.open_table(QUARANTINE_MAILS)?);
        let key = number_key(id.0);
        let (Some(row), Some(mail)) = (rows.get(key.as_slice())?, mails.get(key.as_slice())?) else { return Ok(None) };
        let row: Row = decode(row.value(), "quarantine")?;
        Ok(Some((row.show(id), mail.value().to_vec())))
    }

    /// The mails that name an address: all that `forget-address` has to erase beside its rows. Reads all of them.
    pub fn mails_naming(&self, address: &Address) -> Result<Vec<MailPlace>, StoreError> {
        let needle = Needles::in_any_case([address.as_str()]);
        let transaction = self.begin()?;
        let (rows, mails) = (transaction.open_table(QUARANTINE)?, transaction.open_table(QUARANTINE_MAILS)?);
        let mut found = self.archives_of(address)?;
        for entry in rows.range::<&[u8]>(..)? {
            let (key, row) = entry?;
            let in_mail = mails.get(key.value())?.is_some_and(|mail| needle.is_in(mail.value()));
            // Texts stand in a row as they are, also in one that cannot be decoded.
            if in_mail || needle.is_in(row.value()) {
                found.extend(number_at_end(key.value()).map(|id| MailPlace::Quarantine(MessageId(id))));
            }
        }
        Ok(found)
    }
}
