//! Compressed mails that wait to be written to the archive.
//!
//! They travel in the transaction of their notification, so that a crash loses none, and leave once the file is
//! synced. Two limits keep a broken archive folder from filling the database: a mail beyond them is not archived.

use super::StoreError;
use super::queue::Row as Notification;
use super::reader::Reader;
use super::tables::{ARCHIVES, decode, number_at_end, number_key};
use super::writer::Writer;
use crate::archive;
use crate::change::Failure;
use crate::notify::ArchiveJob;
use crate::types::Address;
use serde::{Deserialize, Serialize};

/// Mails that are archived for one notification.
const MAILS_PER_NOTIFICATION_MAX: u32 = 8;

/// What is kept of one waiting mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    address: Address,
    /// gzip.
    octets: Vec<u8>,
}

impl Writer<'_> {
    /// Lays `mail` down for the notification's archive.
    pub(super) fn archive(
        &mut self,
        notification: &mut Notification,
        failure: &Failure,
        mail: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(mail) = mail.filter(|_| notification.archives < MAILS_PER_NOTIFICATION_MAX) else { return Ok(()) };
        let octets = archive::compress(mail);
        let total = self.numbers.state()?.archive_octets.saturating_add(octets.len() as u64);
        if total > self.settings.archive_octets_max {
            log::warn!("{} is not archived: {total} octets wait for the archive already", failure.message_id);
            return Ok(());
        }
        let id = self.numbers.next_id()?;
        self.numbers.state()?.archive_octets = total;
        notification.archives += 1;
        self.archives.write(&number_key(id), &Row { address: failure.address.clone(), octets })
    }

    /// The archive file is synced.
    pub(super) fn archived(&mut self, id: u64) -> Result<(), StoreError> {
        let Some(row) = self.archives.read::<Row>(&number_key(id))? else { return Ok(()) };
        let state = self.numbers.state()?;
        state.archive_octets = state.archive_octets.saturating_sub(row.octets.len() as u64);
        self.archives.remove(&number_key(id))?;
        Ok(())
    }

    /// Removes the waiting mails of an address; how many.
    pub(super) fn forget_archives(&mut self, address: &Address) -> Result<u64, StoreError> {
        let key = address.key();
        let mut found = Vec::new();
        for id in self.archives.keys(&[], &[], usize::MAX)? {
            let row: Option<Row> = self.archives.read(&id)?;
            found.extend(row.filter(|row| row.address.key() == key).and_then(|_| number_at_end(&id)));
        }
        for id in &found {
            self.archived(*id)?;
        }
        Ok(found.len() as u64)
    }
}

impl Reader {
    /// The waiting mails, the oldest first, without those in `skip`.
    pub(super) fn waiting_archives(
        &self,
        skip: &dyn Fn(u64) -> bool,
        limit: usize,
    ) -> Result<Vec<ArchiveJob>, StoreError> {
        let table = self.begin()?.open_table(ARCHIVES)?;
        let mut jobs = Vec::new();
        for entry in table.range::<&[u8]>(..)? {
            let (key, value) = entry?;
            let Some(id) = number_at_end(key.value()).filter(|id| !skip(*id)) else { continue };
            let row: Row = decode(value.value(), "archives")?;
            jobs.push(ArchiveJob { id, address: row.address, bytes: row.octets });
            if jobs.len() >= limit {
                break;
            }
        }
        Ok(jobs)
    }
}
