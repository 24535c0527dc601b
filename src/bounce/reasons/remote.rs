//! What a given receiver means by its own words, keyed by the text's marks or the remote MTA.
//!
//! Only what a general phrase would read wrongly, or what says nothing to anybody else (codes of the receiver's own).

use super::row::Row;
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
    Row("rp:cel", Reason::RateLimited, "NetEase"),
    Row("rp:ccl", Reason::RateLimited, "NetEase"),
    Row("rp:drc", Reason::RateLimited, "NetEase"),
    Row("rp:rcl", Reason::RateLimited, "NetEase"),
    Row("rp:frl", Reason::NoRelaying, "NetEase"),
    Row("mi:sfq", Reason::RateLimited, "NetEase"),
    Row("mi:cel", Reason::RateLimited, "NetEase"),
    Row("mi:ccl", Reason::RateLimited, "NetEase"),
    Row("mi:nhd", Reason::Blocked, "NetEase"),
    Row("mi:dma", Reason::AuthFailure, "NetEase"),
    Row("hl:rep", Reason::RateLimited, "NetEase"),
    Row("hl:icc", Reason::RateLimited, "NetEase"),
    Row("hl:ifc", Reason::RateLimited, "NetEase"),
    Row("hl:mep", Reason::Blocked, "NetEase"),
    Row("hl:ipb", Reason::Blocked, "NetEase"),
    Row("hl:ipg", Reason::Greylisted, "NetEase"),
    Row("hl:ihu", Reason::Blocked, "NetEase"),
    Row("dt:rbl", Reason::Blocked, "NetEase"),
    Row("dt:sum", Reason::Rejected, "NetEase"),
    Row("dt:rou", Reason::SystemError, "NetEase"),
    Row("wm:bli", Reason::Blocked, "NetEase"),
    Row("wm:blu", Reason::Blocked, "NetEase"),
    Row("p=nosuchuser", Reason::UserUnknown, "Gmail"),
    Row("p=overquota", Reason::MailboxFull, "Gmail"),
    Row("p=receivingrate", Reason::RateLimited, "Gmail"),
    Row("p=unsolicitedratelimit", Reason::RateLimited, "Gmail"),
    Row("ofr_416", Reason::UserUnknown, "Orange"),
    Row("ofr_417", Reason::MailboxFull, "Orange"),
    Row("ofr_506", Reason::SpamDetected, "Orange"),
    Row("cxbl", Reason::Blocked, "Cox"),
    Row("cdrbl", Reason::Blocked, "Cox"),
    Row("ipbl0", Reason::Blocked, "Cox"),
    Row("ipbl1", Reason::Blocked, "Cox"),
    Row("urlbl0", Reason::SpamDetected, "Cox"),
    Row("cxdns", Reason::RequirePtr, "Cox"),
    Row("cxsndr", Reason::Rejected, "Cox"),
    Row("cxsmtp", Reason::Rejected, "Cox"),
    Row("cxcnct", Reason::RateLimited, "Cox"),
    Row("cxmxrt", Reason::RateLimited, "Cox"),
    Row("cxthrt", Reason::SecurityError, "Cox"),
    Row("cxmj", Reason::SecurityError, "Cox"),
    Row("aup# .. 1000", Reason::Blocked, "Spectrum"),
    Row("aup# .. 1010", Reason::Blocked, "Spectrum"),
    Row("aup# .. 1020", Reason::Blocked, "Spectrum"),
    Row("aup# .. 1260", Reason::RequirePtr, "Spectrum"),
    Row("aup# .. 1300", Reason::RateLimited, "Spectrum"),
    Row("aup# .. 1310", Reason::RateLimited, "Spectrum"),
    Row("aup# .. 1320", Reason::RateLimited, "Spectrum"),
    Row("aup# .. 1330", Reason::RateLimited, "Spectrum"),
    Row("pol-p1 ", Reason::Blocked, "Facebook"),
    Row("pol-p2 ", Reason::Blocked, "Facebook"),
    Row("pol-p3 ", Reason::Blocked, "Facebook"),
    Row("pol-p4 ", Reason::Blocked, "Facebook"),
    Row("pol-p5 ", Reason::VirusDetected, "Facebook"),
    Row("pol-p6 ", Reason::SpamDetected, "Facebook"),
    Row("pol-t1 ", Reason::Blocked, "Facebook"),
    Row("pol-t2 ", Reason::Blocked, "Facebook"),
    Row("pol-t3 ", Reason::Blocked, "Facebook"),
    Row("msg-p1 ", Reason::MessageTooBig, "Facebook"),
    Row("msg-p2 ", Reason::ContentError, "Facebook"),
    Row("msg-p3 ", Reason::NotCompliantRfc, "Facebook"),
    Row("int-p2 ", Reason::MessageTooBig, "Facebook"),
    Row("rcp-p1 ", Reason::UserUnknown, "Facebook"),
    Row("rcp-p2 ", Reason::Filtered, "Facebook"),
    Row("rcp-p3 ", Reason::Filtered, "Facebook"),
    Row("rcp-t1 ", Reason::SystemError, "Facebook"),
    Row("rcp-t4 ", Reason::Suspended, "Facebook"),
    Row("dns-p1 ", Reason::Rejected, "Facebook"),
    Row("dns-p2 ", Reason::Rejected, "Facebook"),
    Row("dns-p3 ", Reason::RequirePtr, "Facebook"),
    Row("dns-t1 ", Reason::Rejected, "Facebook"),
    Row("con-t1 ", Reason::RateLimited, "Facebook"),
    Row("con-t3 ", Reason::RateLimited, "Facebook"),
    Row("con-t4 ", Reason::RateLimited, "Facebook"),
    Row("dns mx or a/aaaa resource record", Reason::Rejected, "GMX, 1&1"),
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
