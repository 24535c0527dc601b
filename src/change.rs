//! What may happen to the database: the vocabulary between those who decide (policy, the notifier, an operator) and
//! the one who writes (the store). Data only.

use crate::bounce::{Class, EnhancedStatus, Reason};
use crate::types::{Address, Domain, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A hash over what makes a mail the same mail: Message-ID, Date, From, To, Subject and the body.
pub type Digest = [u8; 32];

/// The id of a notification; ids rise with time.
pub type NotificationId = u64;

/// Everything that one transaction does.
#[derive(Debug, Default)]
pub struct Batch {
    /// Digests whose client was seen to have got its 250; they leave before the mails are looked at.
    pub confirmed: Vec<Digest>,
    /// Mails whose 250 waits for this transaction.
    pub mails: Vec<Accepted>,
    /// Attempts that ended.
    pub settled: Vec<Settled>,
    /// What operators ask for.
    pub commands: Vec<Command>,
    /// Statistics: series and how much to add in the minute of the commit.
    pub sums: Vec<(Series, u64)>,
    /// The time by which things are old, see [`crate::clock`]; `None`: that of the commit.
    pub sober: Option<Timestamp>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let Self { confirmed, mails, settled, commands, sums, sober: _ } = self;
        confirmed.is_empty() && mails.is_empty() && settled.is_empty() && commands.is_empty() && sums.is_empty()
    }
}

/// One received mail and its effect.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Our id.
    pub id: MessageId,
    /// What tells a redelivery.
    pub digest: Digest,
    /// Empty for a mail that changes nothing.
    pub changes: Vec<Change>,
}

/// One change of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// One more soft failure. The store escalates once the counter exceeds the threshold.
    CountSoft {
        /// Whose.
        failure: Failure,
        /// The counter may reach this without an effect.
        threshold: u32,
        /// Only occurrences of this span count; `None`: all.
        window: Option<Duration>,
        /// Archived if this escalates.
        archive: Option<Arc<Vec<u8>>>,
    },
    /// A permanent failure: queue a notification, clear the counter.
    Suspend {
        /// Whose.
        failure: Failure,
        /// The mail, laid down for the archive in the same transaction.
        archive: Option<Arc<Vec<u8>>>,
    },
    /// Keep a mail that no rule or no domain matched.
    Quarantine(Quarantined),
}

/// A failure of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The configured sending domain.
    pub domain: Domain,
    /// The recipient that failed.
    pub address: Address,
    /// Hard or soft (a complaint that is set to suspend: feedback).
    pub class: Class,
    /// Why.
    pub reason: Reason,
    /// RFC 3463.
    pub status: Option<EnhancedStatus>,
    /// What the remote server said.
    pub diagnostic: Option<String>,
    /// Our id of the mail; `MessageId(0)`: an operator's command.
    pub message_id: MessageId,
}

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

/// A mail for the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Our id.
    pub id: MessageId,
    /// Why it is here: `unreadable`, `no_domain`, `no_evidence`.
    pub cause: &'static str,
    /// The envelope sender, empty for `<>`.
    pub sender: String,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The head of the mail. A vector, so that a mail is not copied to be shared.
    pub mail: Arc<Vec<u8>>,
}

/// How one attempt of the notifier ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which notification.
    pub id: NotificationId,
    /// When the attempt ended.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took it (or said that it does not know the address, where that counts as done).
    Delivered {
        /// The HTTP status.
        status: u16,
        /// The head of the body, for the log and the history; at most 1,000 octets.
        body: String,
    },
    /// Try again at `next_attempt`.
    Retry {
        /// When.
        next_attempt: Timestamp,
        /// Why, in one line.
        error: String,
    },
    /// Given up; kept until an operator decides.
    Parked {
        /// Why, in one line.
        error: String,
    },
    /// The archive file of this notification is written and synced.
    Archived,
}

/// What an operator changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// `set-permanent-bounced-address`: as a hard bounce.
    Suspend(Failure),
    /// `reset-counter`: of one domain or all; the address is matched by its key.
    ResetCounter {
        /// Its mailbox.
        address: Address,
        /// `None`: in all domains.
        domain: Option<Domain>,
    },
    /// `forget-address`: erases counters, notifications and history.
    Forget(Address),
    /// `forget-address`, `quarantine drop --exported`: erases mails that a reader found; to look for them would stop the loop.
    ForgetMails(Vec<MailPlace>),
    /// `queue retry`: due now, parked ones become pending.
    RetryNotifications(Selection),
    /// `queue drop`.
    DropNotifications(Selection),
    /// `quarantine drop`; `None`: all.
    DropQuarantined(Option<MessageId>),
    /// `import-sqlite`: a slice of what is taken over, in one transaction; doing it again changes nothing.
    Import(Vec<Imported>),
}

/// A mail that the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailPlace {
    /// In the quarantine.
    Quarantine(MessageId),
    /// It waits to be written to the archive.
    Archive(NotificationId),
}

/// What moves in from the predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Imported {
    /// The counter stands at least at this.
    Counter {
        /// The sending domain.
        domain: Domain,
        /// The recipient.
        address: Address,
        /// At most the threshold.
        count: u32,
    },
    /// A suspension of the past, for the history.
    Past {
        /// When the platform was told.
        at: Timestamp,
        /// The sending domain.
        domain: Domain,
        /// The recipient.
        address: Address,
        /// The HTTP status that the platform answered; 0: unknown.
        status: u16,
    },
}

/// Which notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// One.
    Id(NotificationId),
    /// All of a domain, pending and parked.
    Domain(Domain),
    /// The pending ones of a domain.
    Pending(Domain),
    /// Every parked one.
    Parked,
    /// Every one.
    All,
}

/// A statistic that the daemon sums by minute and by hour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Series {
    /// Mails that arrived.
    Received,
    /// Failures by class.
    Class(Class),
    /// Failures by reason.
    Reason(Reason),
    /// Failures by receiving domain.
    Receiver(String),
    /// Alerts by receiving provider (the domain of the recipient or of the remote MTA) and reason.
    Alert(String, Reason),
    /// Mails by kind: `auto_reply`, `not_bounce`, `unreadable`, `no_domain`.
    Other(String),
    /// Soft counters that escalated.
    Escalated,
    /// Notifications that were delivered.
    Delivered,
}

/// What a transaction did, in the order of the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// One entry for each mail.
    pub mails: Vec<MailResult>,
    /// One entry for each command.
    pub commands: Vec<CommandResult>,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailResult {
    /// Equal to an unconfirmed one: changed nothing.
    Duplicate,
    /// One entry for each change.
    Applied(Vec<Effect>),
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The counter stands at `count` of `threshold`.
    Counted {
        /// After this one.
        count: u32,
        /// As given.
        threshold: u32,
    },
    /// The counter exceeded the threshold and is gone.
    Escalated(Queued),
    /// Hard.
    Suspended(Queued),
    /// In the quarantine; `evicted` older ones left.
    Quarantined {
        /// How many.
        evicted: u32,
    },
}

/// What the queue did with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Queued {
    /// A new one.
    New(NotificationId),
    /// One for this address was waiting.
    AlreadyPending(NotificationId),
    /// A parked one for this address is pending again.
    Revived(NotificationId),
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandResult {
    /// The notification of `Command::Suspend`.
    Queued(Queued),
    /// How many rows were changed or removed.
    Rows(u64),
}
