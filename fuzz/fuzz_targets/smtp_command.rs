//! Invariant: any line without a line end gets exactly one reply. A path that MAIL or RCPT takes is kept in a form that is
//! taken again, as itself, and that cannot break out of the brackets of an envelope or of a log line.

#![no_main]

use bouncesvc::smtp::Settings;
use bouncesvc_fuzz::owner::Owner;
use libfuzzer_sys::fuzz_target;
use std::time::Instant;

fuzz_target!(|line: &[u8]| {
    if line.contains(&b'\n') || line.contains(&b'\r') {
        return;
    }
    let mut owner = greeted();
    let before = owner.output.len();
    owner.send(&[line, b"\r\n"].concat());
    let codes = codes(&owner.output[before..]);
    assert_eq!(codes.len(), 1, "{codes:?}");
    if let Some((sender, recipient)) = envelope(line, line) {
        let again = envelope(format!("<{sender}>").as_bytes(), format!("<{recipient}>").as_bytes());
        assert_eq!(again, Some((sender.clone(), recipient.clone())));
        assert!(!format!("{sender}{recipient}").chars().any(char::is_control));
    }
});

fn greeted() -> Owner {
    let settings = Settings { command_octets_max: 1 << 20, ..Settings::default() };
    let mut owner = Owner::new(settings, Instant::now());
    owner.send(b"EHLO a\r\n");
    owner
}

/// Sender and recipient as they are kept, if both are taken.
fn envelope(sender: &[u8], recipient: &[u8]) -> Option<(String, String)> {
    let mut owner = greeted();
    owner.send(&[b"MAIL FROM:", sender, b" SMTPUTF8\r\nRCPT TO:", recipient, b"\r\nDATA\r\n.\r\n"].concat());
    let mail = owner.mails.pop()?;
    Some((mail.sender, mail.recipients.into_iter().next()?))
}

/// The code of each reply, of several lines or of one.
fn codes(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let last_lines = text.split_terminator("\r\n").filter(|line| line.as_bytes().get(3) == Some(&b' '));
    last_lines.map(|line| line.get(..3).unwrap_or_default().to_owned()).collect()
}
