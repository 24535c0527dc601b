//! Replies in which a word of a later table would mislead: searched first.

use super::Row;
use crate::bounce::Reason::{
    Filtered, HasMoved, HostUnknown, MailboxFull, NoRelaying, PolicyViolation, Rejected, SpamDetected, SystemError,
    Undefined, UserUnknown,
};

/// Texts in which a word of a later row would mislead.
pub(super) const MISLEADING: &[Row] = &[
    Row("unknown temporary failure", Undefined, "PP, X.400 gateways"),
    Row("unknown permanent failure", Undefined, "PP, X.400 gateways"),
    Row("sender verify failed", Rejected, "Exim"),
    Row("destinatario desconocido o mailbox lleno", UserUnknown, "Latinmail"),
    Row("mailbox is full .. or does not exist", MailboxFull, "Exchange relays"),
    Row("larger than the current system limit or the recipient's mailbox is full", MailboxFull, "Exchange 2003"),
    Row("account or domain may not exist", HostUnknown, "cPanel Exim"),
    Row("mailbox unavailable (in reply to rcpt to) due to quota", MailboxFull, "relays"),
    Row("has exceeded the storage limit", MailboxFull, "Exchange"),
    Row("user unknown or mailbox full", UserUnknown, "relays"),
    Row("not a valid mailbox or quota", UserUnknown, "relays"),
    Row("temporarily over quota", MailboxFull, "web mail"),
    Row("its content presents a potential", PolicyViolation, "Gmail"),
    Row("rejected for policy reasons", PolicyViolation, "various"),
    Row("due to spam classification", SpamDetected, "Google Groups"),
    Row("recipient no longer on server", HasMoved, "mail relays"),
    Row("relaying denied", NoRelaying, "Sendmail"),
    Row("relay access denied", NoRelaying, "Postfix"),
    Row("badrcptto", Filtered, "qmail"),
    Row("personal filter", Filtered, "various"),
    Row("spamassassin", SpamDetected, "SpamAssassin"),
    Row("likely unsolicited mail", SpamDetected, "Gmail"),
    Row("blocked by policy", PolicyViolation, "Postfix"),
    Row("exceeds maximum for the mailbox", MailboxFull, "various"),
    Row("sender address has null mx", Rejected, "RFC 7505"),
    Row("blocked by content", SpamDetected, "various"),
    Row("dangerous attachment", PolicyViolation, "various"),
    Row("sending host policy", PolicyViolation, "various"),
    Row("mailbox .. database is offline", SystemError, "Exchange"),
    Row("blocked .. as spam", SpamDetected, "Rackspace"),
    Row("all recipient addresses rejected : access denied", Rejected, "Exchange Online"),
];
