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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;
    use crate::store::disk::DiskSource;

    const SECOND: Duration = Duration::from_secs(1);

    /// Faults one after the other, each as soon as writing is allowed again; the delay after each.
    fn delays_of(recovery: &mut Recovery, connection: &Connection, faults: usize, mut now: Timestamp) -> Vec<u64> {
        let fault = StoreError::Failed("a fault".to_owned());
        let mut delay_after_fault = || {
            recovery.note(connection, Some(&fault), now);
            let start = now;
            while recovery.restore(connection, now).is_err() {
                now = now.after(Duration::from_millis(1));
            }
            now.millis() - start.millis()
        };
        (0..faults).map(|_| delay_after_fault()).collect()
    }

    #[test]
    fn delays_grow_from_fault_to_fault_and_begin_anew_after_a_success() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::default();
        let connection = Connection::open(&folder.path().join("b.redb"), DiskSource::File, &settings).unwrap();
        let (mut recovery, now) = (Recovery::default(), Timestamp::from_millis(1_000_000_000_000));
        assert_eq!(delays_of(&mut recovery, &connection, 9, now), [0, 50, 100, 200, 400, 800, 1600, 2000, 2000]);
        recovery.note(&connection, None, now);
        assert_eq!(delays_of(&mut recovery, &connection, 3, now), [0, 50, 100]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_rest_longer() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::default();
        let connection = Connection::open(&folder.path().join("b.redb"), DiskSource::File, &settings).unwrap();
        let (mut recovery, now) = (Recovery::default(), Timestamp::from_millis(1_000_000_000_000));
        delays_of(&mut recovery, &connection, 9, now);
        recovery.note(&connection, Some(&StoreError::Failed("a fault".to_owned())), now);
        assert!(recovery.restore(&connection, now.after(SECOND)).is_err());
        assert!(recovery.restore(&connection, now.before(3600 * SECOND)).is_ok());
    }
}
