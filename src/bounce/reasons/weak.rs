//! Words that decide only when neither a clear phrase nor a specific status does.

use super::Row;
use crate::bounce::Reason::{
    Blocked, Filtered, MailboxDisabled, MailboxFull, MessageTooBig, OnHold, PolicyViolation, Suspended, SystemError,
    UserUnknown,
};

/// Words that decide only when neither a clear phrase nor a specific status does.
pub(super) const WEAK: &[Row] = &[
    Row("450 .. mailbox unavailable", OnHold, "RFC 5321 450"),
    Row("unknown error", SystemError, "various"),
    Row("unknown reason", SystemError, "various"),
    Row("too large", MessageTooBig, "various"),
    Row("too big", MessageTooBig, "various"),
    Row("quota", MailboxFull, "various"),
    Row("is full", MailboxFull, "various"),
    Row("out of space", MailboxFull, "various"),
    Row("no such", UserUnknown, "various"),
    Row("unknown", UserUnknown, "various"),
    Row("not exist", UserUnknown, "various"),
    Row("not found", UserUnknown, "various"),
    Row("inactive", MailboxDisabled, "various"),
    Row("disabled", MailboxDisabled, "various"),
    Row("deactivated", MailboxDisabled, "various"),
    Row("terminated", MailboxDisabled, "various"),
    Row("suspended", Suspended, "various"),
    Row("mailbox unavailable", UserUnknown, "RFC 5321 550, Hotmail"),
    Row("recipient address rejected: access denied", UserUnknown, "Exchange Online, Postfix"),
    Row("does not exist", UserUnknown, "various"),
    Row("recipient rejected", UserUnknown, "various"),
    Row("recipient address rejected", UserUnknown, "Postfix"),
    Row("does not like recipient", UserUnknown, "qmail"),
    Row("delivery restriction", Filtered, "various"),
    Row("not accept", Filtered, "various"),
    Row("service not available, closing", Blocked, "RFC 5321 421"),
    Row("service unavailable", Blocked, "RFC 5321 554"),
    Row("access denied", Blocked, "various"),
    Row("access forbidden", Blocked, "various"),
    Row("not allowed", Blocked, "various"),
    Row("not permitted", Blocked, "various"),
    Row("blocked", Blocked, "various"),
    Row("(bl)", Blocked, "various"),
    Row("rejected", PolicyViolation, "various"),
    Row("refused", Blocked, "various"),
    Row("denied", Blocked, "various"),
    Row("prohibited", PolicyViolation, "various"),
    Row("system problem", SystemError, "various"),
];
