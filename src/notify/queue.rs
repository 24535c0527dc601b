//! The queue as the notifier sees it: [`Queue`], which the store implements with read transactions.
//!
//! The notifier never writes. How an attempt ended goes to the event loop as a [`crate::change::Settled`], which records it
//! in its next transaction and then says so ([`super::Notifier::committed`]); until then the notifier remembers the
//! row as in flight, since a read would still show it as due.

use crate::change::{Notification, NotificationId};
use crate::types::{Address, Domain, Timestamp};

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
