//! What a code means by itself: used where no clear phrase was found.

use super::verdict::Verdict;
use crate::bounce::report::Reason;
use crate::bounce::status::EnhancedStatus;
use std::ops::Range;

type StatusRow = (u16, u16, Reason, &'static str);

/// (subject, detail) of a permanent or temporary status → reason. `X.0.0` says nothing and is not here.
///
/// Origin: the registry of RFC 5248 with RFC 3463, RFC 7372, RFC 7505; above 5.1.300, the list that Microsoft publishes for
/// Exchange Online.
const STATUSES: &[StatusRow] = &[
    (1, 0, Reason::UserUnknown, "X.1.0 other address status"),
    (1, 1, Reason::UserUnknown, "X.1.1 bad destination mailbox address"),
    (1, 2, Reason::HostUnknown, "X.1.2 bad destination system address"),
    (1, 3, Reason::UserUnknown, "X.1.3 bad destination mailbox address syntax"),
    (1, 4, Reason::UserUnknown, "X.1.4 destination mailbox address ambiguous"),
    (1, 6, Reason::HasMoved, "X.1.6 destination mailbox has moved"),
    (1, 7, Reason::Rejected, "X.1.7 bad sender's mailbox address syntax"),
    (1, 8, Reason::Rejected, "X.1.8 bad sender's system address"),
    (1, 10, Reason::UserUnknown, "X.1.10 recipient address has null MX; Exchange: recipient not found"),
    (1, 20, Reason::UserUnknown, "5.1.20 Exchange Online"),
    (1, 90, Reason::RateLimited, "5.1.90 Exchange Online: recipient limit"),
    (1, 351, Reason::UserUnknown, "5.1.351 Exchange Online"),
    (2, 0, Reason::Filtered, "X.2.0 other or undefined mailbox status"),
    (2, 1, Reason::MailboxDisabled, "X.2.1 mailbox disabled"),
    (2, 2, Reason::MailboxFull, "X.2.2 mailbox full"),
    (2, 3, Reason::MessageTooBig, "X.2.3 message length exceeds limit"),
    (2, 4, Reason::Filtered, "X.2.4 mailing list expansion problem"),
    (2, 121, Reason::RateLimited, "5.2.121 Exchange Online: recipient's hourly limit for one sender"),
    (2, 122, Reason::RateLimited, "5.2.122 Exchange Online: recipient's hourly limit"),
    (3, 0, Reason::SystemError, "X.3.0 other or undefined mail system status"),
    (3, 1, Reason::SystemFull, "X.3.1 mail system full"),
    (3, 2, Reason::SystemError, "X.3.2 system not accepting network messages"),
    (3, 3, Reason::SystemError, "X.3.3 system not capable of selected features"),
    (3, 4, Reason::MessageTooBig, "X.3.4 message too big"),
    (3, 5, Reason::SystemError, "X.3.5 system incorrectly configured"),
    (3, 190, Reason::SystemError, "5.3.190 Exchange Online: journaling"),
    (4, 0, Reason::Expired, "X.4.0 other or undefined network or routing status"),
    (4, 1, Reason::Expired, "X.4.1 no answer from host"),
    (4, 2, Reason::NetworkError, "X.4.2 bad connection"),
    (4, 3, Reason::SystemError, "X.4.3 directory server failure"),
    (4, 4, Reason::HostUnknown, "X.4.4 unable to route"),
    (4, 5, Reason::RateLimited, "X.4.5 mail system congestion"),
    (4, 6, Reason::NetworkError, "X.4.6 routing loop"),
    (4, 7, Reason::Expired, "X.4.7 delivery time expired"),
    (4, 8, Reason::SecurityError, "4.4.8 Exchange Online: MTA-STS"),
    (4, 11, Reason::NetworkError, "5.4.11 Exchange: depth of generated messages"),
    (4, 12, Reason::NetworkError, "5.4.12 Exchange: depth of attached messages"),
    (4, 14, Reason::NetworkError, "5.4.14 Exchange: hop count"),
    (4, 62, Reason::SystemError, "4.4.62 Exchange Online: wrong region"),
    (4, 300, Reason::Expired, "5.4.300 Exchange Online: message expired"),
    (4, 310, Reason::HostUnknown, "5.4.310 Exchange Online: DNS domain does not exist"),
    (4, 312, Reason::NetworkError, "5.4.312 Exchange Online: DNS query failed"),
    (4, 316, Reason::Expired, "5.4.316 Exchange Online: connection refused"),
    (5, 2, Reason::SyntaxError, "X.5.2 syntax error"),
    (5, 3, Reason::RateLimited, "X.5.3 too many recipients"),
    (5, 4, Reason::SyntaxError, "X.5.4 invalid command arguments"),
    (5, 1, Reason::SyntaxError, "X.5.1 invalid command"),
    (6, 0, Reason::ContentError, "X.6.0 other or undefined media error"),
    (6, 1, Reason::ContentError, "X.6.1 media not supported"),
    (6, 2, Reason::ContentError, "X.6.2 conversion prohibited"),
    (6, 3, Reason::ContentError, "X.6.3 conversion required"),
    (6, 5, Reason::ContentError, "X.6.5 conversion failed"),
    (6, 6, Reason::ContentError, "X.6.6 message content not available"),
    (6, 11, Reason::ContentError, "5.6.11 Exchange: invalid characters"),
    (6, 7, Reason::ContentError, "X.6.7 non-ASCII addresses not permitted"),
    (6, 9, Reason::ContentError, "X.6.9 UTF-8 header message cannot be transferred"),
    (7, 0, Reason::SecurityError, "X.7.0 other or undefined security status"),
    (7, 1, Reason::SecurityError, "X.7.1 delivery not authorized"),
    (7, 2, Reason::Rejected, "X.7.2 mailing list expansion prohibited"),
    (7, 3, Reason::SecurityError, "X.7.3 security conversion required"),
    (7, 4, Reason::SecurityError, "X.7.4 security features not supported"),
    (7, 5, Reason::SecurityError, "X.7.5 cryptographic failure"),
    (7, 7, Reason::SecurityError, "X.7.7 message integrity failure"),
    (7, 8, Reason::SecurityError, "X.7.8 authentication credentials invalid"),
    (7, 9, Reason::SecurityError, "X.7.9 authentication mechanism is too weak"),
    (7, 10, Reason::SecurityError, "X.7.10 encryption needed"),
    (7, 13, Reason::MailboxDisabled, "X.7.13 user account disabled"),
    (7, 14, Reason::SecurityError, "X.7.14 trust relationship required"),
    (7, 15, Reason::PolicyViolation, "X.7.15 priority level is too low"),
    (7, 16, Reason::MessageTooBig, "X.7.16 message is too big for the specified priority"),
    (7, 17, Reason::HasMoved, "X.7.17 mailbox owner has changed"),
    (7, 18, Reason::HasMoved, "X.7.18 domain owner has changed"),
    (7, 19, Reason::SecurityError, "X.7.19 RRVS test cannot be completed"),
    (7, 20, Reason::AuthFailure, "X.7.20 no passing DKIM signature"),
    (7, 21, Reason::AuthFailure, "X.7.21 no acceptable DKIM signature"),
    (7, 22, Reason::AuthFailure, "X.7.22 no author-matched DKIM signature"),
    (7, 23, Reason::AuthFailure, "X.7.23 SPF validation failed"),
    (7, 24, Reason::AuthFailure, "X.7.24 SPF validation error"),
    (7, 25, Reason::RequirePtr, "X.7.25 reverse DNS validation failed"),
    (7, 26, Reason::AuthFailure, "X.7.26 multiple authentication checks failed"),
    (7, 27, Reason::AuthFailure, "X.7.27 sender address has null MX; Gmail: SPF"),
    (7, 28, Reason::RateLimited, "X.7.28 mail flood detected"),
    (7, 29, Reason::AuthFailure, "X.7.29 ARC validation failure; Gmail: TLS"),
    (7, 30, Reason::SecurityError, "X.7.30 REQUIRETLS support required"),
    (7, 57, Reason::SecurityError, "5.7.57 Exchange: client not authenticated"),
    (7, 64, Reason::NoRelaying, "5.7.64 Exchange Online: relay access denied"),
    (7, 124, Reason::Rejected, "5.7.124 Exchange Online: sender not in allowed list"),
    (7, 133, Reason::SecurityError, "5.7.133 Exchange Online: sender not authenticated for group"),
    (7, 134, Reason::SecurityError, "5.7.134 Exchange Online: sender not authenticated for mailbox"),
    (7, 135, Reason::SecurityError, "5.7.135 Exchange Online: sender not authenticated for public folder"),
    (7, 136, Reason::SecurityError, "5.7.136 Exchange Online: sender not authenticated for mail user"),
    (7, 321, Reason::SecurityError, "X.7.321 Exchange Online: STARTTLS not supported"),
    (7, 322, Reason::SecurityError, "X.7.322 Exchange Online: certificate expired"),
    (7, 323, Reason::SecurityError, "X.7.323 Exchange Online: TLSA record invalid"),
    (7, 324, Reason::SecurityError, "X.7.324 Exchange Online: DNSSEC"),
    (7, 325, Reason::SecurityError, "X.7.325 Exchange Online: certificate of another host"),
    (7, 500, Reason::RateLimited, "4.7.500 Exchange Online: server busy"),
    (7, 501, Reason::SpamDetected, "5.7.501 Exchange Online: abuse"),
    (7, 502, Reason::Blocked, "5.7.502 Exchange Online: banned sender"),
    (7, 503, Reason::Blocked, "5.7.503 Exchange Online: banned sender"),
    (7, 505, Reason::Filtered, "5.7.505 Exchange Online: banned recipient"),
    (7, 506, Reason::Blocked, "5.7.506 Exchange Online: bad HELO"),
    (7, 507, Reason::Filtered, "5.7.507 Exchange Online: rejected by recipient"),
    (7, 508, Reason::RateLimited, "5.7.508 Exchange Online: rate from an IPv6 range"),
    (7, 509, Reason::AuthFailure, "5.7.509 Exchange Online: DMARC"),
    (7, 511, Reason::Blocked, "5.7.511 Exchange Online: banned sender"),
    (7, 512, Reason::NotCompliantRfc, "5.7.512 Exchange Online: From field"),
    (7, 513, Reason::Blocked, "5.7.513 Exchange Online: recipient's block list"),
    (7, 515, Reason::AuthFailure, "5.7.515 Exchange Online: authentication level"),
    (7, 520, Reason::PolicyViolation, "5.7.520 Exchange Online: forwarding to other organizations"),
    (7, 606, Reason::Blocked, "5.7.606 Exchange Online: banned address"),
    (7, 705, Reason::RateLimited, "5.7.705 Exchange Online: tenant threshold"),
    (7, 708, Reason::Blocked, "5.7.708 Exchange Online: low reputation address"),
    (7, 750, Reason::Rejected, "5.7.750 Exchange Online: unregistered domain"),
];

/// Whether nobody gives this code by mistake, so that it says more than the sense of a text.
pub const fn is_exact(status: EnhancedStatus) -> bool {
    status.subject == 7 && status.detail >= 20
}

/// Whether a text in normal form says no more than the title that the code has in the registry.
pub fn is_titled(status: EnhancedStatus, normal: &str) -> bool {
    let title = row(status.subject, status.detail).and_then(|row| row.3.strip_prefix("X.")?.split_once(' '));
    let title = title.map(|(_, title)| title.split(';').next().unwrap_or(title));
    title.is_some_and(|title| memchr::memmem::find(normal.as_bytes(), title.as_bytes()).is_some())
}

fn row(subject: u16, detail: u16) -> Option<&'static StatusRow> {
    STATUSES.iter().find(|row| (row.0, row.1) == (subject, detail))
}

