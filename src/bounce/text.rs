//! Octets of a part to text: transfer encodings, character sets, HTML.
//!
//! Never fails: what cannot be decoded comes back as well as it can. No more than [`TEXT_OCTETS_MAX`] octets of a part are
//! looked at, so that neither a long line nor a long part costs more than its share.

use encoding_rs::Encoding;
use std::borrow::Cow;

/// The most octets of one part that are decoded.
pub const TEXT_OCTETS_MAX: usize = 64 * 1024;

/// The most elements that are skipped in one text: each costs a search for its end.
const SKIPS_MAX: usize = 50;

/// How a part's octets are wrapped (RFC 2045 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transfer {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
}

impl Transfer {
    /// From the value of `Content-Transfer-Encoding`.
    pub fn from_value(value: &str) -> Self {
        let value = value.trim();
        [Self::Base64, Self::QuotedPrintable]
            .into_iter()
            .find(|transfer| transfer.name().eq_ignore_ascii_case(value))
            .unwrap_or_default()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "8bit",
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }
}

/// The text of a part.
pub fn decode<'a>(body: &'a [u8], transfer: Transfer, charset: Option<&str>) -> Cow<'a, str> {
    let head = body.get(..body.len().min(TEXT_OCTETS_MAX)).unwrap_or(body);
    match unwrap_transfer(head, transfer) {
        Cow::Borrowed(octets) => to_utf8(octets, charset),
        Cow::Owned(octets) => Cow::Owned(to_utf8(&octets, charset).into_owned()),
    }
}

/// mailparse knows the transfer encodings; what it refuses (text behind the padding, say) is taken as it stands.
fn unwrap_transfer(body: &[u8], transfer: Transfer) -> Cow<'_, [u8]> {
    if transfer == Transfer::Identity {
        return Cow::Borrowed(body);
    }
    let kind = mailparse::ParsedContentType::default();
    let name = Some(transfer.name().to_owned());
    match mailparse::body::Body::new(whole_quanta(body, transfer), &kind, &name) {
        mailparse::body::Body::Base64(encoded) | mailparse::body::Body::QuotedPrintable(encoded) => {
            encoded.get_decoded().map_or(Cow::Borrowed(body), Cow::Owned)
        }
        _ => Cow::Borrowed(body),
    }
}

/// Base64 that was cut at the limit, or has prose behind it, up to its last whole line.
fn whole_quanta(body: &[u8], transfer: Transfer) -> &[u8] {
    if transfer != Transfer::Base64 {
        return body;
    }
    let is_base64 =
        |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=' | b'\r' | b'\n' | b' ' | b'\t');
    let end = body.iter().position(|c| !is_base64(c)).unwrap_or(body.len());
    let run = body.get(..end).unwrap_or(body);
    if end < TEXT_OCTETS_MAX {
        return run;
    }
    run.get(..memchr::memrchr(b'\n', run).unwrap_or(0)).unwrap_or(run)
}

fn to_utf8<'a>(octets: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let named = charset.and_then(|name| Encoding::for_label(name.trim().as_bytes()));
    match named {
        // Labelled and real character set differ most often where the label is one of these; whatever the label, text in
        // another character set is hardly ever valid UTF-8 by chance.
        Some(encoding)
            if encoding != encoding_rs::UTF_8
                && encoding != encoding_rs::WINDOWS_1252
                && (octets.is_ascii() || std::str::from_utf8(octets).is_err()) =>
        {
            encoding.decode_without_bom_handling(octets).0
        }
        _ => lossy(octets),
    }
}

/// UTF-8 if it is valid, else ISO-2022-JP if its escapes are there, else the superset of Latin 1.
pub fn lossy(octets: &[u8]) -> Cow<'_, str> {
    let escapes = || memchr::memmem::find(octets, b"\x1b$").is_some();
    match std::str::from_utf8(octets) {
        Ok(text) if memchr::memchr(0x1b, octets).is_none() => Cow::Borrowed(text),
        _ if escapes() => encoding_rs::ISO_2022_JP.decode_without_bom_handling(octets).0,
        Ok(text) => Cow::Borrowed(text),
        Err(error) if cut_inside_a_character(octets, error) => String::from_utf8_lossy(octets),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}

fn cut_inside_a_character(octets: &[u8], error: std::str::Utf8Error) -> bool {
    error.error_len().is_none() && error.valid_up_to() + 4 > octets.len()
}

/// Visible text of HTML: block elements end a line, scripts and styles go, entities are decoded.
///
/// A single pass without a tree: a notice's HTML is flat, and a tree would need limits of its own.
pub fn from_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    let mut skips = SKIPS_MAX;
    while let Some((text, after)) = rest.split_once('<') {
        push_text(&mut out, text);
        let Some((tag, after_tag)) = after.split_once('>') else {
            rest = "";
            break;
        };
        rest = after_tag;
        push_tag(&mut out, tag, &mut rest, &mut skips);
    }
    push_text(&mut out, rest);
    out
}

