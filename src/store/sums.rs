//! Statistics by minute and by hour.
//!
//! A commit adds to the row of its minute, which it reads and writes whole: one row a commit, whatever the number of series.
//! Minutes that are older than two days are added to the row of their hour when they leave, so that no time is
//! summed twice or lost, whichever way the clock moves.

use super::StoreError;
use super::encoding::legible;
use super::reader::Reader;
use super::tables::{SUMS_BY_HOUR, SUMS_BY_MINUTE, number_at_end, number_key};
use super::writer::Writer;
use crate::bounce::{Class, Reason};
use crate::change::Series;
use crate::types::Timestamp;
use redb::ReadableTable;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long minutes are kept.
pub const MINUTES_AGE_MAX: Duration = Duration::from_secs(48 * 3600);
/// How long hours are kept.
pub const HOURS_AGE_MAX: Duration = Duration::from_secs(90 * 24 * 3600);
/// Names in one row. Those of providers come from outside; beyond this all go under [`OTHERS`].
const SERIES_MAX: usize = 200;
/// The provider that stands for all that have no series of their own.
const OTHERS: &str = "others";

/// Series by name, so that a list that grows still reads what is there.
pub type Row = BTreeMap<String, u64>;

/// The sums of one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// When the minute or hour began.
    pub start: Timestamp,
    /// What was counted in it.
    pub series: BTreeMap<Series, u64>,
}

const MINUTE_MILLIS: u64 = 60_000;
const HOUR_MILLIS: u64 = 60 * MINUTE_MILLIS;
const MINUTES_PER_HOUR: u64 = 60;

impl Writer<'_> {
    /// Adds to the minute of the commit.
    pub(super) fn add_sums(&mut self, sums: &[(Series, u64)]) -> Result<(), StoreError> {
        if sums.is_empty() {
            return Ok(());
        }
        let key = number_key(self.now.millis() / MINUTE_MILLIS);
        let mut row: Row = self.sums_by_minute.read(&key)?.unwrap_or_default();
        for (series, count) in sums {
            add(&mut row, name(series), *count);
        }
        self.sums_by_minute.write(&key, &row)
    }

    /// Moves a minute to its hour.
    pub(super) fn fold_minute(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let row: Option<Row> = self.sums_by_minute.read(key)?;
        self.sums_by_minute.remove(key)?;
        let Some((minute, row)) = number_at_end(key).zip(row) else { return Ok(()) };
        let hour_key = number_key(minute / MINUTES_PER_HOUR);
        let mut hour: Row = self.sums_by_hour.read(&hour_key)?.unwrap_or_default();
        for (name, count) in row {
            add(&mut hour, name, count);
        }
        self.sums_by_hour.write(&hour_key, &hour)
    }
}

fn add(row: &mut Row, name: String, count: u64) {
    let name = if row.len() < SERIES_MAX || row.contains_key(&name) { name } else { without_provider(name) };
    let sum = row.entry(name).or_default();
    *sum = sum.saturating_add(count);
}

fn without_provider(name: String) -> String {
    match parse(&name) {
        Some(Series::Alert(_, reason)) => self::name(&Series::Alert(OTHERS.to_owned(), reason)),
        Some(Series::Receiver(_)) => self::name(&Series::Receiver(OTHERS.to_owned())),
        _ => name,
    }
}

fn name(series: &Series) -> String {
    match series {
        Series::Received => "received".to_owned(),
        Series::Escalated => "escalated".to_owned(),
        Series::Delivered => "delivered".to_owned(),
        Series::Class(class) => format!("class {}", class.name()),
        Series::Reason(reason) => format!("reason {}", reason.name()),
        Series::Other(kind) => format!("other {kind}"),
        Series::Receiver(receiver) => format!("receiver {receiver}"),
        Series::Alert(provider, reason) => format!("alert {} {provider}", reason.name()),
    }
}

