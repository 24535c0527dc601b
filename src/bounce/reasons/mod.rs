//! Why a delivery failed: from what was said to a [`Reason`].
//!
//! The order of evidence: what a known remote system means by its words, a clear phrase, an exact status, the sense of the
//! nearest text (topics that meet in a sentence), a specific status, a weak phrase, a vague sense, the topic of a reply, a
//! vague status, the SMTP command that was refused, the reply code. The text wins over the code, since codes are chosen carelessly and texts are written for
//! people. All phrases are searched in one pass.

mod about;
mod blocked;
mod codes;
mod content;
mod delivery;
mod disabled;
mod domain;
pub mod fold;
mod frame;
mod full;
mod languages;
mod misleading;
mod normal;
mod remote;
mod sender;
mod sense;
mod session;
mod topics;
mod unknown;
mod weak;

pub use normal::normalise;
use normal::with_one_spelling;

use super::report::{Class, Kind, Reason};
use super::status::EnhancedStatus;
use super::strings::{Strings, octets};
use about::{is_about_the_recipient, is_about_us};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;

/// A phrase in lower case, with `@` for any address; the reason; who says so.
///
/// ` .. ` stands for at most [`GAP_OCTETS_MAX`] octets of anything.
pub(super) struct Row(&'static str, Reason, &'static str);

/// The longest text between the two halves of a phrase, in octets.
const GAP_OCTETS_MAX: usize = 100;
/// How often the surroundings of a match are looked at in one text; a notice needs some dozens.
const LOOKS_MAX: usize = 1000;
/// The longest text that is searched for one recipient, in octets.
pub const TEXT_OCTETS_MAX: usize = 16 * 1024;

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
    automaton: AhoCorasick,
}

/// One spelling of a row's phrase.
struct Spelling {
    row: usize,
    second_half: Option<Box<str>>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut spellings = Vec::new();
    let mut first_halves = Vec::new();
    for (row, phrase) in TEXTS.iter().enumerate().flat_map(|(at, row)| in_one_spelling(row).map(move |s| (at, s))) {
        let (first, second) = phrase.split_once(" .. ").map_or((&*phrase, None), |(a, b)| (a, Some(b.into())));
        first_halves.push(first.to_owned());
        spellings.push(Spelling { row, second_half: second });
    }
    // A contiguous NFA: a DFA over this many phrases would take megabytes.
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::Standard)
        .build(first_halves)
        .unwrap_or_else(|error| unreachable!("the phrases are constants: {error}"));
    Phrases { spellings, automaton }
});

/// The spellings of a row's phrase, in the one form of all texts.
fn in_one_spelling(phrase: &str) -> impl Iterator<Item = String> {
    fold::spellings(phrase).map(with_one_spelling)
}

impl Phrases {
    /// The smallest matching row of the clear ones, and of the rest.
    fn search(&self, text: &str) -> (Option<usize>, Option<usize>) {
        let (mut clear, mut weak, mut looks) = (None, None, LOOKS_MAX);
        for found in self.automaton.find_overlapping_iter(text) {
            let Some(spelling) = self.spellings.get(found.pattern().as_usize()) else { continue };
            let best = if spelling.row < WEAK_FROM { &mut clear } else { &mut weak };
            if best.is_none_or(|known| spelling.row < known) && Self::fits(spelling, text, found.range(), &mut looks) {
                *best = Some(spelling.row);
            }
        }
        (clear, weak)
    }

    /// The phrase starts at a word's start, speaks of the recipient, and its other half follows in reach.
    fn fits(spelling: &Spelling, text: &str, found: Range<usize>, looks: &mut usize) -> bool {
        let Some(reason) = REASONS.get(spelling.row) else { return false };
        let bytes = text.as_bytes();
        let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let bounded = found.start == 0 || !word(found.start) || !word(found.start - 1);
        let follows = |second: &str| may_look(looks) && follows(bytes, found.end, second);
        bounded
            && spelling.second_half.as_deref().is_none_or(follows)
            && (!is_about_the_recipient(*reason) || may_look(looks) && !is_about_us(bytes, found.start, found.end))
    }
}

/// Takes one look, if any is left.
const fn may_look(looks: &mut usize) -> bool {
    let left = *looks > 0;
    *looks = looks.saturating_sub(1);
    left
}

fn follows(text: &[u8], end: usize, second: &str) -> bool {
    let reach = text.get(end..text.len().min(end + GAP_OCTETS_MAX + second.len())).unwrap_or(&[]);
    memchr::memmem::find(reach, second.as_bytes()).is_some()
}

