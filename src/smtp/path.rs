//! The paths of MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3), as strings that were checked.
//!
//! What is kept is `local@domain` as it was written, quotes included. Deliberately absent: any idea of which address exists.

use crate::types::{ADDRESS_OCTETS_MAX, Domain};
use std::net::{Ipv4Addr, Ipv6Addr};

const BLANKS: [char; 2] = [' ', '\t'];

/// Where a failure would be reported to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReversePath {
    /// `<>`: a bounce, as nearly everything that comes here.
    NullSender,
    /// A mailbox.
    Path(String),
}

/// Who the mail is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ForwardPath {
    /// `<postmaster>` without a domain, in any case of letters.
    Postmaster,
    /// A mailbox.
    Path(String),
}

impl ReversePath {
    /// Reads a path at the start of `text`, returns what follows it.
    pub(super) fn parse(text: &str) -> Option<(Self, &str)> {
        let (path, rest) = split_path(text)?;
        let path = if path.is_empty() { Self::NullSender } else { Self::Path(mailbox(path)?.to_owned()) };
        Some((path, rest))
    }

    /// The mailbox, empty for the null sender.
    pub(super) fn into_string(self) -> String {
        match self {
            Self::NullSender => String::new(),
            Self::Path(mailbox) => mailbox,
        }
    }
}

impl ForwardPath {
    /// Reads a path at the start of `text`, returns what follows it.
    pub(super) fn parse(text: &str) -> Option<(Self, &str)> {
        let (path, rest) = split_path(text)?;
        if path.eq_ignore_ascii_case("postmaster") {
            return Some((Self::Postmaster, rest));
        }
        Some((Self::Path(mailbox(path)?.to_owned()), rest))
    }

    /// The mailbox.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Postmaster => "postmaster",
            Self::Path(mailbox) => mailbox,
        }
    }

    /// The mailbox.
    pub(super) fn into_string(self) -> String {
        match self {
            Self::Postmaster => "postmaster".to_owned(),
            Self::Path(mailbox) => mailbox,
        }
    }
}

/// ```text
/// Path = "<" [ A-d-l ":" ] Mailbox ">"
/// ```
/// The world also sends white space in front of it and no brackets; then the path ends at white space, and is not empty.
fn split_path(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(BLANKS);
    let (path, rest) = match text.strip_prefix('<') {
        Some(inner) => {
            let (path, rest) = inner.split_at_checked(find_unquoted(inner, b'>')?)?;
            (path.trim_matches(BLANKS), rest.strip_prefix('>')?)
        }
        None => text.split_at_checked(find_unquoted(text, b' ').unwrap_or(text.len()))?,
    };
    let apart = rest.is_empty() || rest.starts_with(BLANKS);
    let bracketed = text.starts_with('<');
    (apart && (bracketed || !path.is_empty())).then_some((path, rest))
}

