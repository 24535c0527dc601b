//! What the store promises, each step on a database that was closed and opened in between.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../support/filled.rs"]
mod filled;
#[path = "../support/damage.rs"]
mod meddling;
#[path = "../support/store.rs"]
mod support;

mod counting;
mod damage;
mod file;
mod housekeeping;
mod journal;
mod mails;
mod queue;

use bouncesvc::store::{Cursor, Page, Settings};
use support::Fixture;

const DAY: u64 = 24 * 3600;

fn fixture() -> Fixture {
    Fixture::new(Settings::default())
}

/// All rows of a list, slice by slice.
fn collect<T>(mut slice: impl FnMut(Option<&Cursor>) -> Page<T>) -> Vec<T> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = slice(cursor.as_ref());
        rows.extend(page.rows);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return rows,
        }
    }
}
