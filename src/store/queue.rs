//! The durable queue of notifications: what the writer does to it.
//!
//! At most one notification waits for an address (of a domain): a pending one absorbs the next, a parked one is
//! revived by it. Due rows, rows of a domain and the oldest row are found by index, never by a scan of the queue.

use super::StoreError;
use super::encoding::reason_by_name;
use super::tables::{domain_key, number_at_end, number_key, time_key};
use super::writer::Writer;
use crate::bounce::{Class, EnhancedStatus, Reason};
use crate::change::{Failure, NotificationId, Outcome, Queued, Settled};
use crate::types::{Address, Domain, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

/// What is kept of a notification; its id is the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub state: State,
    pub domain: Domain,
    pub address: Address,
    pub class: Class,
    #[serde(with = "reason_by_name")]
    pub reason: Reason,
    pub status: Option<EnhancedStatus>,
    pub diagnostic: Option<String>,
    pub count: u32,
    pub message_id: MessageId,
    pub created: Timestamp,
    pub tried_since: Timestamp,
    pub attempts: u32,
    pub last_error: Option<String>,
    /// Mails that were archived for it.
    pub archives: u32,
}

/// What happens to a notification next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It is tried at this time.
    Pending(Timestamp),
    /// Given up at this time; kept until an operator decides.
    Parked(Timestamp),
}

/// What is kept of a sending domain that ever had a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    pub pending: u64,
    pub parked: u64,
    /// How the last failed attempt failed, and when; none since the last delivery.
    pub last_error: Option<(Timestamp, String)>,
}

/// The first octet of the index keys of pending rows.
pub const PENDING: u8 = b'p';
/// The first octet of the index keys of parked rows.
pub const PARKED: u8 = b'x';

impl State {
    fn tag(self) -> u8 {
        match self {
            Self::Pending(_) => PENDING,
            Self::Parked(_) => PARKED,
        }
    }

    fn time(self) -> Timestamp {
        match self {
            Self::Pending(time) | Self::Parked(time) => time,
        }
    }
}

/// The keys of a domain in an index begin with this.
pub fn index_prefix(tag: u8, domain: &Domain) -> Vec<u8> {
    [&[tag], domain_key(domain, &[]).as_slice()].concat()
}

impl Row {
    fn new(failure: &Failure, count: u32, now: Timestamp) -> Self {
        Self {
            state: State::Pending(now),
            domain: failure.domain.clone(),
            address: failure.address.clone(),
            class: failure.class,
            reason: failure.reason,
            status: failure.status,
            diagnostic: failure.diagnostic.clone(),
            count,
            message_id: failure.message_id,
            created: now,
            tried_since: now,
            attempts: 0,
            last_error: None,
            archives: 0,
        }
    }

    /// Due at once, as if it were new; its id and its age stay.
    pub fn restart(&mut self, now: Timestamp) {
        self.state = State::Pending(now);
        self.tried_since = now;
        self.attempts = 0;
    }

    fn address_key(&self) -> Vec<u8> {
        domain_key(&self.domain, self.address.key().as_bytes())
    }

    fn time_index_key(&self, id: NotificationId) -> Vec<u8> {
        [index_prefix(self.state.tag(), &self.domain).as_slice(), &time_key(self.state.time(), id)].concat()
    }

    fn domain_index_key(&self, id: NotificationId) -> Vec<u8> {
        [index_prefix(self.state.tag(), &self.domain).as_slice(), &number_key(id)].concat()
    }
}

impl DomainRow {
    fn rows_in(&mut self, tag: u8) -> &mut u64 {
        if tag == PENDING { &mut self.pending } else { &mut self.parked }
    }
}

