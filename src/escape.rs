//! Text from the wire, made harmless for a log, a terminal or JSON: the one place that knows which characters are not.
//!
//! Escaped are the control characters (C0, DEL, C1), line and paragraph separators, and the invisible ones that reorder
//! or hide text (bidirectional controls, zero-width characters, tags). Everything else is shown as it is. HTML, URLs and file names have rules of their own and
//! are not made here.

use std::fmt::{self, Write};

/// Shows a text with `\n`, `\t`, `\u{1b}` and the like in place of what would do harm.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pieces(f, self.0, is_harmful, |f, c| write!(f, "{}", c.escape_default()))
    }
}

/// Shows a text as a JSON string with its quotes (RFC 8259 §7); harmful characters as `\u001b`.
pub struct JsonString<'a>(pub &'a str);

impl fmt::Display for JsonString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write_pieces(f, self.0, |c| matches!(c, '"' | '\\') || is_harmful(c), write_json_escape)?;
        f.write_char('"')
    }
}

/// Shows a JSON document that was made elsewhere. What is harmful stands inside of its strings, and is escaped there; line breaks
/// stand only between values, and stay.
pub struct JsonDocument<'a>(pub &'a str);

impl fmt::Display for JsonDocument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pieces(f, self.0, |c| c != '\n' && is_harmful(c), write_json_escape)
    }
}

/// Whether a character could move the cursor, break the line, or make text look other than it is.
pub fn is_harmful(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Whether no character of a text is harmful.
pub fn is_harmless(text: &str) -> bool {
    // Without a branch for each octet, and without decoding: nearly every text is plain ASCII.
    let is_plain = text.bytes().fold(true, |is_plain, octet| is_plain & matches!(octet, b' '..=b'~'));
    is_plain || !text.contains(is_harmful)
}

fn write_pieces(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    is_special: impl Fn(char) -> bool,
    escape: impl Fn(&mut fmt::Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(&is_special) {
        let (plain, tail) = rest.split_at(at);
        f.write_str(plain)?;
        let mut tail = tail.chars();
        tail.next().map_or(Ok(()), |c| escape(f, c))?;
        rest = tail.as_str();
    }
    f.write_str(rest)
}

fn write_json_escape(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' | '\\' => write!(f, "\\{c}"),
        '\n' => f.write_str("\\n"),
        c => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_harmful_is_left() {
        let all: String = ('\0'..='\u{10ffff}').collect();
        assert!(!Escaped(&all).to_string().contains(is_harmful));
        assert!(!JsonString(&all).to_string().contains(is_harmful));
    }

    #[test]
    fn a_terminal_sees_what_was_there() {
        for (text, shown) in [
            ("plain, ü and 猫", "plain, ü and 猫"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("C:\\dir \"x\"", "C:\\dir \"x\""),
            ("moc\u{202e}.elpmaxe", "moc\\u{202e}.elpmaxe"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn json_reads_back_as_it_was() {
        let text: String = ('\0'..='\u{2100}').chain("\u{e0041}\"\\\u{feff}".chars()).collect();
        assert_eq!(serde_json::from_str::<String>(&JsonString(&text).to_string()).unwrap(), text);
    }
}
