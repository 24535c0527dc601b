//! The phrases of all tables as one automaton: which of them a text holds, and which of those to believe first.
//!
//! Knows no order of evidence but its own: clear phrases, those in links alone, weak ones. Texts are in normal form.

use super::about::{self, is_about_the_recipient, is_about_us, is_in_host_name, is_in_link};
use super::frame;
use super::normal::with_one_spelling;
use super::row::Row;
use super::{
    blocked, content, delivery, disabled, domain, fold, full, languages, misleading, remote, sender, session, unknown,
    weak,
};
use crate::bounce::report::Reason;
use crate::bounce::strings::{Strings, octets};
use crate::needles::Needles;
use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;

/// The longest text between the two halves of a phrase, in octets.
pub(super) const GAP_OCTETS_MAX: usize = 100;
/// How often the surroundings of a match are looked at in one text; a notice needs some dozens.
const LOOKS_MAX: usize = 1000;

/// The first row that matches anywhere in the text decides, so the order is from what misleads least to what says least.
const TABLES: &[&[Row]] = &[
    remote::MARKED,
    misleading::MISLEADING,
    content::VIRUS,
    sender::AUTHENTICATION,
    sender::REVERSE_DNS,
    sender::RATE,
    full::FULL,
    languages::FULL,
    disabled::DISABLED,
    languages::DISABLED,
    sender::SENDER,
    languages::DOMAIN,
    unknown::UNKNOWN,
    languages::UNKNOWN,
    content::SIZE,
    blocked::BLOCKED,
    content::SPAM,
    languages::MESSAGE,
    session::SESSION,
    domain::DOMAIN,
    content::POLICY,
    content::FORM,
    delivery::SYSTEM,
    delivery::TRANSIT,
    languages::LATE,
    delivery::PROGRAM,
    weak::WEAK,
    weak::RCPT,
    weak::REFUSED,
];

/// How many rows there are in all tables, and where the last ones begin.
const ROWS: usize = {
    let (mut sum, mut table) = (0, 0);
    while table < TABLES.len() {
        sum += TABLES[table].len();
        table += 1;
    }
    sum
};
const REFUSED_FROM: usize = ROWS - weak::REFUSED.len();
const RCPT_FROM: usize = REFUSED_FROM - weak::RCPT.len();
const WEAK_FROM: usize = RCPT_FROM - weak::WEAK.len();
const FAINT_FROM: usize = WEAK_FROM - delivery::PROGRAM.len();
const ONE_TOPIC_FROM: usize = remote::MARKED.len() + misleading::MISLEADING.len();
const LATE_FROM: usize = FAINT_FROM - languages::LATE.len() - delivery::TRANSIT.len();

/// The columns of all rows, in order: for the compiler alone, which packs them.
const COLUMNS: ([&str; ROWS], [Reason; ROWS], [&str; ROWS]) = {
    let mut columns = ([""; ROWS], [Reason::Undefined; ROWS], [""; ROWS]);
    let (mut at, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            columns.0[at] = TABLES[table][row].0;
            columns.1[at] = TABLES[table][row].1;
            columns.2[at] = TABLES[table][row].2;
            at += 1;
            row += 1;
        }
        table += 1;
    }
    columns
};
static TEXTS: Strings<ROWS, { octets(&COLUMNS.0) }> = Strings::pack(&COLUMNS.0);
static REASONS: [Reason; ROWS] = COLUMNS.1;
static ORIGINS: Strings<ROWS, { octets(&COLUMNS.2) }> = Strings::pack(&COLUMNS.2);

/// The automaton over the first halves of all rows' spellings.
struct Phrases {
    spellings: Vec<Spelling>,
    needles: Needles,
}

/// One spelling of a row's phrase.
struct Spelling {
    row: usize,
    second_half: Option<Box<Finder<'static>>>,
    /// It names a link, so it counts there as elsewhere.
    is_of_links: bool,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut spellings = Vec::new();
    let mut first_halves = Vec::new();
    for (row, phrase) in TEXTS.iter().enumerate().flat_map(|(at, row)| in_one_spelling(row).map(move |s| (at, s))) {
        let (first, second) = phrase
            .split_once(" .. ")
            .map_or((&*phrase, None), |(a, b)| (a, Some(Box::new(Finder::new(b).into_owned()))));
        first_halves.push(first.to_owned());
        spellings.push(Spelling { row, second_half: second, is_of_links: phrase.contains(['.', '/', '?']) });
    }
    // A contiguous NFA: a DFA over this many phrases would take megabytes.
    let needles = Needles::new(first_halves);
    Phrases { spellings, needles }
});

/// The spellings of a row's phrase, in the one form of all texts.
fn in_one_spelling(phrase: &str) -> impl Iterator<Item = String> {
    fold::spellings(phrase).map(with_one_spelling)
}

/// A row that a text holds, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match(usize);

