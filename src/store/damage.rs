//! Rows that cannot be decoded: [`Damaged`], and the word about them.
//!
//! redb's checksums tell what a disk did to a page; what is left is a program that wrote or read a row wrongly. Such a row costs no more
//! than itself: whoever meets it goes on as if it were not there, and it stays for a version that can read it, or until it is
//! dropped or too old. It is said once, as it may be met a thousand times a second.

use super::StoreError;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Why a row is no value.
#[derive(Debug)]
pub struct Damaged {
    /// The table.
    pub table: String,
    /// What is wrong with it.
    pub cause: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of `{}` is damaged: {}", self.table, self.cause)
    }
}

impl From<Damaged> for StoreError {
    fn from(damaged: Damaged) -> Self {
        Self::Failed(damaged.to_string())
    }
}

/// Rows that this process has spoken of; about more than these it is silent.
const TOLD_MAX: usize = 1000;

static TOLD: Mutex<Told> = Mutex::new(Told(BTreeSet::new()));

/// Table and key of each row that was spoken of.
#[derive(Debug)]
struct Told(BTreeSet<(String, Vec<u8>)>);

/// Says that a row is left out.
pub fn tell(damaged: &Damaged, key: &[u8]) {
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).is_first(&damaged.table, key) {
        log::error!("{damaged}; it is left out: key \"{}\"", key.escape_ascii());
    }
}

impl Told {
    fn is_first(&mut self, table: &str, key: &[u8]) -> bool {
        self.0.len() < TOLD_MAX && self.0.insert((table.to_owned(), key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_told_once_and_a_heap_of_them_is_bounded() {
        let mut told = Told(BTreeSet::new());
        assert!(told.is_first("counters", b"a") && told.is_first("history", b"a") && told.is_first("counters", b"b"));
        assert!(!told.is_first("counters", b"a"));
        assert_eq!(
            (0..2 * TOLD_MAX).filter(|number| told.is_first("digests", &number.to_be_bytes())).count(),
            TOLD_MAX - 3
        );
    }
}