/// How many of the texts about a recipient are near enough for a weak phrase: further off, notices speak of themselves.
const NEAR_TEXTS: usize = 2;

/// What was decided, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub reason: Reason,
    /// The kind of evidence, for the rule's name: `remote`, `phrase`, `status`, `weak`, `command`, `none`.
    pub by: &'static str,
    /// The phrase, the code or the sender that decided.
    pub detail: &'static str,
    /// Who uses it.
    pub origin: &'static str,
}

/// Why the delivery failed.
///
/// `texts` holds what was said about this recipient, best first; a later one is asked for only when the earlier ones
/// hold no clear phrase. Returns the text that decided as well.
pub fn decide(
    texts: impl Iterator<Item = String>,
    status: Option<EnhancedStatus>,
    reply: Option<u16>,
    remote_mta: Option<&str>,
) -> (Verdict, String) {
    let verdict = |code: EnhancedStatus| codes::verdict(code).map(|verdict| (verdict, String::new()));
    let exact = status.filter(|code| codes::is_exact(*code)).and_then(verdict);
    let mut found = Found::default();
    for (at, text) in texts.filter(|text| !text.trim().is_empty()).enumerate() {
        let normal = normalise(&text);
        let (clear, weaker) = verdicts(&normal, remote_mta);
        if let Some(verdict) = clear.filter(|_| at == 0 || exact.is_none() && found.senses.clear.is_none()) {
            return (verdict, text);
        }
        found.senses.look(&normal, &text, at == 0);
        found.command = found.command.or_else(|| codes::by_command(&normal).map(|verdict| (verdict, text.clone())));
        if at < NEAR_TEXTS {
            let weaker = weaker.filter(|verdict| believes_weak(verdict, status));
            found.weak = found.weak.or_else(|| weaker.map(|verdict| (verdict, text.clone())));
        }
        if at == 0 {
            found.nearest = (normal, text);
        }
    }
    let (normal, nearest) = found.nearest;
    // A report that says no more than 5.0.0 may quote the code for people.
    let quoted = || frame::split(&normal).0.and_then(EnhancedStatus::find);
    let status = status.filter(|code| !code.is_bare()).or_else(quoted);
    let by_status = || status.filter(|code| !codes::is_vague(*code)).and_then(verdict);
    let by_vague_status = || status.and_then(verdict);
    let by_hint = || sense::hint(&normal).map(|topic| (topic.verdict("hint", topic.reason), nearest));
    let by_reply = || reply.and_then(codes::by_reply).map(|verdict| (verdict, String::new()));
    let nothing = (Verdict { reason: Reason::Undefined, by: "none", detail: "", origin: "" }, String::new());
    exact
        .or(found.senses.clear)
        .or_else(by_status)
        .or(found.weak)
        .or(found.senses.vague)
        .or_else(by_hint)
        .or_else(by_vague_status)
        .or(found.command)
        .or_else(by_reply)
        .unwrap_or(nothing)
}

/// What the texts hold beside clear phrases, each with the text that it stands in.
#[derive(Default)]
struct Found {
    senses: Senses,
    weak: Option<(Verdict, String)>,
    /// The first text, in normal form and as it was.
    nearest: (String, String),
    command: Option<(Verdict, String)>,
}

/// What may be otherwise tomorrow is no unknown user, if nothing but a weak phrase says so; nor is one whom the server
/// refused for the sake of security.
fn believes_weak(verdict: &Verdict, status: Option<EnhancedStatus>) -> bool {
    let is_temporary = status.is_some_and(|code| code.class == 4);
    let is_security = status.is_some_and(codes::is_vague);
    !(is_temporary && is_about_the_recipient(verdict.reason) || is_security && verdict.by == "rcpt")
}

/// What the topics of the texts say together.
#[derive(Default)]
struct Senses {
    /// More than a code.
    clear: Option<(Verdict, String)>,
    /// Less than a code: vague, or not said of this recipient alone.
    vague: Option<(Verdict, String)>,
}

impl Senses {
    fn look(&mut self, normal: &str, text: &str, is_nearest: bool) {
        if self.clear.is_some() || self.vague.is_some() {
            return;
        }
        let Some(found) = sense::find(normal) else { return };
        let reason = by_stage(found.reason, normal, "sense");
        let verdict = found.verdict("sense", reason);
        let slot = if is_nearest && !found.is_vague() { &mut self.clear } else { &mut self.vague };
        *slot = Some((verdict, text.to_owned()));
    }
}

