//! Counts under a label value that comes from outside, so that their number needs a bound.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// The label value that stands for all that have no count of their own.
pub const OTHERS: &str = "others";

/// The longest label value that is kept, in octets: a domain name (RFC 1035 §2.3.4).
const NAME_OCTETS_MAX: usize = 255;

/// Counts by (name, key), at most so many as [`Labelled::new`] says and those of [`OTHERS`].
#[derive(Debug, Clone)]
pub struct Labelled<K> {
    counts: BTreeMap<Box<str>, BTreeMap<K, u64>>,
    pairs: usize,
    pairs_max: usize,
}

impl<K: Ord + Copy> Labelled<K> {
    /// Without any.
    pub fn new(pairs_max: usize) -> Self {
        Self { counts: BTreeMap::new(), pairs: 0, pairs_max }
    }

    /// One more.
    pub fn add(&mut self, name: &str, key: K) {
        if let Some(count) = self.counts.get_mut(name).and_then(|counts| counts.get_mut(&key)) {
            *count += 1;
            return;
        }
        let is_new = self.pairs < self.pairs_max && name.len() <= NAME_OCTETS_MAX && name != OTHERS;
        self.pairs += usize::from(is_new);
        let counts = self.counts.entry(if is_new { name } else { OTHERS }.into()).or_default();
        *counts.entry(key).or_default() += 1;
    }

    /// Every count, in order of the names and keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, K, u64)> {
        self.counts.iter().flat_map(|(name, counts)| counts.iter().map(|(key, count)| (name.borrow(), *key, *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_or_that_of_the_others_takes_no_place() {
        let mut counts = Labelled::new(2);
        for name in [OTHERS, &"x".repeat(NAME_OCTETS_MAX + 1), "a.example", "b.example", "a.example", "c.example"] {
            counts.add(name, ());
        }
        let counts: Vec<_> = counts.iter().map(|(name, (), count)| (name, count)).collect();
        assert_eq!(counts, [("a.example", 2), ("b.example", 1), (OTHERS, 3)]);
    }
}
