//! Mails that wait to be written to the archive.
//!
//! They travel in the transaction of their notification, so that a crash loses none, and leave once the file is
//! synced. Two limits keep a broken archive folder from filling the database: a mail beyond them is not archived.
//! They are compressed by whoever writes the file: here that would cost the loop four times as much as the rest of the mail.

use super::StoreError;
use super::damage::{Damaged, tell};
use super::encoding::{decode_head, encode};
use super::queue::Row as Notification;
use super::reader::Reader;
use super::tables::{ARCHIVES, number_at_end, number_key};
use super::writer::Writer;
use crate::change::{Failure, MailPlace};
use crate::notify::ArchiveJob;
use crate::types::Address;

/// Mails that are archived for one notification.
const MAILS_PER_NOTIFICATION_MAX: u32 = 8;

/// A row: the address, and behind it the mail as it came.
fn row(address: &Address, mail: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok([&encode(address)?, mail].concat())
}

/// The two sides of [`row`].
fn split(row: &[u8]) -> Result<(Address, &[u8]), Damaged> {
    decode_head(row, "archives")
}

/// How long the mail of a row is; of a damaged one, a little more.
pub fn octets(row: &[u8]) -> u64 {
    split(row).map_or(row.len(), |(_, mail)| mail.len()) as u64
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
        let total = self.numbers.state()?.archive_octets.saturating_add(mail.len() as u64);
        if total > self.settings.archive_octets_max {
            log::warn!("{} is not archived: {total} octets wait for the archive already", failure.message_id);
            return Ok(());
        }
        let id = self.numbers.next_id()?;
        self.numbers.state()?.archive_octets = total;
        notification.archives += 1;
        self.archives.put(&number_key(id), &row(&failure.address, mail)?)
    }

    /// The mail waits no longer: its file is synced, or nobody wants it; whether it was there.
    pub(super) fn archived(&mut self, id: u64) -> Result<bool, StoreError> {
        let Some(octets) = self.take_archive(&number_key(id))? else { return Ok(false) };
        let state = self.numbers.state()?;
        state.archive_octets = state.archive_octets.saturating_sub(octets);
        Ok(true)
    }

    /// Removes a mail by its key; its octets.
    fn take_archive(&mut self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        let Some(row) = self.archives.open()?.remove(key)? else { return Ok(None) };
        Ok(Some(octets(row.value())))
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
            match split(value.value()) {
                Ok((address, mail)) => jobs.push(ArchiveJob { id, address, mail: mail.to_vec() }),
                Err(damaged) => tell(&damaged, key.value()),
            }
            if jobs.len() >= limit {
                break;
            }
        }
        Ok(jobs)
    }

    /// The waiting mails behind suspensions of an address.
    pub(super) fn archives_of(&self, address: &Address) -> Result<Vec<MailPlace>, StoreError> {
        let table = self.begin()?.open_table(ARCHIVES)?;
        let mut found = Vec::new();
        for entry in table.range::<&[u8]>(..)? {
            let (key, row) = entry?;
            match split(row.value()) {
                Ok((of, _)) if of.key() == address.key() => {
                    found.extend(number_at_end(key.value()).map(MailPlace::Archive));
                }
                Ok(_) => {}
                Err(damaged) => tell(&damaged, key.value()),
            }
        }
        Ok(found)
    }
}
