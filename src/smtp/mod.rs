//! The server side of SMTP (RFC 5321) without input and output: bytes in, replies and events out.
//!
//! Reads no clock, no socket and no file; time is passed in.

use crate::types::MessageId;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Limits and identity; the keys of the configuration name the same things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name in the greeting and in replies.
    pub hostname: String,
    /// What is offered as SIZE; beyond it 552.
    pub message_octets_max: u64,
    /// How much of a mail is kept; the rest is read and dropped.
    pub head_octets_max: usize,
    /// Recipients of one mail; beyond it 452.
    pub recipients_max: usize,
    /// Errors of one session; beyond it 421.
    pub errors_max: u32,
    /// Mails of one session; beyond it 421.
    pub mails_per_session_max: u32,
    /// Time between commands.
    pub command_time_max: Duration,
    /// Time for one mail's data.
    pub data_time_max: Duration,
    /// Time of a whole session.
    pub session_time_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            message_octets_max: 50 << 20,
            head_octets_max: 1 << 20,
            recipients_max: 1000,
            errors_max: 20,
            mails_per_session_max: 100_000,
            command_time_max: Duration::from_secs(300),
            data_time_max: Duration::from_secs(600),
            session_time_max: Duration::from_secs(24 * 3600),
        }
    }
}

/// What the session asks of its owner.
#[derive(Debug)]
pub enum Event {
    /// A whole mail; the session takes no input until [`Session::answer`].
    Mail(Mail),
    /// The client went on after a 250 to its mail: it has got it.
    Confirmed,
    /// Start TLS after the output is written.
    StartTls,
}

/// A received mail.
#[derive(Debug)]
pub struct Mail {
    /// The envelope sender, empty for `<>`.
    pub sender: String,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// The head: CRLF line ends as received, dots unstuffed.
    pub head: Vec<u8>,
    /// The size of the whole mail.
    pub octets: u64,
    /// What the client called itself.
    pub helo: String,
}

/// The owner's answer to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Durable: `250 2.0.0 Ok: queued as ID`.
    Accepted(MessageId),
    /// Our fault, try again: `451 4.3.0`.
    TryAgain,
    /// No room, try again: `452 4.3.1`.
    NoRoom,
}

/// One SMTP session.
pub struct Session {}

impl Session {
    /// A new one, with the greeting as its first output.
    pub fn new(_settings: Arc<Settings>, _peer: IpAddr, _now: Instant) -> Self {
        unimplemented!()
    }

    /// Takes input, as much as it wants; returns how many octets it took. Fewer than given: [`Self::wants_input`] turned false.
    pub fn receive(&mut self, _input: &[u8], _now: Instant) -> usize {
        unimplemented!()
    }

    /// The next event, in order; call until `None` after each `receive`, `answer` and `handle_timeout`.
    pub fn poll_event(&mut self) -> Option<Event> {
        unimplemented!()
    }

    /// The answer to the last [`Event::Mail`].
    pub fn answer(&mut self, _verdict: Verdict, _now: Instant) {
        unimplemented!()
    }

    /// Octets to be written; the owner drains them.
    pub fn output(&mut self) -> &mut Vec<u8> {
        unimplemented!()
    }

    /// Whether it takes input now: not while a mail waits for its answer, nor when it is closed.
    pub fn wants_input(&self) -> bool {
        unimplemented!()
    }

    /// Whether the connection is to be closed once the output is written.
    pub fn is_closed(&self) -> bool {
        unimplemented!()
    }

    /// Octets of the mail that is being received, for the budget of all mails in flight.
    pub fn mail_octets(&self) -> usize {
        unimplemented!()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    /// The time has come: 421 and closed.
    pub fn handle_timeout(&mut self, _now: Instant) {
        unimplemented!()
    }

    /// The service stops: an idle session gets 421, one within a mail finishes that mail first.
    pub fn shut_down(&mut self) {
        unimplemented!()
    }
}
