//! Giving free pages back to the file system: once, when the store opens, and only where it is worth the wait.
//!
//! redb reuses free pages, so that steady churn needs no compaction (a simulated month of it left the file smaller than
//! a fresh copy). What leaves a large file behind is a heap that went away: a backlog that was delivered, a quarantine that
//! was dropped, counters that expired.

use super::StoreError;
use redb::Database;

/// A file below this is left as it is.
const FILE_OCTETS_MIN: u64 = 8 << 20;
/// More live data than this is left as it is: moving it takes about 1.5 s for each 100 MiB, and senders wait.
const LIVE_OCTETS_MAX: u64 = 256 << 20;

/// Compacts the file if less than half of it is in use; nobody may read or write meanwhile.
pub fn compact_if_worth(database: &mut Database, file_octets: u64) {
    match is_worth(database, file_octets) {
        Ok(true) => compact(database, file_octets),
        Ok(false) => {}
        Err(error) => log::warn!("the database is not compacted: {error}"),
    }
}

fn is_worth(database: &Database, file_octets: u64) -> Result<bool, StoreError> {
    if file_octets < FILE_OCTETS_MIN {
        return Ok(false);
    }
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    let live = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
    Ok(live <= LIVE_OCTETS_MAX && live < file_octets / 2)
}

fn compact(database: &mut Database, file_octets: u64) {
    log::info!("compacting the database: less than half of its {file_octets} octets is in use");
    if let Err(error) = database.compact() {
        log::warn!("the database is not compacted: {error}");
    }
}
