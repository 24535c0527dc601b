//! What a sender says whatever went wrong: around the reply that it quotes (`SMTP error from remote mail server after
//! RCPT TO:<…>: 550 …`), and that the message was not delivered.
//!
//! Such words tell nothing about the cause; next to the words that do they would only mislead. Texts are in normal form.

use crate::needles::Needles;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// Words of frames: Exim, qmail, Exchange, 1&1, DragonFly.
const FRAMES: &[&str] = &[
    "smtp error from remote mail server after",
    "smtp error from remote server for",
    "smtp error from remote server after",
    "remote server returned",
    "remote host said",
    "does not like recipient",
    "did not like our",
    "failed after i sent the message",
    "command, host:",
    "not delivered",
    "not be delivered",
    "not been delivered",
    "not yet been delivered",
    "cannot be delivered",
    "cannot deliver",
    "not able to deliver",
    "unable to deliver",
    "failed to deliver",
    "not be reached",
    "nicht zugestellt",
    "nicht zustell",
    "pas pu etre remis",
    "pas ete remis",
    "no pudo ser entregado",
    "no se pudo entregar",
    "non recapitato",
    "nao foi entregue",
    "nao pode ser entregue",
    "niet worden bezorgd",
    "не доставлен",
    "не может быть доставлен",
    "не удалось доставить",
];

/// The reply at the end of a text, if it quotes one, and what leads to it.
pub fn split(text: &str) -> (Option<&str>, &str) {
    match reply_start(text).and_then(|at| text.split_at_checked(at)) {
        Some((before, reply)) => (Some(without_tail(reply)), before),
        None => (None, text),
    }
}

/// The first sentence of the quoted reply; nothing without one.
pub fn first_sentence(text: &str) -> Range<usize> {
    let Some((at, reply)) = reply_start(text).and_then(|at| Some((at, text.as_bytes().get(at..)?))) else {
        return 0..0;
    };
    let end = reply.windows(2).position(|pair| matches!(pair, [b'.' | b'!' | b'?' | b';', b' '] | [b' ', b'(']));
    at..at + end.unwrap_or(reply.len())
}

/// Where a reply code begins that stands behind a colon, a quote or `<<<`.
fn reply_start(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let opens = |at: usize| match at.checked_sub(1).and_then(|before| bytes.get(before)) {
        None | Some(b'\'' | b'"') => true,
        Some(b' ') => at >= 2 && matches!(bytes.get(at - 2), Some(b':' | b'<')),
        Some(_) => false,
    };
    let is_code =
        |at: usize| matches!(bytes.get(at..), Some([_, b'0'..=b'7', b'0'..=b'9', b' ' | b'-', ..])) && opens(at);
    memchr::memchr2_iter(b'4', b'5', bytes).find(|at| is_code(*at))
}

/// `(in reply to RCPT TO command)`, `Giving up on 192.0.2.1.`: behind the reply, the sender speaks again.
fn without_tail(reply: &str) -> &str {
    let tail = ["(in reply to ", "giving up on "].iter().filter_map(|tail| reply.find(tail)).min();
    tail.and_then(|at| reply.get(..at)).unwrap_or(reply)
}

/// A text with its frames struck out: what stood on both sides belongs to two sentences.
pub fn strike_out(text: &str) -> Cow<'_, str> {
    let mut frames = NEEDLES.apart(text).peekable();
    if frames.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for frame in frames {
        out.push_str(text.get(from..frame.start()).unwrap_or(""));
        out.push(';');
        from = frame.end();
    }
    out.push_str(text.get(from..).unwrap_or(""));
    Cow::Owned(out)
}

static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles::in_order(FRAMES));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_is_that_of_the_reply() {
        for (text, sentence) in [
            ("sorry. host said: 550 5.1.1 no such user; see our virus page", "550 5.1.1 no such user"),
            ("550 mailbox full (quota 20.5 mb)", "550 mailbox full"),
            ("550 no such user at mx.example.net", "550 no such user at mx.example.net"),
            ("no reply. none at all", ""),
        ] {
            assert_eq!(text.get(first_sentence(text)), Some(sentence), "{text:?}");
        }
    }

    #[test]
    fn a_reply_is_told_from_its_frame() {
        for (text, reply, around) in [
            ("@ smtp error from remote mail server after rcpt to:@: 550 no", Some("550 no"), "@ ; rcpt to:@: "),
            ("remote host said: 551-gone giving up on ip-number.", Some("551-gone "), ";: "),
            ("said: 452 4.2.2 full (in reply to rcpt to command)", Some("452 4.2.2 full "), "said: "),
            ("550 5.1.1 room 550 is empty", Some("550 5.1.1 room 550 is empty"), ""),
            ("full for 550 days, not delivered", None, "full for 550 days, ;"),
            ("", None, ""),
        ] {
            let (said, before) = split(text);
            assert_eq!((said, &*strike_out(before)), (reply, around), "{text:?}");
        }
    }
}
