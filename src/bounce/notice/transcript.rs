//! Transcripts of sessions, as Sendmail and its kin quote them: what the server said, apart from what the sender made of it.
//!
//! `<<< 550 5.7.1 blocked` is followed by `550 5.1.1 <a@b.example>... User unknown`, whatever the server said.

use std::borrow::Cow;

/// The server's replies, best those that the sender names as the reason, and the rest without the sender's own summary of them; none if the text quotes no failure.
pub fn split(text: &str) -> Option<(String, String)> {
    if !text.contains("<<< ") && !text.contains("(reason: ") {
        return None;
    }
    let (replies, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| is_failed_reply(line));
    if replies.is_empty() {
        return None;
    }
    let reasons: Vec<&str> = replies.iter().copied().filter(|line| line.contains("(reason: ")).collect();
    let replies = if reasons.is_empty() { replies } else { reasons };
    let rest: Vec<&str> = rest.into_iter().filter(|line| !is_summary(line)).collect();
    Some((replies.join("\n"), rest.join("\n")))
}

/// A text as it stands, or in these two parts.
pub fn parts(text: Cow<'_, str>) -> impl Iterator<Item = Cow<'_, str>> {
    match split(&text) {
        Some((replies, rest)) => [Some(Cow::Owned(replies)), Some(Cow::Owned(rest))],
        None => [Some(text), None],
    }
    .into_iter()
    .flatten()
}

fn is_failed_reply(line: &str) -> bool {
    let line = line.trim_start();
    let reply = line.strip_prefix("<<< ").or_else(|| line.strip_prefix("(reason: "));
    reply.is_some_and(|reply| is_failure(reply) && !is_consequence(reply))
}

fn is_failure(reply: &str) -> bool {
    matches!(reply.as_bytes(), [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
}

/// What a server says to the commands that follow a refused one.
fn is_consequence(reply: &str) -> bool {
    let lower = reply.to_ascii_lowercase();
    lower.starts_with("503") || ["no valid recipients", "need rcpt", "need recipient"].iter().any(|w| lower.contains(w))
}

fn is_summary(line: &str) -> bool {
    let line = line.trim();
    is_failure(line) && (line.ends_with("... User unknown") || line.ends_with(" Service unavailable"))
        || line.strip_prefix("<<< ").is_some_and(|reply| is_failure(reply) && is_consequence(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_told_from_what_the_sender_made_of_it() {
        let text = "<a@example.net>\n    (reason: 550 5.7.1 blacklisted)\n>>> RCPT To:<a@example.net>\n\
                    <<< 550 5.7.1 blacklisted\n550 5.1.1 <a@example.net>... User unknown\n<<< 503 need RCPT command\n";
        let (replies, rest) = split(text).unwrap();
        assert_eq!(replies, "    (reason: 550 5.7.1 blacklisted)");
        assert_eq!(rest, "<a@example.net>\n>>> RCPT To:<a@example.net>");
        assert!(split("550 <a@example.net>... User unknown").is_none());
        assert!(split("<<< 220 hello").is_none());
    }
}
