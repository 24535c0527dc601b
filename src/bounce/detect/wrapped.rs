//! A bounce inside a bounce: a gateway's notice that names nobody, with the real one attached or written below it.
//!
//! One level only, and only if mail systems wrote both; a bounce that a person forwards stays that person's mail.

use super::{Detected, run_inside};
use crate::bounce::header;
use crate::bounce::mail::Mail;
use crate::bounce::mime::Content;
use crate::bounce::notice::origin;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    if mail.weight() < origin::ENOUGH || !mail.notice().recipients(&[]).is_empty() {
        return None;
    }
    let attached =
        mail.tree.parts.iter().find(|part| part.content == Content::Message).and_then(|part| inside(part.body));
    attached.or_else(|| below(mail.notice().rest()))
}

/// The returned message of a notice may start with a title and an mbox line.
fn below(rest: &str) -> Option<Detected> {
    let title = rest.lines().next()?;
    let is_title = !title.starts_with("From ") && header::field_name(title.as_bytes()).is_none();
    inside(if is_title { rest.get(title.len()..)? } else { rest }.as_bytes())
}

fn inside(octets: &[u8]) -> Option<Detected> {
    let inner = Mail::new(octets);
    if inner.weight() < origin::ENOUGH {
        return None;
    }
    run_inside(&inner).filter(|found| !found.recipients.is_empty())
}
