//! Delivery status notifications (RFC 3464, RFC 6533): as a part of their own, or pasted into the text.

use super::Detected;
use crate::bounce::dsn::{self, DsnRecipient};
use crate::bounce::finding::Finding;
use crate::bounce::mail::Mail;
use crate::bounce::mime::Content;
use crate::bounce::notice::{origin, transcript};
use crate::bounce::report::{DsnAction, Kind};
use std::borrow::Cow;

/// How many parts of no known type are searched for a report.
const ATTACHMENTS_MAX: usize = 3;

pub fn read(mail: &Mail<'_>) -> Option<Detected> {
    let (mut groups, rule) = groups(mail)?;
    let has_action = groups.iter().any(|group| group.action.is_some());
    groups.retain(is_failure);
    if groups.is_empty() {
        return has_action.then(|| success(rule));
    }
    let kind = kind(mail, &groups);
    groups.retain(|group| group.address().is_some());
    if groups.is_empty() {
        return None;
    }
    let alone = groups.len() == 1;
    let recipients =
        groups.iter().filter_map(|group| Some(finding(group, rule)?.judge(kind, texts(mail, group, alone))));
    Some(Detected { kind, rule: rule.to_owned(), recipients: recipients.collect() })
}

/// The groups of the report part, else of a report in the text of a mail that a mail system wrote.
fn groups(mail: &Mail<'_>) -> Option<(Vec<DsnRecipient>, &'static str)> {
    let parts = mail.tree.parts.iter().filter(|part| part.content == Content::DeliveryStatus);
    let groups: Vec<DsnRecipient> = parts.flat_map(|part| dsn::read(&part.text())).collect();
    if !groups.is_empty() {
        return Some((groups, "dsn"));
    }
    if mail.weight() < origin::ENOUGH {
        return None;
    }
    let mut attached = mail.tree.parts.iter().filter(|part| part.content == Content::Other).take(ATTACHMENTS_MAX);
    pasted(mail.notice().own())
        .or_else(|| attached.find_map(|part| pasted(&part.text())))
        .map(|groups| (groups, "dsn-in-text"))
}

/// The groups of a report in a text, if it names a recipient.
fn pasted(text: &str) -> Option<Vec<DsnRecipient>> {
    let groups = dsn::is_pasted_in(text).then(|| dsn::read(text))?;
    groups.iter().any(|group| group.address().is_some()).then_some(groups)
}

fn success(rule: &str) -> Detected {
    Detected { kind: Kind::NotBounce, rule: [rule, "/success"].concat(), recipients: Vec::new() }
}

/// Without an action, the status tells; without both, a report in a failure notice reports a failure.
fn is_failure(group: &DsnRecipient) -> bool {
    match group.action {
        Some(DsnAction::Failed | DsnAction::Delayed) => true,
        Some(_) => false,
        None => group.status.is_none_or(|status| status.class != 2),
    }
}

/// A report of delays alone is a warning; where no action is given, the words for people tell.
fn kind(mail: &Mail<'_>, failed: &[DsnRecipient]) -> Kind {
    let delayed = |group: &DsnRecipient| match group.action {
        Some(action) => action == DsnAction::Delayed,
        None => {
            group.status.is_some_and(|status| status.class == 4)
                && mail.notice().speaks_of_delay(&mail.outer.envelope.subject)
        }
    };
    if failed.iter().all(delayed) { Kind::Delay } else { Kind::Bounce }
}

fn finding<'g>(group: &'g DsnRecipient, rule: &'static str) -> Option<Finding<'g>> {
    let address = group.address()?.clone();
    Some(Finding {
        final_recipient: group.final_recipient.as_ref().filter(|other| **other != address).cloned(),
        address,
        action: group.action,
        status: group.status,
        remote_mta: group.remote_mta.clone(),
        diagnostic: Cow::Borrowed(&group.diagnostic_code),
        rule: Cow::Borrowed(rule),
    })
}

/// What else is said about a recipient: around its addresses in the words for people, in all of those words if it is
/// the only one, and behind its status.
fn texts<'m>(mail: &'m Mail<'_>, group: &'m DsnRecipient, alone: bool) -> impl Iterator<Item = Cow<'m, str>> {
    let near = std::iter::once_with(move || {
        let addresses = group.original_recipient.iter().chain(&group.final_recipient);
        Cow::Owned(addresses.map(|address| mail.notice().mentions(address)).collect())
    });
    let status = std::iter::once(Cow::Borrowed(&*group.status_text));
    let all = alone.then(|| std::iter::once_with(|| Cow::Borrowed(mail.notice().own()))).into_iter().flatten();
    near.chain(all).flat_map(transcript::parts).chain(status)
}