impl Writer<'_> {
    /// Sees to it that the platform is told about `failure`.
    pub(super) fn enqueue(
        &mut self,
        failure: &Failure,
        count: u32,
        archive: Option<&[u8]>,
    ) -> Result<Queued, StoreError> {
        let key = domain_key(&failure.domain, failure.address.key().as_bytes());
        if let Some(id) = self.by_address.read(&key)?
            && let Some(before) = self.notification(id)?
        {
            return self.merge(id, &before, failure, archive);
        }
        let id = self.numbers.next_id()?;
        let mut row = Row::new(failure, count, self.now);
        self.archive(&mut row, failure, archive)?;
        self.insert(id, &row)?;
        Ok(Queued::New(id))
    }

    /// One more failure for an address that already has a notification.
    fn merge(
        &mut self,
        id: NotificationId,
        before: &Row,
        failure: &Failure,
        archive: Option<&[u8]>,
    ) -> Result<Queued, StoreError> {
        let mut row = before.clone();
        self.archive(&mut row, failure, archive)?;
        let queued = match before.state {
            State::Pending(_) => Queued::AlreadyPending(id),
            State::Parked(_) => {
                row.restart(self.now);
                Queued::Revived(id)
            }
        };
        self.replace(id, before, &row)?;
        Ok(queued)
    }

    /// Records how an attempt ended. One for a notification that was dropped meanwhile changes nothing.
    pub(super) fn settle(&mut self, settled: &Settled) -> Result<(), StoreError> {
        if settled.outcome == Outcome::Archived {
            return self.archived(settled.id).map(drop);
        }
        let Some(before) = self.notification(settled.id)? else { return Ok(()) };
        match &settled.outcome {
            Outcome::Delivered { status, body } => self.delivered(settled, &before, *status, body),
            Outcome::Retry { next_attempt, error } => {
                self.failed(settled, &before, State::Pending(*next_attempt), error)
            }
            Outcome::Parked { error } => self.failed(settled, &before, State::Parked(settled.at), error),
            Outcome::Archived => Ok(()),
        }
    }

    fn delivered(&mut self, settled: &Settled, row: &Row, status: u16, body: &str) -> Result<(), StoreError> {
        self.take_out(settled.id, row)?;
        self.domain_row(&row.domain)?.last_error = None;
        self.remember_delivered(settled, row, status, body)
    }

    fn failed(&mut self, settled: &Settled, before: &Row, state: State, error: &str) -> Result<(), StoreError> {
        let mut row = before.clone();
        row.state = state;
        row.attempts = row.attempts.saturating_add(1);
        row.last_error = Some(error.to_owned());
        self.domain_row(&row.domain)?.last_error = Some((settled.at, error.to_owned()));
        self.replace(settled.id, before, &row)
    }

    /// The row of a notification.
    pub(super) fn notification(&mut self, id: NotificationId) -> Result<Option<Row>, StoreError> {
        self.notifications.read(&number_key(id))
    }

    fn insert(&mut self, id: NotificationId, row: &Row) -> Result<(), StoreError> {
        self.notifications.write(&number_key(id), row)?;
        self.by_address.write(&row.address_key(), &id)?;
        self.index(id, row)
    }

    /// Writes a changed row; the indexes only where the change moves it.
    pub(super) fn replace(&mut self, id: NotificationId, before: &Row, row: &Row) -> Result<(), StoreError> {
        if before == row {
            return Ok(());
        }
        self.notifications.write(&number_key(id), row)?;
        if before.state.tag() != row.state.tag() {
            self.unindex(id, before)?;
            return self.index(id, row);
        }
        if before.state != row.state {
            self.by_time.remove(&before.time_index_key(id))?;
            self.by_time.put(&row.time_index_key(id), &[])?;
        }
        Ok(())
    }

    /// Removes a row for good.
    pub(super) fn take_out(&mut self, id: NotificationId, row: &Row) -> Result<(), StoreError> {
        self.notifications.remove(&number_key(id))?;
        self.by_address.remove(&row.address_key())?;
        self.unindex(id, row)
    }

    fn index(&mut self, id: NotificationId, row: &Row) -> Result<(), StoreError> {
        self.by_time.put(&row.time_index_key(id), &[])?;
        self.by_domain.put(&row.domain_index_key(id), &[])?;
        *self.domain_row(&row.domain)?.rows_in(row.state.tag()) += 1;
        Ok(())
    }

    fn unindex(&mut self, id: NotificationId, row: &Row) -> Result<(), StoreError> {
        self.by_time.remove(&row.time_index_key(id))?;
        self.by_domain.remove(&row.domain_index_key(id))?;
        self.count_out(row.state.tag(), &row.domain)
    }

    fn count_out(&mut self, tag: u8, domain: &Domain) -> Result<(), StoreError> {
        let rows = self.domain_row(domain)?.rows_in(tag);
        *rows = rows.saturating_sub(1);
        Ok(())
    }

    /// What is kept of a domain's queue, to read and to change.
    fn domain_row(&mut self, domain: &Domain) -> Result<&mut DomainRow, StoreError> {
        if !self.domain_rows.contains_key(domain) {
            let row = self.domains.read(domain.as_str().as_bytes())?.unwrap_or_default();
            self.domain_rows.insert(domain.clone(), row);
        }
        Ok(self.domain_rows.entry(domain.clone()).or_default())
    }

    /// Removes a row that cannot be decoded; whether it was there. The indexes are searched for it, since it does not say where it
    /// stands in them.
    pub(super) fn take_out_damaged(&mut self, id: NotificationId) -> Result<bool, StoreError> {
        if !self.notifications.remove(&number_key(id))? {
            return Ok(false);
        }
        for tag in [PENDING, PARKED] {
            for domain in self.by_domain.domains(&[tag])? {
                let prefix = index_prefix(tag, &domain);
                if self.by_domain.remove(&[prefix.as_slice(), &number_key(id)].concat())? {
                    self.by_time.remove_first(&prefix, |key| number_at_end(key) == Some(id))?;
                    self.count_out(tag, &domain)?;
                }
            }
        }
        Ok(true)
    }
}
