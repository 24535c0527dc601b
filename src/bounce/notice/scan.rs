//! One walk over the lines of a notice: every address, and in what kind of place it stands.
//!
//! Which kind of place is believed is decided by [`super::Notice::recipients`].

use super::hits::Hit;
use super::role::Role;
use super::{LINES_MAX, Named, Notice, Place, RECIPIENTS_MAX};
use crate::bounce::address::{self, Found};
use crate::bounce::reasons;

/// How far behind an introduction the recipient may stand, in octets.
const REACH_OCTETS: usize = 60;
/// The most sentences that are searched for a cause.
const SENTENCES_MAX: usize = 40;
/// A line of prose this long is wrapped: what starts the next one is no item.
const WRAPPED_OCTETS: usize = 60;

/// A line of underscores this long is the border of a footer.
const UNDERSCORES_MIN: usize = 20;

/// How much in front of an address is looked at for a label, in characters: a line may be long, and have many addresses.
const LABEL_CHARS_MAX: usize = 200;

/// What may stand between two addresses of an enumeration, in octets.
const ENUMERATION_OCTETS_MAX: usize = 60;

/// How far behind an address the end of its sentence is looked for, in octets.
const SENTENCE_OCTETS_MAX: usize = 200;

/// The longest name of a person, in octets.
const NAME_OCTETS_MAX: usize = 48;

/// How many fields below one another are a header.
const FIELDS_MIN: usize = 4;

/// One walk over the lines.
pub(super) struct Scan<'a> {
    notice: &'a Notice,
    found: Vec<Named>,
    /// An introduction was seen.
    listing: bool,
    /// The indentation of the first listed address.
    indent: Option<usize>,
    /// Index of the first hit that is not before the current line.
    next_hit: usize,
    sentences: usize,
    before: Before,
    neighbour: Option<Neighbour>,
    /// Whether this line names a cause; `None`: it was not searched for one.
    cause: Option<bool>,
    /// Somebody signed, or a gateway added its footer, below the first addresses.
    below_signature: bool,
    /// How many addresses below a signature were left out: each costs a look at its line.
    left_out: usize,
}

/// What the line before was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Prose that goes on.
    Wrapped,
    /// `NAME mailing list`: Mailman writes the list's address below.
    ListName,
    Other,
}

impl Before {
    fn of(line: &str) -> Self {
        match line {
            line if line.trim_end().ends_with("mailing list") => Self::ListName,
            line if is_wrapped(line) => Self::Wrapped,
            _ => Self::Other,
        }
    }
}

/// The address before: its place, where its item starts, and where it ends.
#[derive(Clone, Copy)]
struct Neighbour {
    place: Place,
    item: usize,
    end: usize,
}

impl Neighbour {
    /// Whether the address at `start` goes on with an enumeration that this one stands in, or repeats it: `<jo@a.example> (jo@a.example)`.
    fn is_joined(&self, own: &str, start: usize, is_repeated: impl Fn() -> bool) -> bool {
        let between = own.get(self.end..start).unwrap_or("");
        between.len() <= ENUMERATION_OCTETS_MAX
            && (is_conjunction(between)
                || is_named_next(between)
                || matches!(between.trim_matches(['<', '>', ' ']), "(" | "") && is_repeated())
    }
}

impl<'a> Scan<'a> {
    pub(super) const fn new(notice: &'a Notice) -> Self {
        Self {
            notice,
            found: Vec::new(),
            listing: false,
            indent: None,
            next_hit: 0,
            sentences: 0,
            before: Before::Other,
            neighbour: None,
            cause: None,
            below_signature: false,
            left_out: 0,
        }
    }

    /// What was found, and how much of it before the first block that looks like a message's header.
    pub(super) fn run(mut self) -> (Vec<Named>, usize) {
        let mut start = 0;
        let mut before_header = None;
        let own = self.notice.own();
        for line in own.split_inclusive('\n').take(LINES_MAX) {
            if before_header.is_none() && starts_header(own.get(start..).unwrap_or("")) {
                before_header = Some(self.found.len());
            }
            let hits = self.hits_until(start + line.len());
            if line.contains('@') && self.before != Before::ListName {
                self.line(line, start, hits);
            }
            self.below_signature |= is_signature(line) && !self.found.is_empty();
            self.listing |= hits.iter().any(|hit| hit.role == Role::Intro);
            self.before = Before::of(line);
            start += line.len();
        }
        let before_header = before_header.unwrap_or(self.found.len());
        (self.found, before_header)
    }

