//! The queue as others see it: the notifier through [`Queue`], operators through filters.

use super::StoreError;
use super::encoding::legible;
use super::meta;
use super::queue::{DomainRow, PENDING, Row, State, index_prefix};
use super::reader::{Cursor, Page, Pattern, Reader, page};
use super::tables::{
    self, DOMAINS, META, NOTIFICATIONS, NOTIFICATIONS_BY_ADDRESS, NOTIFICATIONS_BY_DOMAIN, NOTIFICATIONS_BY_TIME,
    domain_key, number_at_end, number_key, read, time_at_end,
};
use crate::change::{Notification, NotificationId};
use crate::notify::{ArchiveJob, Queue, QueueError};
use crate::types::{Address, Domain, Timestamp};
use redb::{ReadTransaction, ReadableTable};

/// A notification, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The notification; `next_attempt` of a parked one is when it was parked.
    pub notification: Notification,
    /// Whether it was given up.
    pub parked: bool,
}

/// Which notifications.
#[derive(Debug, Clone, Default)]
pub struct WaitingFilter {
    /// Of this sending domain.
    pub domain: Option<Domain>,
    /// `Some(true)`: only parked; `Some(false)`: only pending.
    pub parked: Option<bool>,
    /// Whose address matches.
    pub address: Option<Pattern>,
}

/// The queue of one sending domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainQueue {
    /// The configured sending domain.
    pub domain: Domain,
    /// Notifications that are being tried.
    pub pending: u64,
    /// Notifications that were given up.
    pub parked: u64,
    /// When the oldest pending one was queued.
    pub oldest: Option<Timestamp>,
    /// When the first pending one is due.
    pub next_attempt: Option<Timestamp>,
    /// How the last failed attempt failed, and when; none since the last delivery.
    pub last_error: Option<(Timestamp, String)>,
}

impl Row {
    fn show(self, id: NotificationId, database: u64) -> Waiting {
        let (parked, next_attempt) = match self.state {
            State::Pending(time) => (false, time),
            State::Parked(time) => (true, time),
        };
        let notification = Notification {
            id,
            // The time keeps the key apart from those of an older copy of the database that was put back.
            idempotency_key: format!("{database:016x}-{id}-{:x}", self.created.millis()),
            domain: self.domain,
            address: self.address,
            class: self.class,
            reason: self.reason,
            status: self.status,
            diagnostic: self.diagnostic,
            count: self.count,
            message_id: self.message_id,
            created: self.created,
            tried_since: self.tried_since,
            attempts: self.attempts,
            next_attempt,
            last_error: self.last_error,
        };
        Waiting { notification, parked }
    }
}

impl Reader {
    /// A slice of the queue, in the order in which it was filled.
    pub fn notifications(
        &self,
        filter: &WaitingFilter,
        cursor: Option<&Cursor>,
        rows_max: usize,
    ) -> Result<Page<Waiting>, StoreError> {
        let transaction = self.begin()?;
        let table = transaction.open_table(NOTIFICATIONS)?;
        let database = database_id(&transaction)?;
        let start = cursor.map(Cursor::successor).unwrap_or_default();
        page(table.range::<&[u8]>(start.as_slice()..)?, &[], rows_max, |key, row| {
            let row: Option<Row> = legible(row, "notifications", key);
            let waiting = row.zip(number_at_end(key)).map(|(row, id)| row.show(id, database));
            Ok(waiting.filter(|waiting| filter.matches(waiting)))
        })
    }

    /// One notification.
    pub fn notification(&self, id: NotificationId) -> Result<Option<Waiting>, StoreError> {
        let transaction = self.begin()?;
        let row: Option<Row> = read(&transaction.open_table(NOTIFICATIONS)?, &number_key(id), "notifications")?;
        let database = database_id(&transaction)?;
        Ok(row.map(|row| row.show(id, database)))
    }

    /// The notifications of one address, in every domain.
    pub fn notifications_of(&self, address: &Address) -> Result<Vec<Waiting>, StoreError> {
        let transaction = self.begin()?;
        let index = transaction.open_table(NOTIFICATIONS_BY_ADDRESS)?;
        let rows = transaction.open_table(NOTIFICATIONS)?;
        let database = database_id(&transaction)?;
        let mut found = Vec::new();
        for domain in tables::domains(&index, &[])? {
            let key = domain_key(&domain, address.key().as_bytes());
            let Some(id) = read::<NotificationId>(&index, &key, "notifications_by_address")? else { continue };
            let row: Option<Row> = read(&rows, &number_key(id), "notifications")?;
            found.extend(row.map(|row| row.show(id, database)));
        }
        Ok(found)
    }

