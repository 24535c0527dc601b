//! Addresses as they stand in delivery reports and in prose.
//!
//! Lenient about what surrounds an address, never about the address itself: whatever is returned has passed
//! [`Address::parse`]. Which of several addresses is the one that failed is decided elsewhere.

use crate::types::Address;
use std::borrow::Cow;
use std::ops::Range;

/// The most addresses that are taken out of one text.
const ADDRESSES_MAX: usize = 1000;
/// The longest local part and domain that are looked at around an `@`, in octets.
const LOCAL_OCTETS_MAX: usize = 128;
const DOMAIN_OCTETS_MAX: usize = 255;

/// The value of an `Original-Recipient` or `Final-Recipient` field (RFC 3464 §2.3.1, §2.3.2; RFC 6533 §4.2).
///
/// The grammar is `address-type ";" generic-address`. Real ones leave out the type, write `rfc/822`, repeat it, put
/// brackets, quotes or a comment around the address, or carry an X.400 name with `SMTP=` inside.
pub fn parse_recipient_field(value: &str) -> Option<Address> {
    let value = value.trim();
    let (kind, rest) = value.split_once(';').map_or(("", value), |(kind, rest)| (kind.trim(), rest.trim()));
    let is_utf8 = kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("utf-8"));
    let decoded = if is_utf8 { decode_utf8_xtext(rest) } else { decode_xtext(rest) };
    let plain = parse_mailbox(rest).or_else(|| parse_mailbox(value))?;
    Some(match decoded {
        Cow::Borrowed(_) => plain,
        Cow::Owned(decoded) => prefer_decoded(plain, &decoded),
    })
}

/// `+40` inside a local part is xtext only if decoding it gives an address: `user+40years@…` must stay as it is.
fn prefer_decoded(plain: Address, decoded: &str) -> Address {
    let fits = |address: &Address| {
        *address != plain && decoded.matches('@').count() == 1 && !decoded.contains(char::REPLACEMENT_CHARACTER)
    };
    parse_mailbox(decoded).filter(fits).unwrap_or(plain)
}

/// One mailbox with anything that people put around it: `<a@b>`, `"a@b"`, `Name <a@b>`, `a@b (comment)`, `mailto:a@b`.
pub fn parse_mailbox(text: &str) -> Option<Address> {
    let text = text.trim();
    if let Some(inner) = bracketed(text) {
        return Address::parse(trim_wrapping(inner)).or_else(|| first(inner));
    }
    Address::parse(trim_wrapping(text)).filter(|_| !text.contains(';')).or_else(|| first(text))
}

/// The most mailboxes of one header field.
const LIST_MAX: usize = 200;

/// Every mailbox of a `From`, `To` or `Cc` field, at most [`LIST_MAX`]; names and comments are dropped.
pub fn parse_list(text: &str) -> Vec<Address> {
    let mut list = Vec::new();
    extend_list(&mut list, text, LIST_MAX);
    list
}

/// Adds those that the list does not hold, as long as it has fewer than `count_max`.
pub fn extend_list(list: &mut Vec<Address>, text: &str, count_max: usize) {
    for found in find_all(text) {
        if list.len() >= count_max {
            return;
        }
        if !list.contains(&found.address) {
            list.push(found.address);
        }
    }
}

fn bracketed(text: &str) -> Option<&str> {
    let start = memchr::memchr(b'<', text.as_bytes())?;
    let rest = text.get(start + 1..)?;
    let inner = rest.get(..rest.find('>')?)?;
    inner.contains('@').then_some(inner)
}

fn trim_wrapping(text: &str) -> &str {
    let text = text.trim().trim_matches(|c: char| matches!(c, '<' | '>' | ',' | ';'));
    let text = without_quotes(text);
    without_quotes(text.strip_prefix("mailto:").unwrap_or(text))
}

/// A pair of quotes around the whole; one at the start alone belongs to the local part (RFC 5322 §3.2.3, `atext`).
fn without_quotes(text: &str) -> &str {
    [('"', '"'), ('\'', '\''), ('`', '`'), ('`', '\'')]
        .into_iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close))
        .unwrap_or(text)
}

fn first(text: &str) -> Option<Address> {
    find_all(text).next().map(|found| found.address)
}

/// An address and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub address: Address,
    /// In octets of the text, without brackets.
    pub range: Range<usize>,
}

