//! Invariant: a mail's head, size, bare line ends and end are what a second, plain reading of the rules says.
//!
//! The first octet is the size of the pieces, the rest is what follows 354.

#![no_main]

use bouncesvc::smtp::Settings;
use bouncesvc_fuzz::owner::Owner;
use libfuzzer_sys::fuzz_target;
use std::time::Instant;

#[path = "../../tests/support/reference.rs"]
mod reference;

fuzz_target!(|input: &[u8]| {
    let [size, data @ ..] = input else { return };
    let expected = reference::read(data);
    // A second mail behind the first would be a dialogue: this target is about one.
    let data = &data[..expected.as_ref().map_or(data.len(), |mail| mail.end)];
    let mut owner = Owner::new(Settings { head_octets_max: 4 << 20, ..Settings::default() }, Instant::now());
    owner.send(b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.de>\r\nDATA\r\n");
    data.chunks(usize::from(*size) + 1).for_each(|piece| owner.send(piece));
    match (expected, owner.mails.as_slice()) {
        (None, []) => {}
        (Some(expected), [mail]) => {
            assert_eq!(mail.head.escape_ascii().to_string(), expected.head.escape_ascii().to_string());
            assert_eq!((mail.octets, mail.bare_line_ends), (expected.octets, expected.bare_line_ends));
        }
        (expected, mails) => panic!("{expected:?} {mails:?}"),
    }
});
