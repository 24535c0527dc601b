//! Delivery-status fields (RFC 3464, RFC 6533): groups of fields to [`DsnRecipient`]s.
//!
//! Lenient where real reports differ from the grammar: blank lines missing between recipients, doubled, or inside a group; a
//! space before the colon; fields of one group in any order; folded lines that lost their indentation; comments
//! after a value. What a code or a text means is elsewhere.

use super::address::parse_recipient_field;
use super::line::lines;
use super::report::DsnAction;
use super::status::EnhancedStatus;
use crate::types::Address;
use std::borrow::Cow;

/// The most recipients of one report.
pub const RECIPIENTS_MAX: usize = 500;
/// The longest value that is kept, in octets.
const VALUE_OCTETS_MAX: usize = 4000;

/// One per-recipient group (RFC 3464 §2.3).
#[derive(Debug, Clone, Default)]
pub struct DsnRecipient {
    /// RFC 3464 §2.3.1: the address that the sender wrote to.
    pub original_recipient: Option<Address>,
    /// RFC 3464 §2.3.2: the address that failed in the end.
    pub final_recipient: Option<Address>,
    /// RFC 3464 §2.3.3; `None` where it is missing or another word.
    pub action: Option<DsnAction>,
    /// RFC 3464 §2.3.4.
    pub status: Option<EnhancedStatus>,
    /// What stood behind the status: `(mailbox is full)`.
    pub status_text: String,
    /// RFC 3464 §2.3.5, without its type.
    pub remote_mta: Option<String>,
    /// RFC 3464 §2.3.6, without its type.
    pub diagnostic_code: String,
}

impl DsnRecipient {
    /// The address that the platform knows.
    pub fn address(&self) -> Option<&Address> {
        self.original_recipient.as_ref().or(self.final_recipient.as_ref())
    }

    /// A group that names nobody and says nothing is no group.
    fn is_empty(&self) -> bool {
        self.original_recipient.is_none()
            && self.final_recipient.is_none()
            && self.action.is_none()
            && self.status.is_none()
    }

    const fn says_something(&self) -> bool {
        self.action.is_some() || self.status.is_some() || !self.diagnostic_code.is_empty()
    }

    const fn has_recipient(&self) -> bool {
        self.original_recipient.is_some() || self.final_recipient.is_some()
    }
}

/// The fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Original,
    Final,
    Action,
    Status,
    Diagnostic,
    RemoteMta,
    Other,
}

const NAMES: &[(&str, Name)] = &[
    ("final-recipient", Name::Final),
    ("original-recipient", Name::Original),
    ("action", Name::Action),
    ("status", Name::Status),
    ("diagnostic-code", Name::Diagnostic),
    ("remote-mta", Name::RemoteMta),
    ("x-original-recipient", Name::Original),
    ("final recipient", Name::Final),
    ("original recipient", Name::Original),
    ("diagnostic code", Name::Diagnostic),
    ("remote mta", Name::RemoteMta),
];

/// The recipients of a report, in order; one original address with several final ones is one recipient.
pub fn read(text: &str) -> Vec<DsnRecipient> {
    let mut reader = Reader::default();
    for line in lines(text) {
        reader.line(line);
    }
    reader.end_field();
    reader.end_group();
    reader.groups
}

/// Whether a text holds fields of a report at line starts, so that pasted reports are found.
pub fn is_pasted_in(text: &str) -> bool {
    let mut names = text.lines().filter_map(|line| split_field(line).map(|(name, _)| name));
    let mut seen = (false, false);
    names.any(|name| {
        seen.0 |= matches!(name, Name::Final | Name::Original);
        seen.1 |= matches!(name, Name::Action | Name::Status | Name::Diagnostic);
        seen.0 && seen.1
    })
}

