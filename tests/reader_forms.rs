//! One mail for each form of a bounce, and for each thing that is no bounce but looks like one.
//!
//! The name of a mail is what is odd about it; `tests/mails/forms/expected.tsv` says what a reader finds.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bouncesvc::bounce::{self, Report};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn every_form_is_read() {
    let expected = std::fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        let (name, row) = line.split_once('\t').unwrap();
        rows.entry(name).or_default().push(row.replace('\t', " "));
    }
    assert!(rows.len() >= 40, "{} forms", rows.len());
    for (name, wanted) in rows {
        assert_eq!(found(&read(name)), wanted, "{name}");
    }
}

#[test]
fn the_same_with_crlf_and_behind_an_mbox_line() {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    for path in names.filter(|path| path.extension().is_some_and(|extension| extension == "eml")) {
        let mail = std::fs::read(&path).unwrap();
        let text: Vec<u8> = mail.split(|octet| *octet == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
        let in_mbox = [b"From MAILER-DAEMON Mon Mar  3 10:00:00 2025\r\n", text.as_slice()].concat();
        assert_eq!(found(&bounce::read(&in_mbox)), found(&bounce::read(&mail)), "{}", path.display());
    }
}

#[test]
fn the_returned_message_and_the_envelope_are_kept() {
    let report = read("report-plain");
    let returned = report.returned.unwrap();
    assert_eq!(returned.from[0].as_str(), "news@sender.example");
    assert_eq!(returned.message_id.as_deref(), Some("<77@sender.example>"));
    assert_eq!(report.envelope.to_mailboxes[0].as_str(), "news@sender.example");
    assert_eq!(report.envelope.subject, "Undelivered Mail Returned to Sender");
}

/// Else one mail would count more than once.
#[test]
fn an_address_named_in_two_parts_and_cases_is_one_recipient() {
    let part = |address: &str, status: &str| {
        format!(
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; {address}\n\
             Action: failed\nStatus: {status}\n\n"
        )
    };
    let parts = [part("bob@example.com", "5.2.2"), part("Bob@Example.com", "5.2.2"), part("BOB@example.com", "5.1.1")];
    let mail = format!(
        "From: MAILER-DAEMON@example.org\nTo: news@sender.example\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: \
         multipart/report; report-type=delivery-status; boundary=b\n\n{}--b--\n",
        parts.concat()
    );
    assert_eq!(found(&bounce::read(mail.as_bytes())), ["bounce BOB@example.com hard user_unknown"]);
    let soft = mail.replace("5.1.1", "5.2.2");
    assert_eq!(found(&bounce::read(soft.as_bytes())), ["bounce bob@example.com soft mailbox_full"]);
}

#[test]
fn the_last_address_of_a_long_line_is_read_like_the_first() {
    let addresses: Vec<_> = (0..60).map(|number| format!("u{number}@example.com")).collect();
    let line = ["The quota is exceeded of ", &addresses.join(" = ")].concat();
    let mail = format!("From: MAILER-DAEMON@example.org\nSubject: failure notice\n\n{line}\n");
    assert_eq!(found(&bounce::read(mail.as_bytes())).len(), 60);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails/forms")
}

fn read(name: &str) -> Report {
    bounce::read(&std::fs::read(folder().join(name).with_extension("eml")).unwrap())
}

/// A row for each recipient as the table has it.
fn found(report: &Report) -> Vec<String> {
    let kind = report.kind.name();
    let rows: Vec<String> = report
        .recipients
        .iter()
        .map(|recipient| format!("{kind} {} {} {}", recipient.address, recipient.class.name(), recipient.reason.name()))
        .collect();
    if rows.is_empty() { vec![format!("{kind} - - -")] } else { rows }
}
