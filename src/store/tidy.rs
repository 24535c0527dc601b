//! Housekeeping: what is too old leaves, a slice at a time.
//!
//! A slice looks at no more than [`SLICE_ROWS_MAX`] rows of each kind, in a read transaction, and writes only if
//! something has to leave. History, parked rows and sums are found by time; counters and digests are walked through, slice
//! after slice: an index by time would cost every mail a write for what is needed once in a while.

use super::history::End;
use super::latest::Latest;
use super::queue::{PARKED, PENDING, index_prefix};
use super::reader::Row;
use super::tables::{self, Definition, number_at_end, number_key, time_key};
use super::writer::Writer;
use super::{Settings, StoreError, counters, digests, sums};
use crate::change::NotificationId;
use crate::types::Timestamp;
use redb::{ReadTransaction, ReadableTableMetadata};
use std::time::Duration;

/// Rows of each kind that one slice looks at.
const SLICE_ROWS_MAX: usize = 1000;
/// How long after the end of a walk the next one begins.
const PAUSE: Duration = Duration::from_secs(3600);

type Keys = Vec<Vec<u8>>;

/// Where the walks through whole tables stand.
#[derive(Debug, Default)]
pub struct Walks {
    counters: Walk,
    digests: Walk,
}

#[derive(Debug, Default)]
struct Walk {
    /// The next key to look at.
    position: Vec<u8>,
    /// Set between two walks: when the next one begins.
    resume: Option<Timestamp>,
}

/// What has to leave, or to be put right.
#[derive(Debug, Default)]
pub struct Findings {
    counters: Keys,
    digests: Keys,
    history: Keys,
    minutes: Keys,
    hours: Keys,
    parked: Vec<NotificationId>,
    /// Pending, and due so far ahead that the clock must have jumped back since.
    astray: Vec<NotificationId>,
}

/// A look at one state of the database.
struct Look<'a> {
    transaction: &'a ReadTransaction,
    latest: &'a Latest<'a>,
    settings: &'a Settings,
    now: Timestamp,
    /// What ages are measured by.
    sober: Timestamp,
}

/// What one slice found, and whether there is more to look at.
pub fn look(
    (transaction, latest): (&ReadTransaction, &Latest<'_>),
    settings: &Settings,
    walks: &mut Walks,
    now: Timestamp,
    sober: Timestamp,
) -> Result<(Findings, bool), StoreError> {
    let look = Look { transaction, latest, settings, now, sober };
    let findings = Findings {
        counters: look.stale_counters(&mut walks.counters)?,
        digests: look.stale_digests(&mut walks.digests)?,
        history: look.keys_before(tables::HISTORY, &time_key(sober.before(settings.history_age_max), 0))?,
        minutes: look.keys_before(tables::SUMS_BY_MINUTE, &number_key(look.seconds_ago(sums::MINUTES_AGE_MAX) / 60))?,
        hours: look.keys_before(tables::SUMS_BY_HOUR, &number_key(look.seconds_ago(sums::HOURS_AGE_MAX) / 3600))?,
        parked: look.expired()?,
        astray: look.astray()?,
    };
    let more = findings.is_long() || walks.counters.is_under_way() || walks.digests.is_under_way();
    Ok((findings, more))
}

impl Findings {
    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.lengths().iter().all(|length| *length == 0)
    }

    fn is_long(&self) -> bool {
        self.lengths().iter().any(|length| *length >= SLICE_ROWS_MAX)
    }

    fn lengths(&self) -> [usize; 7] {
        [
            self.counters.len(),
            self.digests.len(),
            self.history.len(),
            self.minutes.len(),
            self.hours.len(),
            self.parked.len(),
            self.astray.len(),
        ]
    }
}