/// Whether the code speaks of the recipient's address or mailbox, and says more than that.
pub const fn is_of_the_recipient(status: EnhancedStatus) -> bool {
    matches!(status.subject, 1 | 2) && status.detail > 0
}

/// Whether servers give this code for want of a better one, so that any word says more.
pub const fn is_vague(status: EnhancedStatus) -> bool {
    matches!((status.subject, status.detail), (7, 0 | 1))
}

/// Details that Exchange Online gives to senders whose address it banned, one for each list.
const BANNED_ADDRESSES: Range<u16> = 606..650;

fn is_banned_address(status: EnhancedStatus) -> bool {
    status.subject == 7 && BANNED_ADDRESSES.contains(&status.detail)
}

/// Whether the code names no more than a part of the way (`X.2.0`, something about the mailbox), or is given for refusals
/// of all kinds: a host that refuses did answer, whatever `X.4.1` says.
pub const fn is_general(status: EnhancedStatus) -> bool {
    matches!((status.subject, status.detail), (2..=4, 0) | (4, 1))
}

/// The reason of a status, unless it says no more than its class.
pub fn verdict(status: EnhancedStatus) -> Option<Verdict> {
    if status.class == 4 && is_vague(status) {
        return Some(Verdict { reason: Reason::Greylisted, by: "status", detail: "4.7.X not now", origin: "RFC 5248" });
    }
    let detail = if is_banned_address(status) { BANNED_ADDRESSES.start } else { status.detail };
    let row = row(status.subject, detail)?;
    if status.class == 4 && matches!(row.2, Reason::UserUnknown | Reason::HostUnknown | Reason::MailboxDisabled) {
        // What may be otherwise tomorrow is no unknown user, if nothing but the code says so.
        return None;
    }
    Some(Verdict { reason: row.2, by: "status", detail: row.3, origin: "RFC 5248" })
}

