//! Header blocks: which fields there are, and their decoded values.
//!
//! Bounded by [`HEADER_OCTETS_MAX`] and [`FIELDS_MAX`]; what lies beyond is not looked at. Values are decoded one by one,
//! when somebody asks, since most fields of a mail interest nobody here.

use super::{charset, line};
use std::borrow::Cow;

/// The longest header block that is read, in octets.
const HEADER_OCTETS_MAX: usize = 128 * 1024;
/// The most fields of one block.
const FIELDS_MAX: usize = 1000;
/// How many fields a header of a mail may well have.
const FIELDS_USUAL: usize = 16;
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

/// Takes a mail or a part apart: its fields, in order, at most [`FIELDS_MAX`], and its body (RFC 5322 §2.1).
///
/// A block that does not start with a field is no header: everything is body then. An mbox `From ` line and empty lines
/// in front are skipped.
pub fn read(mail: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let mut fields = Vec::with_capacity(FIELDS_USUAL);
    let body = read_into(&mut fields, mail);
    (fields, body)
}

/// As [`read`] does, into a list that is empty: for one who reads many headers. Returns the body.
pub fn read_into<'a>(fields: &mut Vec<Field<'a>>, mail: &'a [u8]) -> &'a [u8] {
    let mail = without_lead(mail);
    // Where the value of the last field starts, as long as folds may follow.
    let mut open = None;
    let mut rest = mail;
    while !rest.is_empty() && mail.len() - rest.len() < HEADER_OCTETS_MAX {
        let (line, after) = next_line(rest);
        let is_first = rest.len() == mail.len();
        if line.is_empty() {
            return after;
        } else if matches!(line, [b' ' | b'\t', ..]) && !is_first {
            if is_blank(line) {
                let behind = behind_blanks(after);
                if !starts_as_a_header(behind) {
                    return after;
                }
                rest = behind;
                continue;
            }
            if let Some((start, field)) = open.zip(fields.last_mut()) {
                field.raw = mail.get(start..mail.len() - after.len()).unwrap_or(field.raw);
            }
        } else if let Some((name, value)) = split_field(line) {
            let start = mail.len() - rest.len() + line.len() - value.len();
            open = (fields.len() < FIELDS_MAX).then_some(start);
            if open.is_some() {
                fields.push(Field { name, raw: mail.get(start..mail.len() - after.len()).unwrap_or(value) });
            }
        } else if !is_first && goes_on(after) {
            open = None;
        } else {
            return rest;
        }
        rest = after;
    }
    rest
}

/// How many empty lines inside a header are put up with.
const BREAKS_MAX: usize = 2;
/// How many folds an empty line may have cut off from their field.
const LOST_FOLDS_MAX: usize = 8;

/// Takes a mail apart as [`read`] does; a header that a gateway cut by an empty line goes on behind it.
pub fn read_mail(mail: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let (mut fields, mut body) = read(mail);
    for _ in 0..BREAKS_MAX {
        let behind = behind_lost_folds(body);
        if field_name(next_line(without_lead(behind)).0).is_none() {
            break;
        }
        let (more, rest) = read(behind);
        let is_started = fields.iter().any(|field| field.is("from") || field.is("subject"));
        if !(is_the_rest(&fields, &more, behind, rest) || !is_started && starts_as_a_header(behind)) {
            break;
        }
        fields.extend(more);
        body = rest;
    }
    (fields, body)
}

/// What follows the folds of a field that lost their field.
fn behind_lost_folds(body: &[u8]) -> &[u8] {
    let mut rest = body;
    for _ in 0..LOST_FOLDS_MAX {
        match next_line(rest) {
            (line @ [b' ' | b'\t', ..], after) if !is_blank(line) => rest = after,
            (line, _) => return if field_name(line).is_some() { rest } else { body },
        }
    }
    body
}

