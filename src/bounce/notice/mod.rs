//! Notices in prose: which addresses a text says have failed, and what it says about each.
//!
//! Needs no knowledge of the sender. An address counts by its place: listed below an introduction, directly behind one,
//! listed alone, after `RCPT TO`, in a reply, in a sentence about a failure. Only the best places found are
//! used, so that help texts and senders' addresses stay out. Bounded by the text that [`crate::bounce::text`] hands out.

mod hits;
mod languages;
mod marks;
pub mod origin;
pub mod replies;
mod role;
mod scan;
pub mod transcript;

use crate::types::Address;
use hits::Hit;
use role::Role;
use scan::Scan;
use std::cell::OnceCell;
use std::ops::Range;

/// The most lines that are looked at.
const LINES_MAX: usize = 3000;
/// The most recipients of one notice.
const RECIPIENTS_MAX: usize = 500;

/// How often one address is looked up in a text, and how much is taken each time.
const MENTIONS_MAX: usize = 6;
const MENTION_OCTETS_MAX: usize = 800;
/// How far in front of an end its condition may stand, in octets.
const CONDITION_OCTETS: usize = 50;

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
    /// It goes on with an enumeration that the one before it stands in.
    pub joined: bool,
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
        let hits = hits::find(&in_one_line(&text), is_copy);
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
        [Role::Failure, Role::Intro, Role::Delay].into_iter().any(|role| self.has(role))
    }

    /// Whether the words say that the message has arrived.
    pub fn speaks_of_success(&self) -> bool {
        self.has(Role::Success)
    }

    /// Whether the words ask the sender to prove that he is one.
    pub fn asks_for_a_proof(&self) -> bool {
        self.has(Role::Held)
    }

    /// Whether the message is only late, by the words or by the subject above them.
    pub fn speaks_of_delay(&self, subject: &str) -> bool {
        (self.has(Role::Delay) || replies::is_delay_subject(subject)) && !self.speaks_of_an_end()
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
        let (mut found, before_header) = Scan::new(self).run();
        let foreign = |named: &Named| !own.iter().any(|address| address.is_same_mailbox(&named.address));
        if found.iter().take(before_header).any(|named| foreign(named) && !is_postmaster(named)) {
            found.truncate(before_header);
        }
        let best = found.iter().filter(|named| foreign(named)).map(|named| named.place).min();
        let best =
            best.or_else(|| found.iter().map(|named| named.place).filter(|place| *place <= Place::Introduced).min());
        let only_foreign = found.iter().any(|named| Some(named.place) == best && foreign(named));
        found.retain(|named| Some(named.place) == best && (!only_foreign || foreign(named)));
        if !found.iter().all(is_postmaster) {
            found.retain(|named| !is_postmaster(named));
        }
        let mut named = self.delimit(found);
        if best == Some(Place::Only) && !named.iter().all(is_of_a_desk) {
            named.retain(|named| !is_of_a_desk(named));
        }
        let mentions = named.iter().filter(|named| !named.joined).count();
        let doubtful = best == Some(Place::Only) && (mentions > 1 || named.iter().any(is_of_a_role));
        if doubtful { Vec::new() } else { named }
    }

    /// Each block ends where the next begins; a repeated address keeps its first block, and who share a line share what follows.
    fn delimit(&self, found: Vec<Named>) -> Vec<Named> {
        let mut named: Vec<Named> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for next in found {
            if known.insert(next.address.key()) && named.len() < RECIPIENTS_MAX {
                named.push(next);
            }
        }
        let (mut end, mut line) = (self.end, None);
        for named in named.iter_mut().rev() {
            if let Some(below) = line.replace(named.block.start).filter(|below| *below != named.block.start) {
                end = below;
            }
            named.block.end = end;
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

/// A mark may run over a line's end.
fn in_one_line(text: &str) -> Vec<u8> {
    text.bytes().map(|c| if c == b'\n' { b' ' } else { c }).collect()
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

/// An address that a provider gives beside a recipient's.
fn is_of_a_desk(named: &Named) -> bool {
    const DESKS: &[&str] = &["info", "contact", "kontakt", "contacto", "service", "hotline", "office", "security"];
    is_of_a_role(named) || DESKS.iter().any(|desk| named.address.local().eq_ignore_ascii_case(desk))
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
        let mut words = line.split_whitespace();
        let word = words.find(|word| !is_number(word)).unwrap_or("");
        let next_item = word.contains('@') && indent(line) <= first && !word.to_ascii_lowercase().contains(name);
        if index > 0 && (word.is_empty() || next_item) {
            break;
        }
        length += line.len();
    }
    length
}

/// `2.` or `2)` in front of an item.
fn is_number(word: &str) -> bool {
    word.strip_suffix(['.', ')']).is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_digit()))
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
