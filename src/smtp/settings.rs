//! What the owner decides about its sessions: [`Settings`]. One value serves all sessions of a listener.

use super::path::ForwardPath;
use crate::types::{Address, Domain};
use std::fmt;
use std::time::Duration;

/// Limits and identity; the keys of the configuration name the same things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name in the greeting and in replies.
    pub hostname: String,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Whether STARTTLS is offered; no more once TLS is on.
    pub starttls: bool,
    /// Without TLS, mail is answered 530.
    pub require_tls: bool,
    /// What happens to a mail with bare CR or LF.
    pub bare_line_ends: BareLineEnds,
    /// Whose mail is taken, everybody's when empty; others 550. `<postmaster>` is always taken (RFC 5321 §4.5.1).
    pub accepted_recipients: Vec<AcceptedRecipient>,
    /// What is offered as SIZE; beyond it 552.
    pub message_octets_max: u64,
    /// How much of a mail is kept; the rest is read and dropped.
    pub head_octets_max: usize,
    /// A command line without its CRLF; beyond it 500. RFC 5321 §4.5.3.1.4 asks for 512 and what the extensions add.
    pub command_octets_max: usize,
    /// Recipients of one mail; beyond it 452.
    pub recipients_max: usize,
    /// Errors of one session; beyond it 421.
    pub errors_max: u32,
    /// Mails of one session; beyond it 421.
    pub mails_per_session_max: u32,
    /// Time between commands.
    pub command_time_max: Duration,
    /// Time for one mail's data.
    pub data_time_max: Duration,
    /// Time of a whole session; a mail that waits for its answer gets it nevertheless.
    pub session_time_max: Duration,
    /// The slowest data, on average over each minute of a mail; below it 421. Zero: any.
    pub data_octets_per_second_min: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            protocol: Protocol::Smtp,
            starttls: false,
            require_tls: false,
            bare_line_ends: BareLineEnds::Normalise,
            accepted_recipients: Vec::new(),
            message_octets_max: 50 << 20,
            head_octets_max: 1 << 20,
            command_octets_max: 2048,
            recipients_max: 1000,
            errors_max: 20,
            mails_per_session_max: 100_000,
            command_time_max: Duration::from_secs(300),
            data_time_max: Duration::from_secs(600),
            session_time_max: Duration::from_secs(24 * 3600),
            data_octets_per_second_min: 100,
        }
    }
}

impl Settings {
    /// Whether mail for `path` is taken.
    pub(super) fn accepts(&self, path: &ForwardPath) -> bool {
        match path {
            ForwardPath::Postmaster => true,
            ForwardPath::Path(mailbox) => {
                self.accepted_recipients.is_empty() || self.accepted_recipients.iter().any(|a| a.matches(mailbox))
            }
        }
    }
}

/// The protocol of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321: EHLO or HELO, one reply to a mail.
    Smtp,
    /// RFC 2033: LHLO, one reply for each recipient.
    Lmtp,
}

/// What happens to a mail with CR or LF outside of CRLF. Neither way do they start a line or end the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareLineEnds {
    /// The mail is taken. In the head that is kept a bare LF becomes CRLF, a bare CR too; CRs right before CRLF are left out.
    Normalise,
    /// The mail is read to its end and answered 550 5.6.11.
    Reject,
}

/// A recipient that mail is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedRecipient {
    /// Any local part at this domain or below it.
    Domain(Domain),
    /// One mailbox, compared as counter keys are.
    Address(Address),
}

impl AcceptedRecipient {
    /// Takes a domain or an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') { Address::parse(text).map(Self::Address) } else { Domain::parse(text).map(Self::Domain) }
    }

    fn matches(&self, mailbox: &str) -> bool {
        match self {
            Self::Domain(domain) => mailbox.rsplit_once('@').is_some_and(|(_, name)| domain.covers(name)),
            Self::Address(address) => Address::parse(mailbox).is_some_and(|other| other.key() == address.key()),
        }
    }
}

impl fmt::Display for AcceptedRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_recipients_match_by_labels_and_by_key() {
        let accepts = |rules: &[&str], mailbox: &str| {
            let accepted_recipients = rules.iter().map(|rule| AcceptedRecipient::parse(rule).unwrap()).collect();
            let settings = Settings { accepted_recipients, ..Settings::default() };
            settings.accepts(&ForwardPath::Path(mailbox.to_owned()))
        };
        for (rules, mailbox, accepted) in [
            (&[][..], "a@b.de", true),
            (&["b.de"], "a@b.de", true),
            (&["b.de"], "a@X.B.DE", true),
            (&["b.de"], "a@evil-b.de", false),
            (&["b.de"], "a", false),
            (&["no-reply@b.de"], "No-Reply@B.de", true),
            (&["no-reply@b.de"], "other@b.de", false),
            (&["no-reply@b.de", "c.de"], "other@c.de", true),
        ] {
            assert_eq!(accepts(rules, mailbox), accepted, "{rules:?} {mailbox}");
        }
        let strict =
            Settings { accepted_recipients: vec![AcceptedRecipient::parse("b.de").unwrap()], ..Settings::default() };
        assert!(strict.accepts(&ForwardPath::Postmaster));
        assert_eq!(AcceptedRecipient::parse("a b@c"), None);
    }
}
