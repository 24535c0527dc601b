//! What operators ask for. A command touches at most [`COMMAND_ROWS_MAX`] rows in one transaction, so that it never
//! stops the mail for long; who asked repeats it while that many rows were touched.

use super::StoreError;
use super::history::End;
use super::queue::{PARKED, PENDING, Row, index_prefix};
use super::tables::{domain_key, number_at_end, number_key};
use super::writer::Writer;
use crate::change::{Command, CommandResult, Imported, MailPlace, NotificationId, Selection};
use crate::types::{Address, Domain};

/// Rows that one command touches. Repeat a command whose result is [`CommandResult::Rows`] with this number.
pub const COMMAND_ROWS_MAX: u64 = 5_000;
const ROWS_MAX: usize = 5_000;

impl Writer<'_> {
    /// Does what the operator asks for.
    pub(super) fn command(&mut self, command: &Command) -> Result<CommandResult, StoreError> {
        let rows = match command {
            Command::Suspend(failure) => return Ok(CommandResult::Queued(self.suspend(failure, None)?)),
            Command::ResetCounter { address, domain: Some(domain) } => u64::from(self.clear_counter(domain, address)?),
            Command::ResetCounter { address, domain: None } => self.clear_counters(address)?,
            Command::Forget(address) => self.forget(address)?,
            Command::ForgetMails(places) => self.forget_mails(places)?,
            Command::RetryNotifications(selection) => self.retry(selection)?,
            Command::DropNotifications(selection) => self.drop_notifications(selection)?,
            Command::DropQuarantined(Some(id)) => u64::from(self.release(&number_key(id.0))?),
            Command::DropQuarantined(None) => self.drop_quarantine()?,
            Command::Import(rows) => self.import(rows)?,
        };
        Ok(CommandResult::Rows(rows))
    }

    /// How many rows are new; their number is bounded by who asks.
    fn import(&mut self, rows: &[Imported]) -> Result<u64, StoreError> {
        let mut changed = 0;
        for row in rows {
            changed += u64::from(match row {
                Imported::Counter { domain, address, count } => self.import_counter(domain, address, *count)?,
                Imported::Past { at, domain, address, status } => self.import_past(*at, domain, address, *status)?,
            });
        }
        Ok(changed)
    }

    fn forget(&mut self, address: &Address) -> Result<u64, StoreError> {
        let counters = self.forget_counters_of(address)?;
        let notifications = self.forget_notifications(address)?;
        let history = self.forget_history(address, ROWS_MAX)?;
        Ok(counters + notifications + history)
    }

    /// How many of them were still there; their number is bounded by who asks.
    fn forget_mails(&mut self, places: &[MailPlace]) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for place in places {
            forgotten += u64::from(match place {
                MailPlace::Quarantine(id) => self.release(&number_key(id.0))?,
                MailPlace::Archive(id) => self.archived(*id)?,
            });
        }
        Ok(forgotten)
    }

    fn forget_notifications(&mut self, address: &Address) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for domain in self.by_address.domains(&[])? {
            let key = domain_key(&domain, address.key().as_bytes());
            let id: Option<NotificationId> = self.by_address.read(&key)?;
            forgotten += self.drop_each(id.as_slice(), Self::take_out)?;
            self.by_address.remove(&key)?;
        }
        Ok(forgotten)
    }

    fn retry(&mut self, selection: &Selection) -> Result<u64, StoreError> {
        let ids = match selection {
            Selection::Id(id) => vec![*id],
            Selection::Parked => self.ids_in_state(PARKED)?,
            Selection::Domain(domain) => self.restartable(domain)?,
            Selection::Pending(domain) => self.not_yet_due(domain)?,
            Selection::All => {
                let mut ids = self.ids_in_state(PARKED)?;
                for domain in self.by_time.domains(&[PENDING])? {
                    ids.extend(self.not_yet_due(&domain)?);
                }
                ids
            }
        };
        self.each(&ids, |writer, id, row| {
            let mut restarted = row.clone();
            restarted.restart(writer.now);
            writer.replace(id, row, &restarted)
        })
    }

    /// The parked rows of a domain, and the pending ones that are not yet due: the others need no command.
    fn restartable(&mut self, domain: &Domain) -> Result<Vec<NotificationId>, StoreError> {
        let mut found = self.ids_of_domain_in_state(PARKED, domain)?;
        found.extend(self.not_yet_due(domain)?);
        Ok(found)
    }

    fn not_yet_due(&mut self, domain: &Domain) -> Result<Vec<NotificationId>, StoreError> {
        let pending = index_prefix(PENDING, domain);
        let later = [pending.as_slice(), &number_key(self.now.millis().saturating_add(1))].concat();
        Ok(ids(&self.by_time.keys(&pending, &later, ROWS_MAX)?))
    }

    fn drop_notifications(&mut self, selection: &Selection) -> Result<u64, StoreError> {
        let ids = match selection {
            Selection::Id(id) => vec![*id],
            Selection::Parked => self.ids_in_state(PARKED)?,
            Selection::Domain(domain) => self.ids_of_domain(domain)?,
            Selection::Pending(domain) => self.ids_of_domain_in_state(PENDING, domain)?,
            Selection::All => ids(&self.notifications.keys(&[], &[], ROWS_MAX)?),
        };
        self.drop_each(&ids, |writer, id, row| {
            writer.take_out(id, row)?;
            writer.remember_end(id, row, End::Dropped)
        })
    }

    /// The same as [`Self::each`] to drop them, which is all that can be done to those that cannot be decoded.
    fn drop_each(
        &mut self,
        ids: &[NotificationId],
        drop: impl FnMut(&mut Self, NotificationId, &Row) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let mut rows = self.each(ids, drop)?;
        for id in ids.iter().take(ROWS_MAX) {
            rows += u64::from(self.take_out_damaged(*id)?);
        }
        Ok(rows)
    }

    /// Does something to each of these notifications that is still there; how many were.
    pub(super) fn each(
        &mut self,
        ids: &[NotificationId],
        mut act: impl FnMut(&mut Self, NotificationId, &Row) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        for id in ids.iter().take(ROWS_MAX) {
            let Some(row) = self.notification(*id)? else { continue };
            act(self, *id, &row)?;
            rows += 1;
        }
        Ok(rows)
    }

    fn ids_in_state(&mut self, tag: u8) -> Result<Vec<NotificationId>, StoreError> {
        Ok(ids(&self.by_domain.keys(&[tag], &[], ROWS_MAX)?))
    }

    fn ids_of_domain(&mut self, domain: &Domain) -> Result<Vec<NotificationId>, StoreError> {
        let mut found = Vec::new();
        for tag in [PENDING, PARKED] {
            found.extend(self.ids_of_domain_in_state(tag, domain)?);
        }
        Ok(found)
    }

    fn ids_of_domain_in_state(&mut self, tag: u8, domain: &Domain) -> Result<Vec<NotificationId>, StoreError> {
        let prefix = index_prefix(tag, domain);
        Ok(ids(&self.by_domain.keys(&prefix, &prefix, ROWS_MAX)?))
    }

    fn drop_quarantine(&mut self) -> Result<u64, StoreError> {
        let keys = self.quarantine.keys(&[], &[], ROWS_MAX)?;
        for key in &keys {
            self.release(key)?;
        }
        Ok(keys.len() as u64)
    }
}

fn ids(keys: &[Vec<u8>]) -> Vec<NotificationId> {
    keys.iter().filter_map(|key| number_at_end(key)).collect()
}