fn push_tag(out: &mut String, tag: &str, rest: &mut &str, skips: &mut usize) {
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "style" | "script" | "head" if !tag.starts_with('/') && *skips > 0 => {
            *skips -= 1;
            skip_to_close(rest, &name);
        }
        "br" | "p" | "div" | "tr" | "li" | "table" | "h1" | "h2" | "h3" | "h4" | "pre" | "blockquote" | "hr" | "ul"
        | "title" => out.push('\n'),
        "td" | "th" => out.push(' '),
        // Not a tag but an address in brackets that nobody escaped.
        _ if tag.contains('@') && !tag.contains(['=', ' ']) => {
            out.push('<');
            out.push_str(tag);
            out.push('>');
        }
        _ => {}
    }
}

/// An element that is never closed is not skipped: its text may be all there is.
fn skip_to_close(rest: &mut &str, name: &str) {
    let close = ["</", name].concat();
    let found = memchr::memmem::find(rest.as_bytes(), close.as_bytes())
        .or_else(|| memchr::memmem::find(rest.as_bytes(), close.to_ascii_uppercase().as_bytes()));
    *rest = found.and_then(|at| rest.get(at..)).unwrap_or(rest);
}

fn push_text(out: &mut String, text: &str) {
    let mut pieces = text.split('&');
    push_collapsed(out, pieces.next().unwrap_or(""));
    for piece in pieces {
        if let Some((decoded, rest)) = leading_entity(piece) {
            out.push(decoded);
            push_collapsed(out, rest);
        } else {
            out.push('&');
            push_collapsed(out, piece);
        }
    }
}

/// `lt;rest` → `<` and `rest`.
fn leading_entity(piece: &str) -> Option<(char, &str)> {
    let semicolon = piece.bytes().take(10).position(|c| c == b';')?;
    Some((entity(piece.get(..semicolon)?)?, piece.get(semicolon + 1..)?))
}

/// Line ends inside HTML text are spaces.
fn push_collapsed(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' | ' ' if out.ends_with([' ', '\n']) => {}
            '\n' | '\r' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
}

/// Named characters (HTML 4), the letters in lower case; the rest are written as numbers or not at all.
const ENTITIES: &[(&str, char)] = &[
    ("lt", '<'),
    ("gt", '>'),
    ("amp", '&'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '\u{2019}'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("ecirc", 'ê'),
    ("agrave", 'à'),
    ("acirc", 'â'),
    ("ccedil", 'ç'),
    ("icirc", 'î'),
    ("ocirc", 'ô'),
    ("ugrave", 'ù'),
    ("ucirc", 'û'),
    ("aacute", 'á'),
    ("iacute", 'í'),
    ("oacute", 'ó'),
    ("uacute", 'ú'),
    ("ntilde", 'ñ'),
    ("atilde", 'ã'),
    ("otilde", 'õ'),
    ("aring", 'å'),
    ("aelig", 'æ'),
    ("oslash", 'ø'),
];

fn entity(name: &str) -> Option<char> {
    let find = |name: &str| ENTITIES.iter().find(|row| row.0 == name).map(|row| row.1);
    let capital = || find(&name.to_ascii_lowercase()).and_then(|c| c.to_uppercase().next());
    name.strip_prefix('#').map_or_else(|| find(name).or_else(capital), numeric_entity)
}

fn numeric_entity(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control() || *c == '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_sets_and_transfer_encodings() {
        assert_eq!(decode(b"\x1b$B%f!<%6!<\x1b(B", Transfer::Identity, None), "\u{30e6}\u{30fc}\u{30b6}\u{30fc}");
        assert_eq!(decode(b"\xf0\xd2\xc9", Transfer::Identity, Some("koi8-r")), "\u{41f}\u{440}\u{438}");
        assert_eq!(decode(b"gr\xfc\xdfe", Transfer::Identity, Some("utf-8")), "gr\u{fc}\u{df}e");
        assert_eq!(decode(b"a=3Db=\r\nc", Transfer::QuotedPrintable, None), "a=bc");
        assert_eq!(decode(b"VXNlciB1bmtub3du\n\n_______\nfooter", Transfer::Base64, None), "User unknown");
    }

    #[test]
    fn html_becomes_lines() {
        let html = "<head><title>x</title></head><p>Not&nbsp;delivered to<br>&lt;a@b.de&gt;:\n <b>550</b> &#x35;.1.1 R&D</p><c@d.de>";
        assert_eq!(from_html(html).trim(), "Not delivered to\n<a@b.de>: 550 5.1.1 R&D\n<c@d.de>");
        assert_eq!(from_html("<head>open <style>p{}"), "open p{}");
    }
}