impl Match {
    pub(super) fn text(self) -> &'static str {
        TEXTS.get(self.0)
    }

    pub(super) fn origin(self) -> &'static str {
        ORIGINS.get(self.0)
    }

    pub(super) fn reason(self) -> Reason {
        REASONS.get(self.0).copied().unwrap_or(Reason::Undefined)
    }

    /// Whether it tells what a whole reply means, whatever else stands in it.
    pub(super) const fn is_of_a_whole_reply(self) -> bool {
        self.0 < ONE_TOPIC_FROM
    }

    /// Whether it speaks of a refused recipient, without the cause.
    pub(super) fn is_at_rcpt(self) -> bool {
        (RCPT_FROM..REFUSED_FROM).contains(&self.0)
    }
}

/// The first row of each strength that a text holds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Matches {
    pub(super) clear: Option<Match>,
    /// Clear, in the first sentence of the quoted reply.
    pub(super) first: Option<Match>,
    /// About time and network: what notices say beside the real cause, too.
    pub(super) late: Option<Match>,
    /// In a link alone (`see https://mail.example/spam`), or true of many causes.
    pub(super) faint: Option<Match>,
    pub(super) weak: Option<Match>,
    /// A refusal without its cause.
    pub(super) refused: Option<Match>,
}

impl Matches {
    const fn slot(&mut self, row: usize, is_linked: bool) -> &mut Option<Match> {
        match row {
            REFUSED_FROM.. => &mut self.refused,
            WEAK_FROM.. => &mut self.weak,
            FAINT_FROM.. => &mut self.faint,
            _ if is_linked => &mut self.faint,
            LATE_FROM.. => &mut self.late,
            _ => &mut self.clear,
        }
    }

    /// What a reply says first is its reason, where what follows speaks of somebody else: `no such user; not checked for
    /// viruses`. Where both speak of the same side, the tables know better; and some of them tell what a whole reply means.
    fn believe_the_first_sentence(&mut self) {
        let of_the_mailbox = |found: Match| about::is_of_the_mailbox(found.reason());
        let belies = |first: &Match| {
            let clear = self.clear.filter(|clear| !clear.is_of_a_whole_reply());
            clear.is_some_and(|clear| of_the_mailbox(clear) != of_the_mailbox(*first))
        };
        self.clear = self.first.filter(belies).or(self.clear);
    }
}

/// Searches a text in normal form.
pub(super) fn search(text: &str) -> Matches {
    let (mut matches, mut looks) = (Matches::default(), LOOKS_MAX);
    let has_links = about::has_links(text.as_bytes());
    let first_end = frame::first_sentence(text).end;
    for found in PHRASES.needles.all(text.as_bytes()) {
        let Some(spelling) = PHRASES.spellings.get(found.pattern().as_usize()) else { continue };
        let is_linked = has_links && !spelling.is_of_links && is_in_link(text.as_bytes(), found.start());
        let is_better = |known: Option<Match>| known.is_none_or(|known| spelling.row < known.0);
        let is_first = found.end() <= first_end && spelling.row < LATE_FROM && !is_linked && is_better(matches.first);
        let best = matches.slot(spelling.row, is_linked);
        if (is_first || is_better(*best)) && fits(spelling, text, found.range(), &mut looks) {
            let row = Match(spelling.row);
            *best = Some(best.map_or(row, |known| known.min(row)));
            matches.first = Some(row).filter(|_| is_first).or(matches.first);
        }
    }
    matches.believe_the_first_sentence();
    matches
}

/// The phrase starts at a word's start, speaks of the recipient, and its other half follows in reach.
fn fits(spelling: &Spelling, text: &str, found: Range<usize>, looks: &mut usize) -> bool {
    let Some(reason) = REASONS.get(spelling.row) else { return false };
    let bytes = text.as_bytes();
    let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let bounded = found.start == 0 || !word(found.start) || !word(found.start - 1);
    let follows = |second: &Finder<'_>| may_look(looks) && follows(bytes, found.end, second);
    bounded
        && !(spelling.row >= WEAK_FROM && is_in_host_name(bytes, &found))
        && spelling.second_half.as_deref().is_none_or(follows)
        && (!is_about_the_recipient(*reason) || may_look(looks) && !is_about_us(bytes, found.start, found.end))
}

fn follows(text: &[u8], end: usize, second: &Finder<'_>) -> bool {
    let reach = text.get(end..text.len().min(end + GAP_OCTETS_MAX + second.needle().len())).unwrap_or(&[]);
    second.find(reach).is_some()
}

/// Takes one look, if any is left.
pub(super) const fn may_look(looks: &mut usize) -> bool {
    let left = *looks > 0;
    *looks = looks.saturating_sub(1);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_row_is_spelled_like_an_earlier_one() {
        let mut known = HashSet::new();
        let again = |row: &&str| !in_one_spelling(row).fold(false, |new, spelling| known.insert(spelling) | new);
        assert_eq!(TEXTS.iter().filter(again).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_link_and_a_host_name_say_less_than_a_sentence() {
        let reasons = |text: &str| {
            let matches = search(text);
            [matches.clear, matches.faint, matches.weak].map(|found| found.map(Match::reason))
        };
        assert_eq!(
            reasons("blocked using a list; see https://mail.example/reputation"),
            [Some(Reason::Blocked), Some(Reason::BadReputation), Some(Reason::Blocked)]
        );
        assert_eq!(reasons("relay.example.net answered"), [None; 3]);
        assert_eq!(reasons("cannot relay"), [None, None, Some(Reason::NoRelaying)]);
    }
}
