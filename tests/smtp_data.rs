//! The reading of mails against a second reading of the same rules (`support/reference.rs`): on every input up to a length
//! over the octets that matter, and on longer ones from a seed, at every cut into two or at random cuts.

use bouncesvc::smtp::{Event, Session, Settings, Verdict};
use random::Random;
use reference::Reference;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

#[path = "support/random.rs"]
mod random;
#[path = "support/reference.rs"]
mod reference;

const ALPHABET: &[u8] = b"\r\n.a";
const EVERY_INPUT_UP_TO: u32 = 7;

#[test]
fn every_short_input_is_read_as_the_rules_say() {
    for length in 0..=EVERY_INPUT_UP_TO {
        for number in 0..ALPHABET.len().pow(length) {
            let input = spell(number, length);
            for cut in 0..=input.len() {
                let (first, second) = input.split_at(cut);
                assert_eq!(read(&[first, second]), reference::read(&input), "{} at {cut}", input.escape_ascii());
            }
        }
    }
}

#[test]
fn long_inputs_are_read_as_the_rules_say() {
    let pieces: &[&[u8]] = &[b"\r\n", b"\r\n.", b"\r\n.\r", b"\r", b"\n", b".", b"text", b"\r\n.\n", b"\0\xff"];
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut input = Vec::new();
        for _ in 0..random.below(200) {
            input.extend_from_slice(pieces[random.below(pieces.len())]);
        }
        let longest = 1 + random.below(40);
        let cuts: Vec<_> = input.chunks(longest).collect();
        assert_eq!(read(&cuts), reference::read(&input), "seed {seed}");
    }
}

/// The input with this number among those of this length.
fn spell(mut number: usize, length: u32) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..length {
        input.push(ALPHABET[number % ALPHABET.len()]);
        number /= ALPHABET.len();
    }
    input
}

/// What the session makes of a mail that comes in these pieces.
fn read(pieces: &[&[u8]]) -> Option<Reference> {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(Settings::default()), IpAddr::V4(Ipv4Addr::LOCALHOST), now);
    session.receive(b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.de>\r\nDATA\r\n", now);
    let mut end = 0;
    for piece in pieces {
        end += session.receive(piece, now);
        if let Some(Event::Mail(mail)) = session.poll_event() {
            session.answer(Verdict::TryAgain, now);
            return Some(Reference { head: mail.head, octets: mail.octets, bare_line_ends: mail.bare_line_ends, end });
        }
    }
    None
}
