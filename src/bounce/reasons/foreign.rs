//! Replies that nobody understands, and that do not speak of the recipient: no ground to switch one off.
//!
//! `550 failed` gives no reason at all; `550 the moon is in another house tonight` gives one, whatever it means.

use super::verdict::Verdict;
use super::{frame, sense};
use crate::bounce::report::Reason;

/// From how many words of its own on a reply gives a reason.
const WORDS_MIN: usize = 2;

/// The most words that are looked at.
const WORDS_MAX: usize = 60;

/// The shortest word that counts, in octets.
const WORD_OCTETS_MIN: usize = 3;

/// Words of replies that only say that something failed.
const GENERIC: &str = "requested action taken aborted mail email message delivery deliver delivered delivering failed \
    failure fail error errors permanent permanently fatal transient cannot could can not rejected reject \
    refused denied undeliverable returned sorry smtp code was been has have had the this that for your \
    you our and but from with will are server remote host unable unknown reason please see said reply \
    command data rcpt end sent send transaction status response";

/// The verdict on the reply that a text in normal form quotes.
pub(super) fn verdict(normal: &str) -> Option<Verdict> {
    let (reply, _) = frame::split(normal);
    let gives_a_reason = |reply: &&str| !sense::speaks_of_a_recipient(reply) && own_words(reply) >= WORDS_MIN;
    let reply = reply.filter(gives_a_reason)?;
    let reason = if sense::refuses(reply) { Reason::PolicyViolation } else { Reason::OnHold };
    Some(Verdict { reason, by: "hint", detail: "something else than the recipient", origin: "" })
}

fn own_words(reply: &str) -> usize {
    let words = reply.split(|c: char| !c.is_alphabetic() && c != '\'');
    let words = words.take(WORDS_MAX);
    words.filter(|word| word.len() >= WORD_OCTETS_MIN && !GENERIC.split(' ').any(|generic| generic == *word)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounce::reasons::normalise;

    #[test]
    fn a_reason_is_told_from_none() {
        for (text, is_foreign) in [
            ("550 the moon is in another house tonight", true),
            ("host mx.example.net said: 550 5.4.11 agent generated depth exceeded", true),
            ("550 message could not be delivered, sorry", false),
            ("550 requested action not taken", false),
            ("550 the mailbox of that person sailed away yesterday", false),
            ("550 <jo@example.net> sailed away yesterday evening", false),
            ("the moon is in another house tonight", false),
            ("", false),
        ] {
            assert_eq!(verdict(&normalise(text)).is_some(), is_foreign, "{text:?}");
        }
    }
}