/// The clear verdict on a text in normal form, and the weak one.
fn verdicts(normal: &str, remote_mta: Option<&str>) -> (Option<Verdict>, Option<Verdict>) {
    if let Some(row) = remote::find(normal, remote_mta) {
        return (Some(Verdict { reason: row.reason, by: "remote", detail: row.text, origin: row.origin }), None);
    }
    let (clear, weak) = PHRASES.search(normal);
    let verdict = |index: Option<usize>, by: &'static str| {
        let row = index?;
        let reason = by_stage(*REASONS.get(row)?, normal, by);
        Some(Verdict { reason, by, detail: TEXTS.get(row), origin: ORIGINS.get(row) })
    };
    let at_rcpt = weak.is_some_and(|row| (RCPT_FROM..REFUSED_FROM).contains(&row));
    (verdict(clear, "phrase"), verdict(weak, if at_rcpt { "rcpt" } else { "weak" }))
}

/// Whether a text names a cause clearly: used to tell a failure's sentence from small talk.
pub fn names_a_cause(text: &str) -> bool {
    PHRASES.search(&normalise(text)).0.is_some()
}

/// Whether a mail system's text names a cause, in whatever words.
pub fn suggests_a_cause(text: &str) -> bool {
    let normal = normalise(text);
    PHRASES.search(&normal).0.is_some() || sense::find(&normal).is_some_and(|found| !found.is_vague())
}

/// Whether a mail system's mail tells that a delivery failed, in whatever words.
pub fn tells_a_failure(subject: &str, text: &str) -> bool {
    let normal = normalise(text);
    let names_a_cause = || PHRASES.search(&normal).0.is_some();
    sense::tells_a_failure(&normalise(subject))
        || sense::tells_a_failure_of_an_address(&normal)
        || names_a_cause() && sense::tells_a_failure(&normal)
}

/// An unknown name in answer to MAIL FROM is our sender's, not the recipient's; in answer to the data, if it says no more.
fn by_stage(reason: Reason, normal: &str, by: &str) -> Reason {
    const ABOUT_SENDER: &[&str] = &["after mail from", "to mail from", "[mail_from]", "from command"];
    let about_sender = || ABOUT_SENDER.iter().any(|mark| normal.contains(mark));
    let after_data = || normal.contains("after end of data");
    match reason {
        Reason::HostUnknown if about_sender() || after_data() => Reason::Rejected,
        Reason::UserUnknown if about_sender() || matches!(by, "weak" | "rcpt") && after_data() => Reason::Rejected,
        reason => reason,
    }
}

/// Hard or soft: (kind, reason, status) → class, ordered; the first row that fits decides.
///
/// Everything that is neither named here nor undefined is soft.
const CLASSES: &[ClassRow] = &[
    ClassRow { kind: Some(Kind::Feedback), reasons: &[], temporary: None, class: Class::Feedback },
    ClassRow { kind: Some(Kind::Delay), reasons: &[], temporary: None, class: Class::Soft },
    ClassRow {
        kind: None,
        reasons: &[
            Reason::UserUnknown,
            Reason::HostUnknown,
            Reason::HasMoved,
            Reason::NotAccept,
            Reason::MailboxDisabled,
        ],
        temporary: None,
        class: Class::Hard,
    },
    ClassRow { kind: None, reasons: &[Reason::Undefined], temporary: Some(true), class: Class::Soft },
    ClassRow { kind: None, reasons: &[Reason::Undefined], temporary: None, class: Class::Hard },
];

struct ClassRow {
    kind: Option<Kind>,
    reasons: &'static [Reason],
    /// Whether the code starts with 4.
    temporary: Option<bool>,
    class: Class,
}

/// The class of a finding.
pub fn class(kind: Kind, reason: Reason, status: Option<EnhancedStatus>, reply: Option<u16>) -> Class {
    let temporary = reply.is_some_and(|code| code < 500) || status.is_some_and(|status| status.class == 4);
    let fits = |row: &&ClassRow| {
        row.kind.is_none_or(|k| k == kind)
            && (row.reasons.is_empty() || row.reasons.contains(&reason))
            && row.temporary.is_none_or(|t| t == temporary)
    };
    CLASSES.iter().find(fits).map_or(Class::Soft, |row| row.class)
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
}
