//! What makes a mail the same mail: HighwayHash-256 over Message-ID, Date, From, To, Subject and the body.
//!
//! Each database has a key of its own, which nobody else knows. So nobody can make a mail that is taken for another one, and the hash need
//! not withstand those who know the key.
//!
//! A copy that comes by another relay, or a second time by the same one, differs in its trace header
//! (RFC 5321 §4.4) and in how its header lines are folded (RFC 5322 §2.2.3). Neither goes into the digest. Which digests
//! are remembered, and for how long, is the store's part.

use crate::change::Digest;
use highway::{HighwayHash, HighwayHasher, Key};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The key of a database's digests.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestKey([u64; 4]);

impl DigestKey {
    /// Made of random octets.
    pub fn new(octets: [[u8; 8]; 4]) -> Self {
        Self(octets.map(u64::from_le_bytes))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The fields that count, in lower case.
const FIELDS: [&[u8]; 5] = [b"message-id", b"date", b"from", b"to", b"subject"];

/// From how many octets of fields on they are hashed; most headers are hashed at once.
const CANONICAL_OCTETS: usize = 1024;

/// The digest of a mail of `octets` octets whose first ones are `head`, with CRLF line ends.
///
/// Of a mail that is longer than its head, the size of the body stands for what was not kept.
pub fn of_mail(key: &DigestKey, head: &[u8], octets: u64) -> Digest {
    let mut context = HighwayHasher::new(Key(key.0));
    let mut canonical = Vec::with_capacity(CANONICAL_OCTETS);
    let mut body = head;
    while let Some(field) = next_field(&mut body) {
        push_field(&mut canonical, field);
        if canonical.len() >= CANONICAL_OCTETS {
            context.append(&canonical);
            canonical.clear();
        }
    }
    let kept = head.len() as u64;
    let body_octets = if octets > kept { octets - (kept - body.len() as u64) } else { 0 };
    canonical.push(0);
    canonical.extend_from_slice(&body_octets.to_be_bytes());
    context.append(&canonical);
    context.append(body.trim_ascii_end());
    let mut digest = Digest::default();
    for (octets, word) in digest.chunks_exact_mut(8).zip(context.finalize256()) {
        octets.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// Takes the next field, with its continuation lines, off the header. At its end, `None`; the body is left then, which is
/// empty without an empty line in front.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if let Some(body) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        *rest = body;
        return None;
    }
    let (field, tail) = rest.split_at(field_end(rest));
    *rest = tail;
    (!field.is_empty()).then_some(field)
}

fn field_end(text: &[u8]) -> usize {
    let mut end = 0;
    while let Some(length) = memchr(b'\n', &text[end..]) {
        end += length + 1;
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    text.len()
}

/// Adds a field that counts: its index, the length of its value, and the value with each run of white space as one space.
fn push_field(canonical: &mut Vec<u8>, field: &[u8]) {
    let Some(colon) = memchr(b':', field) else { return };
    let name = field[..colon].trim_ascii_end();
    let Some(index) = FIELDS.iter().position(|known| known.eq_ignore_ascii_case(name)) else { return };
    canonical.push(1 + u8::try_from(index).unwrap_or(u8::MAX));
    let start = canonical.len() + size_of::<u64>();
    canonical.resize(start, 0);
    push_words(canonical, field[colon + 1..].trim_ascii());
    let length = (canonical.len() - start) as u64;
    canonical[start - size_of::<u64>()..start].copy_from_slice(&length.to_be_bytes());
}

/// Most values are words with one space between them already.
fn push_words(canonical: &mut Vec<u8>, value: &[u8]) {
    // Without a branch for each octet, so that it is compiled to vector instructions.
    let pairs = value.iter().zip(value.get(1..).unwrap_or_default());
    let gaps = pairs.fold(0, |gaps, (&before, &octet)| {
        let is_wide = u8::from(before == b' ') & u8::from(octet == b' ');
        gaps | is_wide | u8::from(octet.is_ascii_control())
    });
    if gaps == 0 {
        return canonical.extend_from_slice(value);
    }
    for (index, word) in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            canonical.push(b' ');
        }
        canonical.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DigestKey = DigestKey([1, 2, 3, 4]);

    const MAIL: &str = "Received: by a\r\nMessage-ID: <1@x>\r\nDate: Sat, 21 Nov 2026 03:46:53 +0000\r\n\
        From: MAILER-DAEMON@x\r\nTo: a@y\r\nSubject: Undelivered mail\r\n\r\nbody\r\nend\r\n";

    fn digest(mail: &str) -> Digest {
        of_mail(&KEY, mail.as_bytes(), mail.len() as u64)
    }

    #[test]
    fn a_copy_over_another_relay_is_the_same_mail() {
        for copy in [
            MAIL.replace("Received: by a\r\n", ""),
            MAIL.replace("Received: by a\r\n", "Received: by b;\r\n\tlater\r\nReturn-Path: <>\r\nX-Spam: no\r\n"),
            MAIL.replace("Undelivered mail", "Undelivered\r\n mail"),
            MAIL.replace("Undelivered mail", "Undelivered\tmail  "),
            MAIL.replace("Undelivered mail", "  Undelivered  mail"),
            MAIL.replace("Subject: ", "SUBJECT:\t"),
            format!("{MAIL}\r\n"),
        ] {
            assert_eq!(digest(&copy), digest(MAIL), "{copy}");
        }
    }

    #[test]
    fn what_the_sender_wrote_makes_another_mail() {
        for other in [
            MAIL.replace("<1@x>", "<2@x>"),
            MAIL.replace("03:46:53", "03:46:54"),
            MAIL.replace("From: MAILER", "From: OTHER"),
            MAIL.replace("To: a@y", "To: b@y"),
            MAIL.replace("Undelivered mail", "Undeliveredmail"),
            MAIL.replace("body", "Body"),
            MAIL.replace("To: a@y\r\n", ""),
            MAIL.replace("To: a@y\r\n", "To: a@y\r\nTo: a@y\r\n"),
            MAIL.replace("\r\n\r\n", "\r\n"),
        ] {
            assert_ne!(digest(&other), digest(MAIL), "{other}");
        }
    }

    #[test]
    fn another_database_has_another_digest() {
        let other = DigestKey([1, 2, 3, 5]);
        assert_ne!(of_mail(&other, MAIL.as_bytes(), MAIL.len() as u64), digest(MAIL));
        assert_eq!(format!("{other:?}"), "***");
    }

    #[test]
    fn text_does_not_wander_between_fields() {
        assert_ne!(digest("From: a\r\nTo: b\r\n\r\n"), digest("From: b\r\nTo: a\r\n\r\n"));
        assert_ne!(digest("Subject: a b\r\n\r\nc"), digest("Subject: a\r\n\r\nb c"));
        assert_ne!(digest("Subject: a\r\n\r\nTo: b\r\n"), digest("Subject: a\r\nTo: b\r\n\r\n"));
    }

    #[test]
    fn the_size_of_what_was_not_kept_counts() {
        let cut = |octets| of_mail(&KEY, MAIL.as_bytes(), octets);
        assert_ne!(cut(5_000_000), cut(5_000_001));
        let relayed = format!("Received: by b\r\n{MAIL}");
        let more = (relayed.len() - MAIL.len()) as u64;
        assert_eq!(of_mail(&KEY, relayed.as_bytes(), 5_000_000 + more), cut(5_000_000));
    }

    #[test]
    fn any_octets_have_a_digest() {
        for mail in ["", "\r\n", "\n", ":", " x\r\n", "Subject", "Subject:\r\n \r\n", "\0\u{ff}"] {
            assert_eq!(digest(mail), digest(mail), "{mail:?}");
        }
        assert_ne!(digest(""), digest("Subject:"));
    }
}
