//! What a text says in words that no phrase foresaw: topics that meet within one sentence.
//!
//! `The store of this customer is at 100%` has a recipient and no room, in any order and language. Asked only where no
//! phrase is clear; bounded by the window of each sense and [`LOOKS_MAX`].

use super::about::{self, is_about_the_recipient, is_about_us, is_in_host_name, is_in_link};
use super::frame;
use super::phrases::may_look;
use super::topics::Topic::{
    self, Address, Attachment, Broken, Busy, Client, Closed, Connection, Countable, Cut, Delivered, Disk, Domain, Down,
    Fake, ForNow, Form, Full, GaveUp, Group, Ip, Limit, Locked, Login, Message, Missing, Moved, Needed, Network, Not,
    Over, Own, PerTime, Proof, Ptr, Recipient, Refused, Returned, Rule, Sender, Size, System, There, TooBig, TooMany,
    Tries, Wait,
};
use super::topics::{TOPICS, WORDS};
use super::verdict::Verdict;
use crate::bounce::report::Reason;
use crate::needles::Needles;
use std::ops::Range;
use std::sync::LazyLock;

/// How often topics are weighed against each other in one text.
const LOOKS_MAX: usize = 2000;

/// A text without a code that is no longer than this is taken for what a server said.
const SHORT_OCTETS: usize = 160;

/// Topics that together give a reason.
pub(super) struct Sense {
    topics: &'static [Topic],
    /// How far apart the first and the last may stand, in characters.
    window: usize,
    pub(super) reason: Reason,
    /// For the rule's name.
    pub(super) name: &'static str,
}

const fn sense(topics: &'static [Topic], window: usize, reason: Reason, name: &'static str) -> Sense {
    Sense { topics, window, reason, name }
}

/// The first that fits decides.
static SENSES: &[Sense] = &[
    sense(&[Proof, Not], WIDE, Reason::AuthFailure, "no proof"),
    sense(&[Proof, Refused], WIDE, Reason::AuthFailure, "proof refused"),
    sense(&[Proof, Missing], WIDE, Reason::AuthFailure, "proof missing"),
    sense(&[Ptr], NARROW, Reason::RequirePtr, "the name of our address"),
    sense(&[Group, Refused], WIDE, Reason::Rejected, "not for this list"),
    sense(&[Group, Needed], WIDE, Reason::Rejected, "not for this list"),
    sense(&[Own, Refused], WIDE, Reason::Filtered, "refused by the recipient"),
    sense(&[TooMany, Countable], NARROW, Reason::RateLimited, "too many"),
    sense(&[PerTime, Over], WIDE, Reason::RateLimited, "over a rate"),
    sense(&[Ip, Refused], NARROW, Reason::Blocked, "address refused"),
    sense(&[Sender, Fake], WIDE, Reason::Rejected, "sender not genuine"),
    sense(&[Sender, Refused], WIDE, Reason::Rejected, "sender refused"),
    sense(&[Sender, Missing], WIDE, Reason::Rejected, "sender unknown"),
    sense(&[Sender, Not, There], WIDE, Reason::Rejected, "sender not known"),
    sense(&[Attachment, TooBig], WIDE, Reason::MessageTooBig, "attachment too big"),
    sense(&[Attachment, Size, Over], WIDE, Reason::MessageTooBig, "attachment over a size"),
    sense(&[Disk, Full], NARROW, Reason::SystemFull, "no room on the disk"),
    sense(&[Recipient, Full], WIDE, Reason::MailboxFull, "no room for the recipient"),
    sense(&[Message, Size, Over], WIDE, Reason::MessageTooBig, "message over a size"),
    sense(&[Recipient, Size, Over], WIDE, Reason::MailboxFull, "recipient over a size"),
    sense(&[Tries, Limit], NARROW, Reason::Expired, "tried as often as allowed"),
    sense(&[Recipient, Over, Limit], WIDE, Reason::MailboxFull, "recipient over a limit"),
    sense(&[Busy], NARROW, Reason::SystemError, "system busy"),
    sense(&[Address, Full], WIDE, Reason::MailboxFull, "no room for the recipient"),
    sense(&[Recipient, Locked], WIDE, Reason::Suspended, "recipient locked"),
    sense(&[Recipient, Moved], WIDE, Reason::HasMoved, "recipient moved"),
    sense(&[Connection, Closed], NARROW, Reason::NetworkError, "connection closed"),
    sense(&[Recipient, ForNow, Closed], WIDE, Reason::Suspended, "recipient closed for now"),
    sense(&[Recipient, Closed], WIDE, Reason::MailboxDisabled, "recipient closed"),
    sense(&[Domain, Missing], WIDE, Reason::HostUnknown, "domain unknown"),
    sense(&[Domain, Not, There], WIDE, Reason::HostUnknown, "domain not there"),
    sense(&[Recipient, Missing], NARROW, Reason::UserUnknown, "recipient unknown"),
    sense(&[Address, Missing], WIDE, Reason::UserUnknown, "recipient unknown"),
    sense(&[Attachment, Refused], WIDE, Reason::PolicyViolation, "attachment refused"),
    sense(&[Domain, Login, Not], WIDE, Reason::AuthFailure, "domain not proved"),
    sense(&[Login, Needed], NARROW, Reason::SecurityError, "login needed"),
    sense(&[Client, Refused], WIDE, Reason::Blocked, "client refused"),
    sense(&[Ip, Refused], WIDE, Reason::Blocked, "address refused"),
    sense(&[Recipient, Missing], WIDE, Reason::UserUnknown, "recipient unknown"),
    sense(&[Recipient, Not, There], WIDE, Reason::UserUnknown, "recipient not there"),
    sense(&[Address, Not, There], WIDE, Reason::UserUnknown, "recipient not there"),
    sense(&[Wait, GaveUp], WIDE, Reason::Expired, "gave up"),
    sense(&[Message, TooBig], WIDE, Reason::MessageTooBig, "message too big"),
    sense(&[Recipient, TooBig], WIDE, Reason::MailboxFull, "recipient too big"),
    sense(&[Size, Over], NARROW, Reason::MessageTooBig, "over a size"),
    sense(&[Attachment, Rule], WIDE, Reason::PolicyViolation, "attachment against a rule"),
    sense(&[Connection, Refused], NARROW, Reason::Blocked, "connection refused on purpose"),
    // From here on, any code says more.
    sense(&[Rule, Refused], WIDE, Reason::PolicyViolation, "refused by a rule"),
    sense(&[Network, Cut], WIDE, Reason::NetworkError, "connection broken"),
    sense(&[System, Broken], WIDE, Reason::SystemError, "system broken"),
    sense(&[Recipient, Down], WIDE, Reason::SystemError, "mailbox broken"),
];

