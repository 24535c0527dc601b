//! Durations in buckets.

use std::time::Duration;

/// Upper bounds of the buckets, in microseconds. The last one of a histogram is open.
const COMMITS: &[u64] =
    &[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];
const REQUESTS: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];
const BUCKETS_MAX: usize = 15;

/// How often a duration fell into each bucket.
#[derive(Debug, Clone)]
pub struct Histogram {
    bounds: &'static [u64],
    buckets: [u64; BUCKETS_MAX],
    count: u64,
    sum: Duration,
    longest: Duration,
}

impl Histogram {
    /// From 100 µs to 1 s, as a disk takes to sync.
    pub fn of_commits() -> Self {
        Self::new(COMMITS)
    }

    /// From 1 ms to 30 s, as a platform takes to answer.
    pub fn of_requests() -> Self {
        Self::new(REQUESTS)
    }

    fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: [0; BUCKETS_MAX], count: 0, sum: Duration::ZERO, longest: Duration::ZERO }
    }

    /// One more.
    pub fn record(&mut self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| u128::from(*bound) < duration.as_micros());
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
        self.longest = self.longest.max(duration);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Each bound, and how many were not longer.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.bounds.iter().zip(&self.buckets).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((Duration::from_micros(*bound), *sum))
        })
    }

    /// The bound of the bucket in which this part of all lies (0.5: the median); at most the longest. Zero without any.
    pub fn quantile(&self, part: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rank = part * self.count as f64;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let bound = self.cumulative().find(|(_, count)| *count as f64 >= rank).map(|(bound, _)| bound);
        bound.unwrap_or(self.longest).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_has_a_bucket_and_one_is_left_for_longer_ones() {
        for bounds in [COMMITS, REQUESTS] {
            assert!(bounds.len() < BUCKETS_MAX && bounds.is_sorted());
        }
    }

    #[test]
    fn a_duration_at_a_bound_is_within_it() {
        let mut histogram = Histogram::of_commits();
        for micros in [100, 101, 250, 5_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let cumulative: Vec<_> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!((cumulative[0], cumulative[1], *cumulative.last().unwrap()), (1, 3, 3));
        assert_eq!((histogram.count(), histogram.sum()), (4, Duration::from_micros(5_000_451)));
    }

    #[test]
    fn quantiles_are_bounds_but_no_longer_than_the_longest() {
        let mut histogram = Histogram::of_commits();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        (0..99).for_each(|_| histogram.record(Duration::from_micros(80)));
        assert_eq!(histogram.quantile(0.5), Duration::from_micros(80));
        histogram.record(Duration::from_secs(3));
        assert_eq!(histogram.quantile(0.99), Duration::from_micros(100));
        assert_eq!(histogram.quantile(1.0), Duration::from_secs(3));
    }
}