/// Whether a block behind an author or a subject belongs to the same header: it ends with an empty line, names something that
/// only a header does, and repeats nothing that stands once in one (RFC 5322 §3.6), as the header of a returned message would.
fn is_the_rest(header: &[Field<'_>], block: &[Field<'_>], text: &[u8], body: &[u8]) -> bool {
    const ONCE: &[&str] =
        &["from", "to", "subject", "date", "message-id", "return-path", "mime-version", "content-type"];
    const TELLING: &[&str] = &[
        "mime-version",
        "content-type",
        "message-id",
        "auto-submitted",
        "x-failed-recipients",
        "content-transfer-encoding",
    ];
    let names = |fields: &[Field<'_>], name: &str| fields.iter().any(|field| field.is(name));
    let ended = text.len().checked_sub(body.len() + 1).and_then(|end| text.get(..end)).unwrap_or(&[]);
    let is_ended = ended.strip_suffix(b"\r").unwrap_or(ended).ends_with(b"\n");
    is_ended
        && TELLING.iter().any(|name| names(block, name))
        && !ONCE.iter().any(|name| names(header, name) && names(block, name))
}

/// What follows lines of white space: they are looked at once, however many there are.
fn behind_blanks(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while text.len() - rest.len() < HEADER_OCTETS_MAX {
        let (line, after) = next_line(rest);
        if line.is_empty() || !is_blank(line) {
            break;
        }
        rest = after;
    }
    rest
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

fn starts_as_a_header(text: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "content-",
        "x-",
    ];
    let (line, _) = next_line(without_lead(text));
    let starts =
        |name: &[u8], known: &str| name.get(..known.len()).is_some_and(|s| s.eq_ignore_ascii_case(known.as_bytes()));
    field_name(line).is_some_and(|name| NAMES.iter().any(|known| starts(name, known)))
}

/// How many lines of mailbox folders (`From …`, RFC 4155) may stand in front.
const FROM_LINES_MAX: usize = 3;

fn without_lead(mail: &[u8]) -> &[u8] {
    let mut rest = mail;
    while let [b'\n' | b'\r' | b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    // A folder that was taken out of another one leaves a line of each.
    for _ in 0..FROM_LINES_MAX {
        if !rest.starts_with(b"From ") && !rest.starts_with(b">From ") {
            break;
        }
        rest = next_line(rest).1;
    }
    rest
}

/// Whether a header goes on behind a line that is no field: a fold that lost its indentation.
fn goes_on(after: &[u8]) -> bool {
    let (line, _) = next_line(after);
    let named = field_name(line).is_some_and(|name| name.first().is_some_and(u8::is_ascii_alphabetic));
    matches!(line, [b' ' | b'\t', ..]) && !is_blank(line) || named
}

/// The first line without its end, and what follows it; a second CR before the LF is a gateway's.
pub fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text);
    let line = text.get(..end.unwrap_or(text.len())).unwrap_or(&[]);
    let rest = end.and_then(|end| text.get(end + 1..)).unwrap_or(&[]);
    let mut line = line;
    while let [start @ .., b'\r'] = line {
        line = start;
    }
    (line, rest)
}

/// `name` of `name: value`; white space before the colon is an obsolete form that still comes (RFC 5322 §4.5).
pub fn field_name(line: &[u8]) -> Option<&[u8]> {
    split_field(line).map(|(name, _)| name)
}

/// The name, and what follows the colon.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let near = line.get(..line.len().min(NAME_OCTETS_MAX)).unwrap_or(line);
    let end = near.iter().position(|c| *c == b':' || !c.is_ascii_graphic()).filter(|end| *end > 0)?;
    let (name, rest) = near.split_at_checked(end)?;
    let colon = end + rest.iter().position(|c| !c.is_ascii_whitespace())?;
    (line.get(colon) == Some(&b':')).then_some((name, line.get(colon + 1..)?))
}

/// The fields of a block that may hold anything else, too, in order, at most [`FIELDS_MAX`].
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
    if let Some(plain) = line::plain(raw) {
        return Cow::Borrowed(plain);
    }
    let has_words = memchr::memmem::find(raw, b"=?").is_some();
    let text = if has_words { Cow::Owned(decode_words(raw)) } else { charset::lossy(raw) };
    Cow::Owned(line::one_line(&text).into_owned())
}