/// What one topic by itself hints at, in a reply that nobody understands otherwise.
static HINTS: &[Sense] = &[
    sense(&[Full], NARROW, Reason::MailboxFull, "no room"),
    sense(&[TooMany], NARROW, Reason::RateLimited, "too many"),
    sense(&[Form], NARROW, Reason::ContentError, "the form of the message"),
    sense(&[TooBig], NARROW, Reason::MessageTooBig, "too big"),
    sense(&[Sender], NARROW, Reason::Rejected, "our sender"),
    sense(&[Moved], NARROW, Reason::HasMoved, "moved"),
    sense(&[Ip], NARROW, Reason::Blocked, "our address"),
    sense(&[Locked], NARROW, Reason::Suspended, "locked"),
    sense(&[Rule], NARROW, Reason::PolicyViolation, "a rule"),
    sense(&[Attachment], NARROW, Reason::PolicyViolation, "an attachment"),
    sense(&[Client], NARROW, Reason::Blocked, "our host"),
    sense(&[Login], NARROW, Reason::SecurityError, "a login"),
    sense(&[Group], NARROW, Reason::Rejected, "a list"),
    sense(&[Closed], NARROW, Reason::MailboxDisabled, "closed"),
    sense(&[Limit], NARROW, Reason::RateLimited, "a limit"),
    sense(&[GaveUp], NARROW, Reason::Expired, "gave up"),
    sense(&[Wait], NARROW, Reason::Greylisted, "a wait"),
];

/// The same in a short text without a code, which may be a notice's own: `see the attachment` is no complaint there.
static HINTS_OF_A_LINE: &[Sense] = &[
    sense(&[Full], NARROW, Reason::MailboxFull, "no room"),
    sense(&[TooMany], NARROW, Reason::RateLimited, "too many"),
    sense(&[TooBig], NARROW, Reason::MessageTooBig, "too big"),
    sense(&[Locked], NARROW, Reason::Suspended, "locked"),
    sense(&[Rule], NARROW, Reason::PolicyViolation, "a rule"),
];

