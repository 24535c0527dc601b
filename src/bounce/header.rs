//! Header blocks: which fields there are, and their decoded values.
//!
//! Bounded by [`HEADER_OCTETS_MAX`] and [`FIELDS_MAX`]; what lies beyond is not looked at. Values are decoded one by one,
//! when somebody asks, since most fields of a mail interest nobody here.

use std::borrow::Cow;

/// The longest header block that is read, in octets.
pub const HEADER_OCTETS_MAX: usize = 128 * 1024;
/// The most fields of one block.
pub const FIELDS_MAX: usize = 1000;
/// The longest name of a field, with what stands in front of the colon, in octets.
const NAME_OCTETS_MAX: usize = 100;
/// The longest value that is decoded, in octets.
const VALUE_OCTETS_MAX: usize = 4096;

/// A field as it stands: the name, and the value with its folds.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line, encoded words decoded (RFC 2047).
    pub fn value(&self) -> Cow<'a, str> {
        decode_value(self.raw)
    }
}

/// Splits a mail or a part into its header block and its body (RFC 5322 §2.1).
///
/// A block that does not start with a field is no header: everything is body then. An mbox `From ` line and empty lines
/// in front are skipped.
pub fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = mail;
    while let [b'\n' | b'\r' | b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        rest = next_line(rest).1;
    }
    let mut at = 0;
    while let Some(remaining) = rest.get(at..).filter(|r| !r.is_empty() && at < HEADER_OCTETS_MAX) {
        let (line, after) = next_line(remaining);
        if line.is_empty() {
            return (rest.get(..at).unwrap_or(&[]), after);
        }
        let folded = matches!(line, [b' ' | b'\t', ..]) && at > 0;
        if !folded && field_name(line).is_none() && !(at > 0 && goes_on(after)) {
            return (rest.get(..at).unwrap_or(&[]), remaining);
        }
        at += remaining.len() - after.len();
    }
    rest.split_at_checked(at).unwrap_or((rest, &[]))
}

/// Whether a header goes on behind a line that is no field: a fold that lost its indentation.
fn goes_on(after: &[u8]) -> bool {
    let (line, _) = next_line(after);
    let named = field_name(line).is_some_and(|name| name.first().is_some_and(u8::is_ascii_alphabetic));
    matches!(line, [b' ' | b'\t', ..]) && !line.trim_ascii().is_empty() || named
}

/// The first line without its end, and what follows it.
pub fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text);
    let line = text.get(..end.unwrap_or(text.len())).unwrap_or(&[]);
    let rest = end.and_then(|end| text.get(end + 1..)).unwrap_or(&[]);
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// `name` of `name: value`; white space before the colon is an obsolete form that still comes (RFC 5322 §4.5).
pub fn field_name(line: &[u8]) -> Option<&[u8]> {
    split_field(line).map(|(name, _)| name)
}

/// The name, and what follows the colon.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let near = line.get(..line.len().min(NAME_OCTETS_MAX)).unwrap_or(line);
    let end = near.iter().position(|c| !matches!(c, 33..=57 | 59..=126)).filter(|end| *end > 0)?;
    let (name, rest) = near.split_at_checked(end)?;
    let colon = end + rest.iter().position(|c| !c.is_ascii_whitespace())?;
    (line.get(colon) == Some(&b':')).then_some((name, line.get(colon + 1..)?))
}

/// The fields of a header block, in order, at most [`FIELDS_MAX`].
pub fn fields(block: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (line, mut after) = next_line(rest);
            let start = rest;
            while matches!(after, [b' ' | b'\t', ..]) {
                after = next_line(after).1;
            }
            rest = after;
            let whole = start.get(..start.len() - after.len()).unwrap_or(start);
            if let Some((name, value)) = split_field(line) {
                return Some(Field { name, raw: whole.get(line.len() - value.len()..).unwrap_or(&[]) });
            }
        }
    })
    .take(FIELDS_MAX)
}

/// A raw value in one line: folds become a space, encoded words are decoded, 8-bit text is taken for UTF-8 or Latin 1.
pub fn decode_value(raw: &[u8]) -> Cow<'_, str> {
    let raw = raw.get(..raw.len().min(VALUE_OCTETS_MAX)).unwrap_or(raw).trim_ascii();
    let has_words = memchr::memchr_iter(b'=', raw).any(|at| raw.get(at + 1) == Some(&b'?'));
    match if has_words { Cow::Owned(decode_words(raw)) } else { super::text::lossy(raw) } {
        Cow::Borrowed(text) => one_line(text),
        Cow::Owned(text) => Cow::Owned(one_line(&text).into_owned()),
    }
}

