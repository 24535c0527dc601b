//! Notices in prose: which addresses a text says have failed, and what it says about each.
//!
//! Needs no knowledge of the sender. An address counts by its place: listed below an introduction, directly behind one,
//! listed alone, after `RCPT TO`, in a reply, in a sentence about a failure. Only the best places found are
//! used, so that help texts and senders' addresses stay out. Bounded by the text that [`crate::bounce::text`] hands out.

mod languages;
pub mod marks;
pub mod origin;
pub mod transcript;

use super::address::{self, Found};
use super::reasons;
use crate::types::Address;
use marks::{Hit, Role};
use std::cell::OnceCell;
use std::ops::Range;

/// The most lines that are looked at.
const LINES_MAX: usize = 3000;
/// The most recipients of one notice.
const RECIPIENTS_MAX: usize = 500;
/// How far behind an introduction the recipient may stand, in octets.
const REACH_OCTETS: usize = 60;
/// The most sentences that are searched for a cause.
const SENTENCES_MAX: usize = 40;

/// How often one address is looked up in a text, and how much is taken each time.
const MENTIONS_MAX: usize = 6;
const MENTION_OCTETS_MAX: usize = 800;
/// How far in front of an end its condition may stand, in octets.
const CONDITION_OCTETS: usize = 50;
/// A line of prose this long is wrapped: what starts the next one is no item.
const WRAPPED_OCTETS: usize = 60;

/// The longest lead in front of a title, in octets.
const LEAD_OCTETS_MAX: usize = 80;

/// Where an address stands, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a header field of its own.
    Field,
    /// At the start of a line, below an introduction.
    Listed,
    /// Behind an introduction, on its line.
    Introduced,
    /// At the start of a line.
    Alone,
    /// After `RCPT TO`.
    Command,
    /// In an SMTP reply.
    Reply,
    /// In a sentence about a failure.
    Sentence,
    /// In a `To:` line.
    ToLine,
    /// Anywhere, and no other address is there.
    Only,
}

impl Place {
    /// The word for a rule's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Listed => "listed",
            Self::Introduced => "introduced",
            Self::Alone => "alone",
            Self::Command => "command",
            Self::Reply => "reply",
            Self::Sentence => "sentence",
            Self::ToLine => "to",
            Self::Only => "only",
        }
    }
}

/// A failed recipient in a text.
#[derive(Debug, Clone)]
pub struct Named {
    pub address: Address,
    pub place: Place,
    /// What belongs to it: from its line to the next one's.
    pub block: Range<usize>,
}

/// A notice's own words, without the returned message.
#[derive(Debug, Default)]
pub struct Notice {
    pub text: String,
    hits: Vec<Hit>,
    /// Where the returned message begins.
    pub end: usize,
    /// The notice's own words in ASCII lower case, made when somebody asks.
    lower: OnceCell<String>,
}

impl Notice {
    /// Finds the marks and the end of the notice's own words.
    pub fn new(text: String) -> Self {
        let is_copy = |hit: &Hit| match hit.role {
            Role::Returned => starts_line(&text, hit.start),
            Role::Title => starts_line(&text, hit.start) && ends_title(&text, hit.end),
            _ => false,
        };
        let hits = marks::find(&text, is_copy);
        let end = hits.last().filter(|hit| is_copy(hit)).map_or(text.len(), |hit| line_start(&text, hit.start));
        Self { text, hits, end, lower: OnceCell::new() }
    }

    /// The notice's own words.
    pub fn own(&self) -> &str {
        self.text.get(..self.end).unwrap_or("")
    }

    fn lower(&self) -> &str {
        self.lower.get_or_init(|| self.own().to_ascii_lowercase())
    }

    /// What follows them.
    pub fn rest(&self) -> &str {
        self.text.get(self.end..).unwrap_or("")
    }

    /// The part of the text that belongs to a recipient.
    pub fn block(&self, named: &Named) -> &str {
        self.text.get(named.block.clone()).unwrap_or("")
    }

    /// Whether the words speak of a failed or delayed delivery.
    pub fn speaks_of_failure(&self) -> bool {
        self.has(Role::Failure) || self.has(Role::Intro)
    }

    /// Whether the words say that the message has arrived.
    pub fn speaks_of_success(&self) -> bool {
        self.has(Role::Success)
    }

    /// Whether the message is only late.
    pub fn speaks_of_delay(&self) -> bool {
        self.has(Role::Delay) && !self.speaks_of_an_end()
    }

