//! Mails of systems all over the world, and replies of their servers: each is read as a careful person would.
//!
//! They were written without knowledge of the reader, after the shape of real ones, before it was measured on them.
//! `expected.jsonl` holds the answers, in the words of the field; what careful people dispute is marked so, and left out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bouncesvc::bounce::{self, Class, Kind, Recipient};
use serde_json::Value;
use std::path::Path;

const MAILS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mails");

#[test]
fn every_mail_is_read_as_expected() {
    let expected = std::fs::read_to_string(Path::new(MAILS).join("world/expected.jsonl")).unwrap();
    let labels = expected.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut misses = Vec::new();
    let mut mails = 0;
    for label in labels.filter(|label| label["confidence"] != "disputed") {
        let file = label["file"].as_str().unwrap();
        let report = bounce::read(&std::fs::read(Path::new(MAILS).join(file)).unwrap());
        mails += 1;
        misses.extend(misread(&label, report.kind, &report.recipients).map(|miss| format!("{file}: {miss}")));
    }
    assert!(mails > 700, "{mails} mails");
    assert!(misses.is_empty(), "{} of {mails}:\n{}", misses.len(), misses.join("\n"));
}

/// What is wrong with an answer, if anything.
fn misread(label: &Value, kind: Kind, said: &[Recipient]) -> Option<String> {
    let failures = || said.iter().filter(|recipient| recipient.class != Class::Feedback);
    match label["kind"].as_str().unwrap() {
        "not_bounce" => (!said.is_empty()).then(|| format!("no bounce, but {said:?}")),
        "feedback" if kind != Kind::Feedback => Some(format!("a complaint, but {kind:?}")),
        "feedback" => failures().next().map(|recipient| format!("a complaint, but {recipient:?}")),
        _ => recipients_differ(label["recipients"].as_array().unwrap(), said),
    }
}

fn recipients_differ(wanted: &[Value], said: &[Recipient]) -> Option<String> {
    if wanted.len() != said.len() {
        return Some(format!("{} recipients, but {said:?}", wanted.len()));
    }
    wanted.iter().find_map(|want| {
        let names = std::iter::once(&want["address"]).chain(want["alt"].as_array().unwrap());
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        let Some(found) = said.iter().find(|recipient| names.iter().any(|name| is_same(name, recipient))) else {
            return Some(format!("{names:?} is missing in {said:?}"));
        };
        differs(want["class"].as_str().unwrap(), want["reason"].as_str(), found)
    })
}

fn is_same(name: &str, recipient: &Recipient) -> bool {
    recipient.address.as_str().eq_ignore_ascii_case(name)
}

fn differs(class: &str, reason: Option<&str>, found: &Recipient) -> Option<String> {
    let right = found.class.name() == class && reason.is_none_or(|reason| is_reason(reason, found.reason.name()));
    (!right).then(|| format!("{class} {}, but {found:?}", reason.unwrap_or("whatever")))
}

/// The field writes the words together, and knows some of ours by other names.
fn is_reason(wanted: &str, said: &str) -> bool {
    let said = match said {
        "mailbox_disabled" | "suspended" => "suspend",
        "message_too_big" => "mesgtoobig",
        "rate_limited" => "speeding",
        "greylisted" => "blocked",
        "delayed" => "expired",
        said => said,
    };
    said.replace('_', "") == if wanted == "toomanyconn" { "speeding" } else { wanted }
}

#[test]
fn every_reply_is_understood_as_expected() {
    assert_replies_are_understood(str::to_owned);
}

#[test]
fn every_reply_is_understood_in_several_lines() {
    assert_replies_are_understood(in_lines);
}

fn assert_replies_are_understood(form: fn(&str) -> String) {
    let table = std::fs::read_to_string(Path::new(MAILS).join("replies.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect::<Vec<_>>());
    let mut misses = Vec::new();
    for row in rows {
        let [status, reply, class, reason] = row[..] else { panic!("{row:?}") };
        let report = bounce::read(notice(status, &form(&reply.replace("{rcpt}", "user@example.net"))).as_bytes());
        let [found] = &report.recipients[..] else { panic!("{reply}: {report:?}") };
        misses.extend(differs(class, Some(reason).filter(|word| *word != "-"), found).map(|m| format!("{reply}: {m}")));
    }
    assert!(misses.is_empty(), "{}:\n{}", misses.len(), misses.join("\n"));
}

/// A reply in lines of three words, each behind the codes (RFC 5321 §4.2.1, RFC 2034 §4).
fn in_lines(reply: &str) -> String {
    let mut words = reply.split(' ').peekable();
    let Some(code) = words.next_if(|word| word.len() == 3 && word.bytes().all(|c| c.is_ascii_digit())) else {
        return reply.to_owned();
    };
    let is_status = |word: &&str| word.len() >= 5 && word.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    let status = words.next_if(is_status).map(|status| format!("{status} ")).unwrap_or_default();
    let words: Vec<_> = words.collect();
    let line = |words: &[&str], mark| format!("{code}{mark}{status}{}", words.join(" "));
    let (last, lines) =
        words.chunks(3).collect::<Vec<_>>().split_last().map_or((String::new(), Vec::new()), |(last, lines)| {
            (line(last, ' '), lines.iter().map(|words| line(words, '-')).collect())
        });
    lines.into_iter().chain([last]).collect::<Vec<_>>().join("\r\n ")
}

/// A report whose only evidence is the reply.
fn notice(status: &str, reply: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mail.example.com\r\nTo: no-reply@news.example.org\r\nSubject: Undelivered Mail\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\r\n\r\n\
         --b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example.com\r\n\r\n\
         Final-Recipient: rfc822; user@example.net\r\nAction: failed\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; {reply}\r\n--b1--\r\n"
    )
}
