//! Enhanced status codes (RFC 3463) and SMTP reply codes (RFC 5321 §4.2), as values and as found in text.
//!
//! What a code means is elsewhere: here it is only told from numbers that look alike (addresses, sizes, versions).

use serde::{Deserialize, Serialize};
use std::fmt;

/// `class.subject.detail`, where class is 2, 4 or 5 and the others have one to three digits (RFC 3463 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnhancedStatus {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedStatus {
    /// The first status in `text`. `#5.1.1`, `(5.1.1)` and `550-5.1.1` count; a part of an IP address or a version does not.
    pub fn find(text: &str) -> Option<Self> {
        Self::find_all(text).next()
    }

    /// Every status in `text`, in order.
    pub fn find_all(text: &str) -> impl Iterator<Item = Self> + '_ {
        let bytes = text.as_bytes();
        memchr::memchr3_iter(b'2', b'4', b'5', bytes).filter_map(move |at| Self::at(bytes, at))
    }

    /// The status that begins at `at`: bounded by something else than a digit, a letter or a dot on both sides.
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        if at > 0 && bytes.get(at - 1).is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'.' || *c == b'_') {
            return None;
        }
        let (class, rest) = bytes.get(at..)?.split_first()?;
        let (subject, rest) = dotted_number(rest)?;
        let (detail, rest) = dotted_number(rest)?;
        let mut after = rest.iter();
        let ends = match after.next() {
            Some(b'.') => !after.next().is_some_and(u8::is_ascii_alphanumeric),
            Some(c) => !c.is_ascii_alphanumeric(),
            None => true,
        };
        ends.then_some(Self { class: class - b'0', subject, detail })
    }

    /// Whether the code says no more than its class (`x.0.0`).
    pub const fn is_bare(self) -> bool {
        self.subject == 0 && self.detail == 0
    }
}

/// `.` and one to three digits, and what follows them.
fn dotted_number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let digits = bytes.strip_prefix(b".")?;
    let count = digits.iter().take_while(|c| c.is_ascii_digit()).count();
    let (number, rest) = digits.split_at_checked(count).filter(|_| (1..=3).contains(&count))?;
    Some((number.iter().fold(0, |sum, c| sum * 10 + u16::from(c - b'0')), rest))
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The first SMTP failure reply (400 to 599) in `text`.
///
/// A reply stands at the start, or after white space, a colon, a quote or a bracket, and is followed by a space, a
/// hyphen, a colon or the end; so `port 25`, `10485760` and `mx450` are none.
pub fn find_reply(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'4', b'5', bytes).find_map(|at| reply_at(bytes, at))
}

fn reply_at(bytes: &[u8], at: usize) -> Option<u16> {
    let opens = at == 0
        || bytes.get(at - 1).is_some_and(|c| {
            matches!(c, b' ' | b'\t' | b'\n' | b':' | b';' | b'\'' | b'"' | b'(' | b'[' | b'<' | b'>')
        });
    let digits = bytes.get(at..at + 3)?;
    let plausible = digits.iter().all(u8::is_ascii_digit) && digits.get(1).is_some_and(|c| *c <= b'5');
    let closes = bytes.get(at + 3).is_none_or(|c| {
        matches!(c, b' ' | b'-' | b':' | b'\n' | b'\r' | b'\'' | b'"' | b'#' | b',' | b')' | b']' | b'<')
    });
    (opens && plausible && closes).then(|| digits.iter().fold(0, |sum, c| sum * 10 + u16::from(c - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_from_addresses_and_versions() {
        for (text, status) in [
            ("550 5.1.1 <a@b.de>... User unknown", Some("5.1.1")),
            ("(#5.2.2)", Some("5.2.2")),
            ("550-5.7.26 The MAIL FROM", Some("5.7.26")),
            ("Status 5.1.1.", Some("5.1.1")),
            ("from 192.0.2.5 and 5.1.1.2, sendmail-5.1.1a, v5.1.1", None),
            ("5.1", None),
            ("5.1234.1", None),
            ("", None),
        ] {
            assert_eq!(EnhancedStatus::find(text).map(|s| s.to_string()).as_deref(), status, "{text:?}");
        }
    }

    #[test]
    fn a_reply_is_told_from_other_numbers() {
        for (text, reply) in [
            ("550 5.1.1 unknown", Some(550)),
            ("host mx[192.0.2.1] said: 452-4.2.2 full", Some(452)),
            ("10485760 octets, mx450, 4500", None),
            ("599", None),
            ("ERROR_CODE :554,", Some(554)),
        ] {
            assert_eq!(find_reply(text), reply, "{text:?}");
        }
    }
}
