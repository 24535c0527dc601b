//! Notices without a report: read as prose, if the header says that a mail system wrote them.

use super::Detected;
use crate::bounce::envelope;
use crate::bounce::finding::Finding;
use crate::bounce::mail::Mail;
use crate::bounce::notice::{Named, Notice, Place, origin, transcript};
use crate::bounce::reasons;
use crate::bounce::report::Kind;
use crate::types::Address;
use std::borrow::Cow;

/// What the words for people add to the weight of the header: they speak of a failure, and name its cause or list who failed.
const SPEAKS: i32 = 2;
const NAMES_CAUSE: i32 = 1;
/// The most recipients of the returned message that are looked for in a notice.
const LOCAL_PARTS_MAX: usize = 20;
const ENOUGH: i32 = origin::ENOUGH + 1;
/// A mail system's name and a subject that speaks of a failure.
const CERTAIN: i32 = origin::ENOUGH + 2;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    if mail.weight() + SPEAKS + NAMES_CAUSE < ENOUGH {
        return None;
    }
    let notice = mail.notice();
    if notice.asks_for_a_proof() && mail.weight() < CERTAIN {
        return None;
    }
    let speaks = speaks_of_failure(mail);
    let named = named(mail);
    if named.is_empty() && !speaks || mail.weight() + words_weight(mail, speaks, &named) < ENOUGH {
        return None;
    }
    if mail.is_receipt_in_words() && !name_a_cause(mail, &named) {
        return None;
    }
    let kind = if notice.speaks_of_delay(&mail.outer.envelope.subject) { Kind::Delay } else { Kind::Bounce };
    let rule = named.first().map_or_else(|| "prose/nobody".to_owned(), |first| ["prose/", first.place.name()].concat());
    let alone = named.len() == 1;
    let subject = cause_in_subject(&mail.outer.envelope.subject).filter(|_| alone);
    let recipients = named.iter().map(|named| judge(notice, named, kind, alone, subject)).collect();
    Some(Detected { kind, rule, recipients })
}

/// A mail system may say so in words that nobody foresaw; of anybody else, only known phrases count.
fn speaks_of_failure(mail: &Mail<'_>) -> bool {
    let notice = mail.notice();
    notice.speaks_of_failure()
        || mail.weight() >= origin::ENOUGH && reasons::tells_a_failure(&mail.outer.envelope.subject, notice.own())
}

/// Where nothing but the subject speaks for a mail system, its words must also say why, or list who.
fn words_weight(mail: &Mail<'_>, speaks: bool, named: &[Named]) -> i32 {
    let clear = |named: &Named| reasons::names_a_cause(mail.notice().block(named));
    if !speaks {
        let says_why = named.first().is_some_and(clear) && origin::is_notice_subject(&mail.outer.envelope.subject);
        if says_why { NAMES_CAUSE } else { 0 }
    } else if name_a_cause(mail, named) || named.first().is_some_and(|first| first.place == Place::Listed) {
        SPEAKS + NAMES_CAUSE
    } else if mail.weight() >= origin::ENOUGH {
        SPEAKS
    } else {
        0
    }
}

fn name_a_cause(mail: &Mail<'_>, named: &[Named]) -> bool {
    let tells = if mail.weight() < origin::ENOUGH { reasons::names_a_cause } else { reasons::suggests_a_cause };
    named.iter().take(3).any(|named| named.place <= Place::Alone && tells(mail.notice().block(named)))
}

/// `X-Failed-Recipients` names them best; the text then tells what belongs to each.
fn named(mail: &Mail<'_>) -> Vec<Named> {
    let own = own_addresses(mail);
    let mut in_text = mail.notice().recipients(&own);
    if in_text.first().is_some_and(|named| named.place == Place::Only) && !is_sure(mail) {
        in_text.clear();
    }
    if mail.weight() < origin::ENOUGH {
        // Of ours, only a mail system tells that it failed.
        in_text.retain(|named| !own.iter().any(|address| address.is_same_mailbox(&named.address)));
    }
    let listed = in_text.first().is_some_and(|named| named.place <= Place::Listed);
    if in_text.is_empty() && mail.outer.failed_recipients.is_empty() {
        return by_local_part(mail);
    }
    let mentioned = |address: &Address| !mail.notice().mentions(address).is_empty();
    if mail.outer.failed_recipients.is_empty() || listed && !mail.outer.failed_recipients.iter().any(mentioned) {
        return in_text;
    }
    let block = |address: &Address| {
        let listed = in_text.iter().find(|named| named.address.is_same_mailbox(address));
        let all = 0..if mail.outer.failed_recipients.len() == 1 { mail.notice().end } else { 0 };
        listed.map_or(all, |named| named.block.clone())
    };
    mail.outer
        .failed_recipients
        .iter()
        .map(|address| Named { address: address.clone(), place: Place::Field, joined: false, block: block(address) })
        .collect()
}

/// A mail system wrote it, and it says what it is.
fn is_sure(mail: &Mail<'_>) -> bool {
    let subject = &mail.outer.envelope.subject;
    let is_answer = mail.outer.is_reply && subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if is_answer && !origin::is_notice_subject(subject) {
        return false;
    }
    mail.weight() >= CERTAIN
        || mail.weight() >= origin::ENOUGH
            && (speaks_of_failure(mail) || reasons::suggests_a_cause(mail.notice().own()))
}

/// Notices to which a local part is enough (GroupWise, local delivery) mean a recipient of the returned message.
fn by_local_part(mail: &Mail<'_>) -> Vec<Named> {
    let notice = mail.notice();
    let to = envelope::returned_to(&mail.tree.parts, notice.rest());
    let named = to.into_iter().take(LOCAL_PARTS_MAX).filter(|address| notice.lists(address.local()));
    named.map(|address| Named { address, place: Place::ToLine, joined: false, block: 0..notice.end }).collect()
}

/// Addresses that are not recipients: who the notice goes to, and who wrote it.
fn own_addresses(mail: &Mail<'_>) -> Vec<Address> {
    let envelope = &mail.outer.envelope;
    let from = crate::bounce::address::parse_mailbox(&envelope.from);
    envelope.to_mailboxes.iter().chain(&envelope.delivered_to).cloned().chain(from).collect()
}

/// `Returned mail: User unknown`, `Mailbox full`; what other notices quote behind a colon is the subject of the message, and
/// the usual words (`Mail System Error`) tell no cause.
fn cause_in_subject(subject: &str) -> Option<&str> {
    const SENDMAIL: &str = "returned mail:";
    let is_sendmail = subject.get(..SENDMAIL.len()).is_some_and(|start| start.eq_ignore_ascii_case(SENDMAIL));
    Some(subject).filter(|subject| is_sendmail || !subject.contains(':') && !origin::is_notice_subject(subject))
}

fn judge(notice: &Notice, named: &Named, kind: Kind, alone: bool, subject: Option<&str>) -> crate::bounce::Recipient {
    let rule = ["prose/", named.place.name()].concat();
    let block = notice.block(named);
    let near = std::iter::once_with(|| Cow::Owned(notice.mentions(&named.address)));
    let all = alone.then(|| std::iter::once_with(|| Cow::Borrowed(notice.own()))).into_iter().flatten();
    let mut nearest = transcript::parts(Cow::Borrowed(block));
    let (nearest, rest) = (nearest.next().unwrap_or_default(), nearest);
    let subject = subject.map(|subject| Cow::Owned(subject.to_owned()));
    Finding::new(named.address.clone(), nearest, rule).judge(kind, rest.chain(near).chain(all).chain(subject))
}
