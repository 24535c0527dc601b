//! The words that all parts share: addresses, domains, times and our message id.
//!
//! Each type is checked once, where it enters; inside, a value of the type is proof of its form.
//! Nothing here reads a clock: the time is passed in.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime};

/// The longest address that is kept, in octets (RFC 5321 §4.5.3.1: 64 + "@" + 255).
pub const ADDRESS_OCTETS_MAX: usize = 320;

/// A mailbox address: the local part as it was written, the domain in lower case.
///
/// Two addresses are the same mailbox for the counters when their [`Address::key`]s are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address(String);

impl Address {
    /// Takes `local@domain` without brackets, comments or white space around it.
    ///
    /// Lenient in the local part, since real ones hold almost anything (`=`, quotes, 8-bit text); strict where
    /// an address would do harm: no control characters, no empty side, at most [`ADDRESS_OCTETS_MAX`] octets.
    pub fn parse(text: &str) -> Option<Self> {
        let at = memchr::memrchr(b'@', text.as_bytes()).filter(|_| text.len() <= ADDRESS_OCTETS_MAX)?;
        let (local, domain) = (&text[..at], Domain::check(&text[at + 1..])?);
        let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
        let plain = |c: char| !c.is_whitespace() && !matches!(c, '<' | '>' | '(' | ')' | ',' | ';');
        let fits = all(local, |c| !c.is_control() && (quoted || plain(c)));
        (!local.is_empty() && fits).then(|| Self::with_lower_domain(&text[..=at + domain.len()], at))
    }

    /// The domain behind the `@` at this place in lower case.
    fn with_lower_domain(text: &str, at: usize) -> Self {
        let (local, domain) = text.split_at(at);
        if !domain.is_ascii() {
            return Self([local, &domain.to_lowercase()].concat());
        }
        let mut lower = text.to_owned();
        lower[at..].make_ascii_lowercase();
        Self(lower)
    }

    /// `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the last `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether both have the same [`Address::key`].
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        if self.0.is_ascii() && other.0.is_ascii() {
            return self.0.eq_ignore_ascii_case(&other.0);
        }
        self.key() == other.key()
    }

    /// The form that counter keys compare: everything in lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain name or an address literal, in lower case and without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Domain(String);

impl Domain {
    /// Takes a name of letters, digits, `-`, `_`, `.` and 8-bit text (RFC 6531), or `[…]` (RFC 5321 §4.1.3).
    pub fn parse(text: &str) -> Option<Self> {
        Self::check(text).map(|name| Self(name.to_lowercase()))
    }

    /// Whether [`Self::parse`] takes it.
    pub fn is_name(text: &str) -> bool {
        Self::check(text).is_some()
    }

