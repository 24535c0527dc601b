//! Replays the transcripts of `tests/smtp_transcripts`: step by step, whole, at every chunk size, and at random cuts.
//!
//! Replies and events must be the same however the client's octets are cut.

#![allow(clippy::unwrap_used, reason = "a transcript that cannot be read is a failure of the test")]

#[path = "../support/random.rs"]
mod random;
mod replay;
mod transcript;

use bouncesvc::smtp::Session;
use random::Random;
use replay::{Run, replay};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use transcript::{Step, transcripts};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// What is sent in one go is replayed at every chunk size up to this length, and beyond it at these sizes.
const SHORT: usize = 2000;
const SIZES: &[usize] = &[1, 2, 3, 511, 1460, 65_536];
const RANDOM_CUTS: u64 = 20;

#[test]
fn transcripts_step_by_step() {
    for transcript in transcripts() {
        let mut run = Run::new(&transcript);
        for step in &transcript.steps {
            run.step(step, usize::MAX);
            if let Step::Expect(expected) = step {
                assert_eq!(&run.take_log(), expected, "{} at {}", transcript.name, run.last);
            }
        }
    }
}

#[test]
fn transcripts_at_every_chunk_size() {
    for transcript in transcripts() {
        let (expected, longest) = transcript.pipelined();
        let sizes = if longest <= SHORT { (1..=longest).collect() } else { [SIZES, &[longest]].concat() };
        for size in sizes {
            assert_eq!(replay(&transcript, |_| size), expected, "{} by {size}", transcript.name);
        }
    }
}

#[test]
fn transcripts_at_random_cuts() {
    for transcript in transcripts() {
        let (expected, longest) = transcript.pipelined();
        for seed in 1..=RANDOM_CUTS {
            let mut random = Random::new(seed);
            let found = replay(&transcript, |_| random.below(longest.min(1 << (seed % 16))) + 1);
            assert_eq!(found, expected, "{} with seed {seed}", transcript.name);
        }
    }
}

/// A thousand clients that sent commands and read nothing once took a megabyte each.
#[test]
fn replies_that_nobody_reads_stop_the_input() {
    let commands = b"EHLO client\r\n".repeat(10_000);
    let mut session = Session::new(Arc::default(), CLIENT, Instant::now());
    let (mut rest, mut rounds, mut replies) = (&commands[..], 0, 0);
    while !rest.is_empty() {
        assert!(session.wants_input());
        rest = &rest[session.receive(rest, Instant::now())..];
        let output = std::mem::take(session.output());
        assert!(output.len() < 5 << 10, "{}", output.len());
        replies += output.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"250 ")).count();
        rounds += 1;
    }
    assert!(replies == 10_000 && rounds > 50, "{replies} replies in {rounds} rounds");
}
