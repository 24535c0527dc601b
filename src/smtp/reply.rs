//! What is said to the client: [`Reply`], and the texts of all replies that are fixed.
//!
//! Each 2xx, 4xx and 5xx has an enhanced status (RFC 2034), but for the greeting and the answers to EHLO, HELO and LHLO.

use super::event::{Refusal, Verdict};
use super::settings::{Protocol, Settings};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

/// One reply, in the form of the wire (RFC 5321 §4.2.1) but for the last CRLF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply(Cow<'static, str>);

impl Reply {
    const fn new(text: &'static str) -> Self {
        // The enhanced status repeats the class (RFC 2034 §4).
        if let [class, _, _, _, enhanced_class, b'.', ..] = text.as_bytes() {
            assert!(*class == *enhanced_class, "the classes of a reply differ");
        }
        Self(Cow::Borrowed(text))
    }

    /// What is said first.
    pub(super) fn greeting(settings: &Settings) -> Self {
        let protocol = match settings.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        ["220 ", &settings.hostname, " ", protocol, " bouncesvc"].concat().into()
    }

    /// The answer to HELO.
    pub(super) fn hello(settings: &Settings, peer: IpAddr) -> Self {
        format!("250 {} greets [{peer}]", settings.hostname).into()
    }

    /// The answer to EHLO and LHLO: what is offered.
    pub(super) fn extensions(settings: &Settings, peer: IpAddr, tls: bool) -> Self {
        let Settings { hostname, message_octets_max, .. } = settings;
        let mut text = String::with_capacity(EXTENSIONS_OCTETS);
        let _ = write!(text, "250-{hostname} greets [{peer}]\r\n250-PIPELINING\r\n250-SIZE {message_octets_max}\r\n");
        if settings.starttls && !tls {
            text.push_str("250-STARTTLS\r\n");
        }
        text.push_str("250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8");
        text.into()
    }

