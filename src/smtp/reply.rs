//! What is said to the client: [`Reply`], and the texts of all replies that are fixed.
//!
//! Each 2xx, 4xx and 5xx has an enhanced status (RFC 2034), but for the greeting and the answers to EHLO, HELO and LHLO.

use super::event::{Refusal, Verdict};
use super::settings::{Protocol, Settings};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a line has besides its text, at most: `250-2.1.255 ` and CRLF.
const LINE_OCTETS: usize = 16;

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EnhancedStatusCode(pub(super) u8, pub(super) u8, pub(super) u8);

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    status: Option<EnhancedStatusCode>,
    /// Lines are parted by LF.
    text: Cow<'static, str>,
}

impl Reply {
    /// With an enhanced status.
    pub(super) const fn new(code: u16, status: (u8, u8, u8), text: &'static str) -> Self {
        let (class, subject, detail) = status;
        Self { code, status: Some(EnhancedStatusCode(class, subject, detail)), text: Cow::Borrowed(text) }
    }

    /// Without one.
    pub(super) const fn plain(code: u16, text: &'static str) -> Self {
        Self { code, status: None, text: Cow::Borrowed(text) }
    }

    /// What is said first.
    pub(super) fn greeting(settings: &Settings) -> Self {
        let protocol = match settings.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        Self::plain(220, "").with_text([&settings.hostname, " ", protocol, " bouncesvc"].concat())
    }

    /// The answer to HELO.
    pub(super) fn hello(settings: &Settings, peer: IpAddr) -> Self {
        Self::plain(250, "").with_text(format!("{} greets [{peer}]", settings.hostname))
    }

    /// The answer to EHLO and LHLO: what is offered.
    pub(super) fn extensions(settings: &Settings, peer: IpAddr, tls: bool) -> Self {
        let Settings { hostname, message_octets_max, .. } = settings;
        let starttls = if settings.starttls && !tls { "\nSTARTTLS" } else { "" };
        Self::plain(250, "").with_text(format!(
            "{hostname} greets [{peer}]\nPIPELINING\nSIZE {message_octets_max}{starttls}\n\
             8BITMIME\nENHANCEDSTATUSCODES\nSMTPUTF8"
        ))
    }

    /// The answer to a mail.
    pub(super) fn verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted(id) => OK.with_text(format!("Ok: queued as {id}")),
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

    fn with_text(self, text: String) -> Self {
        Self { text: Cow::Owned(text), ..self }
    }

    /// Whether it tells the client that it broke the protocol, which counts against the limit of errors. A refused address does not.
    pub(super) const fn is_client_error(&self) -> bool {
        matches!(self.code, 500..=504 | 555)
    }

    /// Appends it in the form of the wire (RFC 5321 §4.2.1).
    pub(super) fn write_to(&self, output: &mut Vec<u8>) {
        output.reserve(self.text.len() + LINE_OCTETS);
        let mut lines = self.text.as_bytes().split(|octet| *octet == b'\n').peekable();
        while let Some(line) = lines.next() {
            push_number(output, self.code);
            output.push(if lines.peek().is_some() { b'-' } else { b' ' });
            if let Some(EnhancedStatusCode(class, subject, detail)) = self.status {
                for (number, mark) in [(class, b'.'), (subject, b'.'), (detail, b' ')] {
                    push_number(output, number);
                    output.push(mark);
                }
            }
            output.extend_from_slice(line);
            output.extend_from_slice(b"\r\n");
        }
    }
}