fn parse(name: &str) -> Option<Series> {
    let (word, rest) = name.split_once(' ').unwrap_or((name, ""));
    match word {
        "received" => Some(Series::Received),
        "escalated" => Some(Series::Escalated),
        "delivered" => Some(Series::Delivered),
        "class" => {
            let classes = [Class::Hard, Class::Soft, Class::Feedback];
            classes.into_iter().find(|class| class.name() == rest).map(Series::Class)
        }
        "reason" => Reason::from_name(rest).map(Series::Reason),
        "other" => Some(Series::Other(rest.to_owned())),
        "receiver" => Some(Series::Receiver(rest.to_owned())),
        "alert" => {
            let (reason, provider) = rest.split_once(' ')?;
            Some(Series::Alert(provider.to_owned(), Reason::from_name(reason)?))
        }
        _ => None,
    }
}

impl Reader {
    /// The sums of each minute from `from` on in which something was counted, the oldest first: at most two days.
    pub fn sums_by_minute(&self, from: Timestamp) -> Result<Vec<Sum>, StoreError> {
        let mut sums = BTreeMap::new();
        let table = self.begin()?.open_table(SUMS_BY_MINUTE)?;
        collect(&table, from.millis() / MINUTE_MILLIS, |minute| minute, &mut sums)?;
        Ok(show(sums, MINUTE_MILLIS))
    }

    /// The sums of each hour from `from` on in which something was counted, the oldest first: at most 90 days.
    pub fn sums_by_hour(&self, from: Timestamp) -> Result<Vec<Sum>, StoreError> {
        let first = from.millis() / HOUR_MILLIS;
        let transaction = self.begin()?;
        let (hours, minutes) = (transaction.open_table(SUMS_BY_HOUR)?, transaction.open_table(SUMS_BY_MINUTE)?);
        let mut sums = BTreeMap::new();
        collect(&hours, first, |hour| hour, &mut sums)?;
        collect(&minutes, first * MINUTES_PER_HOUR, |minute| minute / MINUTES_PER_HOUR, &mut sums)?;
        Ok(show(sums, HOUR_MILLIS))
    }
}

/// Adds up the rows from `first` on, each in its slot.
fn collect(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    first: u64,
    slot: impl Fn(u64) -> u64,
    sums: &mut BTreeMap<u64, Row>,
) -> Result<(), StoreError> {
    for entry in table.range::<&[u8]>(number_key(first).as_slice()..)? {
        let (key, value) = entry?;
        let sum = sums.entry(slot(number_at_end(key.value()).unwrap_or_default())).or_default();
        for (name, count) in legible::<Row>(value.value(), "sums", key.value()).unwrap_or_default() {
            *sum.entry(name).or_default() += count;
        }
    }
    Ok(())
}

fn show(sums: BTreeMap<u64, Row>, millis: u64) -> Vec<Sum> {
    let series = |row: Row| {
        let mut series = BTreeMap::new();
        series.extend(row.into_iter().filter_map(|(name, count)| Some((parse(&name)?, count))));
        series
    };
    sums.into_iter()
        .map(|(slot, row)| Sum { start: Timestamp::from_millis(slot.saturating_mul(millis)), series: series(row) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_name_that_reads_back() {
        let fixed = [Series::Received, Series::Escalated, Series::Delivered, Series::Other("auto_reply".to_owned())];
        let classes = [Class::Hard, Class::Soft, Class::Feedback].map(Series::Class);
        let receiver = [Series::Receiver("some-provider.example".to_owned())];
        let alerts = Reason::ALL.iter().map(|reason| Series::Alert("a b.example".to_owned(), *reason));
        let reasons = Reason::ALL.iter().map(|reason| Series::Reason(*reason));
        for series in fixed.into_iter().chain(classes).chain(receiver).chain(alerts).chain(reasons) {
            assert_eq!(parse(&name(&series)), Some(series));
        }
    }

    #[test]
    fn providers_beyond_the_limit_share_a_series() {
        let mut row = Row::new();
        for number in 0..2 * SERIES_MAX {
            add(&mut row, name(&Series::Alert(format!("p{number}.example"), Reason::Blocked)), 1);
        }
        assert_eq!(row.len(), SERIES_MAX + 1);
        assert_eq!(row["alert blocked others"], SERIES_MAX as u64);
    }
}