fn decode_words(raw: &[u8]) -> String {
    let mut field = Vec::with_capacity(raw.len() + 4);
    field.extend_from_slice(b"x: ");
    field.extend_from_slice(raw);
    mailparse::parse_header(&field).map_or_else(|_| charset::lossy(raw).into_owned(), |(header, _)| header.get_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_where_no_field_stands() {
        for (mail, fields, body) in [
            (&b"A: 1\r\nB: 2\r\n\r\ntext"[..], &["A: 1\r\n", "B: 2\r\n"][..], "text"),
            (b"From x@y Mon\nA: 1\n folded\n\ntext", &["A: 1\n folded\n"], "text"),
            (b"From x@y Mon\nFrom z@y Tue\nA: 1\n\ntext", &["A: 1\n"], "text"),
            (b"From x@y Mon\n A: 1\nB: 2\n", &[], " A: 1\nB: 2\n"),
            (b"\n \nA: 1\n", &["A: 1\n"], ""),
            (b"Hello there\nA: 1\n", &[], "Hello there\nA: 1\n"),
            (b"A : 1\nno field\n\ntext", &["A: 1\n"], "no field\n\ntext"),
            (b"A: 1\nlost fold\nB: 2\n\ntext", &["A: 1\n", "B: 2\n"], "text"),
            (b"A: 1\nlost fold\n of nobody\nB: 2\n\t3\n", &["A: 1\n", "B: 2\n\t3\n"], ""),
            (b"A: 1", &["A: 1"], ""),
            (b"", &[], ""),
        ] {
            let (found, rest) = read(mail);
            let found: Vec<_> = found.iter().map(|field| [field.name, b":", field.raw].concat()).collect();
            assert_eq!((found, rest), (fields.iter().map(|f| f.as_bytes().to_vec()).collect(), body.as_bytes()));
        }
    }

    #[test]
    fn a_header_without_author_and_subject_goes_on_behind_an_empty_line() {
        let names = |mail| read_mail(mail).0.iter().map(|field| field.name.to_ascii_lowercase()).collect::<Vec<_>>();
        assert_eq!(names(b"Received: a\n\n\nFrom: b\nSubject: c\n\nTo: d\n"), [&b"received"[..], b"from", b"subject"]);
        assert_eq!(names(b"From x@y.example Mon Mar  3 10:00:00 2025\n\nFrom: b\n\nbody"), [b"from"]);
        assert_eq!(names(b"Received: a\n\nHello: b\n"), [b"received"]);
    }

    #[test]
    fn a_header_that_an_empty_line_cut_goes_on_unless_another_one_starts_there() {
        let count = |mail: &str| read_mail(mail.as_bytes()).0.len();
        for (behind, more) in [
            ("MIME-Version: 1.0\n\nbody", 1),
            ("Date: a\r\nMessage-ID: <b>\r\n\r\nbody", 2),
            ("\tby a fold\n of Received\nX-b: c\nAuto-Submitted: auto-replied\n\nbody", 2),
            ("From: a\nMIME-Version: 1.0\n\nbody", 0),
            ("Date: a\nX-b: c\n\nbody", 0),
            ("MIME-Version: 1.0\nDear all,\n\nbody", 0),
            ("MIME-Version: 1.0\n", 0),
            (" -- folds of nobody\n\nMIME-Version: 1.0\n\nbody", 0),
        ] {
            assert_eq!(count(&format!("From: d\nSubject: e\n\n{behind}")), 2 + more, "{behind:?}");
        }
    }

    #[test]
    fn a_header_goes_on_behind_lines_of_white_space_if_a_known_field_follows() {
        for (mail, names, body) in [
            (&b"From: a\n \n\t\r\n \nX-b: c\n\nbody"[..], &[&b"From"[..], b"X-b"][..], &b"body"[..]),
            (b"From: a\n \n \nHello: c\n", &[b"From"], b" \nHello: c\n"),
            (b"From: a\n \n\nX-b: c\n", &[b"From"], b"X-b: c\n"),
            (b"From: a\n \n  ", &[b"From"], b"  "),
        ] {
            let (fields, rest) = read(mail);
            assert_eq!((fields.iter().map(|field| field.name).collect(), rest), (names.to_vec(), body));
        }
    }

    #[test]
    fn a_doubled_carriage_return_ends_a_line_once() {
        let (fields, body) = read(b"Subject: x\r\r\nFrom: a\r\r\n\r\r\nbody\r\r\n");
        assert_eq!(fields.iter().map(Field::value).collect::<Vec<_>>(), ["x", "a"]);
        assert_eq!(next_line(body), (&b"body"[..], &b""[..]));
    }

    #[test]
    fn a_header_without_end_is_cut() {
        let many = b"A: 1\n".repeat(FIELDS_MAX + 9);
        assert_eq!(read(&many).0.len(), FIELDS_MAX);
        let folded = [&b"A: 1\n"[..], &b" folded\n".repeat(HEADER_OCTETS_MAX)].concat();
        let (found, rest) = read(&folded);
        assert!(found[0].raw.len() <= HEADER_OCTETS_MAX + 8 && found[0].raw.len() + rest.len() == folded.len() - 2);
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
    fn values_are_decoded_and_unfolded() {
        let block = b"Subject: =?iso-8859-1?Q?gr=FC=DFe?=\r\n =?utf-8?B?4pyT?=\r\nTo : a@b.de\r\nX:\r\n";
        let values: Vec<_> = fields(block).map(|field| field.value()).collect();
        assert_eq!(values, ["gr\u{fc}\u{df}e\u{2713}", "a@b.de", ""]);
        assert!(fields(block).nth(1).unwrap().is("to"));
    }
}
