//! Moving in: what the predecessor's SQLite database holds, as rows for the store.
//!
//! [`plan`] reads and decides, [`Plan`] says on screen what would be done, and its slices do it. The predecessor's `counter` never
//! went above 1, because each bounce inserted another row with the same address and domain: the number of rows is the count.
//! It is cut at the threshold, so that an old heap of rows suspends nobody by itself. Doing it again changes nothing.
//!
//! Deliberately absent: any write to the SQLite file.

use crate::change::Imported;
use crate::escape::Escaped;
use crate::status::words::count;
use crate::tenant::{Tenant, Tenants};
use crate::types::{Address, Domain, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// Domains that are not configured and are named on screen.
const DOMAINS_SHOWN_MAX: usize = 20;

/// Of the rows of one transaction, as one request on the control socket; that takes 64 KiB.
const SLICE_OCTETS_MAX: usize = 60 << 10;

/// Why a file could not be read.
#[derive(Debug)]
pub enum ImportError {
    /// Somebody writes it at this moment: worth another try.
    Busy(String),
    /// It is not there, or nothing of the predecessor's.
    Unreadable(String),
}

/// What will be taken over, and what will not.
#[derive(Debug, Default)]
pub struct Plan {
    rows: Vec<Imported>,
    temporary_rows: u64,
    counters: u64,
    capped: u64,
    past: u64,
    unreadable: u64,
    other_domains: BTreeMap<String, u64>,
}

/// Reads the predecessor's database, and decides what to take over for the configured domains.
pub fn plan(file: &Path, tenants: &Tenants) -> Result<Plan, ImportError> {
    let explain = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => {
            ImportError::Busy(format!("{}: another program writes it at this moment: try again", file.display()))
        }
        _ => unreadable(file, &error),
    };
    // SQLite's word is the same for a file that is not there, that may not be read, or that is a folder.
    let readable = File::open(file).and_then(|mut file| file.read(&mut [0]));
    readable.map_err(|error| unreadable(file, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(file, flags).map_err(explain)?;
    let tables = tables(&database).map_err(explain)?;
    if !tables.contains("temporary_bounces") && !tables.contains("permanent_bounces") {
        return Err(unreadable(
            file,
            &"not the predecessor's database: no table temporary_bounces, no table permanent_bounces",
        ));
    }
    if let Some(damage) = damage(&database).map_err(explain)? {
        return Err(unreadable(file, &format!("damaged, nothing of it is taken over: {damage}")));
    }
    let mut plan = Plan::default();
    if tables.contains("temporary_bounces") {
        plan.read_temporary(&database, tenants).map_err(explain)?;
    }
    if tables.contains("permanent_bounces") {
        plan.read_permanent(&database, tenants).map_err(explain)?;
    }
    Ok(plan)
}

/// SQLite's word may quote the file.
fn unreadable(file: &Path, why: &dyn fmt::Display) -> ImportError {
    ImportError::Unreadable(format!("{}: {}", file.display(), Escaped(&why.to_string())))
}

/// The first that is wrong with the pages: of a damaged table, SQLite gives the rows that it finds, and says nothing of the others.
fn damage(database: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then(|| found.trim_start_matches("*** in database main ***").trim().to_owned()))
}

fn tables(database: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut query = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    query.query_map([], |row| row.get(0))?.collect()
}

impl Plan {
    /// The rows that are taken over, so many at a time that none of them holds up the daemon.
    pub fn slices(&self) -> impl Iterator<Item = &[Imported]> {
        let mut rest = self.rows.as_slice();
        std::iter::from_fn(move || {
            let mut octets = 0;
            let fits = |row: &&Imported| {
                octets += octets_max(row);
                octets <= SLICE_OCTETS_MAX
            };
            let slice = rest.split_off(..rest.iter().take_while(fits).count())?;
            (!slice.is_empty()).then_some(slice)
        })
    }

    fn read_temporary(&mut self, database: &Connection, tenants: &Tenants) -> rusqlite::Result<()> {
        let mut counts: BTreeMap<(Domain, String), (Address, u32, u32)> = BTreeMap::new();
        let mut query = database.prepare("SELECT bounced_address, domain FROM temporary_bounces")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            self.temporary_rows += 1;
            let Some((address, tenant)) = self.place(row, 0, 1, tenants)? else { continue };
            let key = (tenant.domain.clone(), address.key());
            let (_, count, _) = counts.entry(key).or_insert((address, 0, tenant.threshold));
            *count = count.saturating_add(1);
        }
        for ((domain, _), (address, count, threshold)) in counts {
            self.counters += 1;
            self.capped += u64::from(count > threshold);
            self.rows.push(Imported::Counter { domain, address, count: count.min(threshold) });
        }
        Ok(())
    }

    fn read_permanent(&mut self, database: &Connection, tenants: &Tenants) -> rusqlite::Result<()> {
        let mut query = database.prepare("SELECT ts, bounced_address, domain, status_code FROM permanent_bounces")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let Some((address, tenant)) = self.place(row, 1, 2, tenants)? else { continue };
            let Some(at) = time(row.get_ref(0)?) else {
                self.unreadable += 1;
                continue;
            };
            self.past += 1;
            let status = status(row.get_ref(3)?);
            self.rows.push(Imported::Past { at, domain: tenant.domain.clone(), address, status });
        }
        Ok(())
    }

    /// The address of a row, and the configured domain that it belongs to; `None`: the row is left out, and counted.
    fn place<'a>(
        &mut self,
        row: &Row<'_>,
        address: usize,
        domain: usize,
        tenants: &'a Tenants,
    ) -> rusqlite::Result<Option<(Address, &'a Tenant)>> {
        let (address, domain) = (text(row.get_ref(address)?), text(row.get_ref(domain)?));
        let Some(address) = Address::parse(address.trim()) else {
            self.unreadable += 1;
            return Ok(None);
        };
        let tenant = tenants.covering(&domain);
        if tenant.is_none() {
            *self.other_domains.entry(domain).or_default() += 1;
        }
        Ok(tenant.map(|tenant| (address, tenant)))
    }
}

