//! What a sender says around the reply that it quotes: `SMTP error from remote mail server after RCPT TO:<…>: 550 …`.
//!
//! The words of such a frame are the same whatever went wrong, and tell nothing about it. Texts are in normal form.

use std::borrow::Cow;

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
];

/// A text in two parts.
pub struct Quote<'a> {
    /// What the server said; the whole text if none is quoted.
    pub reply: &'a str,
    /// What stands in front of it, without the words of frames.
    pub around: Option<Cow<'a, str>>,
}

/// A text as it stands, or the reply at its end and what leads to it.
pub fn split(text: &str) -> Quote<'_> {
    match reply_start(text).and_then(|at| text.split_at_checked(at)) {
        Some((before, reply)) if !before.is_empty() => {
            Quote { reply: without_tail(reply), around: Some(without_frames(before)) }
        }
        _ => Quote { reply: text, around: None },
    }
}

/// The reply that a text is or quotes.
pub fn reply(text: &str) -> Option<&str> {
    reply_start(text).and_then(|at| text.get(at..)).map(without_tail)
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

fn without_frames(text: &str) -> Cow<'_, str> {
    FRAMES.iter().fold(Cow::Borrowed(text), |text, frame| {
        if text.contains(frame) { Cow::Owned(text.replace(frame, ";")) } else { text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_told_from_its_frame() {
        for (text, reply, around) in [
            ("@ smtp error from remote mail server after rcpt to:@: 550 no", "550 no", Some("@ ; rcpt to:@: ")),
            ("remote host said: 551-gone giving up on ip-number.", "551-gone ", Some(";: ")),
            ("said: 452 4.2.2 full (in reply to rcpt to command)", "452 4.2.2 full ", Some("said: ")),
            ("550 5.1.1 room 550 is empty", "550 5.1.1 room 550 is empty", None),
            ("full for 550 days", "full for 550 days", None),
            ("", "", None),
        ] {
            let quote = split(text);
            assert_eq!((quote.reply, quote.around.as_deref()), (reply, around), "{text:?}");
            assert_eq!(super::reply(text).is_some(), reply.starts_with(['4', '5']), "{text:?}");
        }
    }
}
