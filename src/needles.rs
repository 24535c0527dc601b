//! Many needles, one pass over the hay: [`Needles`].
//!
//! One kind of automaton serves all tables. The type that chooses among the kinds at run time would bring each of them into the program.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::{Builder, NFA};
use aho_corasick::{Input, Match, MatchKind};

/// Texts that are looked for together; a match tells the place of its text in the order in which they were given.
pub struct Needles(NFA);

impl Needles {
    /// As they are written.
    pub fn new<T: AsRef<[u8]>>(needles: impl IntoIterator<Item = T>) -> Self {
        Self::build(&mut Builder::new(), needles)
    }

    /// ASCII letters of either case.
    pub fn in_any_case<T: AsRef<[u8]>>(needles: impl IntoIterator<Item = T>) -> Self {
        Self::build(Builder::new().ascii_case_insensitive(true), needles)
    }

    /// For [`Self::apart`]: of those that begin at the same place, the first in order is found.
    pub fn in_order<T: AsRef<[u8]>>(needles: impl IntoIterator<Item = T>) -> Self {
        Self::build(Builder::new().match_kind(MatchKind::LeftmostFirst), needles)
    }

    fn build<T: AsRef<[u8]>>(builder: &mut Builder, needles: impl IntoIterator<Item = T>) -> Self {
        Self(
            builder
                .build(needles)
                .unwrap_or_else(|error| unreachable!("far below four thousand million states: {error}")),
        )
    }

    /// All, also those inside of others. Not of [`Self::in_order`], which has none of these.
    pub fn all<'h>(&'h self, hay: &'h [u8]) -> impl Iterator<Item = Match> + use<'h> {
        self.0.try_find_overlapping_iter(Input::new(hay)).into_iter().flatten()
    }

    /// From left to right, each behind the one before it.
    pub fn apart<'h>(&'h self, hay: &'h str) -> impl Iterator<Item = Match> + use<'h> {
        self.0.try_find_iter(Input::new(hay)).into_iter().flatten()
    }

    /// Whether any is there.
    pub fn is_in(&self, hay: &[u8]) -> bool {
        self.0.try_find(&Input::new(hay).earliest(true)).is_ok_and(|found| found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(matches: impl Iterator<Item = Match>) -> Vec<(usize, usize)> {
        matches.map(|found| (found.pattern().as_usize(), found.start())).collect()
    }

    #[test]
    fn needles_are_found_with_their_number_and_place() {
        let words = ["she", "he", "hers"];
        assert_eq!(found(Needles::new(words).all(b"ushers he SHE")), [(0, 1), (1, 2), (2, 2), (1, 7)]);
        assert_eq!(found(Needles::in_any_case(words).all(b"SHE")), [(0, 0), (1, 1)]);
        assert_eq!(found(Needles::in_order(["he", "hers", "she"]).apart("hershe")), [(0, 0), (2, 3)]);
        assert!(Needles::new(words).is_in(b"ushers") && !Needles::new(words).is_in(b"HE"));
    }

    #[test]
    fn of_no_needles_none_is_found() {
        let none = Needles::new([""; 0]);
        assert!(found(none.all(b"hay")).is_empty() && !none.is_in(b""));
    }
}
