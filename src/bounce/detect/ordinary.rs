//! What a mail is that reports no failure: an automatic reply, a receipt, or ordinary mail.
//!
//! Asked last, since bounces carry the same marks.

use super::Detected;
use crate::bounce::mail::Mail;
use crate::bounce::mime::Content;
use crate::bounce::notice::replies;
use crate::bounce::report::Kind;

/// Header fields of automatic replies, as [`crate::bounce::envelope::Outer`] keeps them.
const MARKS: &[&str] = &[
    "x-autoreply: ",
    "x-autorespond: ",
    "x-autoreply-from: ",
    "x-mail-autoreply: ",
    "x-vacation: ",
    "x-apple-action: ",
    "x-ms-exchange-inbox-rules-loop: ",
    "precedence: auto_reply",
    "precedence: auto-reply",
];

/// What a mail is in which nobody found a failure.
pub fn read(mail: &Mail<'_>) -> Detected {
    let (kind, rule) = kind(mail);
    Detected { kind, rule: rule.to_owned(), recipients: Vec::new() }
}

fn kind(mail: &Mail<'_>) -> (Kind, &'static str) {
    if mail.part(Content::DispositionNotification).is_some()
        || mail.tree.content_type.contains("disposition-notification")
    {
        return (Kind::AutoReply, "receipt");
    }
    if mail.outer.auto_submitted.starts_with("auto-replied") {
        return (Kind::AutoReply, "auto-reply/header");
    }
    if MARKS.iter().any(|mark| mail.outer.marks.iter().any(|field| field.starts_with(mark))) {
        return (Kind::AutoReply, "auto-reply/field");
    }
    if replies::is_reply_subject(&mail.outer.envelope.subject) {
        return (Kind::AutoReply, "auto-reply/subject");
    }
    (Kind::NotBounce, "ordinary")
}