/// `It could not be collected in 30 days.`
static WAITED: &[Sense] = &[sense(&[Wait], NARROW, Reason::Expired, "waited in vain")];

/// What only tells that a delivery failed.
static FAILURES: &[Sense] = &[
    sense(&[Not, Delivered], WIDE, Reason::Undefined, "not delivered"),
    sense(&[Message, Returned], WIDE, Reason::Undefined, "message returned"),
    sense(&[Message, Refused], WIDE, Reason::Undefined, "message refused"),
];

/// The same in the sentence that names the recipient.
static FAILURES_OF_AN_ADDRESS: &[Sense] = &[
    sense(&[Address, Not, Delivered], WIDE, Reason::Undefined, "not delivered"),
    sense(&[Address, Message, Returned], WIDE, Reason::Undefined, "message returned"),
    sense(&[Address, Message, Refused], WIDE, Reason::Undefined, "message refused"),
];

/// Whom a text speaks of.
static RECIPIENTS: &[Sense] = &[
    sense(&[Address], NARROW, Reason::Undefined, "an address"),
    sense(&[Recipient], NARROW, Reason::Undefined, "a recipient"),
    sense(&[Domain], NARROW, Reason::Undefined, "a domain"),
    sense(&[Missing], NARROW, Reason::Undefined, "somebody missing"),
];

/// What may be closed instead of a mailbox.
static CLOSABLES: &[Sense] = &[
    sense(&[Client], NARROW, Reason::Undefined, "a host"),
    sense(&[Connection], NARROW, Reason::Undefined, "a connection"),
    sense(&[Login], NARROW, Reason::Undefined, "a login"),
    sense(&[Group], NARROW, Reason::Undefined, "a list"),
];

/// A refusal, of whatever.
static REFUSALS: &[Sense] = &[sense(&[Refused], NARROW, Reason::PolicyViolation, "refused")];

/// How many senses at the end of [`SENSES`] say less than a code.
const VAGUE: usize = 4;
/// Within a sentence.
const WIDE: usize = 90;
/// Side by side.
const NARROW: usize = 40;

impl Sense {
    pub(super) const fn verdict(&self, by: &'static str, reason: Reason) -> Verdict {
        Verdict { reason, by, detail: self.name, origin: "" }
    }

    /// Whether a code, or a word that misleads seldom, says more.
    pub(super) fn is_vague(&self) -> bool {
        SENSES.iter().rev().take(VAGUE).any(|sense| std::ptr::eq(sense, self))
    }
}

/// A word, and what follows it must be no letter.
struct Word {
    topic: Topic,
    whole: bool,
}

struct Vocabulary {
    words: Vec<Word>,
    needles: Needles,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let all = || WORDS.iter().flat_map(|(topic, words)| words.split('|').map(move |word| (*topic, word)));
    let needles = Needles::new(all().map(|(_, word)| word.trim_end_matches('$')));
    let words = all().map(|(topic, word)| Word { topic, whole: word.ends_with('$') }).collect();
    Vocabulary { words, needles }
});

/// Why a delivery failed, as far as a text in normal form tells: by the reply that it quotes, else by what stands around.
pub(super) fn find(text: &str) -> Option<&'static Sense> {
    let (reply, before) = frame::split(text);
    reply.and_then(|reply| first_of(SENSES, reply)).or_else(|| first_of(SENSES, &frame::strike_out(before)))
}

/// What the quoted reply hints at, if its sense is beyond us; without a reply, that the mail waited, or what a short text hints at.
pub(super) fn hint(text: &str) -> Option<&'static Sense> {
    let (reply, before) = frame::split(text);
    let of_notice = || {
        first_of(WAITED, before).or_else(|| first_of(HINTS_OF_A_LINE, before).filter(|_| before.len() <= SHORT_OCTETS))
    };
    reply.map_or_else(of_notice, |reply| first_of(HINTS, reply))
}

/// Whether a text in normal form tells that some delivery failed.
pub(super) fn tells_a_failure(text: &str) -> bool {
    first_of(FAILURES, text).is_some()
}

/// Whether a sentence of a text in normal form tells that the delivery to an address failed.
pub(super) fn tells_a_failure_of_an_address(text: &str) -> bool {
    first_of(FAILURES_OF_AN_ADDRESS, text).is_some()
}

/// Whether a text in normal form names a recipient, or nouns for one.
pub(super) fn speaks_of_a_recipient(text: &str) -> bool {
    first_of(RECIPIENTS, text).is_some()
}