/// The addresses in a text, left to right, at most [`ADDRESSES_MAX`].
///
/// A domain needs a dot and a top label of letters here, so that `tick@noon` and uuencoded lines stay out.
pub fn find_all(text: &str) -> impl Iterator<Item = Found> + '_ {
    memchr::memchr_iter(b'@', text.as_bytes()).filter_map(|at| at_sign(text, at)).take(ADDRESSES_MAX)
}

/// The whole of an address that stands in angle brackets and was broken over a line's end: `range` holds one piece of it.
pub fn mend_in_brackets(text: &str, range: &Range<usize>) -> Option<Address> {
    let (piece, behind) = (text.get(range.clone())?, text.get(range.end..)?);
    let before = text.get(..range.start)?;
    let is_word = |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '<');
    if let Some(head) = before.strip_suffix([' ', '\t', '\n']).filter(|_| behind.starts_with('>')) {
        let (_, first) =
            last_line(head.trim_end_matches([' ', '\t']).strip_suffix('\n').unwrap_or(head)).rsplit_once('<')?;
        let is_half = is_word(first) && !first.contains('>');
        return is_half.then(|| Address::parse(&[first, piece].concat()))?;
    }
    let rest = behind.strip_prefix('\n').filter(|_| before.ends_with('<'))?;
    let (second, _) = rest.lines().next()?.trim_start().split_once('>')?;
    is_word(second).then(|| Address::parse(&[piece, second].concat()))?
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or("")
}

/// The octets of the address around each `@`, without a look at its form: for text in which addresses are masked.
pub fn span_at(text: &str, at: usize) -> Option<Range<usize>> {
    let end = domain_end(text, at + 1);
    if end <= at + 1 {
        return None;
    }
    let start = local_start(text, at);
    (start < at).then_some(start..end)
}

fn at_sign(text: &str, at: usize) -> Option<Found> {
    let range = span_at(text, at)?;
    let domain = text.get(at + 1..range.end)?;
    let literal = domain.starts_with('[');
    let top = memchr::memrchr(b'.', domain.as_bytes()).and_then(|dot| domain.get(dot + 1..));
    let named = top.is_some_and(|top| top.chars().count() > 1 && top.chars().any(|c| !c.is_ascii_digit()));
    let address = Address::parse(text.get(range.clone())?).filter(|_| named || literal)?;
    Some(Found { address, range })
}

/// The start of the local part that ends before `at`: quoted, or a run of what local parts are made of.
fn local_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or("");
    let near_from = floor_boundary(before, at.saturating_sub(LOCAL_OCTETS_MAX));
    let near = before.get(near_from..).unwrap_or("");
    if let Some(quoted) = near.strip_suffix('"')
        && let Some(open) = quoted.rfind('"').filter(|open| !quoted.get(*open..).unwrap_or("").contains('\n'))
        && quoted.len() > open + 1
    {
        return near_from + open;
    }
    let run = near.trim_end_matches(is_local_char);
    let start = near_from + run.len();
    // A dot, a quote or `=` in front belongs to the sentence, not to the address.
    let lead = text.get(start..at).unwrap_or("");
    if lead.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("smtp=")) {
        return start + 5;
    }
    // An encoded word (RFC 2047) where none may stand.
    if lead.starts_with("=?") && lead.ends_with("?=") {
        return start;
    }
    start + (lead.len() - lead.trim_start_matches(['.', '\'', '`', '/', '&', '=', '|', '*', '!']).len())
}

fn is_local_char(c: char) -> bool {
    match c {
        '.' | '-' | '_' | '+' | '=' | '/' | '\'' | '&' | '%' | '#' | '$' | '!' | '*' | '?' | '^' | '`' | '{' | '|'
        | '}' | '~' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => c.is_alphanumeric() && !is_cjk_prose(c) || is_symbol(c),
    }
}

/// Emoji and other symbols occur in local parts (RFC 6531); punctuation of prose does not.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Text in these scripts is written without spaces, so that an address in a sentence has no border but the script.
fn is_cjk_prose(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{FF00}'..='\u{FFEF}')
}

fn domain_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or("");
    if rest.starts_with('[') {
        let close = rest.bytes().take(DOMAIN_OCTETS_MAX).position(|c| c == b']');
        return close.map_or(from, |close| from + close + 1);
    }
    let run = rest.chars().take(DOMAIN_OCTETS_MAX).take_while(|c| is_domain_char(*c)).map(char::len_utf8).sum();
    from + rest.get(..run).unwrap_or("").trim_end_matches(['.', '-', '_']).len()
}