#[derive(Default)]
struct Reader<'t> {
    groups: Vec<DsnRecipient>,
    group: DsnRecipient,
    /// The field that a continuation line belongs to, and its value so far.
    open: Option<(Name, Cow<'t, str>)>,
    after_blank: bool,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t str) {
        if line.trim_start().is_empty() {
            self.end_field();
            self.after_blank = true;
        } else if let Some((name, value)) = split_field(line) {
            self.end_field();
            self.open = Some((name, Cow::Borrowed(value)));
        } else {
            self.continuation(line);
        }
    }

    /// A folded line; one that lost its indentation only where prose is expected.
    fn continuation(&mut self, line: &str) {
        let folded = line.starts_with([' ', '\t']);
        if let Some((name, value)) = &mut self.open
            && (folded || *name == Name::Diagnostic)
            && value.len() < VALUE_OCTETS_MAX
        {
            let value = value.to_mut();
            value.push('\n');
            value.push_str(line.trim());
        }
    }

    fn end_field(&mut self) {
        if let Some((name, value)) = self.open.take() {
            if self.starts_group(name) {
                self.end_group();
            }
            self.after_blank = false;
            // Lines are trimmed as they come; one that is empty at first leaves a line end in front.
            self.set(name, value.trim_start());
        }
    }

    /// A second recipient or action belongs to the next group; so does a recipient behind a blank line, unless nothing was
    /// said about the one before it: some reports have such a line behind each field.
    fn starts_group(&self, name: Name) -> bool {
        let behind_another = self.after_blank && self.group.has_recipient() && self.group.says_something();
        match name {
            Name::Original => self.group.original_recipient.is_some() || behind_another,
            Name::Final => self.group.final_recipient.is_some() || behind_another,
            Name::Action => self.group.action.is_some() && self.group.has_recipient(),
            _ => false,
        }
    }

    fn set(&mut self, name: Name, value: &str) {
        let group = &mut self.group;
        match name {
            Name::Original => group.original_recipient = parse_recipient_field(value),
            Name::Final => group.final_recipient = parse_recipient_field(value),
            Name::Action => group.action = group.action.or_else(|| action(value)),
            Name::Status if group.status.is_none() => {
                group.status = EnhancedStatus::find(value);
                group.status_text = value.into();
            }
            Name::Diagnostic if group.diagnostic_code.is_empty() => group.diagnostic_code = diagnostic(value).into(),
            Name::RemoteMta if !typed_value(value).is_empty() => {
                group.remote_mta = Some(super::line::one_line(typed_value(value)).into_owned());
            }
            _ => {}
        }
    }

    fn end_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        let repeated =
            group.address().is_some_and(|address| self.groups.iter().any(|known| known.address() == Some(address)));
        if !group.is_empty() && !repeated && self.groups.len() < RECIPIENTS_MAX {
            self.groups.push(group);
        }
    }
}

/// `name: value` with a known name, or any other field name at the start of a line.
fn split_field(line: &str) -> Option<(Name, &str)> {
    let colon = memchr::memchr(b':', line.as_bytes())?;
    let (name, value) = (line.get(..colon)?.trim(), line.get(colon + 1..)?);
    let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, name)) = known {
        return Some((*name, value.trim()));
    }
    let is_field = !line.starts_with([' ', '\t'])
        && name.contains('-')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    is_field.then_some((Name::Other, value))
}

/// RFC 3464 §2.3.3; also the words that some senders write instead, and comments behind the word.
fn action(value: &str) -> Option<DsnAction> {
    let mut words = value.split(|c: char| !c.is_ascii_alphabetic());
    let word = words.find(|word| !word.is_empty())?;
    ACTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, action)| *action)
}

const ACTIONS: &[(&str, DsnAction)] = &[
    ("failed", DsnAction::Failed),
    ("failure", DsnAction::Failed),
    ("fail", DsnAction::Failed),
    ("error", DsnAction::Failed),
    ("expired", DsnAction::Failed),
    ("bounced", DsnAction::Failed),
    ("undeliverable", DsnAction::Failed),
    ("delayed", DsnAction::Delayed),
    ("deferred", DsnAction::Delayed),
    ("delay", DsnAction::Delayed),
    ("warning", DsnAction::Delayed),
    ("delivered", DsnAction::Delivered),
    ("deliverable", DsnAction::Delivered),
    ("success", DsnAction::Delivered),
    ("relayed", DsnAction::Relayed),
    ("expanded", DsnAction::Expanded),
];