/// Where `wanted`, which is ASCII, stands outside of a quoted string.
fn find_unquoted(text: &str, wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            octet if octet == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// ```text
/// Mailbox = Local-part "@" ( Domain / address-literal )
/// A-d-l   = At-domain *( "," At-domain )
/// ```
/// The source route is dropped (RFC 5321 §3.3, appendix C). The world also sends local parts alone, from system mail.
fn mailbox(path: &str) -> Option<&str> {
    let mailbox = if path.starts_with('@') { path.split_once(':')?.1 } else { path };
    let (local, domain) = match find_unquoted(mailbox, b'@') {
        Some(at) => (mailbox.get(..at)?, mailbox.get(at + 1..)),
        None => (mailbox, None),
    };
    let fits = mailbox.len() <= ADDRESS_OCTETS_MAX && is_local_part(local) && domain.is_none_or(is_domain);
    fits.then_some(mailbox)
}

/// ```text
/// Local-part = Dot-string / Quoted-string
/// ```
/// The world also has dots at the ends and in a row, and more than 64 octets (VERP).
fn is_local_part(local: &str) -> bool {
    if let Some(inner) = local.strip_prefix('"') {
        let is_closed = find_closing_quote(inner).is_some_and(|end| end + 1 == inner.len());
        return is_closed && inner.chars().all(|c| c == ' ' || is_visible(c));
    }
    !local.is_empty() && local.chars().all(|c| c == '.' || is_atext(c))
}

/// Where a quoted string ends, from behind its opening quote.
fn find_closing_quote(inner: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// RFC 5322 §3.2.3 and RFC 6531 §3.3.
fn is_atext(c: char) -> bool {
    match c {
        '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        c => c.is_ascii_alphanumeric() || (!c.is_ascii() && is_visible(c)),
    }
}

/// Controls and the white space of Unicode would be legal by RFC 6531, and serve nobody but a forger.
fn is_visible(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

/// ```text
/// address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
/// ```
/// No tag for a general literal was ever registered.
fn is_domain(domain: &str) -> bool {
    let Some(literal) = domain.strip_prefix('[') else { return Domain::is_name(domain) };
    let Some(literal) = literal.strip_suffix(']') else { return false };
    match literal.split_at_checked("IPv6:".len()) {
        Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6:") => v6.parse::<Ipv6Addr>().is_ok(),
        _ => literal.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_paths() {
        for (text, path, rest) in [
            ("<a@b.de>", "a@b.de", ""),
            (" <a@b.de> X=1", "a@b.de", " X=1"),
            ("< a@b.de >", "a@b.de", ""),
            ("a@b.de", "a@b.de", ""),
            ("a@b.de X=1", "a@b.de", " X=1"),
            ("<@r.de:a@b.de>", "a@b.de", ""),
            ("<@r.de,@s.de:a@b.de>", "a@b.de", ""),
            ("<\"a b\"@c.de>", "\"a b\"@c.de", ""),
            ("<\"a>b@\\\"c\"@d.de>", "\"a>b@\\\"c\"@d.de", ""),
            ("\"a b\"@c.de X", "\"a b\"@c.de", " X"),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]", ""),
            ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", ""),
            ("<@r.de:a@[ipv6:::1]>", "a@[ipv6:::1]", ""),
            ("<prvs=1234ABCDEF=a+x/y@b.de>", "prvs=1234ABCDEF=a+x/y@b.de", ""),
            ("<.a..b.@c.de>", ".a..b.@c.de", ""),
            ("<ü@ö.de>", "ü@ö.de", ""),
            ("<root>", "root", ""),
            ("<PostMaster>", "postmaster", ""),
            ("<postmaster@b.de>", "postmaster@b.de", ""),
        ] {
            let (found, left) = ForwardPath::parse(text).expect(text);
            assert_eq!((found.as_str(), left), (path, rest), "{text}");
        }
    }

    #[test]
    fn paths_that_are_none() {
        let long = format!("<{}@b.de>", "a".repeat(ADDRESS_OCTETS_MAX));
        for text in [
            "",
            " ",
            "<",
            ">",
            "a@b.de>",
            "<a@b.de",
            "<a@b.de>x",
            "<<a@b.de>>",
            "<a@>",
            "<@b.de>",
            "<@>",
            "<a b@c.de>",
            "<a@b@c.de>",
            "<a@b..de>",
            "<a@b de>",
            "<\"a@b.de>",
            "<\"a\"b@c.de>",
            "<a\"b\"@c.de>",
            "<a(b)@c.de>",
            "<\"a\tb\"@c.de>",
            "<\"a\u{85}\"@c.de>",
            "<a\u{2000}@c.de>",
            "<\u{2028}a@c.de>",
            "<\"a\u{2000}\"@c.de>",
            "<a@[]>",
            "<a@[300.0.0.1]>",
            "<a@[IPv6:x]>",
            "<a@[x:y]>",
            "<a@[192.0.2.1>",
            "<@r.de:>",
            "<a,b@c.de>",
            "<a\\b@c.de>",
            &long,
        ] {
            assert_eq!(ForwardPath::parse(text), None, "{text}");
        }
        assert_eq!(ForwardPath::parse("<>"), None);
    }

    #[test]
    fn the_null_sender_needs_its_brackets() {
        assert_eq!(ReversePath::parse("<> SIZE=1"), Some((ReversePath::NullSender, " SIZE=1")));
        assert_eq!(ReversePath::parse("< >"), Some((ReversePath::NullSender, "")));
        assert_eq!(ReversePath::parse(""), None);
    }
}
