//! An owner of a session that keeps everything: what was said and what was asked.

use bouncesvc::smtp::{Event, Mail, Session, Settings, Verdict};
use bouncesvc::types::MessageId;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// A session with its story.
pub struct Owner {
    session: Session,
    now: Instant,
    /// All octets for the client.
    pub output: Vec<u8>,
    /// All mails, each answered in turn with 250, 451 and 452.
    pub mails: Vec<Mail>,
    /// How many mails the client was seen to know of.
    pub confirmed: usize,
    /// How many mails were refused after their end.
    pub refused: usize,
    /// Whether STARTTLS ended the dialogue; what comes behind it is the handshake's.
    pub is_starting_tls: bool,
}

impl Owner {
    /// A new session; its time stands still.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let session = Session::new(Arc::new(settings), IpAddr::V4(Ipv4Addr::LOCALHOST), now);
        let mut owner = Self {
            session,
            now,
            output: Vec::new(),
            mails: Vec::new(),
            confirmed: 0,
            refused: 0,
            is_starting_tls: false,
        };
        owner.collect();
        owner
    }

    /// Sends a piece and sees to all that follows.
    pub fn send(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() && self.session.wants_input() {
            let taken = self.session.receive(rest, self.now);
            assert!(taken > 0 || self.session.is_closed(), "a session that wants input takes some, or ends");
            rest = &rest[taken..];
            self.collect();
        }
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Confirmed => self.confirmed += 1,
                Event::Refused(_) => self.refused += 1,
                Event::StartTls => self.is_starting_tls = true,
                Event::Mail(mail) => {
                    assert!(!self.session.wants_input(), "no input while a mail waits");
                    self.session.answer(verdict(self.mails.len()), self.now);
                    self.mails.push(mail);
                }
            }
        }
        self.output.append(self.session.output());
    }
}

fn verdict(number: usize) -> Verdict {
    match number % 4 {
        0 | 1 => Verdict::Accepted(MessageId(number as u64)),
        2 => Verdict::TryAgain,
        _ => Verdict::NoRoom,
    }
}
