//! Tells a client that sends its data too slowly from one that merely stalls: the rate is looked at over whole windows.

use std::time::{Duration, Instant};

/// The span over which the rate is averaged: a stall shorter than this alone fails nobody who is fast otherwise.
const WINDOW: Duration = Duration::from_secs(60);

/// The present window of one mail.
#[derive(Debug)]
pub(super) struct Pace {
    window_start: Instant,
    octets_before: u64,
}

impl Pace {
    /// A window that starts `now`, when so many octets had come.
    pub(super) const fn new(now: Instant, octets_before: u64) -> Self {
        Self { window_start: now, octets_before }
    }

    /// When the window ends.
    pub(super) fn window_end(&self) -> Option<Instant> {
        self.window_start.checked_add(WINDOW)
    }

    /// Whether the window has ended with less than it should hold, when so many octets have come in all. Starts the next.
    pub(super) fn is_too_slow(&mut self, now: Instant, octets: u64, octets_per_second_min: u64) -> bool {
        if self.window_end().is_none_or(|end| now < end) {
            return false;
        }
        let came = octets.saturating_sub(self.octets_before);
        *self = Self::new(now, octets);
        came < octets_per_second_min.saturating_mul(WINDOW.as_secs())
    }
}
