//! What is done after a fault: open the database anew at once, and write to it again with growing delays.

use super::StoreError;
use super::connection::Connection;
use super::open::OpenError;
use crate::types::Timestamp;
use std::time::Duration;

/// The delay before the second attempt; it doubles from there. The first comes with the next commit.
const DELAY_MIN: Duration = Duration::from_millis(50);
/// The longest delay: how long after the end of a fault mails may still be put off.
const DELAY_MAX: Duration = Duration::from_secs(2);

/// Whether writing rests after a fault, and until when.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Failures since the last commit that succeeded.
    failures: u32,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    cause: StoreError,
    next_attempt: Timestamp,
}

impl Recovery {
    /// Makes sure that the database is open; while it is not yet time to write again, repeats why the last attempt failed.
    pub fn restore(&mut self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        let Some(rest) = &self.rest else { return Ok(()) };
        // A time too far ahead means that the clock was set back since.
        if now < rest.next_attempt && now.after(DELAY_MAX) >= rest.next_attempt {
            return Err(rest.cause.clone());
        }
        if !connection.is_open() {
            reopen(connection).inspect_err(|cause| self.rest(cause, now))?;
        }
        self.rest = None;
        Ok(())
    }

    /// Takes note of how a transaction ended.
    pub fn note(&mut self, connection: &Connection, error: Option<&StoreError>, now: Timestamp) {
        let Some(error) = error else {
            self.failures = 0;
            return;
        };
        log::error!("{error}; the database is opened anew");
        self.rest(error, now);
        // At once, for those who look: a disk without room can be read.
        if let Err(error) = reopen(connection) {
            log::error!("{error}; the database stays closed for now");
        }
    }

    fn rest(&mut self, cause: &StoreError, now: Timestamp) {
        let next_attempt = now.after(delay(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.rest = Some(Rest { cause: cause.clone(), next_attempt });
    }
}

fn reopen(connection: &Connection) -> Result<(), StoreError> {
    connection.reopen().map_err(explain)?;
    log::warn!("the database is open again");
    Ok(())
}

fn delay(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        more => DELAY_MIN.saturating_mul(1 << (more - 1).min(16)).min(DELAY_MAX),
    }
}

fn explain(error: OpenError) -> StoreError {
    match error {
        OpenError::Io(_, error) => StoreError::from_io(&error),
        other => StoreError::Failed(other.to_string()),
    }
}
