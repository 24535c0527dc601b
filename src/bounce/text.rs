//! Octets of a part to text: transfer encodings; the character sets are [`super::charset`]'s.
//!
//! Never fails: what cannot be decoded comes back as well as it can. No more than [`TEXT_OCTETS_MAX`] octets of a part are
//! looked at, so that neither a long line nor a long part costs more than its share.

use super::charset;
use std::borrow::Cow;

/// The most octets of one part that are decoded.
pub const TEXT_OCTETS_MAX: usize = 64 * 1024;

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
        Cow::Borrowed(octets) => charset::to_utf8(octets, charset),
        Cow::Owned(octets) => Cow::Owned(charset::to_utf8(&octets, charset).into_owned()),
    }
}

/// mailparse knows the transfer encodings; what it refuses (text behind the padding, say) is taken as it stands.
fn unwrap_transfer(body: &[u8], transfer: Transfer) -> Cow<'_, [u8]> {
    if transfer == Transfer::Identity {
        return Cow::Borrowed(body);
    }
    let kind = mailparse::ParsedContentType::default();
    let name = Some(transfer.name().to_owned());
    let encoded = whole_quanta(body, transfer);
    let decoded = match mailparse::body::Body::new(&encoded, &kind, &name) {
        mailparse::body::Body::Base64(encoded) | mailparse::body::Body::QuotedPrintable(encoded) => {
            encoded.get_decoded().ok()
        }
        _ => None,
    };
    decoded.map_or(Cow::Borrowed(body), Cow::Owned)
}

/// Base64 without the prose behind it; where it was cut or lost its padding (RFC 4648 §4), zero bits complete the last quantum.
fn whole_quanta(body: &[u8], transfer: Transfer) -> Cow<'_, [u8]> {
    if transfer != Transfer::Base64 {
        return Cow::Borrowed(body);
    }
    let is_space = |c: &u8| matches!(c, b'\r' | b'\n' | b' ' | b'\t');
    let is_base64 = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=') || is_space(c);
    let run = body.split(|c| !is_base64(c)).next().unwrap_or(body);
    match run.iter().filter(|c| !is_space(c)).count() % 4 {
        0 => Cow::Borrowed(run),
        rest => Cow::Owned([run.trim_ascii_end(), b"AAA".get(rest - 1..).unwrap_or(&[])].concat()),
    }
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
}
