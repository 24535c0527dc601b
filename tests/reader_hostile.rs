//! Mails of 1 MiB that were made to cost: read without a panic, in bounded memory, into bounded reports.
//!
//! How long they take is measured by `cargo bench --bench classify`; here nothing depends on the speed of the machine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/hostile.rs"]
mod hostile;

use bouncesvc::bounce::{self, DIAGNOSTIC_OCTETS_MAX, Report};

/// The most that reading one mail may add to the memory of the process.
const MEMORY_KIB_MAX: u64 = 8 * 1024;
/// The most recipients of one report, from the reader's limits.
const RECIPIENTS_MAX: usize = 500;

#[test]
fn hostile_mails_stay_within_memory_and_limits() {
    bounce::read(b"From: MAILER-DAEMON@example.org\n\nfollowing addresses failed: <a@example.com>: user unknown\n");
    for (name, mail) in hostile::mails() {
        assert_eq!(mail.len(), hostile::OCTETS, "{name}");
        let before = forget_peak();
        let report = bounce::read(&mail);
        let grown = memory_kib("VmHWM:").saturating_sub(before);
        assert!(grown <= MEMORY_KIB_MAX, "{name}: {grown} KiB");
        assert_bounded(name, &report);
    }
}

#[test]
fn every_cut_of_a_report_gives_a_report() {
    let mail = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testmail")).unwrap();
    for end in 0..mail.len() {
        assert_bounded("a cut mail", &bounce::read(&mail[..end]));
    }
}

/// A mail of nothing but one octet, each of the 256.
#[test]
fn octets_without_any_sense_give_a_report() {
    for octet in 0..=u8::MAX {
        assert_bounded("one octet", &bounce::read(&[octet; 3000]));
    }
}

fn assert_bounded(name: &str, report: &Report) {
    assert!(report.recipients.len() <= RECIPIENTS_MAX, "{name}: {} recipients", report.recipients.len());
    for recipient in &report.recipients {
        let said = recipient.diagnostic.as_deref().unwrap_or("");
        assert!(said.len() <= DIAGNOSTIC_OCTETS_MAX && recipient.evidence.len() <= DIAGNOSTIC_OCTETS_MAX, "{name}");
        assert!(!said.contains(char::is_control), "{name}: {said:?}");
    }
    assert!(report.envelope.to_mailboxes.len() <= RECIPIENTS_MAX && report.envelope.subject.len() < 20_000, "{name}");
}

/// Lets the kernel forget the peak of this process's memory, and says how much is used now, in KiB.
fn forget_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    memory_kib("VmRSS:")
}

/// A row of `/proc/self/status`, in KiB.
fn memory_kib(row: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(row)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
