//! One mail's envelope, and the mail while its data comes in.

use super::data::{Data, DataReader};
use super::event::{Mail, Refusal};
use super::pace::Pace;
use super::path::ForwardPath;
use super::reply::{self, Reply};
use super::settings::{BareLineEnds, Settings};
use std::mem;
use std::time::Instant;

/// From MAIL on.
pub(super) struct Transaction {
    sender: String,
    smtputf8: bool,
    recipients: Vec<String>,
    recipient_octets: usize,
}

/// From 354 to the end of the data.
pub(super) struct Receiving {
    transaction: Transaction,
    data: DataReader,
    pace: Pace,
}

impl Transaction {
    /// Without recipients.
    pub(super) const fn new(sender: String, smtputf8: bool) -> Self {
        Self { sender, smtputf8, recipients: Vec::new(), recipient_octets: 0 }
    }

    /// Takes a recipient or not, as the reply says; `Err`: its mail is not taken here.
    pub(super) fn add(&mut self, path: ForwardPath, settings: &Settings) -> Result<Reply, Refusal> {
        let mailbox = path.as_str();
        if !self.smtputf8 && !mailbox.is_ascii() {
            return Ok(reply::NEEDS_SMTPUTF8);
        }
        if !settings.accepts(&path) {
            return Err(Refusal::Recipient);
        }
        if self.recipients.len() >= settings.recipients_max {
            return Ok(reply::TOO_MANY_RECIPIENTS);
        }
        self.recipient_octets += mailbox.len() + mem::size_of::<String>();
        self.recipients.push(path.into_string());
        Ok(reply::RECIPIENT_OK)
    }

    /// Whether a recipient was taken.
    pub(super) const fn has_recipients(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// The memory that it takes.
    pub(super) const fn octets_held(&self) -> usize {
        self.recipient_octets
    }
}

impl Receiving {
    /// At 354.
    pub(super) const fn new(transaction: Transaction, head_octets_max: usize, now: Instant) -> Self {
        Self { transaction, data: DataReader::new(head_octets_max), pace: Pace::new(now, 0) }
    }

    /// Takes data up to its end, at most; returns how many octets it took.
    pub(super) fn receive(&mut self, input: &[u8]) -> usize {
        self.data.receive(input)
    }

    /// Whether the end was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.data.is_complete()
    }

    /// How many recipients were taken.
    pub(super) const fn recipients(&self) -> usize {
        self.transaction.recipients.len()
    }

    /// The memory that it takes.
    pub(super) const fn octets_held(&self) -> usize {
        self.transaction.octets_held() + self.data.octets_held()
    }

    /// Whether that will grow no more.
    pub(super) const fn is_head_full(&self) -> bool {
        self.data.is_head_full()
    }

    /// When the rate is looked at.
    pub(super) fn pace_end(&self) -> Option<Instant> {
        self.pace.window_end()
    }

    /// Whether the data came too slowly up to [`Self::pace_end`].
    pub(super) fn is_too_slow(&mut self, now: Instant, octets_per_second_min: u64) -> bool {
        self.pace.is_too_slow(now, self.data.octets(), octets_per_second_min)
    }

    /// Looks at the rate from `now` on.
    pub(super) const fn restart_pace(&mut self, now: Instant) {
        self.pace = Pace::new(now, self.data.octets());
    }

    /// The mail, or why it is refused.
    pub(super) fn finish(self, settings: &Settings) -> Result<Mail, Refusal> {
        let Transaction { sender, recipients, .. } = self.transaction;
        let Data { head, octets, bare_line_ends } = self.data.into_data();
        if octets > settings.message_octets_max {
            return Err(Refusal::TooBig);
        }
        if bare_line_ends > 0 && settings.bare_line_ends == BareLineEnds::Reject {
            return Err(Refusal::BareLineEnds);
        }
        Ok(Mail { sender, recipients, head, octets, bare_line_ends })
    }
}
