//! What is done after a fault: close the database at once, open it again with growing delays.

use super::StoreError;
use super::connection::Connection;
use super::open::OpenError;
use crate::types::Timestamp;
use std::time::Duration;

/// The delay before the second attempt; it doubles from there. The first comes with the next commit.
const DELAY_MIN: Duration = Duration::from_millis(50);
/// The longest delay: how long after the end of a fault mails may still be put off.
const DELAY_MAX: Duration = Duration::from_secs(2);

/// Whether the database is open, and if not, when it is tried again.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Failures since the last commit that succeeded.
    failures: u32,
    closed: Option<Closed>,
}

#[derive(Debug)]
struct Closed {
    cause: StoreError,
    next_attempt: Timestamp,
}

impl Recovery {
    /// Makes sure that the database is open; while it is not yet time to try, repeats why it was closed.
    pub fn restore(&mut self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        let Some(closed) = &self.closed else { return Ok(()) };
        // A time too far ahead means that the clock was set back since.
        if now < closed.next_attempt && now.after(DELAY_MAX) >= closed.next_attempt {
            return Err(closed.cause.clone());
        }
        match connection.reopen() {
            Ok(()) => {
                log::warn!("the database is open again");
                self.closed = None;
                Ok(())
            }
            Err(error) => {
                let cause = explain(error);
                self.close(connection, &cause, now);
                Err(cause)
            }
        }
    }

    /// Takes note of how a transaction ended.
    pub fn note(&mut self, connection: &Connection, error: Option<&StoreError>, now: Timestamp) {
        match error {
            None => self.failures = 0,
            Some(error) => {
                log::error!("{error}; the database is opened anew");
                self.close(connection, error, now);
            }
        }
    }

    fn close(&mut self, connection: &Connection, cause: &StoreError, now: Timestamp) {
        connection.close();
        let next_attempt = now.after(delay(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.closed = Some(Closed { cause: cause.clone(), next_attempt });
    }
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
