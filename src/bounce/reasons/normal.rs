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
    let mut lines = Lines::default();
    for word in text.get(..end).unwrap_or("").split(is_gap) {
        push_word(&mut out, lines.without_code(word));
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
    let count = if memchr::memchr(b'\'', text.as_bytes()).is_some() { SPELLINGS.len() } else { WITHOUT_APOSTROPHE };
    FINDERS.iter().zip(SPELLINGS).take(count).fold(text, replace)
}

fn push_word(out: &mut String, word: &str) {
    if word.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(' ');
    }
    match word.bytes().position(|c| c == b'@').and_then(|at| span_at(word, at)) {
        Some(span) => {
            push_lower(out, word.get(..span.start).unwrap_or("").trim_end_matches('<'));
            out.push_str(help_desk(word.get(span.clone()).unwrap_or("")).unwrap_or("@"));
            push_lower(out, word.get(span.end..).unwrap_or("").trim_start_matches('>'));
        }
        None if is_ip(word) && !names_a_host(out) => out.push_str(IP),
        None => push_lower(out, word),
    }
}

/// `postmaster@…`: whom to ask, hardly ever whom the reply speaks of.
fn help_desk(address: &str) -> Option<&'static str> {
    const DESKS: [&str; 5] = ["postmaster", "abuse", "support", "helpdesk", "unblock"];
    let (local, _) = address.split_once('@')?;
    DESKS.into_iter().find(|desk| local.eq_ignore_ascii_case(desk))
}

/// Stands for any IPv4 address.
const IP: &str = "ip-number";

/// `host 192.0.2.1`, `mx.example.net [192.0.2.1]`: the address of the server that speaks is not what it speaks of.
fn names_a_host(before: &str) -> bool {
    let last = before.trim_end().rsplit(' ').next().unwrap_or("");
    let is_code = last.get(..3).is_some_and(|code| is_reply_code(code.as_bytes()));
    last == "host"
        || last.contains('.') && !is_status(last) && !is_code && last.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// `192.0.2.1`, with brackets or punctuation around.
fn is_ip(word: &str) -> bool {
    let may_be = matches!(word.as_bytes(), [b'0'..=b'9' | b'[' | b'(' | b'<' | b'"' | b'\'', _, _, _, _, _, _, ..]);
    may_be && word.trim_matches(|c: char| c.is_ascii_punctuation()).parse::<std::net::Ipv4Addr>().is_ok()
}

/// The codes of a multi-line reply (RFC 5321 §4.2.1): `550-5.1.1 The account` in one line, `550 5.1.1 does not exist` in the last.
#[derive(Default)]
struct Lines<'t> {
    /// The reply code that the first line began with.
    code: Option<&'t str>,
    /// A line's code was the last word.
    begins: bool,
}

impl<'t> Lines<'t> {
    /// What is left of a word without the codes that the first line had already.
    fn without_code(&mut self, word: &'t str) -> &'t str {
        let code = word.get(..3).filter(|code| is_reply_code(code.as_bytes()));
        let begins = std::mem::take(&mut self.begins);
        match (code, word.get(3..)) {
            (Some(code), Some("")) if self.code == Some(code) => {
                self.begins = true;
                ""
            }
            (Some(code), Some(rest)) if rest.starts_with('-') && self.code == Some(code) => {
                let rest = rest.trim_start_matches('-');
                self.begins = rest.is_empty();
                if is_status(rest) { "" } else { rest }
            }
            (Some(code), Some(rest)) if rest.starts_with('-') => {
                self.code = Some(code);
                word
            }
            _ if begins && is_status(word) => "",
            _ => word,
        }
    }
}

const fn is_reply_code(code: &[u8]) -> bool {
    matches!(code, [b'4' | b'5', b'0'..=b'7', b'0'..=b'9'])
}

fn is_status(word: &str) -> bool {
    matches!(word.as_bytes(), [b'4' | b'5', b'.', ..]) && word.bytes().all(|c| c.is_ascii_digit() || c == b'.')
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
            ("said: 550-5.1.1 No\n550-5.1.1 such\n550 5.1.1 user 550", "said: 550-5.1.1 no such user"),
            ("421-Too many\n421-\n421 connections; 4.7.0", "421-too many connections; 4.7.0"),
            ("552 mailbox of 552 mails, 5.2.2 over quota", "552 mailbox of 552 mails, 5.2.2 over quota"),
            ("5.1.1 550-no such user", "5.1.1 550-no such user"),
            ("ask abuse@example.net or <Postmaster@example.net>", "ask abuse or postmaster"),
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
