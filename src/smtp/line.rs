//! Cuts input into command lines.
//!
//! A line ends at CRLF and nowhere else (RFC 5321 §2.3.8). A line that is too long or that has a bare LF is reported once, as soon
//! as it is seen, and skipped to its CRLF: what stands behind a bare LF is never taken for a command.
//! Keeps a partial line between inputs, and nothing else.

use memchr::{memchr, memmem};
use std::borrow::Cow;

const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// One line of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Without its CRLF.
    Complete(Cow<'a, [u8]>),
    /// Longer than the limit.
    TooLong,
    /// With an LF that no CR precedes.
    BareLf,
}

/// The splitter with what it keeps between inputs.
#[derive(Debug)]
pub(super) enum LineReader {
    /// The line so far, without an LF and within the limit.
    Collecting(Vec<u8>),
    /// A reported line, up to its CRLF.
    Skipping {
        /// The last octet was CR.
        after_cr: bool,
    },
}

impl LineReader {
    /// At the start of a line.
    pub(super) const fn new() -> Self {
        Self::Collecting(Vec::new())
    }

    /// Takes input up to the end of a line, at most; returns how many octets it took, and the line if one ended.
    pub(super) fn receive<'a>(&mut self, input: &'a [u8], octets_max: usize) -> (usize, Option<Line<'a>>) {
        match self {
            Self::Collecting(partial) => {
                let (next, taken, line) = collect(std::mem::take(partial), input, octets_max);
                *self = next;
                (taken, line)
            }
            Self::Skipping { after_cr } => {
                let (next, taken) = skip(*after_cr, input);
                *self = next;
                (taken, None)
            }
        }
    }
}

fn collect(mut partial: Vec<u8>, input: &[u8], octets_max: usize) -> (LineReader, usize, Option<Line<'_>>) {
    let found = memchr(LF, input);
    let (before_lf, _) = input.split_at(found.unwrap_or(input.len()));
    let last = before_lf.last().or(partial.last()).copied();
    // The CR of a line's end does not count; that of a line which goes on will be text, so it counts one octet later.
    let octets = partial.len() + before_lf.len() - usize::from(last == Some(CR));
    if octets > octets_max {
        // Nothing of this input is taken: the skipping looks at it again.
        return (LineReader::Skipping { after_cr: partial.last() == Some(&CR) }, 0, Some(Line::TooLong));
    }
    let Some(lf) = found else {
        partial.extend_from_slice(input);
        return (LineReader::Collecting(partial), input.len(), None);
    };
    if last != Some(CR) {
        return (LineReader::Skipping { after_cr: false }, lf + 1, Some(Line::BareLf));
    }
    (LineReader::new(), lf + 1, Some(Line::Complete(without_cr(partial, before_lf))))
}

fn without_cr(mut partial: Vec<u8>, before_lf: &[u8]) -> Cow<'_, [u8]> {
    if partial.is_empty() {
        return Cow::Borrowed(before_lf.strip_suffix(&[CR]).unwrap_or(before_lf));
    }
    partial.extend_from_slice(before_lf);
    partial.pop();
    Cow::Owned(partial)
}

fn skip(after_cr: bool, input: &[u8]) -> (LineReader, usize) {
    if after_cr && input.first() == Some(&LF) {
        return (LineReader::new(), 1);
    }
    match memmem::find(input, b"\r\n") {
        Some(at) => (LineReader::new(), at + 2),
        None => (LineReader::Skipping { after_cr: input.last() == Some(&CR) }, input.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `input` when it comes in pieces of `size`, and whether the reader is between two lines then.
    fn lines(input: &[u8], size: usize, octets_max: usize) -> Vec<String> {
        let (mut reader, mut lines) = (LineReader::new(), Vec::new());
        for mut piece in input.chunks(size) {
            while !piece.is_empty() {
                let (taken, line) = reader.receive(piece, octets_max);
                piece = &piece[taken..];
                lines.extend(line.map(|line| match line {
                    Line::Complete(text) => String::from_utf8_lossy(&text).into_owned(),
                    other => format!("{other:?}"),
                }));
            }
        }
        lines
    }

    #[test]
    fn lines_end_at_crlf_alone_at_every_chunk_size() {
        for (input, expected) in [
            (&b"EHLO a\r\nQUIT\r\n"[..], &["EHLO a", "QUIT"][..]),
            (b"\r\n\r\n", &["", ""]),
            (b"no end", &[]),
            (b"a\rb\r\n", &["a\rb"]),
            (b"a\r\r\nb\r\n", &["a\r", "b"]),
            (b"a\nb\r\nc\r\n", &["BareLf", "c"]),
            (b"\nb\n\r\nc\r\n", &["BareLf", "c"]),
            (b"a\n\r\nc\r\n", &["BareLf", "c"]),
            (b"12345678\r\nb\r\n", &["12345678", "b"]),
            (b"123456789\r\nb\r\n", &["TooLong", "b"]),
            (b"12345678\r\r\nb\r\n", &["TooLong", "b"]),
            (b"12345678\rx\r\nb\r\n", &["TooLong", "b"]),
            (b"123456789\nx\r\nb\r\n", &["TooLong", "b"]),
            (b"1234567890123456789\rx\r\r\nb\r\n", &["TooLong", "b"]),
        ] {
            for size in 1..=input.len() {
                assert_eq!(lines(input, size, 8), expected, "{:?} by {size}", input.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_collected_beyond_the_limit() {
        let mut reader = LineReader::new();
        let mut reports = 0;
        for _ in 0..1000 {
            let mut piece = &[b'x'; 1000][..];
            while !piece.is_empty() {
                let (taken, line) = reader.receive(piece, 2048);
                reports += usize::from(line.is_some());
                piece = &piece[taken..];
            }
        }
        assert!(matches!(reader, LineReader::Skipping { after_cr: false }));
        assert_eq!(reports, 1);
    }
}