fn push_number(output: &mut Vec<u8>, number: impl itoa::Integer) {
    output.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

pub(super) const OK: Reply = Reply::new(250, (2, 0, 0), "Ok");
pub(super) const SENDER_OK: Reply = Reply::new(250, (2, 1, 0), "Ok");
pub(super) const RECIPIENT_OK: Reply = Reply::new(250, (2, 1, 5), "Ok");
pub(super) const SEND_DATA: Reply = Reply::plain(354, "End data with <CR><LF>.<CR><LF>");
pub(super) const START_TLS: Reply = Reply::new(220, (2, 0, 0), "Ready to start TLS");
pub(super) const BYE: Reply = Reply::new(221, (2, 0, 0), "Bye");
pub(super) const CANNOT_VERIFY: Reply = Reply::new(252, (2, 0, 0), "Cannot verify; will take mail for it");
pub(super) const HELP: Reply = Reply::new(
    214,
    (2, 0, 0),
    "bouncesvc receives undeliverable mail\nEHLO HELO LHLO MAIL RCPT DATA RSET NOOP VRFY HELP STARTTLS QUIT",
);

pub(super) const LINE_TOO_LONG: Reply = Reply::new(500, (5, 5, 2), "Line too long");
pub(super) const LINE_WITH_BARE_LF: Reply = Reply::new(500, (5, 5, 2), "Lines end with CR LF");
pub(super) const LINE_WITH_CONTROLS: Reply = Reply::new(500, (5, 5, 2), "Control character in command");
pub(super) const LINE_NOT_UTF8: Reply = Reply::new(500, (5, 5, 2), "Command is not UTF-8");
pub(super) const UNKNOWN_COMMAND: Reply = Reply::new(500, (5, 5, 1), "Unknown command");
pub(super) const NOT_IN_THIS_PROTOCOL: Reply =
    Reply::new(500, (5, 5, 1), "LMTP greets with LHLO, SMTP with EHLO or HELO");
pub(super) const NAME_MISSING: Reply = Reply::plain(501, "Give your host name");
pub(super) const NO_ARGUMENTS: Reply = Reply::new(501, (5, 5, 4), "Command takes no arguments");
pub(super) const ARGUMENT_MISSING: Reply = Reply::new(501, (5, 5, 4), "Argument missing");
pub(super) const MAIL_SYNTAX: Reply = Reply::new(501, (5, 5, 4), "Syntax: MAIL FROM:<address>");
pub(super) const RCPT_SYNTAX: Reply = Reply::new(501, (5, 5, 4), "Syntax: RCPT TO:<address>");
pub(super) const BAD_SENDER: Reply = Reply::new(501, (5, 1, 7), "Bad sender address syntax");
pub(super) const BAD_RECIPIENT: Reply = Reply::new(501, (5, 1, 3), "Bad recipient address syntax");
pub(super) const BAD_PARAMETER: Reply = Reply::new(501, (5, 5, 4), "Bad value of a parameter");
pub(super) const PARAMETER_TWICE: Reply = Reply::new(501, (5, 5, 4), "Parameter given twice");
pub(super) const UNKNOWN_PARAMETER: Reply = Reply::new(555, (5, 5, 4), "Unknown parameter");
pub(super) const NOT_IMPLEMENTED: Reply = Reply::new(502, (5, 5, 1), "Command not implemented");
pub(super) const GREET_FIRST: Reply = Reply::new(503, (5, 5, 1), "Send EHLO first");
pub(super) const MAIL_FIRST: Reply = Reply::new(503, (5, 5, 1), "Send MAIL first");
pub(super) const RCPT_FIRST: Reply = Reply::new(503, (5, 5, 1), "No recipient was accepted");
pub(super) const NESTED_MAIL: Reply = Reply::new(503, (5, 5, 1), "MAIL was sent already");
pub(super) const TLS_IN_TRANSACTION: Reply = Reply::new(503, (5, 5, 1), "STARTTLS between MAIL and DATA");
pub(super) const TLS_IS_ON: Reply = Reply::new(503, (5, 5, 1), "TLS is on");
pub(super) const TLS_NEEDED: Reply = Reply::new(530, (5, 7, 0), "Must issue a STARTTLS command first");
pub(super) const RECIPIENT_REFUSED: Reply = Reply::new(550, (5, 7, 1), "No mail for this recipient is taken here");
pub(super) const BARE_LINE_ENDS: Reply = Reply::new(550, (5, 6, 11), "Bare CR or LF in the mail");
pub(super) const TOO_BIG: Reply = Reply::new(552, (5, 3, 4), "Mail is larger than SIZE allows");
pub(super) const NEEDS_SMTPUTF8: Reply = Reply::new(553, (5, 6, 7), "Address needs SMTPUTF8");

pub(super) const TOO_MANY_ERRORS: Reply = Reply::new(421, (4, 7, 0), "Too many errors");
pub(super) const TOO_MANY_MAILS: Reply = Reply::new(421, (4, 7, 0), "Enough mails for one session; connect again");
pub(super) const NOT_HTTP: Reply = Reply::new(421, (4, 7, 0), "This is not an HTTP server");
pub(super) const OUT_OF_ROOM: Reply = Reply::new(421, (4, 3, 1), "Others wait for the room; try again");
pub(super) const TIMEOUT: Reply = Reply::new(421, (4, 4, 2), "Timeout");
pub(super) const TOO_SLOW: Reply = Reply::new(421, (4, 4, 2), "Data comes too slowly");
pub(super) const SHUTTING_DOWN: Reply = Reply::new(421, (4, 3, 2), "Service shuts down; try again");
pub(super) const TRY_AGAIN: Reply = Reply::new(451, (4, 3, 0), "Not stored; try again");
pub(super) const NO_ROOM: Reply = Reply::new(452, (4, 3, 1), "No room; try again");
pub(super) const TOO_MANY_RECIPIENTS: Reply = Reply::new(452, (4, 5, 3), "Too many recipients");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_on_the_wire() {
        let wire = |reply: Reply| {
            let mut output = Vec::new();
            reply.write_to(&mut output);
            String::from_utf8(output).unwrap()
        };
        assert_eq!(wire(OK), "250 2.0.0 Ok\r\n");
        assert_eq!(wire(SEND_DATA), "354 End data with <CR><LF>.<CR><LF>\r\n");
        assert_eq!(wire(Reply::plain(250, "").with_text("a\nb\nc".to_owned())), "250-a\r\n250-b\r\n250 c\r\n");
        assert_eq!(wire(Reply::new(214, (2, 0, 0), "a\nb")), "214-2.0.0 a\r\n214 2.0.0 b\r\n");
    }
}
