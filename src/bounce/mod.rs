//! Reads a bounce: bytes in, [`Report`] out. Never fails, never panics; odd mail gives findings and [`Problem`]s.
//!
//! The order of evidence: machine-readable reports, then the formats of known senders, then what a notice says in prose,
//! and only then whether it is an automatic reply or ordinary mail, since real bounces call themselves
//! `auto-replied` too. The only part that names mailparse. It reads no clock, no socket and no file.
//!
//! The files, in reading order:
//! - `mail` takes the octets apart, once: `header`, `mime`, `text`, `charset`, `html`;
//! - what stands in the parts: `envelope`, `dsn`, `arf`, and the `address` and `status` that each of them names;
//! - `detect` asks who wrote it, `notice` which addresses a text says have failed, `reasons` why;
//! - `finding` and `report` are what comes out; `line` and `strings` serve all.

mod address;
mod arf;
mod charset;
mod detect;
mod dsn;
mod envelope;
mod finding;
mod header;
mod html;
mod line;
mod mail;
mod mime;
mod notice;
mod reasons;
mod report;
mod status;
mod strings;
mod text;

pub use report::{
    Class, DIAGNOSTIC_OCTETS_MAX, DsnAction, Envelope, Kind, Problem, Reason, Recipient, Report, Returned,
};
pub use status::EnhancedStatus;

use mail::Mail;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Reads one mail: the message as it came, with or without an mbox `From ` line.
///
/// Reads all bytes once, and no more than the limits of the parts allow of each: see `mime`, `header`, `text` and `dsn`.
pub fn read(octets: &[u8]) -> Report {
    let mail = Mail::new(octets);
    let found = detect::run(&mail);
    let rest = mail.notice_if_read().map_or("", notice::Notice::rest);
    let returned = envelope::returned(&mail.tree.parts, rest);
    let problems = problems(&mail, &found);
    Report {
        kind: found.kind,
        recipients: each_once(found.recipients),
        rule: found.rule,
        envelope: mail.outer.envelope,
        returned,
        problems,
    }
}

/// One entry for an address however often and in whatever case a mail names it: it counts once. What is hard beats what is soft.
fn each_once(recipients: Vec<Recipient>) -> Vec<Recipient> {
    if recipients.len() < 2 {
        return recipients;
    }
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut once: Vec<Recipient> = Vec::new();
    for recipient in recipients {
        match known.entry(recipient.address.key()) {
            Entry::Occupied(place) => {
                if let Some(first) = once.get_mut(*place.get())
                    && recipient.class < first.class
                {
                    *first = recipient;
                }
            }
            Entry::Vacant(place) if once.len() < dsn::RECIPIENTS_MAX => {
                place.insert(once.len());
                once.push(recipient);
            }
            Entry::Vacant(_) => {}
        }
    }
    once
}

fn problems(mail: &Mail<'_>, found: &detect::Detected) -> Vec<Problem> {
    let mut problems = Vec::new();
    if mail.tree.cut {
        problems.push(Problem("more parts than are looked at".to_owned()));
    }
    if matches!(found.kind, Kind::Bounce | Kind::Delay) && found.recipients.is_empty() {
        problems.push(Problem("a failure notice that names no recipient".to_owned()));
    }
    problems
}
