//! A time that makes nothing old too early: [`SoberClock`]. Pure; both clocks of the machine are passed in.
//!
//! What is kept for a time leaves by this clock: a wall clock that jumps ahead for an hour, by years perhaps, must not cost
//! the history or park what still waits. Absent on purpose: when something was, and when it is due; that is told by the wall clock.

use crate::types::Timestamp;
use std::time::{Duration, Instant};

/// Follows the wall clock, but ahead of the time that has passed only when it stays there for a day.
#[derive(Debug)]
pub struct SoberClock {
    /// A time that was believed, and when.
    time: Timestamp,
    read: Instant,
    /// Since when the wall clock has been ahead.
    ahead_since: Option<Instant>,
}

impl SoberClock {
    /// Believes `wall`: there is nothing else to go by.
    pub fn new(wall: Timestamp, now: Instant) -> Self {
        Self { time: wall, read: now, ahead_since: None }
    }

    /// The time; to be asked more often than once a day.
    pub fn time(&mut self, wall: Timestamp, now: Instant) -> Timestamp {
        let passed = self.time.after(now.saturating_duration_since(self.read));
        if wall > passed.after(STEP_MAX) {
            let ahead_since = *self.ahead_since.get_or_insert(now);
            if now.saturating_duration_since(ahead_since) < DOUBT_TIME {
                return passed;
            }
        }
        *self = Self::new(wall, now);
        wall
    }
}

/// What time servers correct, a leap second or a slow crystal, is no jump: it begins no doubt, and ends none.
const STEP_MAX: Duration = Duration::from_secs(60);

/// A machine that got the time late, or slept, is right in the end.
const DOUBT_TIME: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const WALL: Timestamp = Timestamp::from_millis(1_000_000_000_000);

    #[test]
    fn a_clock_that_is_ahead_is_believed_after_a_day() {
        let start = Instant::now();
        let mut clock = SoberClock::new(WALL, start);
        let ahead = |hours: u32| WALL.after((1000 + hours) * HOUR);
        assert_eq!(clock.time(WALL.after(HOUR), start + HOUR), WALL.after(HOUR));
        assert_eq!(clock.time(ahead(2), start + 2 * HOUR), WALL.after(2 * HOUR));
        assert_eq!(clock.time(ahead(25), start + 25 * HOUR), WALL.after(25 * HOUR));
        assert_eq!(clock.time(ahead(26), start + 26 * HOUR), ahead(26));
        assert_eq!(clock.time(ahead(27), start + 27 * HOUR), ahead(27));
    }

    #[test]
    fn a_small_step_does_not_use_up_the_doubt_about_a_jump() {
        let start = Instant::now();
        let mut clock = SoberClock::new(WALL, start);
        let step = Duration::from_millis(1);
        assert_eq!(clock.time(WALL.after(HOUR + step), start + HOUR), WALL.after(HOUR + step));
        for hour in [23, 25] {
            assert_eq!(
                clock.time(WALL.after((1000 + hour) * HOUR), start + hour * HOUR),
                WALL.after(hour * HOUR + step)
            );
        }
    }

    #[test]
    fn a_clock_that_comes_back_is_followed_and_a_new_jump_doubted_anew() {
        let start = Instant::now();
        let mut clock = SoberClock::new(WALL, start);
        for hour in (0..100).step_by(2) {
            let passed = hour * HOUR;
            assert_eq!(clock.time(WALL.after(passed + 1000 * HOUR), start + passed), WALL.after(passed));
            assert_eq!(clock.time(WALL.after(passed), start + passed), WALL.after(passed));
        }
        let behind = WALL.before(1000 * HOUR);
        assert_eq!(clock.time(behind, start + 100 * HOUR), behind);
        assert_eq!(clock.time(WALL, start + 101 * HOUR), behind.after(HOUR));
    }
}
