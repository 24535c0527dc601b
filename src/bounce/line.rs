//! Text in one line: what a field, a log or a report shows of it.

use std::borrow::Cow;

/// At most `octets_max` octets of `text` in one line, cut between characters.
pub fn excerpt(text: &str, octets_max: usize) -> String {
    let mut end = text.len().min(octets_max.saturating_mul(2));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = one_line(text.get(..end).unwrap_or(""));
    let mut cut = line.len().min(octets_max);
    while !line.is_char_boundary(cut) {
        cut -= 1;
    }
    line.get(..cut).unwrap_or("").to_owned()
}

/// White space and control characters collapse to one space each run.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
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

/// Text that is its own value in one line: printable ASCII with single spaces and no encoded word, as most values are.
pub fn plain(text: &[u8]) -> Option<&str> {
    is_plain(text).then(|| std::str::from_utf8(text).ok())?
}

fn is_plain(text: &[u8]) -> bool {
    let rest = text.get(1..).unwrap_or(&[]);
    // Without branches, so that many octets are compared at once.
    let odd = text.iter().zip(rest).fold(0, |odd, (a, b)| {
        let is_double = u8::from(*a == b' ') & u8::from(*b == b' ');
        let is_word = u8::from(*a == b'=') & u8::from(*b == b'?');
        odd | u8::from(!matches!(b, b' '..=b'~')) | is_double | is_word
    });
    let bounded = matches!(text, [] | [b'!'..=b'~']) || matches!(text, [b'!'..=b'~', .., b'!'..=b'~']);
    odd == 0 && bounded
}

/// The lines of a text without their ends, as [`str::lines`] has them: memchr is faster where lines are short.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |newline| newline + 1);
        let (line, after) = rest.split_at_checked(end).filter(|_| end > 0)?;
        rest = after;
        Some(line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)))
    })
}

/// White space and control characters.
pub fn is_gap(c: char) -> bool {
    if c.is_ascii() { c <= ' ' || c == '\x7f' } else { c.is_whitespace() || c.is_control() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("=?utf-8?q?a?=", "=?utf-8?q?a?="),
            ("a", "a"),
            ("\t", ""),
            ("gr\u{fc}\u{df}e\u{a0}\u{85}b\u{2028}c", "gr\u{fc}\u{df}e b c"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
            let is_plain = text.is_ascii() && text == line && !text.starts_with("=?");
            assert_eq!(matches!(one_line(text), Cow::Borrowed(_)), is_plain, "{text:?}");
        }
    }
}
