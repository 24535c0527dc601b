//! Invariant: any bytes give a report, the same one each time, within its limits, and nothing in it that breaks a line.
//!
//! The mails of `tests/mails` are good seeds, too.

#![no_main]

use bouncesvc::bounce::{self, Class, DIAGNOSTIC_OCTETS_MAX, Kind, Recipient};
use bouncesvc::types::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|mail: &[u8]| {
    let report = bounce::read(mail);
    assert_eq!(report, bounce::read(mail));
    assert!(report.recipients.len() <= 500);
    for recipient in &report.recipients {
        check(recipient);
        assert_eq!(recipient.class == Class::Feedback, report.kind == Kind::Feedback);
    }
    if matches!(report.kind, Kind::NotBounce | Kind::AutoReply) {
        assert!(report.recipients.is_empty());
    }
    let envelope = &report.envelope;
    for text in [&envelope.from, &envelope.to, &envelope.subject, &envelope.message_id] {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
});

fn check(recipient: &Recipient) {
    let address = recipient.address.as_str();
    assert_eq!(Address::parse(address).as_ref().map(Address::as_str), Some(address));
    for text in [recipient.diagnostic.as_deref().unwrap_or(""), &recipient.evidence] {
        assert!(text.len() <= DIAGNOSTIC_OCTETS_MAX && !text.chars().any(char::is_control), "{text:?}");
    }
}