/// The value behind `smtp;`, `x-unix;`, `dns;`; a `;` inside a sentence is none.
fn typed_value(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if kind.len() < 40 && !kind.trim().contains([' ', '\t']) => rest.trim(),
        _ => value,
    }
}

/// What was said. `x-unix` stays, since it is all that tells an exit code from an SMTP reply; the words that IronPort puts
/// before a quoted reply (`5.1.0 - Unknown address error 550-'…'`) only describe the code.
fn diagnostic(value: &str) -> &str {
    let said = if value.get(..7).is_some_and(|kind| kind.eq_ignore_ascii_case("x-unix;")) {
        value
    } else {
        typed_value(value)
    };
    let quoted = memchr::memmem::find(said.as_bytes(), b"-'")
        .and_then(|at| at.checked_sub(3))
        .filter(|at| said.get(..*at).is_some_and(|words| words.contains(" - ")));
    quoted.and_then(|at| said.get(at..)).unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        read(text).iter().filter_map(|r| r.address().map(ToString::to_string)).collect()
    }

    #[test]
    fn groups_without_and_with_too_many_blank_lines() {
        let tight = "Reporting-MTA: dns; mx.example.org\nFinal-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.2.2";
        assert_eq!(addresses(tight), ["a@example.com", "b@example.com"]);
        let loose = "Final-Recipient: rfc822; a@example.com\n\nAction: failed\n\n\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; b@example.com\n\nAction: delayed\n";
        let groups = read(loose);
        assert_eq!(
            groups.iter().map(|g| g.action).collect::<Vec<_>>(),
            [Some(DsnAction::Failed), Some(DsnAction::Delayed)]
        );
        assert_eq!(groups[0].status.unwrap().to_string(), "5.1.1");
    }

    #[test]
    fn two_names_of_one_recipient_stay_together_behind_blank_lines() {
        let text = "Final-Recipient: rfc822; a@int.example\n\nOriginal-Recipient: rfc822; a@example.com\n\nAction: failed\n\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; b@int.example\n\nAction: failed\n";
        assert_eq!(addresses(text), ["a@example.com", "b@int.example"]);
    }

    #[test]
    fn action_before_the_recipient() {
        let text = "Action: failed\nFinal-Recipient: rfc822; a@example.com\nStatus: 5.1.1\n\nAction: failed\nFinal-Recipient: rfc822; b@example.com\nStatus: 5.1.1\n";
        assert_eq!(addresses(text), ["a@example.com", "b@example.com"]);
    }

    #[test]
    fn one_original_with_several_finals_is_one_recipient() {
        let text = "Original-Recipient: rfc822;list@example.com\nFinal-Recipient: rfc822;a@example.net\nAction: failed\n\nOriginal-Recipient: rfc822;list@example.com\nFinal-Recipient: rfc822;b@example.net\nAction: failed\n";
        assert_eq!(addresses(text), ["list@example.com"]);
    }

    #[test]
    fn odd_fields_are_understood() {
        let text = "Final-Recipient : <a@example.com>\nAction: error (see below)\nStatus: 5.0.0 (mailbox full)\nDiagnostic-Code: SMTP; 550-first line\nsecond line\n third line\nRemote-MTA: dns; mx.example.com\n";
        let group = read(text).remove(0);
        assert_eq!(group.action, Some(DsnAction::Failed));
        assert_eq!(group.status_text, "5.0.0 (mailbox full)");
        assert_eq!(group.diagnostic_code, "550-first line\nsecond line\nthird line");
        assert_eq!(group.remote_mta.as_deref(), Some("mx.example.com"));
    }

    #[test]
    fn a_report_in_prose_is_told_from_a_quoted_one() {
        assert!(is_pasted_in("Technical report:\n\nAction: failed\nFinal-Recipient: rfc822; a@example.com\n"));
        assert!(!is_pasted_in("> Action: failed\n> Final-Recipient: rfc822; a@example.com\nStatus: sent"));
    }
}
