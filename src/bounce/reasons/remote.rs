//! What a given receiver means by its own words, keyed by the text's marks or the remote MTA.
//!
//! Only what a general phrase would read wrongly, or what says nothing to anybody else (codes of the receiver's own).

use super::Row;
use crate::bounce::report::Reason;

/// Replies that name their author by themselves.
pub(super) const MARKED: &[Row] = &[
    Row("(rtr:bl)", Reason::Blocked, "AOL"),
    Row("(rtr:bb)", Reason::Blocked, "AOL"),
    Row("(rtr:du)", Reason::Blocked, "AOL"),
    Row("(rtr:ge)", Reason::Blocked, "AOL"),
    Row("(rtr:ch)", Reason::Blocked, "AOL"),
    Row("(rtr:sc)", Reason::Blocked, "AOL"),
    Row("(rtr:rd)", Reason::RequirePtr, "AOL"),
    Row("(rtr:rl)", Reason::RateLimited, "AOL"),
    Row("(dyn:t", Reason::RateLimited, "AOL"),
    Row("(hvu:b", Reason::SpamDetected, "AOL"),
    Row("(con:b", Reason::BadReputation, "AOL"),
    Row("(rly:b", Reason::Blocked, "AOL"),
    Row("mi:spb", Reason::SpamDetected, "NetEase"),
    Row("dt:spm", Reason::SpamDetected, "NetEase"),
    Row("mi:stc", Reason::RateLimited, "NetEase"),
    Row("mi:cen", Reason::RateLimited, "NetEase"),
    Row("mi:ipb", Reason::Blocked, "NetEase"),
    Row("mi:spf", Reason::AuthFailure, "NetEase"),
    Row("mi:dmc", Reason::AuthFailure, "NetEase"),
    Row("rp:trc", Reason::RateLimited, "NetEase"),
    Row("rp:qrc", Reason::RateLimited, "NetEase"),
    Row("p=nosuchuser", Reason::UserUnknown, "Gmail"),
    Row("p=overquota", Reason::MailboxFull, "Gmail"),
    Row("p=receivingrate", Reason::RateLimited, "Gmail"),
    Row("p=unsolicitedratelimit", Reason::RateLimited, "Gmail"),
    Row("ofr_416", Reason::UserUnknown, "Orange"),
    Row("ofr_417", Reason::MailboxFull, "Orange"),
    Row("ofr_506", Reason::SpamDetected, "Orange"),
    Row("aup#cdrbl", Reason::Blocked, "Cox"),
    Row("aup#in-1310", Reason::RateLimited, "Spectrum"),
    Row("lpn000_630", Reason::PolicyViolation, "La Poste"),
];

/// Replies that mean something else when a given receiver gives them.
pub struct HostRow {
    /// A part of the remote MTA's name.
    host: &'static str,
    /// What the reply holds, in normal form.
    pub text: &'static str,
    pub reason: Reason,
    pub origin: &'static str,
}

const fn row(host: &'static str, text: &'static str, reason: Reason, origin: &'static str) -> HostRow {
    HostRow { host, text, reason, origin }
}

const BY_HOST: &[HostRow] = &[row("secureserver.net", "account frozen", Reason::Suspended, "GoDaddy")];

/// The row that fits a text in normal form and the host that said it.
pub fn find(text: &str, remote_mta: Option<&str>) -> Option<&'static HostRow> {
    let host = remote_mta?.to_ascii_lowercase();
    BY_HOST.iter().find(|row| host.contains(row.host) && text.contains(row.text))
}
