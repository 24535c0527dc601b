//! Soft failures, counted under (sending domain, address).

use super::StoreError;
use super::encoding::{encode, legible, reason_by_name};
use super::latest::Latest;
use super::reader::{Cursor, Page, Pattern, Reader, page};
use super::tables::{domain_key, split_domain_key};
use super::writer::Writer;
use crate::bounce::{EnhancedStatus, Reason};
use crate::change::{Effect, Failure, Queued};
use crate::types::{Address, Domain, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The highest threshold that a counter with a window can exceed.
pub const WINDOW_THRESHOLD_MAX: u32 = 999;

/// Times that are kept for one counter with a window, whatever the threshold.
const TIMES_MAX: usize = WINDOW_THRESHOLD_MAX as usize + 1;

/// What is kept of one counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address as it was written, where that differs from its key.
    shown: Option<Address>,
    count: u32,
    first_seen: Timestamp,
    last_seen: Timestamp,
    status: Option<EnhancedStatus>,
    #[serde(with = "reason_by_name")]
    reason: Reason,
    /// With a window: when the counted ones came, the oldest first. Without: empty.
    times: Vec<Timestamp>,
}

/// One counter, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The configured sending domain.
    pub domain: Domain,
    /// The recipient, as it was last written.
    pub address: Address,
    /// Soft failures since the counter began (with a window: at the last one).
    pub count: u32,
    /// The first one.
    pub first_seen: Timestamp,
    /// The last one.
    pub last_seen: Timestamp,
    /// RFC 3463, of the last one.
    pub status: Option<EnhancedStatus>,
    /// Why, of the last one.
    pub reason: Reason,
}

/// Which counters.
#[derive(Debug, Clone, Default)]
pub struct CounterFilter {
    /// Of this sending domain.
    pub domain: Option<Domain>,
    /// Whose address matches.
    pub address: Option<Pattern>,
    /// That stand at least at this.
    pub count_min: u32,
}

impl Row {
    fn new(now: Timestamp) -> Self {
        Self {
            shown: None,
            count: 0,
            first_seen: now,
            last_seen: now,
            status: None,
            reason: Reason::Undefined,
            times: Vec::new(),
        }
    }

    fn show_as(&mut self, address: &Address) {
        self.shown = (address.as_str() != address.key()).then(|| address.clone());
    }

    /// One more, at `now`.
    fn add(&mut self, failure: &Failure, threshold: u32, window: Option<Window>, now: Timestamp) {
        match window {
            None => {
                self.count = self.count.saturating_add(1);
                self.times.clear();
            }
            Some(window) => self.add_within(window, threshold, now),
        }
        self.show_as(&failure.address);
        (self.last_seen, self.status, self.reason) = (now, failure.status, failure.reason);
    }

    /// Counts those of the window. Of a counter that was kept without one, only the first and the last time are known.
    fn add_within(&mut self, window: Window, threshold: u32, now: Timestamp) {
        if self.times.is_empty() && self.count > 0 {
            self.times.push(self.last_seen);
            if self.count > 1 {
                self.times.insert(0, self.first_seen);
            }
        }
        // What comes from a clock that was ahead is no younger than now, so that it leaves one day.
        self.times.iter_mut().for_each(|time| *time = now.min(*time));
        self.times.retain(|time| window.end.since(*time) <= window.span);
        self.times.push(now);
        let times_max = usize::try_from(threshold).unwrap_or(TIMES_MAX).saturating_add(1).min(TIMES_MAX);
        self.times.drain(..self.times.len().saturating_sub(times_max));
        self.count = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.first_seen = self.times.first().copied().unwrap_or(now);
    }

    fn show(self, key: &[u8]) -> Option<Counter> {
        let (domain, address) = split_domain_key(key)?;
        let address = self.shown.or_else(|| Address::parse(std::str::from_utf8(address).ok()?))?;
        Some(Counter {
            domain,
            address,
            count: self.count,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            status: self.status,
            reason: self.reason,
        })
    }
}

/// What still counts. Its end is no clock's that has just jumped ahead, which would cost what was counted.
#[derive(Debug, Clone, Copy)]
struct Window {
    span: Duration,
    end: Timestamp,
}

/// When the counter was last counted up; `None`: its row is damaged.
pub fn last_seen(key: &[u8], octets: &[u8]) -> Option<Timestamp> {
    legible(octets, "counters", key).map(|row: Row| row.last_seen)
}

