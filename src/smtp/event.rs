//! What passes between a session and its owner beside octets. Data only.

use crate::types::MessageId;

/// What the session asks of its owner.
#[derive(Debug)]
pub enum Event {
    /// A whole mail; the session takes no input until [`super::Session::answer`].
    Mail(Mail),
    /// The client went on after a 250 to its mail: it has got it. Comes before anything that the client went on to. What the
    /// client had sent before the 250 was said (RFC 2920 lets it send commands ahead) shows nothing and confirms nothing.
    Confirmed,
    /// A mail was refused, at MAIL by the size that it announced or after its end, or a recipient was. The client has its reply.
    Refused(Refusal),
    /// Start TLS after the output is written, then call [`super::Session::tls_started`]; until then no input is taken.
    StartTls,
}

/// A received mail.
#[derive(Debug)]
pub struct Mail {
    /// The envelope sender, empty for `<>`.
    pub sender: String,
    /// The envelope recipients; `postmaster` stands for `<postmaster>`.
    pub recipients: Vec<String>,
    /// The head: CRLF line ends, dots unstuffed. What becomes of bare line ends: [`super::BareLineEnds`].
    pub head: Vec<u8>,
    /// The size of the whole mail as it was sent, without dot stuffing.
    pub octets: u64,
    /// CRs and LFs outside of CRLF in the whole mail.
    pub bare_line_ends: u32,
}

/// Why a mail, or one of its recipients, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Beyond SIZE: `552 5.3.4`.
    TooBig,
    /// Bare CR or LF, where that is not taken: `550 5.6.11`.
    BareLineEnds,
    /// Not among those whom mail is taken for: `550 5.7.1`.
    Recipient,
}

impl Refusal {
    /// Every cause.
    pub const ALL: &[Self] = &[Self::TooBig, Self::BareLineEnds, Self::Recipient];

    /// The word for log and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooBig => "too_big",
            Self::BareLineEnds => "bare_line_ends",
            Self::Recipient => "recipient",
        }
    }
}

/// The owner's answer to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Durable: `250 2.0.0 Ok: queued as ID`.
    Accepted(MessageId),
    /// Our fault, try again: `451 4.3.0`.
    TryAgain,
    /// No room, try again: `452 4.3.1`.
    NoRoom,
}