    /// The answer to a mail.
    pub(super) fn verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted(id) => ["250 2.0.0 Ok: queued as ", &id.to_string()].concat().into(),
            Verdict::TryAgain => TRY_AGAIN,
            Verdict::NoRoom => NO_ROOM,
        }
    }

    /// The answer to a mail or a recipient that is not taken.
    pub(super) fn refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooBig => TOO_BIG,
            Refusal::BareLineEnds => BARE_LINE_ENDS,
            Refusal::Recipient => RECIPIENT_REFUSED,
        }
    }

    /// Whether it tells the client that it broke the protocol, which counts against the limit of errors. A refused address does not.
    pub(super) fn is_client_error(&self) -> bool {
        ["500", "501", "502", "503", "504", "555"].iter().any(|code| self.0.starts_with(code))
    }

    /// Appends it and its last CRLF.
    pub(super) fn write_to(&self, output: &mut Vec<u8>) {
        output.reserve(self.0.len() + CRLF.len());
        output.extend_from_slice(self.0.as_bytes());
        output.extend_from_slice(CRLF);
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// As many octets as most answers to EHLO have at most.
const EXTENSIONS_OCTETS: usize = 200;

const CRLF: &[u8] = b"\r\n";

pub(super) const OK: Reply = Reply::new("250 2.0.0 Ok");
pub(super) const SENDER_OK: Reply = Reply::new("250 2.1.0 Ok");
pub(super) const RECIPIENT_OK: Reply = Reply::new("250 2.1.5 Ok");
pub(super) const SEND_DATA: Reply = Reply::new("354 End data with <CR><LF>.<CR><LF>");
pub(super) const START_TLS: Reply = Reply::new("220 2.0.0 Ready to start TLS");
pub(super) const BYE: Reply = Reply::new("221 2.0.0 Bye");
pub(super) const CANNOT_VERIFY: Reply = Reply::new("252 2.0.0 Cannot verify; will take mail for it");
pub(super) const HELP: Reply = Reply::new(
    "214-2.0.0 bouncesvc receives undeliverable mail\r\n214 2.0.0 EHLO HELO LHLO MAIL RCPT DATA RSET NOOP VRFY HELP STARTTLS QUIT",
);

pub(super) const LINE_TOO_LONG: Reply = Reply::new("500 5.5.2 Line too long");
pub(super) const LINE_WITH_BARE_LF: Reply = Reply::new("500 5.5.2 Lines end with CR LF");
pub(super) const LINE_WITH_CONTROLS: Reply = Reply::new("500 5.5.2 Control character in command");
pub(super) const LINE_NOT_UTF8: Reply = Reply::new("500 5.5.2 Command is not UTF-8");
pub(super) const UNKNOWN_COMMAND: Reply = Reply::new("500 5.5.1 Unknown command");
pub(super) const NOT_IN_THIS_PROTOCOL: Reply = Reply::new("500 5.5.1 LMTP greets with LHLO, SMTP with EHLO or HELO");
pub(super) const NAME_MISSING: Reply = Reply::new("501 Give your host name");
pub(super) const NO_ARGUMENTS: Reply = Reply::new("501 5.5.4 Command takes no arguments");
pub(super) const ARGUMENT_MISSING: Reply = Reply::new("501 5.5.4 Argument missing");
pub(super) const MAIL_SYNTAX: Reply = Reply::new("501 5.5.4 Syntax: MAIL FROM:<address>");
pub(super) const RCPT_SYNTAX: Reply = Reply::new("501 5.5.4 Syntax: RCPT TO:<address>");
pub(super) const BAD_SENDER: Reply = Reply::new("501 5.1.7 Bad sender address syntax");
pub(super) const BAD_RECIPIENT: Reply = Reply::new("501 5.1.3 Bad recipient address syntax");
pub(super) const BAD_PARAMETER: Reply = Reply::new("501 5.5.4 Bad value of a parameter");
pub(super) const PARAMETER_TWICE: Reply = Reply::new("501 5.5.4 Parameter given twice");
pub(super) const UNKNOWN_PARAMETER: Reply = Reply::new("555 5.5.4 Unknown parameter");
pub(super) const NOT_IMPLEMENTED: Reply = Reply::new("502 5.5.1 Command not implemented");
pub(super) const GREET_FIRST: Reply = Reply::new("503 5.5.1 Send EHLO first");
pub(super) const MAIL_FIRST: Reply = Reply::new("503 5.5.1 Send MAIL first");
pub(super) const RCPT_FIRST: Reply = Reply::new("503 5.5.1 No recipient was accepted");
pub(super) const NESTED_MAIL: Reply = Reply::new("503 5.5.1 MAIL was sent already");
pub(super) const TLS_IN_TRANSACTION: Reply = Reply::new("503 5.5.1 STARTTLS between MAIL and DATA");
pub(super) const TLS_IS_ON: Reply = Reply::new("503 5.5.1 TLS is on");
pub(super) const TLS_NEEDED: Reply = Reply::new("530 5.7.0 Must issue a STARTTLS command first");
pub(super) const RECIPIENT_REFUSED: Reply = Reply::new("550 5.7.1 No mail for this recipient is taken here");
pub(super) const BARE_LINE_ENDS: Reply = Reply::new("550 5.6.11 Bare CR or LF in the mail");
pub(super) const TOO_BIG: Reply = Reply::new("552 5.3.4 Mail is larger than SIZE allows");
pub(super) const NEEDS_SMTPUTF8: Reply = Reply::new("553 5.6.7 Address needs SMTPUTF8");

pub(super) const TOO_MANY_ERRORS: Reply = Reply::new("421 4.7.0 Too many errors");
pub(super) const TOO_MANY_MAILS: Reply = Reply::new("421 4.7.0 Enough mails for one session; connect again");
pub(super) const NOT_HTTP: Reply = Reply::new("421 4.7.0 This is not an HTTP server");
pub(super) const OUT_OF_ROOM: Reply = Reply::new("421 4.3.1 Others wait for the room; try again");
pub(super) const TIMEOUT: Reply = Reply::new("421 4.4.2 Timeout");
pub(super) const TOO_SLOW: Reply = Reply::new("421 4.4.2 Data comes too slowly");
pub(super) const SHUTTING_DOWN: Reply = Reply::new("421 4.3.2 Service shuts down; try again");
pub(super) const TRY_AGAIN: Reply = Reply::new("451 4.3.0 Not stored; try again");
pub(super) const NO_ROOM: Reply = Reply::new("452 4.3.1 No room; try again");
pub(super) const TOO_MANY_RECIPIENTS: Reply = Reply::new("452 4.5.3 Too many recipients");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_breaks_the_protocol_is_told_from_who_is_refused() {
        let errors = [UNKNOWN_COMMAND, NAME_MISSING, NOT_IMPLEMENTED, MAIL_FIRST, UNKNOWN_PARAMETER];
        assert!(errors.iter().all(Reply::is_client_error));
        assert!(![OK, SEND_DATA, TRY_AGAIN, TLS_NEEDED, RECIPIENT_REFUSED, TOO_BIG].iter().any(Reply::is_client_error));
    }
}
