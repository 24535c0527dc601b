//! Invariant: any octets, in any settings: no panic; replies and mails do not depend on how the octets are cut; every
//! line of the output is a reply; a mail is never larger than its limits; nothing is confirmed that was not accepted.
//!
//! The first octet chooses the settings, the second the cuts, the rest is what the client sends.

#![no_main]

use bouncesvc::smtp::{AcceptedRecipient, BareLineEnds, Protocol, Settings};
use bouncesvc_fuzz::owner::Owner;
use libfuzzer_sys::fuzz_target;
use std::time::Instant;

fuzz_target!(|input: &[u8]| {
    let [choice, cut, wire @ ..] = input else { return };
    let now = Instant::now();
    let mut whole = Owner::new(settings(*choice), now);
    whole.send(wire);
    let mut in_pieces = Owner::new(settings(*choice), now);
    let mut sizes = sizes(*cut);
    let mut rest = wire;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(sizes().min(rest.len()));
        in_pieces.send(piece);
        rest = behind;
    }
    assert_eq!(whole.output.escape_ascii().to_string(), in_pieces.output.escape_ascii().to_string());
    assert_eq!(format!("{:?}", whole.mails), format!("{:?}", in_pieces.mails));
    assert_eq!((whole.refused, whole.is_closed()), (in_pieces.refused, in_pieces.is_closed()));
    assert_eq!(whole.is_starting_tls, in_pieces.is_starting_tls);
    check(&whole, *choice);
    check(&in_pieces, *choice);
});

fn check(owner: &Owner, choice: u8) {
    let text = str::from_utf8(&owner.output).expect("replies are UTF-8");
    assert!(text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        let code: u16 = line.get(..3).and_then(|code| code.parse().ok()).expect("a line begins with its code");
        assert!((200..=599).contains(&code) && matches!(line.as_bytes()[3], b' ' | b'-'), "{line}");
        assert!(!line.contains(['\r', '\n']));
    }
    let settings = settings(choice);
    for mail in &owner.mails {
        assert!(mail.octets <= settings.message_octets_max && mail.head.len() <= settings.head_octets_max);
        assert!((1..=settings.recipients_max).contains(&mail.recipients.len()));
        assert!(settings.bare_line_ends == BareLineEnds::Normalise || mail.bare_line_ends == 0);
    }
    assert!(owner.confirmed <= owner.mails.len());
}

fn settings(choice: u8) -> Settings {
    let has = |bit: u8| choice & bit != 0;
    let accepted_recipients = has(32).then(|| AcceptedRecipient::parse("b.de").expect("a domain"));
    Settings {
        protocol: if has(1) { Protocol::Lmtp } else { Protocol::Smtp },
        starttls: has(2),
        require_tls: has(4),
        bare_line_ends: if has(8) { BareLineEnds::Reject } else { BareLineEnds::Normalise },
        message_octets_max: if has(16) { 40 } else { 1 << 20 },
        head_octets_max: if has(16) { 10 } else { 1 << 20 },
        command_octets_max: if has(64) { 40 } else { 2048 },
        recipients_max: if has(64) { 2 } else { 1000 },
        errors_max: if has(128) { 2 } else { 1000 },
        accepted_recipients: accepted_recipients.into_iter().collect(),
        ..Settings::default()
    }
}

/// Sizes of pieces: all alike for a small number, else mixed.
fn sizes(cut: u8) -> impl FnMut() -> usize {
    let mut state = u32::from(cut);
    move || {
        if cut < 16 {
            return usize::from(cut) + 1;
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 27) as usize + 1
    }
}
