//! One write transaction: all tables, and the order in which a batch is applied.

use super::journal::Journal;
use super::journaling::Additions;
use super::meta::Numbers;
use super::queue::DomainRow;
use super::tables::{self, Lazy};
use super::{Settings, StoreError};
use crate::change::{Accepted, Batch, Change, Committed, Effect, MailResult};
use crate::types::{Domain, Timestamp};
use redb::WriteTransaction;
use std::collections::BTreeMap;

/// The tables of one transaction. Each concept adds what it does to them in its own file.
pub struct Writer<'t> {
    pub(super) now: Timestamp,
    /// By which things are old.
    pub(super) sober: Timestamp,
    pub(super) settings: &'t Settings,
    pub(super) numbers: Numbers<'t>,
    pub(super) counters: Lazy<'t>,
    /// As the last transaction left it.
    pub(super) journal: &'t Journal,
    pub(super) additions: Additions,
    pub(super) journal_rows: Lazy<'t>,
    pub(super) notifications: Lazy<'t>,
    pub(super) by_address: Lazy<'t>,
    pub(super) by_time: Lazy<'t>,
    pub(super) by_domain: Lazy<'t>,
    pub(super) archives: Lazy<'t>,
    pub(super) history: Lazy<'t>,
    pub(super) history_by_address: Lazy<'t>,
    pub(super) digests: Lazy<'t>,
    pub(super) quarantine: Lazy<'t>,
    pub(super) quarantine_mails: Lazy<'t>,
    pub(super) sums_by_minute: Lazy<'t>,
    pub(super) sums_by_hour: Lazy<'t>,
    pub(super) domains: Lazy<'t>,
    /// The rows of `domains` that this transaction touched: each is written once, at the end.
    pub(super) domain_rows: BTreeMap<Domain, DomainRow>,
}

impl<'t> Writer<'t> {
    /// Nothing is opened yet.
    pub fn new(
        transaction: &'t WriteTransaction,
        settings: &'t Settings,
        journal: &'t Journal,
        now: Timestamp,
    ) -> Self {
        let table = |definition| Lazy::new(transaction, definition);
        Self {
            now,
            sober: now,
            settings,
            numbers: Numbers::new(table(tables::META)),
            counters: table(tables::COUNTERS),
            journal,
            additions: Additions::default(),
            journal_rows: table(tables::JOURNAL),
            notifications: table(tables::NOTIFICATIONS),
            by_address: table(tables::NOTIFICATIONS_BY_ADDRESS),
            by_time: table(tables::NOTIFICATIONS_BY_TIME),
            by_domain: table(tables::NOTIFICATIONS_BY_DOMAIN),
            archives: table(tables::ARCHIVES),
            history: table(tables::HISTORY),
            history_by_address: table(tables::HISTORY_BY_ADDRESS),
            digests: table(tables::DIGESTS),
            quarantine: table(tables::QUARANTINE),
            quarantine_mails: table(tables::QUARANTINE_MAILS),
            sums_by_minute: table(tables::SUMS_BY_MINUTE),
            sums_by_hour: table(tables::SUMS_BY_HOUR),
            domains: table(tables::DOMAINS),
            domain_rows: BTreeMap::new(),
        }
    }

    /// All of `batch`, in an order that matters: a digest that is confirmed leaves before an equal mail is looked at.
    pub fn apply(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.sober = batch.sober.unwrap_or(self.now);
        self.confirm(&batch.confirmed)?;
        let mails = batch.mails.iter().map(|mail| self.take(mail)).collect::<Result<_, _>>()?;
        for settled in &batch.settled {
            self.settle(settled)?;
        }
        let commands = batch.commands.iter().map(|command| self.command(command)).collect::<Result<_, _>>()?;
        self.add_sums(&batch.sums)?;
        Ok(Committed { mails, commands })
    }

    fn take(&mut self, mail: &Accepted) -> Result<MailResult, StoreError> {
        if !self.is_new(&mail.digest)? {
            return Ok(MailResult::Duplicate);
        }
        let effects = mail.changes.iter().map(|change| self.change(change)).collect::<Result<_, _>>()?;
        Ok(MailResult::Applied(effects))
    }

    fn change(&mut self, change: &Change) -> Result<Effect, StoreError> {
        match change {
            Change::CountSoft { failure, threshold, window, archive } => {
                self.count_soft(failure, *threshold, *window, archive.as_deref().map(Vec::as_slice))
            }
            Change::Suspend { failure, archive } => {
                Ok(Effect::Suspended(self.suspend(failure, archive.as_deref().map(Vec::as_slice))?))
            }
            Change::Quarantine(mail) => self.quarantine(mail),
        }
    }

    /// Writes what was gathered; the transaction is complete.
    pub fn finish(mut self) -> Result<Additions, StoreError> {
        self.write_journal()?;
        for (domain, row) in std::mem::take(&mut self.domain_rows) {
            self.domains.write(domain.as_str().as_bytes(), &row)?;
        }
        self.numbers.finish()?;
        Ok(self.additions)
    }
}
