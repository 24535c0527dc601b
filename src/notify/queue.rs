//! The queue as the notifier sees it: [`Queue`], which the store implements with read transactions.
//!
//! The notifier never writes. How an attempt ended goes to the event loop as a [`crate::change::Settled`], which records it
//! in its next transaction and then says so ([`super::Notifier::committed`]); until then the notifier remembers the
//! row as in flight, since a read would still show it as due.

use crate::bounce::{Class, EnhancedStatus, Reason};
use crate::change::NotificationId;
use crate::types::{Address, Domain, MessageId, Timestamp};

/// A pending notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Stable over retries: the `Idempotency-Key` is made of it and of the database's own id.
    pub id: NotificationId,
    /// `Idempotency-Key`.
    pub idempotency_key: String,
    /// The configured sending domain, whose platform is told.
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
    /// Since when it is being tried: `created`, or the time of a revival or an operator's retry. The retry time runs from here.
    pub tried_since: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is due.
    pub next_attempt: Timestamp,
    /// How the last attempt failed.
    pub last_error: Option<String>,
}

/// A mail that waits to be written to the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveJob {
    /// The job's own id, which never equals that of a notification: [`crate::change::Outcome::Archived`] names it.
    pub id: NotificationId,
    /// The address that names the file.
    pub address: Address,
    /// As it came, not compressed.
    pub mail: Vec<u8>,
}

/// The database could not be read; the notifier tries again later.
#[derive(Debug)]
pub struct QueueError(pub String);

/// Reads of the durable queue, each from one short read transaction. All results are bounded by the caller's limit.
pub trait Queue: Send + Sync {
    /// Each domain with a pending notification, and when its first is due.
    fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError>;

    /// The pending notifications of `domain` that are due until then, the longest due first, without those in `skip`.
    fn due(
        &self,
        domain: &Domain,
        until: Timestamp,
        skip: &dyn Fn(NotificationId) -> bool,
        limit: usize,
    ) -> Result<Vec<Notification>, QueueError>;

    /// Mails that wait to be written to the archive, the oldest first, without those in `skip`.
    fn archive_jobs(&self, skip: &dyn Fn(NotificationId) -> bool, limit: usize) -> Result<Vec<ArchiveJob>, QueueError>;
}
