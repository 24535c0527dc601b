//! The notifier's own time: wall time that never goes back while the process runs. Both clocks are passed in, as [`Clocks`].
//!
//! Due times in the queue are wall times. When the wall clock is set back, rows that were due must stay due; when it is set
//! forward (a machine that got the time late), rows that are queued with the new time must be due as well.

use crate::types::Timestamp;
use std::time::{Instant, SystemTime};

/// Where the time comes from: the system, or a test that lets hours pass and sets clocks wrong.
pub trait Clocks: Send + Sync {
    /// Never goes back.
    fn steady(&self) -> Instant;

    /// As people set it.
    fn wall(&self) -> Timestamp;
}

/// Those of the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClocks;

impl Clocks for SystemClocks {
    fn steady(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// The latest time seen, and when.
#[derive(Debug)]
pub struct Clock {
    time: Timestamp,
    read: Instant,
}

impl Clock {
    /// Starts at `wall`.
    pub fn new(wall: Timestamp, now: Instant) -> Self {
        Self { time: wall, read: now }
    }

    /// The wall time, or what it would be had nobody set it back.
    pub fn time(&mut self, wall: Timestamp, now: Instant) -> Timestamp {
        let elapsed = now.saturating_duration_since(self.read);
        let steady = self.time.after(elapsed);
        // Whole milliseconds are added up only when the wall clock is behind, so that none are lost by frequent reading.
        if wall > steady {
            (self.time, self.read) = (wall, now);
        }
        wall.max(steady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn time_goes_on_when_the_clock_is_set_back() {
        let (start, wall) = (Instant::now(), Timestamp::from_millis(1_000_000_000_000));
        let mut clock = Clock::new(wall, start);
        assert_eq!(clock.time(wall.before(HOUR), start + HOUR), wall.after(HOUR));
        assert_eq!(clock.time(wall, start + 2 * HOUR), wall.after(2 * HOUR));
    }

    #[test]
    fn time_follows_when_the_clock_is_set_forward() {
        let (start, wall) = (Instant::now(), Timestamp::default());
        let mut clock = Clock::new(wall, start);
        let later = wall.after(24 * HOUR);
        assert_eq!(clock.time(later, start), later);
        assert_eq!(clock.time(wall, start + HOUR), later.after(HOUR));
    }
}
