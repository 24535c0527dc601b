//! Header blocks: which fields there are, and their decoded values.
//!
//! Bounded by [`HEADER_OCTETS_MAX`] and [`FIELDS_MAX`]; what lies beyond is not looked at. Values are decoded one by one,
//! when somebody asks, since most fields of a mail interest nobody here.

use std::borrow::Cow;

/// The longest header block that is read, in octets.
pub const HEADER_OCTETS_MAX: usize = 128 * 1024;
/// The most fields of one block.
pub const FIELDS_MAX: usize = 1000;
/// The longest value that is decoded, in octets.
const VALUE_OCTETS_MAX: usize = 4096;

/// A field as it stands: the name, and the value with its folds.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub raw: &'a [u8],
}

impl Field<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line, encoded words decoded (RFC 2047).
    pub fn value(&self) -> String {
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
    let colon = memchr::memchr(b':', line.get(..line.len().min(100)).unwrap_or(line))?;
    let name = line.get(..colon)?.trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(|c| matches!(c, 33..=57 | 59..=126));
    valid.then_some(name)
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
            if let Some(name) = field_name(line) {
                let whole = start.get(..start.len() - after.len()).unwrap_or(start);
                let colon = memchr::memchr(b':', whole).map_or(whole.len(), |colon| colon + 1);
                return Some(Field { name, raw: whole.get(colon..).unwrap_or(&[]) });
            }
        }
    })
    .take(FIELDS_MAX)
}

/// A raw value in one line: folds become a space, encoded words are decoded, 8-bit text is taken for UTF-8 or Latin 1.
pub fn decode_value(raw: &[u8]) -> String {
    let raw = raw.get(..raw.len().min(VALUE_OCTETS_MAX)).unwrap_or(raw).trim_ascii();
    let text: Cow<'_, str> = match memchr::memmem::find(raw, b"=?") {
        Some(_) => Cow::Owned(decode_words(raw)),
        None => super::text::lossy(raw),
    };
    one_line(&text)
}

fn decode_words(raw: &[u8]) -> String {
    let mut field = Vec::with_capacity(raw.len() + 4);
    field.extend_from_slice(b"x: ");
    field.extend_from_slice(raw);
    mailparse::parse_header(&field)
        .map_or_else(|_| super::text::lossy(raw).into_owned(), |(header, _)| header.get_value())
}

/// White space and control characters collapse to one space each run.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
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
    fn values_are_decoded_and_unfolded() {
        let block = b"Subject: =?iso-8859-1?Q?gr=FC=DFe?=\r\n =?utf-8?B?4pyT?=\r\nTo : a@b.de\r\nX:\r\n";
        let values: Vec<_> = fields(block).map(|field| field.value()).collect();
        assert_eq!(values, ["gr\u{fc}\u{df}e\u{2713}", "a@b.de", ""]);
        assert!(fields(block).nth(1).unwrap().is("to"));
    }
}