/// What a row takes in a request at most: an address may need an escape for each octet.
fn octets_max(row: &Imported) -> usize {
    const REST_OCTETS_MAX: usize = 100;
    let (Imported::Counter { domain, address, .. } | Imported::Past { domain, address, .. }) = row;
    domain.as_str().len() + 2 * address.as_str().len() + REST_OCTETS_MAX
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(octets) | ValueRef::Blob(octets) => String::from_utf8_lossy(octets).into_owned(),
        _ => String::new(),
    }
}

/// Seconds since the epoch, or what SQLite's `datetime()` and Python's `str(datetime)` write, in UTC.
fn time(value: ValueRef<'_>) -> Option<Timestamp> {
    match value {
        ValueRef::Integer(seconds) => Some(from_seconds(u64::try_from(seconds).ok()?)),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
        ValueRef::Real(seconds) => Some(Timestamp::from_millis((seconds * 1000.0) as u64)),
        ValueRef::Text(octets) => {
            let text = std::str::from_utf8(octets).ok()?.replace('T', " ");
            let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
            let parsed = PrimitiveDateTime::parse(text.get(..19)?, format).ok()?;
            Some(from_seconds(u64::try_from(parsed.assume_utc().unix_timestamp()).ok()?))
        }
        _ => None,
    }
}

fn from_seconds(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

fn status(value: ValueRef<'_>) -> u16 {
    match value {
        ValueRef::Integer(status) => u16::try_from(status).unwrap_or_default(),
        other => text(other).trim().parse().unwrap_or_default(),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bounces, addresses) = (count(self.temporary_rows, "temporary bounce"), count(self.counters, "counter"));
        writeln!(
            f,
            "{bounces}: {addresses}. The old counter never went above 1, since each bounce added a row; the rows of an"
        )?;
        writeln!(f, "address are its count.")?;
        writeln!(f, "{} cut to the threshold: the import suspends nobody, the next soft bounce does.", self.capped)?;
        writeln!(f, "{} for `find-address`.", count(self.past, "past suspension"))?;
        if self.unreadable > 0 {
            writeln!(f, "Left out: {} whose address or time cannot be read.", count(self.unreadable, "row"))?;
        }
        for (domain, rows) in self.other_domains.iter().take(DOMAINS_SHOWN_MAX) {
            let (rows, domain) = (count(*rows, "row"), domain.escape_debug());
            writeln!(f, "Left out: {rows} of {domain}, which is not configured.")?;
        }
        Ok(())
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Busy(text) | Self::Unreadable(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for ImportError {}
