//! One form for all texts before phrases are looked for.
//!
//! Lower case, letters without marks, one line, single spaces; each address becomes `@` and each IPv4 address that is
//! spoken of `ip-number`, so that `unknown user a@b.de` and `a@b.de... User unknown` need one row each and no local part
//! is taken for a phrase; `e-mail` becomes `email` and `isn't` `is not`; the repeated codes of a multi-line reply (`550-5.1.1 The account
//! 550-5.1.1 does not exist`) are left out, so that a phrase may run over the line's end.

use super::fold;
use crate::bounce::address::span_at;
use crate::bounce::line::is_gap;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// The longest text that is searched for one recipient, in octets.
const TEXT_OCTETS_MAX: usize = 16 * 1024;

/// The normal form of at most [`TEXT_OCTETS_MAX`] octets.
pub fn normalise(text: &str) -> String {
    let mut end = text.len().min(TEXT_OCTETS_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = String::with_capacity(end);
    for word in text.get(..end).unwrap_or("").split(is_gap) {
        push_word(&mut out, word);
    }
    with_one_spelling(out)
}

/// `e-mail` is `email`, and words drawn together (`doesn't`, `can not`) stand as two, or one, like all others.
pub fn with_one_spelling(text: String) -> String {
    const SPELLINGS: [(&str, &str); 5] =
        [("e-mail", "email"), ("can not ", "cannot "), ("can't", "cannot"), ("won't", "will not"), ("n't", " not")];
    const WITHOUT_APOSTROPHE: usize = 2;
    static FINDERS: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| SPELLINGS.map(|(from, _)| Finder::new(from)));
    let replace = |text: String, (finder, (from, to)): (&Finder<'_>, (&str, &str))| {
        if finder.find(text.as_bytes()).is_some() { text.replace(from, to) } else { text }
    };
    let count = if text.contains('\'') { SPELLINGS.len() } else { WITHOUT_APOSTROPHE };
    FINDERS.iter().zip(SPELLINGS).take(count).fold(text, replace)
}

fn push_word(out: &mut String, word: &str) {
    if word.is_empty() || is_repeated_code(word) && !out.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(' ');
    }
    match word.bytes().position(|c| c == b'@').and_then(|at| span_at(word, at)) {
        Some(span) => {
            push_lower(out, word.get(..span.start).unwrap_or("").trim_end_matches('<'));
            out.push('@');
            push_lower(out, word.get(span.end..).unwrap_or("").trim_start_matches('>'));
        }
        None if is_ip(word) && !names_a_host(out) => out.push_str(IP),
        None => push_lower(out, word),
    }
}

/// Stands for any IPv4 address.
const IP: &str = "ip-number";

/// `host 192.0.2.1`, `mx.example.net [192.0.2.1]`: the address of the server that speaks is not what it speaks of.
fn names_a_host(before: &str) -> bool {
    let last = before.trim_end().rsplit(' ').next().unwrap_or("");
    let is_status = last.starts_with("4.") || last.starts_with("5.");
    last == "host" || last.contains('.') && !is_status && last.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// `192.0.2.1`, with brackets or punctuation around.
fn is_ip(word: &str) -> bool {
    let may_be = matches!(word.as_bytes(), [b'0'..=b'9' | b'[' | b'(' | b'<' | b'"' | b'\'', _, _, _, _, _, _, ..]);
    may_be && word.trim_matches(|c: char| c.is_ascii_punctuation()).parse::<std::net::Ipv4Addr>().is_ok()
}

/// `550-5.1.1` or a bare `550-` in front of a line that goes on.
fn is_repeated_code(word: &str) -> bool {
    let bytes = word.as_bytes();
    let code = bytes.len() >= 4
        && bytes.len() <= 12
        && matches!(bytes.first(), Some(b'4' | b'5'))
        && bytes.get(3) == Some(&b'-');
    code && bytes.iter().all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'.'))
}

fn push_lower(out: &mut String, word: &str) {
    if word.is_ascii() {
        let start = out.len();
        out.push_str(word);
        out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    } else {
        word.chars().flat_map(char::to_lowercase).for_each(|c| fold::push(out, c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_take_one_form() {
        for (text, normal) in [
            ("550 5.1.1 <A@example.com>...\n  User\tUnknown", "550 5.1.1 @... user unknown"),
            ("550-5.1.1 The account does 550-5.1.1 not exist", "550-5.1.1 the account does not exist"),
            ("from [192.0.2.1] E-Mail", "from ip-number email"),
            ("It doesn\u{2019}t exist, I can't and can not", "it does not exist, i cannot and can not"),
            ("553 5.3.0 192.0.2.1 rejected", "553 5.3.0 ip-number rejected"),
            ("host 192.0.2.1 [192.0.2.1]: 550", "host 192.0.2.1 [192.0.2.1]: 550"),
            ("\"x@example.com\": Gr\u{dc}\u{df}e", "\"@\": grusse"),
            ("", ""),
        ] {
            assert_eq!(normalise(text), normal, "{text:?}");
        }
    }
}