impl Writer<'_> {
    /// One more soft failure; above the threshold a notification instead, and the counter begins anew.
    pub(super) fn count_soft(
        &mut self,
        failure: &Failure,
        threshold: u32,
        window: Option<Duration>,
        archive: Option<&[u8]>,
    ) -> Result<Effect, StoreError> {
        let key = domain_key(&failure.domain, failure.address.key().as_bytes());
        let now = self.now;
        let window = window.map(|span| Window { span, end: self.sober });
        let known = self.latest(&key)?;
        let mut row = counter(&key, known.as_deref()).unwrap_or_else(|| Row::new(now));
        row.add(failure, threshold, window, now);
        let count = row.count;
        if count > threshold {
            self.remove_counter(key, known.is_some());
            return Ok(Effect::Escalated(self.enqueue(failure, count, archive)?));
        }
        self.put_in_journal(key, Some(encode(&row)?), known.is_some());
        Ok(Effect::Counted { count, threshold })
    }

    /// A permanent failure: its counter goes, and the platform is told.
    pub(super) fn suspend(&mut self, failure: &Failure, archive: Option<&[u8]>) -> Result<Queued, StoreError> {
        self.clear_counter(&failure.domain, &failure.address)?;
        self.enqueue(failure, 0, archive)
    }

    /// Removes a counter; whether there was one.
    pub(super) fn clear_counter(&mut self, domain: &Domain, address: &Address) -> Result<bool, StoreError> {
        self.clear(domain_key(domain, address.key().as_bytes()))
    }

    /// Removes the counters of an address in every domain; how many.
    pub(super) fn clear_counters(&mut self, address: &Address) -> Result<u64, StoreError> {
        let mut cleared = 0;
        for key in self.keys_of(address)? {
            cleared += u64::from(self.clear(key)?);
        }
        Ok(cleared)
    }

    /// The same, and nothing stays of them anywhere.
    pub(super) fn forget_counters_of(&mut self, address: &Address) -> Result<u64, StoreError> {
        let keys = self.keys_of(address)?;
        self.erase(keys.into_iter().collect())
    }

    /// Where counters of an address may be.
    fn keys_of(&mut self, address: &Address) -> Result<Vec<Vec<u8>>, StoreError> {
        let domains = self.counter_domains()?;
        Ok(domains.iter().map(|domain| domain_key(domain, address.key().as_bytes())).collect())
    }

    /// Lifts a counter to `count`; whether that changed it.
    pub(super) fn import_counter(
        &mut self,
        domain: &Domain,
        address: &Address,
        count: u32,
    ) -> Result<bool, StoreError> {
        let key = domain_key(domain, address.key().as_bytes());
        let known = self.latest(&key)?;
        let mut row = counter(&key, known.as_deref()).unwrap_or_else(|| Row::new(self.now));
        if row.count >= count {
            return Ok(false);
        }
        row.count = count;
        row.show_as(address);
        self.put_in_journal(key, Some(encode(&row)?), known.is_some());
        Ok(true)
    }

    /// Removes a counter; whether there was one.
    fn clear(&mut self, key: Vec<u8>) -> Result<bool, StoreError> {
        let is_known = self.latest(&key)?.is_some();
        self.remove_counter(key, is_known);
        Ok(is_known)
    }

    fn remove_counter(&mut self, key: Vec<u8>, is_known: bool) {
        if is_known {
            self.put_in_journal(key, None, true);
        }
    }
}

/// A row that cannot be decoded is as good as none.
fn counter(key: &[u8], octets: Option<&[u8]>) -> Option<Row> {
    legible(octets?, "counters", key)
}

impl Reader {
    /// A slice of the counters, by domain and address.
    pub fn counters(
        &self,
        filter: &CounterFilter,
        cursor: Option<&Cursor>,
        rows_max: usize,
    ) -> Result<Page<Counter>, StoreError> {
        let prefix = filter.domain.as_ref().map(|domain| domain_key(domain, &[])).unwrap_or_default();
        let start = cursor.map_or_else(|| prefix.clone(), Cursor::successor);
        page(Latest::begin(&self.connection)?.from(&start)?, &prefix, rows_max, |key, octets| {
            let found = counter(key, Some(octets)).and_then(|row| row.show(key));
            Ok(found.filter(|counter| filter.matches(counter)))
        })
    }

    /// The counters of one address, in every domain.
    pub fn counters_of(&self, address: &Address) -> Result<Vec<Counter>, StoreError> {
        let latest = Latest::begin(&self.connection)?;
        let mut found = Vec::new();
        for domain in latest.domains()? {
            let key = domain_key(&domain, address.key().as_bytes());
            found.extend(counter(&key, latest.get(&key)?.as_deref()).and_then(|row| row.show(&key)));
        }
        Ok(found)
    }
}

impl CounterFilter {
    fn matches(&self, counter: &Counter) -> bool {
        counter.count >= self.count_min
            && self.address.as_ref().is_none_or(|pattern| pattern.matches(counter.address.as_str()))
    }
}