    /// Given up, rather than `You'll be notified if the delivery fails permanently`.
    fn speaks_of_an_end(&self) -> bool {
        const WORDS: &[&str] = &["permanent", "given up", "giving up", "final"];
        const CONDITIONS: &[&str] = &[" if ", " si ", " se ", " wenn ", " falls ", " als "];
        let lower = self.lower();
        let unconditional = |at: usize| {
            let before = lower.get(floor_boundary(lower, at.saturating_sub(CONDITION_OCTETS))..at).unwrap_or("");
            !CONDITIONS.iter().any(|word| before.contains(word))
        };
        WORDS.iter().any(|word| lower.match_indices(word).take(MENTIONS_MAX).any(|(at, _)| unconditional(at)))
    }

    fn has(&self, role: Role) -> bool {
        self.hits.iter().any(|hit| hit.role == role && hit.start < self.end)
    }

    /// The failed recipients: those in the best kind of place.
    ///
    /// `own` are addresses of the returned message's sender; they count only where nothing else is found.
    pub fn recipients(&self, own: &[Address]) -> Vec<Named> {
        let mut found = Scan::new(self).run();
        let foreign = |named: &Named| !own.iter().any(|address| address.key() == named.address.key());
        let best = found.iter().filter(|named| foreign(named)).map(|named| named.place).min();
        let best =
            best.or_else(|| found.iter().map(|named| named.place).filter(|place| *place <= Place::Introduced).min());
        let only_foreign = found.iter().any(|named| Some(named.place) == best && foreign(named));
        found.retain(|named| Some(named.place) == best && (!only_foreign || foreign(named)));
        if !found.iter().all(is_postmaster) {
            found.retain(|named| !is_postmaster(named));
        }
        let named = self.delimit(found);
        let doubtful = best == Some(Place::Only) && (named.len() > 1 || named.iter().any(is_of_a_role));
        if doubtful { Vec::new() } else { named }
    }

    /// Each block ends where the next begins; a repeated address keeps its first block.
    fn delimit(&self, found: Vec<Named>) -> Vec<Named> {
        let mut named: Vec<Named> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for next in found {
            if known.insert(next.address.key()) && named.len() < RECIPIENTS_MAX {
                if let Some(last) = named.last_mut() {
                    last.block.end = next.block.start;
                }
                named.push(next);
            }
        }
        if let Some(last) = named.last_mut() {
            last.block.end = self.end;
        }
        named
    }

    /// Whether a line starts with this name and nothing but a remark follows: `jo (user not found)`, `jo: over quota`.
    pub fn lists(&self, name: &str) -> bool {
        let remark = |rest: &str| rest.trim().is_empty() || rest.starts_with([':', ',']) || rest.starts_with(" (");
        let mut lines = self.own().lines().take(LINES_MAX);
        if self.own().contains(&["(", name, ")"].concat()) {
            return true;
        }
        !name.is_empty()
            && lines.any(|line| {
                line.trim_start_matches([' ', '\t', '<', '"', '\'', '*', '-']).strip_prefix(name).is_some_and(remark)
            })
    }

    /// The lines that mention an address, each with what follows up to an empty line or the next item.
    pub fn mentions(&self, address: &Address) -> String {
        let own = self.own();
        let name = address.as_str().to_ascii_lowercase();
        let mut out = String::new();
        let mut taken = 0;
        for at in memchr::memmem::find_iter(self.lower().as_bytes(), name.as_bytes()).take(MENTIONS_MAX) {
            let start = line_start(own, at);
            if start >= taken {
                let rest = own.get(start..).unwrap_or("");
                let length = floor_boundary(rest, item_length(rest, &name).min(MENTION_OCTETS_MAX));
                out.push_str(rest.get(..length).unwrap_or(""));
                out.push('\n');
                taken = start + length;
            }
        }
        out
    }
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
    LABELS.contains(&label.rsplit(['{', ',']).next().unwrap_or("").trim_matches([' ', '\t', '*', '-', '"', '\u{a0}']))
}

/// An address that notices give for help.
fn is_of_a_role(named: &Named) -> bool {
    const ROLES: &[&str] = &[
        "postmaster",
        "abuse",
        "support",
        "help",
        "helpdesk",
        "admin",
        "administrator",
        "noc",
        "webmaster",
        "hostmaster",
    ];
    ROLES.iter().any(|role| named.address.local().eq_ignore_ascii_case(role))
}

/// Beside a recipient, the one who signs.
fn is_postmaster(named: &Named) -> bool {
    named.address.local().eq_ignore_ascii_case("postmaster")
}