    /// The name as it stands, without a final dot.
    fn check(text: &str) -> Option<&str> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let literal = name.len() > 2 && name.starts_with('[') && name.ends_with(']');
        let inner = if literal { &name[1..name.len() - 1] } else { name };
        let fits = |c: char| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => true,
            ':' => literal,
            c => !c.is_ascii() && !c.is_control() && !c.is_whitespace(),
        };
        let labels = literal || inner.as_bytes().split(|c| *c == b'.').all(|label| !label.is_empty());
        (!inner.is_empty() && name.len() <= 255 && labels && all(inner, fits)).then_some(name)
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` is `other` or a parent of it, label by label: `evil-mydomain.de` is not below `mydomain.de`.
    pub fn covers(&self, other: &str) -> bool {
        let other = other.strip_suffix('.').unwrap_or(other);
        let Some(start) = other.len().checked_sub(self.0.len()) else { return false };
        let tail_is_equal = other.as_bytes()[start..].eq_ignore_ascii_case(self.0.as_bytes());
        tail_is_equal && (start == 0 || other.as_bytes()[start - 1] == b'.')
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether all characters of a text fit; octet by octet where it is ASCII, as nearly every address is.
fn all(text: &str, fits: impl Fn(char) -> bool) -> bool {
    if text.is_ascii() { text.bytes().all(|c| fits(char::from(c))) } else { text.chars().all(fits) }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// After all others.
    pub const MAX: Self = Self(u64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The time `span` later; saturates.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time `span` earlier; saturates at the epoch.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero when it lies ahead (clocks jump).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock that stands before the epoch shows the epoch.
    fn from(time: SystemTime) -> Self {
        Self::default().after(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with whole seconds, as every output of ours shows times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
        let text = time::OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .and_then(|t| t.format(&time::format_description::well_known::Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("-"))
    }
}

/// Our id of one received mail: stands in `250 2.0.0 Ok: queued as …` and in every log line of that mail.
///
/// Unique over restarts: the milliseconds of the start of the daemon's run and a counter from there, so that ids sort by time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub u64);

impl MessageId {
    /// The first id of a run that starts at `now`: unique as long as fewer than a million mails arrive in each millisecond.
    pub fn first(now: Timestamp) -> Self {
        Self(now.millis() << 20)
    }

    /// The id of this text, as [`fmt::Display`] shows it; small letters will do.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |c: char| DIGITS.iter().position(|digit| char::from(*digit) == c.to_ascii_uppercase());
        let add = |id: u64, c| id.checked_mul(32)?.checked_add(u64::try_from(digit(c)?).ok()?);
        (!text.is_empty()).then(|| text.chars().try_fold(0, add).map(Self))?
    }
}

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl fmt::Display for MessageId {
    /// Base 32, upper case, at least ten digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 13];
        let mut rest = self.0;
        for digit in text.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(rest & 31).unwrap_or(0)];
            rest >>= 5;
        }
        let zeros = text.iter().take(text.len() - 10).take_while(|digit| **digit == b'0').count();
        f.write_str(str::from_utf8(&text[zeros..]).unwrap_or_default())
    }
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the wire alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_keeps_the_local_part_and_lowers_the_domain() {
        let address = Address::parse("Evil.Address+tag=x@Some-Provider.COM.").unwrap();
        assert_eq!(address.as_str(), "Evil.Address+tag=x@some-provider.com");
        assert_eq!(address.key(), "evil.address+tag=x@some-provider.com");
        assert_eq!((address.local(), address.domain()), ("Evil.Address+tag=x", "some-provider.com"));
    }

    #[test]
    fn the_same_mailbox_is_told_by_its_key() {
        for (a, b, same) in [
            ("Jo@a.de", "jo@A.de", true),
            ("jo@a.de", "joe@a.de", false),
            ("J\u{d6}@a.de", "j\u{f6}@a.de", true),
            // The sign of the unit kelvin.
            ("\u{212a}@a.de", "k@a.de", true),
            ("j\u{f6}@a.de", "jo@a.de", false),
        ] {
            let [a, b] = [a, b].map(|text| Address::parse(text).unwrap());
            assert_eq!(a.is_same_mailbox(&b), same, "{a} {b}");
            assert_eq!(a.key() == b.key(), same, "{a} {b}");
        }
    }

    #[test]
    fn address_refuses_what_would_do_harm() {
        for text in ["", "@", "a@", "@b", "a b@c", "a\n@b.de", "a@b..de", "<a@b.de>", "a@b de", "a@[", "a@b/c"] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
        assert_eq!(Address::parse(&format!("{}@b.de", "a".repeat(320))), None);
        for text in ["\"a b\"@c.de", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@b_c.de", "ü@ö.de", "a@b"] {
            assert!(Address::parse(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn domains_match_by_labels() {
        let domain = Domain::parse("MyDomain.de").unwrap();
        for (name, covered) in [
            ("mydomain.de", true),
            ("MAIL.mydomain.DE.", true),
            ("evil-mydomain.de", false),
            ("de", false),
            ("mydomain.de.evil.com", false),
        ] {
            assert_eq!(domain.covers(name), covered, "{name}");
        }
    }

    #[test]
    fn message_ids_are_readable_and_sort() {
        assert_eq!(MessageId(0).to_string(), "0000000000");
        assert!(MessageId(31).to_string() < MessageId(32).to_string());
        assert_eq!(MessageId(u64::MAX).to_string(), "FZZZZZZZZZZZZ");
        for id in [0, 1, 31, 32, 1 << 40, u64::MAX] {
            assert_eq!(MessageId::parse(&MessageId(id).to_string().to_lowercase()), Some(MessageId(id)));
        }
        for text in ["", "U", "-", "GZZZZZZZZZZZZ", "0000000000 "] {
            assert_eq!(MessageId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_clock_before_the_epoch_shows_the_epoch() {
        let second = Duration::from_secs(1);
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH + second), Timestamp::from_millis(1000));
        assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH - second), Timestamp::default());
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_000_000_000_999).to_string(), "2001-09-09T01:46:40Z");
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "***");
    }
}