fn decode_words(raw: &[u8]) -> String {
    let mut field = Vec::with_capacity(raw.len() + 4);
    field.extend_from_slice(b"x: ");
    field.extend_from_slice(raw);
    mailparse::parse_header(&field)
        .map_or_else(|_| super::text::lossy(raw).into_owned(), |(header, _)| header.get_value())
}

/// White space and control characters collapse to one space each run.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if is_one_line(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(is_gap).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// Printable ASCII with single spaces between its words, as nearly all values are. Without branches, so that many octets
/// are compared at once.
fn is_one_line(text: &[u8]) -> bool {
    let rest = text.get(1..).unwrap_or(&[]);
    let odd = text.iter().fold(0, |odd, c| odd | u8::from(!matches!(c, b' '..=b'~')));
    let doubled = text.iter().zip(rest).fold(0, |any, (a, b)| any | u8::from(*a == b' ') & u8::from(*b == b' '));
    odd == 0 && doubled == 0 && !text.starts_with(b" ") && !text.ends_with(b" ")
}

/// White space and control characters.
pub fn is_gap(c: char) -> bool {
    if c.is_ascii() { c <= ' ' || c == '\x7f' } else { c.is_whitespace() || c.is_control() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_where_no_field_stands() {
        for (mail, header, body) in [
            (&b"A: 1\r\nB: 2\r\n\r\ntext"[..], &b"A: 1\r\nB: 2\r\n"[..], &b"text"[..]),
            (b"From x@y Mon\nA: 1\n folded\n\ntext", b"A: 1\n folded\n", b"text"),
            (b"Hello there\nA: 1\n", b"", b"Hello there\nA: 1\n"),
            (b"A : 1\nno field\n\ntext", b"A : 1\n", b"no field\n\ntext"),
            (b"A: 1\nlost fold\nB: 2\n\ntext", b"A: 1\nlost fold\nB: 2\n", b"text"),
            (b"A: 1", b"A: 1", b""),
            (b"", b"", b""),
        ] {
            assert_eq!(split(mail), (header, body), "{:?}", String::from_utf8_lossy(mail));
        }
    }

    #[test]
    fn a_name_ends_at_a_colon_in_reach_on_its_line() {
        let far = [&b"n".repeat(NAME_OCTETS_MAX)[..], b":"].concat();
        for (line, name) in [
            (&b"To:a"[..], Some(&b"To"[..])),
            (b"To \t: a", Some(b"To")),
            (b"To\x0b: a", None),
            (b"T o: a", None),
            (b": a", None),
            (b" To: a", None),
            (b"T\xc3\xb6: a", None),
            (b"To", None),
            (b"", None),
            (&far, None),
            (&far[1..], Some(&far[1..NAME_OCTETS_MAX])),
        ] {
            assert_eq!(field_name(line), name, "{:?}", String::from_utf8_lossy(line));
        }
        assert_eq!(fields(b"To\n : a\nCc: b\n : c\n").map(|field| field.raw).collect::<Vec<_>>(), [b" b\n : c\n"]);
    }

    #[test]
    fn a_text_without_gaps_stays_as_it_is_and_any_other_is_drawn_together() {
        for (text, line) in [
            ("a b c", "a b c"),
            ("", ""),
            (" ", ""),
            (" a", "a"),
            ("a ", "a"),
            ("a  b", "a b"),
            ("a\tb\r\n c", "a b c"),
            ("a\x7fb\0c", "a b c"),
            ("gr\u{fc}\u{df}e\u{a0}\u{85}b\u{2028}c", "gr\u{fc}\u{df}e b c"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
            assert_eq!(matches!(one_line(text), Cow::Borrowed(_)), text.is_ascii() && text == line, "{text:?}");
        }
    }

    #[test]
    fn values_are_decoded_and_unfolded() {
        let block = b"Subject: =?iso-8859-1?Q?gr=FC=DFe?=\r\n =?utf-8?B?4pyT?=\r\nTo : a@b.de\r\nX:\r\n";
        let values: Vec<_> = fields(block).map(|field| field.value()).collect();
        assert_eq!(values, ["gr\u{fc}\u{df}e\u{2713}", "a@b.de", ""]);
        assert!(fields(block).nth(1).unwrap().is("to"));
    }
}