    /// The queue of each domain that ever had a notification; costs the same however long the queues are.
    pub fn domain_queues(&self) -> Result<Vec<DomainQueue>, StoreError> {
        let transaction = self.begin()?;
        let mut queues = Vec::new();
        for entry in transaction.open_table(DOMAINS)?.range::<&[u8]>(..)? {
            let (key, row) = entry?;
            let Some(domain) = std::str::from_utf8(key.value()).ok().and_then(Domain::parse) else { continue };
            let row = legible(row.value(), "domains", key.value()).unwrap_or_default();
            queues.push(domain_queue(&transaction, domain, row)?);
        }
        Ok(queues)
    }

    fn due_domains(&self) -> Result<Vec<(Domain, Timestamp)>, StoreError> {
        let table = self.begin()?.open_table(NOTIFICATIONS_BY_TIME)?;
        let mut found = Vec::new();
        for domain in tables::domains(&table, &[PENDING])? {
            let first = first_key(&table, &index_prefix(PENDING, &domain))?;
            found.extend(first.as_deref().and_then(time_at_end).map(|(time, _)| (domain, time)));
        }
        Ok(found)
    }

    fn due_notifications(
        &self,
        domain: &Domain,
        until: Timestamp,
        skip: &dyn Fn(NotificationId) -> bool,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        let transaction = self.begin()?;
        let (index, rows) = (transaction.open_table(NOTIFICATIONS_BY_TIME)?, transaction.open_table(NOTIFICATIONS)?);
        let database = database_id(&transaction)?;
        let start = index_prefix(PENDING, domain);
        let end = [start.as_slice(), &number_key(until.millis().saturating_add(1))].concat();
        let mut due = Vec::new();
        for entry in index.range::<&[u8]>(start.as_slice()..end.as_slice())? {
            if due.len() >= limit {
                break;
            }
            let Some(id) = number_at_end(entry?.0.value()).filter(|id| !skip(*id)) else { continue };
            let row: Option<Row> = read(&rows, &number_key(id), "notifications")?;
            due.extend(row.map(|row| row.show(id, database).notification));
        }
        Ok(due)
    }
}

impl Queue for Reader {
    fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError> {
        Ok(self.due_domains()?)
    }

    fn due(
        &self,
        domain: &Domain,
        until: Timestamp,
        skip: &dyn Fn(NotificationId) -> bool,
        limit: usize,
    ) -> Result<Vec<Notification>, QueueError> {
        Ok(self.due_notifications(domain, until, skip, limit)?)
    }

    fn archive_jobs(&self, skip: &dyn Fn(u64) -> bool, limit: usize) -> Result<Vec<ArchiveJob>, QueueError> {
        Ok(self.waiting_archives(skip, limit)?)
    }
}

impl From<StoreError> for QueueError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

fn database_id(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    meta::database_id(&transaction.open_table(META)?)
}

fn domain_queue(transaction: &ReadTransaction, domain: Domain, row: DomainRow) -> Result<DomainQueue, StoreError> {
    let prefix = index_prefix(PENDING, &domain);
    let first = first_key(&transaction.open_table(NOTIFICATIONS_BY_DOMAIN)?, &prefix)?;
    let oldest: Option<Row> = match first.as_deref().and_then(number_at_end) {
        Some(id) => read(&transaction.open_table(NOTIFICATIONS)?, &number_key(id), "notifications")?,
        None => None,
    };
    let next = first_key(&transaction.open_table(NOTIFICATIONS_BY_TIME)?, &prefix)?;
    Ok(DomainQueue {
        domain,
        pending: row.pending,
        parked: row.parked,
        oldest: oldest.map(|row| row.created),
        next_attempt: next.as_deref().and_then(time_at_end).map(|(time, _)| time),
        last_error: row.last_error,
    })
}

fn first_key(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    prefix: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(tables::keys(table, prefix, prefix, 1)?.pop())
}

impl WaitingFilter {
    fn matches(&self, waiting: &Waiting) -> bool {
        let notification = &waiting.notification;
        self.domain.as_ref().is_none_or(|domain| *domain == notification.domain)
            && self.parked.is_none_or(|parked| parked == waiting.parked)
            && self.address.as_ref().is_none_or(|pattern| pattern.matches(notification.address.as_str()))
    }
}
