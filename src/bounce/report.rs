//! What a reader found in a mail: [`Report`] and its words. Data only; who fills it in is elsewhere.

use super::status::EnhancedStatus;
use crate::types::Address;
use serde::{Deserialize, Serialize};

/// What kind of mail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A failure notice; without recipients: one that nobody could read.
    Bounce,
    /// A warning that delivery is delayed (`Action: delayed`, or its prose).
    Delay,
    /// A complaint (RFC 5965).
    Feedback,
    /// An automatic reply (RFC 3834), a read receipt (RFC 8098), a challenge.
    AutoReply,
    /// Anything else: ordinary mail, a report of success.
    NotBounce,
}

impl Kind {
    /// The word of `classify --format json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Delay => "delay",
            Self::Feedback => "feedback",
            Self::AutoReply => "auto_reply",
            Self::NotBounce => "not_bounce",
        }
    }
}

/// Whether the failure is permanent for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// The address or its domain does not exist, is closed or moved, or never takes mail.
    Hard,
    /// Any other failure, and each delay.
    Soft,
    /// A complaint about the mail.
    Feedback,
}

impl Class {
    /// `hard`, `soft` or `feedback`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Feedback => "feedback",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Why delivery failed: a closed list, in the words that Sisimai gave to the field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word as it stands in configuration, output and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The reason with this word.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// The mailbox does not exist.
    UserUnknown => "user_unknown",
    /// The domain does not exist.
    HostUnknown => "host_unknown",
    /// The recipient has moved to another address.
    HasMoved => "has_moved",
    /// The domain never takes mail (RFC 7505).
    NotAccept => "not_accept",
    /// The mailbox is closed, disabled or inactive for good.
    MailboxDisabled => "mailbox_disabled",
    /// The mailbox is locked or frozen for now.
    Suspended => "suspended",
    /// Over quota.
    MailboxFull => "mailbox_full",
    /// Gave up after too long a time.
    Expired => "expired",
    /// Greylisting (RFC 6647).
    Greylisted => "greylisted",
    /// DNS or connection trouble.
    NetworkError => "network_error",
    /// The remote system is broken or misconfigured.
    SystemError => "system_error",
    /// The remote disk is full.
    SystemFull => "system_full",
    /// A program behind the mailbox failed.
    MailerError => "mailer_error",
    /// A loop. No rule says so: too many hops are a network error, a host that is its own next one is misconfigured.
    MailLoop => "mail_loop",
    /// Larger than the remote side takes.
    MessageTooBig => "message_too_big",
    /// A header, a character set or an attachment was refused.
    ContentError => "content_error",
    /// Our client address is refused (block list, access map).
    Blocked => "blocked",
    /// The reputation of our address or domain is too low.
    BadReputation => "bad_reputation",
    /// SPF, DKIM or DMARC failed.
    AuthFailure => "auth_failure",
    /// Our client address has no (or no matching) reverse DNS name.
    RequirePtr => "require_ptr",
    /// Too many messages or connections.
    RateLimited => "rate_limited",
    /// Taken for spam.
    SpamDetected => "spam_detected",
    /// Taken for a virus.
    VirusDetected => "virus_detected",
    /// Against a rule of the receiving side.
    PolicyViolation => "policy_violation",
    /// Refused by the recipient's own filter.
    Filtered => "filtered",
    /// Our envelope sender was refused.
    Rejected => "rejected",
    /// The remote side does not relay for us.
    NoRelaying => "no_relaying",
    /// TLS or authentication of the session is missing.
    SecurityError => "security_error",
    /// An SMTP syntax error or a command out of order.
    SyntaxError => "syntax_error",
    /// The message is not as RFC 5322 wants it.
    NotCompliantRfc => "not_compliant_rfc",
    /// Held back until somebody decides.
    OnHold => "on_hold",
    /// No reason could be found.
    Undefined => "undefined",
    /// Still being tried.
    Delayed => "delayed",
    /// The recipient complained.
    Complaint => "complaint",
    /// An automatic reply from a person who is away.
    Vacation => "vacation",
    /// Delivered.
    Delivered => "delivered",
}

/// `Action` of a recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DsnAction {
    /// `failed`.
    Failed,
    /// `delayed`.
    Delayed,
    /// `delivered`.
    Delivered,
    /// `relayed`.
    Relayed,
    /// `expanded`.
    Expanded,
}

impl DsnAction {
    /// The word of RFC 3464.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}

/// One recipient for whom the mail reports something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address that the sender wrote to: `Original-Recipient` before `Final-Recipient`.
    pub address: Address,
    /// `Final-Recipient`, where it differs.
    pub final_recipient: Option<Address>,
    /// Hard, soft, or a complaint.
    pub class: Class,
    /// Why.
    pub reason: Reason,
    /// What the report says was done; `None` where the mail does not say it in the words of RFC 3464.
    pub action: Option<DsnAction>,
    /// RFC 3463.
    pub status: Option<EnhancedStatus>,
    /// The SMTP reply code, 200 to 599.
    pub reply: Option<u16>,
    /// The server that refused.
    pub remote_mta: Option<String>,
    /// What that server said, decoded, in one line, at most [`DIAGNOSTIC_OCTETS_MAX`] octets.
    pub diagnostic: Option<String>,
    /// The rule that found the recipient and the one that gave the reason, `dsn/full`, `qmail/quota`: stable names for people.
    pub rule: String,
    /// The text that the reason was read from, in one line, at most [`DIAGNOSTIC_OCTETS_MAX`] octets.
    pub evidence: String,
}

/// The longest diagnostic or evidence text that is kept, in octets.
pub const DIAGNOSTIC_OCTETS_MAX: usize = 1000;

/// Something odd that the reader got over; none of them hides a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

/// The header fields that others need: to find the sending domain, to log, to compare. Decoded, in one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `From`, as written.
    pub from: String,
    /// `Subject`, decoded.
    pub subject: String,
    /// `To`, as written.
    pub to: String,
    /// `Message-ID` with its brackets.
    pub message_id: String,
    /// The mailboxes of `To` and `Cc`, in this order.
    pub to_mailboxes: Vec<Address>,
    /// The addresses of `Delivered-To` and `X-Original-To`.
    pub delivered_to: Vec<Address>,
}

/// What the bounce returns of the mail that bounced: who sent it, and what could prove that it was ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Returned {
    /// The mailboxes of `From`.
    pub from: Vec<Address>,
    /// The address of `Return-Path`.
    pub return_path: Option<Address>,
    /// `Message-ID` with its brackets.
    pub message_id: Option<String>,
    /// `d=` of each `DKIM-Signature`, in lower case.
    pub dkim_domains: Vec<String>,
    /// `X-Bounce-Token`.
    pub bounce_token: Option<String>,
}

/// Everything that was read from one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What kind of mail it is.
    pub kind: Kind,
    /// Each recipient once, in the order of the mail.
    pub recipients: Vec<Recipient>,
    /// The rule that decided on the kind.
    pub rule: String,
    /// The outer header.
    pub envelope: Envelope,
    /// The returned message, where there is one.
    pub returned: Option<Returned>,
    /// Oddities.
    pub problems: Vec<Problem>,
}