/// Whether the reply that a text in normal form quotes speaks of something else that may be closed.
pub(super) fn speaks_of_a_service(text: &str) -> bool {
    frame::split(text).0.is_some_and(|reply| first_of(CLOSABLES, reply).is_some())
}

/// Whether a text in normal form says in any language that something was refused.
pub(super) fn refuses(text: &str) -> bool {
    first_of(REFUSALS, text).is_some()
}

fn first_of(senses: &'static [Sense], text: &str) -> Option<&'static Sense> {
    let mut last: [Option<Range<usize>>; TOPICS] = [const { None }; TOPICS];
    let mut best = senses.len();
    let mut looks = LOOKS_MAX;
    let has_links = about::has_links(text.as_bytes());
    for found in VOCABULARY.needles.all(text.as_bytes()) {
        let Some(word) = VOCABULARY.words.get(found.pattern().as_usize()) else { continue };
        let is_linked = has_links && is_in_link(text.as_bytes(), found.start());
        if is_linked || !is_word(text.as_bytes(), &found.range(), word.whole) {
            continue;
        }
        if let Some(slot) = last.get_mut(word.topic as usize) {
            *slot = Some(found.range());
        }
        let mut better = senses.get(..best).unwrap_or(senses).iter();
        let fits =
            |sense: &Sense| sense.topics.contains(&word.topic) && may_look(&mut looks) && meets(text, sense, &last);
        best = better.position(fits).unwrap_or(best);
    }
    senses.get(best)
}

/// Whether the topics of a sense were last seen close to each other, in one sentence.
fn meets(text: &str, sense: &Sense, last: &[Option<Range<usize>>; TOPICS]) -> bool {
    let mut span: Option<Range<usize>> = None;
    for topic in sense.topics {
        let Some(Some(at)) = last.get(*topic as usize) else { return false };
        span = Some(span.map_or_else(|| at.clone(), |span| span.start.min(at.start)..span.end.max(at.end)));
    }
    span.is_some_and(|span| {
        text.get(span.clone()).is_some_and(|words| words.chars().count() <= sense.window)
            && !breaks(text.as_bytes().get(span.clone()).unwrap_or(&[]))
            && (!is_about_the_recipient(sense.reason) || !is_about_us(text.as_bytes(), span.start, span.end))
    })
}

/// A sentence ends inside; three dots end none.
fn breaks(span: &[u8]) -> bool {
    let ends = |pair: &[u8]| matches!(pair, [b'.' | b'!' | b'?' | b';', b' ']);
    span.windows(2).enumerate().any(|(at, pair)| ends(pair) && !(at > 0 && span.get(at - 1) == Some(&b'.')))
        || memchr::memmem::find(span, "。".as_bytes()).is_some()
}

fn is_word(text: &[u8], found: &Range<usize>, whole: bool) -> bool {
    let letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let starts = found.start == 0 || !letter(found.start) || !letter(found.start - 1);
    // `MAIL FROM:<…> SIZE=2779` speaks of no size.
    let is_parameter = text.get(found.end) == Some(&b'=');
    starts && !is_parameter && (!whole || !letter(found.end)) && !is_in_host_name(text, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounce::reasons::normalise;

    #[test]
    fn topics_meet_in_any_order_and_language() {
        for (text, name) in [
            ("the store of this customer's mailbox is at 100%", Some("no room for the recipient")),
            ("Im Postfach ist kein Speicherplatz mehr", Some("no room for the recipient")),
            ("такого пользователя на сервере нет, не найден", Some("recipient not there")),
            ("The message is fine. Full marks! Unknown reasons", None),
            ("the domain of your sender address is unknown", Some("sender unknown")),
            ("the account of this person was shut by its owner", Some("recipient closed")),
            ("our database is broken", Some("system broken")),
            ("", None),
        ] {
            assert_eq!(find(&normalise(text)).map(|sense| sense.name), name, "{text:?}");
        }
    }

    #[test]
    fn a_failure_is_told_of_the_address_in_its_sentence() {
        for (text, of_an_address, of_any) in [
            ("Le message à luc@example.net ne peut être transmis", true, true),
            ("Mail to luc@example.net is welcome. Other mail will not be delivered", false, true),
            ("luc@example.net has a new quota", false, false),
        ] {
            let normal = normalise(text);
            assert_eq!(
                (tells_a_failure_of_an_address(&normal), tells_a_failure(&normal)),
                (of_an_address, of_any),
                "{text}"
            );
        }
    }
}
