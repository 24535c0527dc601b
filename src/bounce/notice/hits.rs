//! Where the marks of a notice stand: all of them in one pass.

use super::role::Role;
use super::{languages, marks};
use crate::bounce::reasons::fold;
use crate::bounce::strings::{Strings, octets};
use crate::needles::Needles;
use std::sync::LazyLock;

/// A mark in a text.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub role: Role,
    pub start: usize,
    pub end: usize,
}

const COUNT: usize = marks::MARKS.len() + languages::MARKS.len();

/// The columns of all marks, in order: for the compiler alone, which packs them.
const COLUMNS: ([&str; COUNT], [Role; COUNT]) = {
    let mut columns = ([""; COUNT], [Role::Intro; COUNT]);
    let mut at = 0;
    while at < COUNT {
        let mark = if at < marks::MARKS.len() { &marks::MARKS[at] } else { &languages::MARKS[at - marks::MARKS.len()] };
        columns.0[at] = mark.0;
        columns.1[at] = mark.1;
        at += 1;
    }
    columns
};
static TEXTS: Strings<COUNT, { octets(&COLUMNS.0) }> = Strings::pack(&COLUMNS.0);
static ROLES: [Role; COUNT] = COLUMNS.1;

/// Every spelling of every mark, and the automaton over them.
struct Marks {
    roles: Vec<Role>,
    needles: Needles,
}

static ALL: LazyLock<Marks> = LazyLock::new(|| {
    let marks = TEXTS.iter().zip(ROLES);
    let (roles, spellings): (Vec<Role>, Vec<String>) =
        marks.flat_map(|(mark, role)| spellings(mark).into_iter().map(move |spelling| (role, spelling))).unzip();
    let needles = Needles::in_any_case(spellings);
    Marks { roles, needles }
});

/// As it stands, and as those write it who have no letters with marks, or who hyphenate `e-mail`.
fn spellings(mark: &str) -> Vec<String> {
    let mut all = vec![mark.to_owned()];
    all.extend(fold::spellings(mark));
    all.extend(mark.contains("email").then(|| mark.replace("email", "e-mail")));
    all.extend(mark.contains('\'').then(|| mark.replace('\'', "\u{2019}")));
    all.sort_unstable();
    all.dedup();
    all
}

/// The most marks of one text; a notice has some dozens.
const HITS_MAX: usize = 5000;

/// The marks in a text, by their ends; none behind the first that `is_last` holds for.
pub fn find(text: &[u8], is_last: impl Fn(&Hit) -> bool) -> Vec<Hit> {
    let mut hits = Vec::new();
    for found in ALL.needles.all(text).take(HITS_MAX) {
        let Some(role) = ALL.roles.get(found.pattern().as_usize()) else { continue };
        let hit = Hit { role: *role, start: found.start(), end: found.end() };
        hits.push(hit);
        if is_last(&hit) {
            break;
        }
    }
    hits
}
