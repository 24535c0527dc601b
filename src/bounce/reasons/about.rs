//! Whom a phrase speaks of: the recipient, or us. Texts are in normal form.

use crate::bounce::report::Reason;
use crate::needles::Needles;
use memchr::memmem::Finder;
use std::ops::Range;
use std::sync::LazyLock;

/// Reasons that would switch the recipient off.
pub const fn is_about_the_recipient(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::UserUnknown | Reason::HostUnknown | Reason::MailboxDisabled | Reason::HasMoved | Reason::NotAccept
    )
}

/// Reasons that tell of the recipient's mailbox or domain, not of the message or its sender.
pub const fn is_of_the_mailbox(reason: Reason) -> bool {
    is_about_the_recipient(reason) || matches!(reason, Reason::MailboxFull | Reason::Suspended)
}

/// `Your domain … does not exist`: what is said to be missing is ours.
pub fn is_about_us(text: &[u8], start: usize, end: usize) -> bool {
    static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles::new(OURS));
    let from = start.saturating_sub(BEFORE_OCTETS);
    let window = text.get(from..text.len().min(end + BEHIND_OCTETS)).unwrap_or(&[]);
    NEEDLES.all(window).any(|found| !is_in_link(text, from + found.start()))
}

/// Whether a place is inside of a URL: `https://mail.example/senderguidelines` speaks of no sender.
pub fn is_in_link(text: &[u8], at: usize) -> bool {
    let word = text.get(at.saturating_sub(LINK_OCTETS_MAX)..at).unwrap_or(&[]);
    let word = memchr::memrchr(b' ', word).and_then(|space| word.get(space + 1..)).unwrap_or(word);
    has_links(word)
}

/// Whether there is a URL.
pub fn has_links(text: &[u8]) -> bool {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"://"));
    FINDER.find(text).is_some()
}

/// Whether a word is a label of a host name: `relay.example.net` speaks of no relaying.
pub fn is_in_host_name(text: &[u8], word: &Range<usize>) -> bool {
    let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let dot = |at: Option<usize>| at.and_then(|at| text.get(at)) == Some(&b'.');
    dot(word.start.checked_sub(1)) && letter(word.start.checked_sub(2))
        || dot(Some(word.end)) && letter(Some(word.end + 1))
}

/// How far in front of a place the URL that holds it may begin, in octets.
const LINK_OCTETS_MAX: usize = 150;

/// How far a word about us may stand in front of a phrase, and behind it, in octets.
const BEFORE_OCTETS: usize = 35;
const BEHIND_OCTETS: usize = 32;

/// Words of what is ours, not the recipient's.
const OURS: &[&str] = &[
    "sender",
    "originator",
    "envelope from",
    "sending",
    "your domain",
    "your host",
    "your server",
    "your account",
    "your mail server",
    "helo",
    "ehlo",
    "header",
    "mail from",
    "return path",
    "return-path",
    "return address",
    "authentication",
    "whitelist",
    "allow list",
    "host name for",
    "dns entry",
    "content type",
    "charset",
    "character set",
    "parameter",
    "spam source",
    "expediteur",
    "remitente",
    "absender",
    "remetente",
    "mittente",
    "afzender",
    "nadawc",
    "odesilatel",
    "отправител",
    "发件人",
    "寄件者",
    "送信者",
    "발신자",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_may_be_ours() {
        for (text, ours) in [
            ("sender domain does not exist", true),
            ("recipient does not exist", false),
            ("does not exist https://mail.example/senderguidelines", false),
            ("does not exist: sender", true),
        ] {
            let start = text.find("does not exist").unwrap();
            assert_eq!(is_about_us(text.as_bytes(), start, start + "does not exist".len()), ours, "{text:?}");
        }
    }
}