impl Look<'_> {
    fn seconds_ago(&self, age: Duration) -> u64 {
        self.sober.before(age).seconds()
    }

    fn keys_before(&self, definition: Definition, end: &[u8]) -> Result<Keys, StoreError> {
        let table = self.transaction.open_table(definition)?;
        let keys = table.range::<&[u8]>(..end)?.take(SLICE_ROWS_MAX);
        Ok(keys.map(|entry| entry.map(|(key, _)| key.value().to_vec())).collect::<Result<_, _>>()?)
    }

    fn stale_counters(&self, walk: &mut Walk) -> Result<Keys, StoreError> {
        let Some(age_max) = self.settings.counter_age_max else { return Ok(Keys::new()) };
        let is_stale = |key: &[u8], row: &[u8]| self.is_older(counters::last_seen(key, row), age_max);
        walk.step(|start| self.latest.from(start), self.now, is_stale)
    }

    fn stale_digests(&self, walk: &mut Walk) -> Result<Keys, StoreError> {
        let table = self.transaction.open_table(tables::DIGESTS)?;
        let excess = usize::try_from(table.len()?.saturating_sub(self.settings.digests_max)).unwrap_or(usize::MAX);
        if excess > 0 {
            return tables::keys(&table, &[], &[], excess.min(SLICE_ROWS_MAX));
        }
        let is_stale = |key: &[u8], row: &[u8]| self.is_older(digests::time(key, row), self.settings.digest_age_max);
        walk.step(|start| Ok(table.range::<&[u8]>(start..)?), self.now, is_stale)
    }

    /// Whether a time is past its age; of a damaged row, never: it stays, as the log says.
    fn is_older(&self, time: Option<Timestamp>, age_max: Duration) -> bool {
        time.is_some_and(|time| self.sober.since(time) > age_max)
    }

    /// Parked rows that were parked too long ago, if the configuration lets any expire.
    fn expired(&self) -> Result<Vec<NotificationId>, StoreError> {
        let Some(age_max) = self.settings.parked_age_max else { return Ok(Vec::new()) };
        let end = time_key(self.sober.before(age_max), 0);
        self.by_time(PARKED, &[], &end)
    }

    fn astray(&self) -> Result<Vec<NotificationId>, StoreError> {
        let start = time_key(self.now.after(self.settings.next_attempt_ahead_max), 0);
        self.by_time(PENDING, &start, &[0xff; 17])
    }

    /// The notifications of all domains whose time is from `start` on and before `end`.
    fn by_time(&self, tag: u8, start: &[u8], end: &[u8]) -> Result<Vec<NotificationId>, StoreError> {
        let table = self.transaction.open_table(tables::NOTIFICATIONS_BY_TIME)?;
        let mut ids = Vec::new();
        for domain in tables::domains(&table, &[tag])? {
            let prefix = index_prefix(tag, &domain);
            let (start, end) = ([prefix.as_slice(), start].concat(), [prefix.as_slice(), end].concat());
            for entry in table.range::<&[u8]>(start.as_slice()..end.as_slice())?.take(SLICE_ROWS_MAX - ids.len()) {
                ids.extend(number_at_end(entry?.0.value()));
            }
        }
        Ok(ids)
    }
}

impl Walk {
    fn is_under_way(&self) -> bool {
        self.resume.is_none() && !self.position.is_empty()
    }

    /// Whether it is time; also when the clock has jumped back behind the end of the last walk.
    fn may_go_on(&mut self, now: Timestamp) -> bool {
        if self.resume.is_some_and(|resume| now < resume && now.after(PAUSE) >= resume) {
            return false;
        }
        self.resume = None;
        true
    }

    /// Looks at some rows of those that `from` gives from a key on.
    fn step<R: Row, E: Into<StoreError>, I: Iterator<Item = Result<R, E>>>(
        &mut self,
        from: impl FnOnce(&[u8]) -> Result<I, StoreError>,
        now: Timestamp,
        is_stale: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Keys, StoreError> {
        if !self.may_go_on(now) {
            return Ok(Keys::new());
        }
        let mut stale = Keys::new();
        let start = std::mem::take(&mut self.position);
        for (looked_at, entry) in from(&start)?.enumerate() {
            let row = entry.map_err(Into::into)?;
            if looked_at == SLICE_ROWS_MAX {
                self.position = row.key().to_vec();
                return Ok(stale);
            }
            if is_stale(row.key(), row.octets()) {
                stale.push(row.key().to_vec());
            }
        }
        self.resume = Some(now.after(PAUSE));
        Ok(stale)
    }
}

impl Writer<'_> {
    /// Lets go what a look found.
    pub(super) fn clear_out(&mut self, findings: &Findings) -> Result<(), StoreError> {
        if !findings.counters.is_empty() {
            self.erase(findings.counters.iter().cloned().collect())?;
        }
        for key in &findings.digests {
            self.digests.remove(key)?;
        }
        for key in &findings.history {
            self.forget_past(key)?;
        }
        for key in &findings.minutes {
            self.fold_minute(key)?;
        }
        for key in &findings.hours {
            self.sums_by_hour.remove(key)?;
        }
        self.each(&findings.parked, |writer, id, row| {
            writer.take_out(id, row)?;
            writer.remember_end(id, row, End::Expired)
        })?;
        self.each(&findings.astray, |writer, id, row| {
            let mut due = row.clone();
            due.restart(writer.now);
            writer.replace(id, row, &due)
        })?;
        Ok(())
    }
}