fn is_domain_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '.' | '-' | '_')
        || !c.is_ascii() && c.is_alphanumeric() && !is_cjk_prose(c)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// xtext (RFC 3461 §4): `+` and two upper-case hexadecimal digits stand for an octet.
fn decode_xtext(text: &str) -> Cow<'_, str> {
    if !text.contains('+') {
        return Cow::Borrowed(text);
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex =
            after.get(..2).filter(|hex| *first == b'+' && hex.iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F')));
        let octet = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        octets.push(octet.unwrap_or(*first));
        rest = after.get(if octet.is_some() { 2 } else { 0 }..).unwrap_or(&[]);
    }
    Cow::Owned(String::from_utf8_lossy(&octets).into_owned())
}

/// utf-8-addr-xtext (RFC 6533 §3): `\x{1F408}` stands for a character.
fn decode_utf8_xtext(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x{") {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split("\\x{");
    let mut out = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let (hex, rest) = piece.split_once('}').unwrap_or(("", piece));
        out.extend(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
        out.push_str(rest);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipient_fields_as_they_come() {
        for (value, address) in [
            ("rfc822; user@example.com", "user@example.com"),
            ("rfc822;<User@Example.COM>", "User@example.com"),
            ("RFC822; \"user\"@example.com", "\"user\"@example.com"),
            ("rfc/822;user@example.com", "user@example.com"),
            ("user@example.com", "user@example.com"),
            ("= rfc822; user@example.com", "user@example.com"),
            ("rfc822;user+tag=x@example.com (the user)", "user+tag=x@example.com"),
            ("rfc822; user+40years@example.com", "user+40years@example.com"),
            ("rfc822;user+2Btag@example.com", "user+tag@example.com"),
            ("utf-8;\\x{1F408}@example.com", "\u{1F408}@example.com"),
            ("x400; c=us;a= ;p=example;dda:SMTP=user@example.com;", "user@example.com"),
            ("rfc822; 'user@example.com'", "user@example.com"),
            ("rfc822;mailto:user@example.com", "user@example.com"),
            ("rfc822; `id`@x.example", "`id`@x.example"),
            ("rfc822; 'id'@x.example", "'id'@x.example"),
            ("rfc822; <`id`@x.example>", "`id`@x.example"),
            ("rfc822; `user@example.com'", "user@example.com"),
            ("rfc822; \"user@example.com\"", "user@example.com"),
        ] {
            assert_eq!(parse_recipient_field(value).map(|a| a.to_string()).as_deref(), Some(address), "{value:?}");
        }
        for value in ["", "rfc822;", "rfc822; user", "local; \"a b\"", "rfc822; @example.com"] {
            assert_eq!(parse_recipient_field(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_broken_address_is_mended() {
        for (text, mended) in [
            ("<jo@far.away.exam\n ple.net>: gone\n", Some("jo@far.away.example.net")),
            ("to <jo.of.far.\naway@example.net>", Some("jo.of.far.away@example.net")),
            ("<jo.of.far\n\taway@example.net>", Some("jo.of.faraway@example.net")),
            ("<jo@example.net>\n<al@example.net>", None),
            ("<jo@example.net\n\nal>", None),
            ("3 < 4\njo@example.net> said", None),
            ("jo@example.net", None),
        ] {
            let found = find_all(text).next().unwrap();
            assert_eq!(mend_in_brackets(text, &found.range).map(|a| a.to_string()).as_deref(), mended, "{text:?}");
        }
    }

    #[test]
    fn addresses_in_prose() {
        for (text, addresses) in [
            ("to <a@example.com>, b@example.org.", vec!["a@example.com", "b@example.org"]),
            ("\"x y\"@example.com: gone", vec!["\"x y\"@example.com"]),
            ("宛先user@example.jpへの", vec!["user@example.jp"]),
            ("M4@*%U@`)@A 12@noon a@b", vec![]),
            ("'quoted@example.com'", vec!["quoted@example.com"]),
            ("=rcpt@[192.0.2.1]", vec!["rcpt@[192.0.2.1]"]),
            ("<=?utf-8?B?8J+Q?=@example.org>", vec!["=?utf-8?B?8J+Q?=@example.org"]),
        ] {
            let found: Vec<_> = find_all(text).map(|found| found.address.to_string()).collect();
            assert_eq!(found, addresses, "{text:?}");
        }
    }
}