    /// The marks that end on this line.
    fn hits_until(&mut self, end: usize) -> &'a [Hit] {
        let rest = self.notice.hits.get(self.next_hit..).unwrap_or(&[]);
        let count = rest.iter().take_while(|hit| hit.end <= end).count();
        self.next_hit += count;
        rest.get(..count).unwrap_or(&[])
    }

    fn line(&mut self, line: &str, start: usize, hits: &[Hit]) {
        self.cause = None;
        if is_of_the_sender(line) {
            return;
        }
        for (index, mut found) in address::find_all(line).enumerate() {
            if self.found.len() + self.left_out >= RECIPIENTS_MAX {
                return;
            }
            let is_told_of =
                || line.get(found.range.end..).is_some_and(|rest| rest.trim_start_matches('>').starts_with(':'));
            let sentence_end = || start + found.range.end + sentence_octets(line.get(found.range.end..).unwrap_or(""));
            if is_help(hits, start + found.range.start, is_told_of, sentence_end) {
                continue;
            }
            if is_expanded_from(self.notice.own().get(..start + found.range.start).unwrap_or("")) {
                // The address behind is the one that was written to.
                if let Some(last) = self.found.last_mut() {
                    last.address = found.address;
                    continue;
                }
            }
            let range = start + found.range.start..start + found.range.end;
            let is_repeated = || self.found.last().is_some_and(|last| last.address.is_same_mailbox(&found.address));
            let joined = self.neighbour.filter(|before| before.is_joined(self.notice.own(), range.start, is_repeated));
            let (place, item) = joined.map_or_else(
                || (self.place(line, start, hits, index, &found), start),
                |before| (before.place, before.item),
            );
            self.neighbour = Some(Neighbour { place, item, end: range.end });
            if self.below_signature && place > Place::Introduced {
                self.left_out += 1;
                continue;
            }
            if let Some(whole) = address::mend_in_brackets(self.notice.own(), &range) {
                found.address = whole;
            }
            self.found.push(Named { address: found.address, place, joined: joined.is_some(), block: item..item });
        }
    }

    fn place(&mut self, line: &str, start: usize, hits: &[Hit], index: usize, found: &Found) -> Place {
        let before = line.get(..found.range.start).unwrap_or("");
        let after = line.get(found.range.end..).unwrap_or("");
        let lower = before.to_ascii_lowercase();
        if index == 0
            && self.before != Before::Wrapped
            && is_item_lead(before)
            && !after.trim_start_matches(['>', '"', '\'']).starts_with("...")
        {
            return self.leading_place(line);
        }
        let at = start + found.range.start;
        let introduced =
            hits.iter().any(|hit| hit.role == Role::Intro && hit.end <= at && at - hit.end <= REACH_OCTETS);
        if self.listing && lower.ends_with("smtp=") {
            // An X.400 name with the address inside.
            Place::Listed
        } else if memchr::memmem::find(lower.as_bytes(), b"rcpt to").is_some() {
            Place::Command
        } else if is_labelled(&lower)
            || introduced && !lower.rsplit(' ').nth(1).is_some_and(|word| matches!(word, "from" | "by"))
        {
            Place::Introduced
        } else if lower.trim_start().starts_with("to:") {
            Place::ToLine
        } else if is_reply_lead(&lower) {
            Place::Reply
        } else if self.listing && index == 0 && self.before != Before::Wrapped && is_name_lead(before) {
            Place::Alone
        } else if self.is_failure_sentence(line, hits) {
            Place::Sentence
        } else {
            Place::Only
        }
    }

    /// Continuation lines of an item are indented deeper than the item.
    fn leading_place(&mut self, line: &str) -> Place {
        let indent = line.len() - line.trim_start().len();
        if !self.listing {
            return Place::Alone;
        }
        if indent <= *self.indent.get_or_insert(indent) { Place::Listed } else { Place::Reply }
    }

    fn is_failure_sentence(&mut self, line: &str, hits: &[Hit]) -> bool {
        if hits.iter().any(|hit| matches!(hit.role, Role::Failure | Role::Intro | Role::Delay)) {
            return true;
        }
        if let Some(known) = self.cause {
            return known;
        }
        self.sentences += 1;
        let names_a_cause = self.sentences <= SENTENCES_MAX && reasons::names_a_cause(line);
        *self.cause.insert(names_a_cause)
    }
}

/// How much of a text belongs to its first sentence: all, where no end is near.
fn sentence_octets(text: &str) -> usize {
    let ends =
        text.as_bytes().windows(2).take(SENTENCE_OCTETS_MAX).position(|pair| matches!(pair, [b'.' | b'!', b' ']));
    ends.unwrap_or(text.len())
}

/// Whether an address is one to turn to: in a sentence that gives such, or behind it on its line, unless an introduction
/// leads to it first, or the line tells about it (`jo@example.net: too many complaints`).
fn is_help(hits: &[Hit], at: usize, is_told_of: impl Fn() -> bool, sentence_end: impl Fn() -> usize) -> bool {
    let introduced = || hits.iter().any(|hit| hit.role == Role::Intro && hit.end <= at);
    let mut helps = hits.iter().filter(|hit| hit.role == Role::Help).map(|hit| hit.start).peekable();
    let Some(first) = helps.peek().copied() else { return false };
    // What does not depend on the mark is asked once: a line may have thousands of marks.
    helps.any(|start| start < at) || first < sentence_end() && !introduced() && !is_told_of()
}

