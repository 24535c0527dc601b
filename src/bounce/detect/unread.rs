//! Failure notices in which nobody found a recipient: they must not pass for the automatic replies that they also call
//! themselves, so that somebody looks at them.

use super::Detected;
use crate::bounce::mail::Mail;
use crate::bounce::mime::Content;
use crate::bounce::notice::origin;
use crate::bounce::report::Kind;

/// Two marks of a mail system, such as its name and a report's content type.
const ENOUGH: i32 = origin::ENOUGH + 2;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    let is_receipt = || mail.part(Content::DispositionNotification).is_some() || mail.is_receipt_in_words();
    (mail.weight() >= ENOUGH && !is_receipt()).then(|| Detected {
        kind: Kind::Bounce,
        rule: "unread".to_owned(),
        recipients: Vec::new(),
    })
}
