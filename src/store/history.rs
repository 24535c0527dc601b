//! What became of past notifications: when and why an address failed, and what the platform answered.

use super::StoreError;
use super::encoding::{legible, reason_by_name};
use super::queue::Row as Notification;
use super::reader::{Cursor, Page, Reader, page};
use super::tables::{HISTORY, HISTORY_BY_ADDRESS, domain_key, number_at_end, read, time_at_end, time_key};
use super::writer::Writer;
use crate::bounce::{Class, EnhancedStatus, Reason};
use crate::change::{NotificationId, Settled};
use crate::types::{Address, Domain, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

/// What is kept of a past notification; the key is when it ended, and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    domain: Domain,
    address: Address,
    class: Class,
    #[serde(with = "reason_by_name")]
    reason: Reason,
    status: Option<EnhancedStatus>,
    diagnostic: Option<String>,
    count: u32,
    message_id: MessageId,
    created: Timestamp,
    attempts: u32,
    end: End,
}

/// How a notification ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The platform took it.
    Delivered {
        /// The HTTP status.
        status: u16,
        /// The head of the answer's body.
        body: String,
    },
    /// An operator dropped it.
    Dropped,
    /// It was parked for longer than the configuration keeps those.
    Expired,
}

/// A past notification, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub id: NotificationId,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub end: End,
    /// The configured sending domain.
    pub domain: Domain,
    /// The address that failed.
    pub address: Address,
    /// Hard, soft when a counter escalated, feedback for a complaint.
    pub class: Class,
    /// Why.
    pub reason: Reason,
    /// RFC 3463.
    pub status: Option<EnhancedStatus>,
    /// What the remote server said.
    pub diagnostic: Option<String>,
    /// The soft counter at escalation; 0 for a hard failure.
    pub count: u32,
    /// Our id of the mail that caused it.
    pub message_id: MessageId,
    /// When it was queued.
    pub created: Timestamp,
    /// Attempts in all.
    pub attempts: u32,
}

impl Row {
    fn new(notification: &Notification, attempts: u32, end: End) -> Self {
        Self {
            domain: notification.domain.clone(),
            address: notification.address.clone(),
            class: notification.class,
            reason: notification.reason,
            status: notification.status,
            diagnostic: notification.diagnostic.clone(),
            count: notification.count,
            message_id: notification.message_id,
            created: notification.created,
            attempts,
            end,
        }
    }

    fn show(self, key: &[u8]) -> Option<Past> {
        let (ended, id) = time_at_end(key)?;
        Some(Past {
            id,
            ended,
            end: self.end,
            domain: self.domain,
            address: self.address,
            class: self.class,
            reason: self.reason,
            status: self.status,
            diagnostic: self.diagnostic,
            count: self.count,
            message_id: self.message_id,
            created: self.created,
            attempts: self.attempts,
        })
    }
}

fn address_prefix(address: &Address) -> Vec<u8> {
    [address.key().as_bytes(), &[0]].concat()
}

/// The same for the same suspension, so that a second import finds the first; far above the ids of notifications.
fn id_of_imported(domain: &Domain, address: &Address) -> NotificationId {
    let digest = ring::digest::digest(&ring::digest::SHA256, &domain_key(domain, address.key().as_bytes()));
    number_at_end(digest.as_ref()).unwrap_or_default() | 1 << 63
}

/// The id in a key, where it was given by this database; 0 for an imported one.
pub fn given_id(key: &[u8]) -> NotificationId {
    number_at_end(key).filter(|id| id >> 63 == 0).unwrap_or_default()
}

impl Writer<'_> {
    pub(super) fn remember_delivered(
        &mut self,
        settled: &Settled,
        notification: &Notification,
        status: u16,
        body: &str,
    ) -> Result<(), StoreError> {
        let end = End::Delivered { status, body: body.to_owned() };
        let row = Row::new(notification, notification.attempts.saturating_add(1), end);
        self.remember(settled.at, settled.id, &row)
    }

    /// The notification left without being delivered.
    pub(super) fn remember_end(
        &mut self,
        id: NotificationId,
        notification: &Notification,
        end: End,
    ) -> Result<(), StoreError> {
        self.remember(self.now, id, &Row::new(notification, notification.attempts, end))
    }

    fn remember(&mut self, ended: Timestamp, id: NotificationId, row: &Row) -> Result<(), StoreError> {
        let key = time_key(ended, id);
        self.history_by_address.put(&[address_prefix(&row.address).as_slice(), &key].concat(), &[])?;
        self.history.write(&key, row)
    }

    /// Remembers a suspension of the time before this database; whether it was not known yet.
    pub(super) fn import_past(
        &mut self,
        at: Timestamp,
        domain: &Domain,
        address: &Address,
        status: u16,
    ) -> Result<bool, StoreError> {
        let row = Row {
            domain: domain.clone(),
            address: address.clone(),
            class: Class::Hard,
            reason: Reason::Undefined,
            status: None,
            diagnostic: None,
            count: 0,
            message_id: MessageId(0),
            created: at,
            attempts: 1,
            end: End::Delivered { status, body: String::new() },
        };
        let id = id_of_imported(domain, address);
        let is_new = self.history.read::<Row>(&time_key(at, id))?.is_none();
        self.remember(at, id, &row)?;
        Ok(is_new)
    }

    /// Removes one row of the history, by its key.
    pub(super) fn forget_past(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if let Some(row) = self.history.read::<Row>(key)? {
            self.history_by_address.remove(&[address_prefix(&row.address).as_slice(), key].concat())?;
        }
        self.history.remove(key)?;
        Ok(())
    }

    /// Removes the history of an address, at most `rows_max`; how many.
    pub(super) fn forget_history(&mut self, address: &Address, rows_max: usize) -> Result<u64, StoreError> {
        let prefix = address_prefix(address);
        let keys = self.history_by_address.keys(&prefix, &prefix, rows_max)?;
        for key in &keys {
            self.history.remove(&key[prefix.len()..])?;
            self.history_by_address.remove(key)?;
        }
        Ok(keys.len() as u64)
    }
}

impl Reader {
    /// A slice of the history, the newest first; of one address or of all.
    pub fn history(
        &self,
        address: Option<&Address>,
        cursor: Option<&Cursor>,
        rows_max: usize,
    ) -> Result<Page<Past>, StoreError> {
        let transaction = self.begin()?;
        let rows = transaction.open_table(HISTORY)?;
        let Some(address) = address else {
            let end = cursor.map_or(&[0xff; 17][..], Cursor::key);
            return page(rows.range::<&[u8]>(..end)?.rev(), &[], rows_max, |key, row| {
                Ok(legible::<Row>(row, "history", key).and_then(|row| row.show(key)))
            });
        };
        let prefix = address_prefix(address);
        let last = [prefix.as_slice(), &[0xff; 17]].concat();
        let end = cursor.map_or(last.as_slice(), Cursor::key);
        let index = transaction.open_table(HISTORY_BY_ADDRESS)?;
        page(index.range::<&[u8]>(..end)?.rev(), &prefix, rows_max, |key, _| {
            let Some(key) = key.get(prefix.len()..) else { return Ok(None) };
            Ok(read::<Row>(&rows, key, "history")?.and_then(|row| row.show(key)))
        })
    }
}