/// `a@example.com, b@example.com and c@example.com`: what is said of the one is said of the next.
fn is_conjunction(between: &str) -> bool {
    const WORDS: &[&str] = &[
        "and",
        "nor",
        "or",
        "as well as",
        "&",
        "/",
        "und",
        "sowie",
        "et",
        "y",
        "e",
        "en",
        "og",
        "och",
        "i",
        "и",
        "ve",
        "和",
        "と",
    ];
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | ',' | ';');
    let word = between.trim_matches(is_mark);
    WORDS.contains(&word) || word.is_empty() && between.contains([',', ';'])
}

/// `Ann <a@example.com>, Bob <b@example.com>`
fn is_named_next(between: &str) -> bool {
    let name = between.strip_prefix(['>', ')']).map(str::trim_start).and_then(|rest| rest.strip_prefix([',', ';']));
    name.is_some_and(is_name_lead)
}

/// `Ann Other <`, `Ann Other (`, `Other, Ann (`
fn is_name_lead(before: &str) -> bool {
    let is_of_a_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | ',' | '.' | '-' | '\'' | '"');
    let name = before.trim_start().strip_suffix(['<', '(']).filter(|name| name.len() <= NAME_OCTETS_MAX);
    name.is_some_and(|name| name.chars().all(is_of_a_name))
}

/// Postfix: `<final@int.example> (expanded from <original@example>): user unknown`.
fn is_expanded_from(before: &str) -> bool {
    before.trim_end_matches(|c: char| c.is_whitespace() || c == '<').ends_with("(expanded from")
}

/// `Recipient   : <`: nothing but the name of a field stands in front.
fn is_labelled(before: &str) -> bool {
    const LABELS: &[&str] = &[
        "recipient",
        "recipients",
        "recipient address",
        "failed recipient",
        "rcpt",
        "address",
        "addressee",
        "user",
        "email",
        "destinataire",
        "destinatario",
        "destinatário",
        "empfänger",
        "ontvanger",
        "geadresseerde",
        "odbiorca",
        "adresat",
        "mottagare",
        "modtager",
    ];
    let Some(label) = before.trim_end_matches([' ', '\t', '<', '"']).strip_suffix([':', '=']) else { return false };
    let start = label.char_indices().rev().take(LABEL_CHARS_MAX).last().map_or(0, |(at, _)| at);
    let label = label.get(start..).and_then(|label| label.rsplit(['{', ',']).next()).unwrap_or("");
    LABELS.contains(&label.trim_matches([' ', '\t', '*', '-', '"', '\u{a0}']))
}

/// `From:` or `Date:`, and more of a header's fields right below.
fn starts_header(text: &str) -> bool {
    const FIELDS: &[&str] =
        &["from:", "date:", "to:", "cc:", "message-id:", "reply-to:", "mime-version:", "content-", "x-"];
    let is_one_of = |line: &str, names: &[&str]| {
        names.iter().any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
    };
    // A blanked subject is left as its first letter.
    let is_field = |line: &&str| is_one_of(line, FIELDS) || line.trim_end() == "S";
    is_one_of(text, &["from:", "date:"]) && text.lines().take(FIELDS_MIN).filter(is_field).count() == FIELDS_MIN
}

/// `-- ` (RFC 3676 §4.3), or the line of underscores that Mailman puts in front of its footer.
fn is_signature(line: &str) -> bool {
    let line = line.trim_end_matches(['\r', '\n']);
    matches!(line, "-- " | "--") || line.len() >= UNDERSCORES_MIN && line.bytes().all(|c| c == b'_')
}

/// Prose whose sentence does not end with the line.
fn is_wrapped(line: &str) -> bool {
    let text = line.trim();
    text.len() >= WRAPPED_OCTETS && !text.contains('@') && text.ends_with(|c: char| c.is_ascii_lowercase() || c == ',')
}

/// Nothing but bullets, numbers, brackets and quotes in front.
fn is_item_lead(before: &str) -> bool {
    let number = before.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    let before = number.strip_prefix(['.', ')']).unwrap_or(before);
    before.chars().all(|c| {
        c.is_whitespace()
            || matches!(
                c,
                '<' | '>'
                    | '*'
                    | '-'
                    | '"'
                    | '\''
                    | '['
                    | '('
                    | '|'
                    | ';'
                    | '\u{2022}'
                    | '\u{b7}'
                    | '\u{25cf}'
                    | ':'
                    | '.'
                    | '\u{ab}'
                    | '\u{201c}'
                    | '\u{201e}'
                    | '\u{2018}'
            )
    })
}

/// `550 `, `<<< 550 `, `>>> 550-`: the line is what a server said.
fn is_reply_lead(lower: &str) -> bool {
    let text = lower.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '-'));
    let bytes = text.as_bytes();
    matches!(bytes, [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', ..]) && !matches!(bytes.get(3), Some(b'0'..=b'9'))
}

/// Lines that name the sender of the returned message, or one of its other fields.
fn is_of_the_sender(line: &str) -> bool {
    const FIELDS: &[&str] = &[
        "from:",
        "sender:",
        "reply-to:",
        "message-id:",
        "return-path:",
        "subject:",
        "cc:",
        "mail from:",
        "mail from <",
        "envelope-from",
        "date:",
        "received:",
        "references:",
        "in-reply-to:",
    ];
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | '-'));
    FIELDS.iter().any(|field| text.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}