/// Up to an empty line, or a line that starts with another address and is not indented deeper.
fn item_length(text: &str, name: &str) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = text.lines().next().map_or(0, indent);
    let mut length = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let word = line.split_whitespace().next().unwrap_or("");
        let next_item = word.contains('@') && indent(line) <= first && !word.to_ascii_lowercase().contains(name);
        if index > 0 && (word.is_empty() || next_item) {
            break;
        }
        length += line.len();
    }
    length
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Only punctuation stands between the line's start and the mark.
fn starts_line(text: &str, at: usize) -> bool {
    let mut from = at.saturating_sub(LEAD_OCTETS_MAX);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let near = text.get(from..at).unwrap_or("");
    let before = near.rsplit('\n').next().unwrap_or("");
    let lead = before.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '-' | '=' | '*' | '|' | '>' | '_' | '~' | '#' | '+' | '[' | '(')
    });
    lead.is_empty()
        || matches!(
            lead.to_ascii_lowercase().as_str(),
            "the" | "a" | "your" | "below" | "here is" | "message" | "included is" | "this is"
        )
}

/// Nothing but punctuation and a closing word stands behind the mark.
fn ends_title(text: &str, at: usize) -> bool {
    let rest = text.get(at..).unwrap_or("").lines().next().unwrap_or("");
    let words = rest.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    words.is_empty() || marks::TITLE_ENDS.contains(&words.as_str())
}

/// One walk over the lines.
struct Scan<'a> {
    notice: &'a Notice,
    found: Vec<Named>,
    /// An introduction was seen.
    listing: bool,
    /// The indentation of the first listed address.
    indent: Option<usize>,
    /// Index of the first hit that is not before the current line.
    next_hit: usize,
    sentences: usize,
    /// The line before was prose that goes on.
    wrapped: bool,
}

impl<'a> Scan<'a> {
    const fn new(notice: &'a Notice) -> Self {
        Self { notice, found: Vec::new(), listing: false, indent: None, next_hit: 0, sentences: 0, wrapped: false }
    }

    fn run(mut self) -> Vec<Named> {
        let mut start = 0;
        for line in self.notice.own().split_inclusive('\n').take(LINES_MAX) {
            let hits = self.hits_until(start + line.len());
            if line.contains('@') {
                self.line(line, start, hits);
            }
            self.listing |= hits.iter().any(|hit| hit.role == Role::Intro);
            self.wrapped = is_wrapped(line);
            start += line.len();
        }
        self.found
    }

    /// The marks that end on this line.
    fn hits_until(&mut self, end: usize) -> &'a [Hit] {
        let rest = self.notice.hits.get(self.next_hit..).unwrap_or(&[]);
        let count = rest.iter().take_while(|hit| hit.end <= end).count();
        self.next_hit += count;
        rest.get(..count).unwrap_or(&[])
    }

    fn line(&mut self, line: &str, start: usize, hits: &[Hit]) {
        if hits.iter().any(|hit| hit.role == Role::Help) || is_of_the_sender(line) {
            return;
        }
        for (index, found) in address::find_all(line).enumerate() {
            if self.found.len() >= RECIPIENTS_MAX {
                return;
            }
            if is_expanded_from(self.notice.own().get(..start + found.range.start).unwrap_or("")) {
                // The address behind is the one that was written to.
                if let Some(last) = self.found.last_mut() {
                    last.address = found.address;
                    continue;
                }
            }
            let place = self.place(line, start, hits, index, &found);
            self.found.push(Named { address: found.address, place, block: start..start });
        }
    }

    fn place(&mut self, line: &str, start: usize, hits: &[Hit], index: usize, found: &Found) -> Place {
        let before = line.get(..found.range.start).unwrap_or("");
        let after = line.get(found.range.end..).unwrap_or("");
        let lower = before.to_ascii_lowercase();
        if index == 0
            && !self.wrapped
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
        } else if lower.contains("rcpt to") {
            Place::Command
        } else if is_labelled(&lower)
            || introduced && !lower.rsplit(' ').nth(1).is_some_and(|word| matches!(word, "from" | "by"))
        {
            Place::Introduced
        } else if lower.trim_start().starts_with("to:") {
            Place::ToLine
        } else if is_reply_lead(&lower) {
            Place::Reply
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
        self.sentences += 1;
        self.sentences <= SENTENCES_MAX && reasons::names_a_cause(line)
    }
}

/// Postfix: `<final@int.example> (expanded from <original@example>): user unknown`.
fn is_expanded_from(before: &str) -> bool {
    before.trim_end_matches(|c: char| c.is_whitespace() || c == '<').ends_with("(expanded from")
}

/// Prose whose sentence does not end with the line.
fn is_wrapped(line: &str) -> bool {
    let text = line.trim();
    text.len() >= WRAPPED_OCTETS && !text.contains('@') && text.ends_with(|c: char| c.is_ascii_lowercase() || c == ',')
}

/// Nothing but bullets, brackets and quotes in front.
fn is_item_lead(before: &str) -> bool {
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
        "mail from",
        "envelope-from",
        "date:",
        "received:",
        "references:",
        "in-reply-to:",
    ];
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | '-'));
    FIELDS.iter().any(|field| text.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}
