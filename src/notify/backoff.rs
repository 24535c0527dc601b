//! How long to wait before the next attempt: [`delay`], pure. The random value is passed in.

use std::time::Duration;

/// The delay after `failures` failures in a row: `min`, doubled with each further failure up to `max`, then shortened by up to a
/// quarter as `random` (0 to 1) says, so that what failed together does not come back together.
pub fn delay(failures: u32, min: Duration, max: Duration, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let full = min.saturating_mul(1 << doublings).min(max);
    full.saturating_sub(full.mul_f64(random.clamp(0.0, 1.0) / 4.0))
}

/// Beyond this every `min` of a millisecond or more has passed every sensible `max`.
const DOUBLINGS_MAX: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_up_to_the_cap() {
        for (failures, seconds) in [(0, 10), (1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (u32::MAX, 3600)] {
            assert_eq!(delay(failures, 10 * SECOND, 3600 * SECOND, 0.0), seconds * SECOND, "{failures}");
        }
    }

    #[test]
    fn jitter_only_shortens_and_by_a_quarter_at_most() {
        assert_eq!(delay(1, 8 * SECOND, 80 * SECOND, 1.0), 6 * SECOND);
        assert_eq!(delay(1, 8 * SECOND, 80 * SECOND, 7.0), 6 * SECOND);
        assert_eq!(delay(50, 8 * SECOND, 80 * SECOND, 0.5), 70 * SECOND);
    }

    #[test]
    fn extreme_settings_do_not_overflow() {
        assert_eq!(delay(40, Duration::MAX, Duration::MAX, 0.0), Duration::MAX);
        assert_eq!(delay(3, Duration::ZERO, SECOND, 0.0), Duration::ZERO);
    }
}