/// What a reply code means by itself, where it means one thing (RFC 5321 §4.2.2, RFC 4954, RFC 7504).
///
/// 553 in answer to the data speaks of no mailbox.
pub fn by_reply(code: u16, normal: &str) -> Option<Verdict> {
    let (reason, detail) = match code {
        500 | 502..=504 => (Reason::SyntaxError, "500 to 504"),
        521 | 556 => (Reason::NotAccept, "521, 556"),
        530 | 534 | 535 | 538 => (Reason::SecurityError, "530 to 538"),
        552 => (Reason::MailboxFull, "552"),
        553 if !normal.contains("end of data") => (Reason::UserUnknown, "553"),
        _ => return None,
    };
    Some(Verdict { reason, by: "reply", detail, origin: "RFC 5321" })
}

/// Whether a reply code is given for a command or for the client's proof of who it is, never for a recipient.
pub const fn is_of_the_session(reply: u16) -> bool {
    matches!(reply, 500 | 502..=504 | 530 | 534 | 535 | 538)
}

/// The last resort but one: at which command the remote side refused.
pub fn by_command(normal: &str) -> Option<Verdict> {
    const COMMANDS: &[(&str, Reason)] = &[
        ("initial connection", Reason::Blocked),
        ("to ehlo", Reason::Blocked),
        ("to helo", Reason::Blocked),
        ("after mail from", Reason::Rejected),
        ("to mail from", Reason::Rejected),
        ("[mail_from]", Reason::Rejected),
        // The recipient was accepted before.
        ("in reply to data", Reason::PolicyViolation),
        ("in reply to end of data", Reason::PolicyViolation),
        ("after data", Reason::PolicyViolation),
        ("after end of data", Reason::PolicyViolation),
        ("failed after i sent the message", Reason::PolicyViolation),
        // qmail says so of each reply to RCPT TO.
        ("does not like recipient", Reason::UserUnknown),
    ];
    let (mark, reason) = COMMANDS.iter().find(|(mark, _)| normal.contains(mark))?;
    Some(Verdict { reason: *reason, by: "command", detail: mark, origin: "" })
}
