//! One mail client: its socket, its SMTP session, and what is between them.
//!
//! mio reports readiness once (edge-triggered), so it is remembered here until a read or a write says otherwise. An
//! idle connection owns no buffer.

use super::stream::Stream;
use crate::change::Digest;
use crate::smtp::{Event, Mail, Refusal, Session, Verdict};
use rustls::ServerConfig;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the last reply of a closed session may take to be written.
const LINGER_TIME_MAX: Duration = Duration::from_secs(10);

/// What a session that wrote all its output keeps of the buffer: enough for most replies, and little for one that is idle.
const OUTPUT_OCTETS_KEPT: usize = 64;

/// How long a TLS handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(30);

/// What a connection needs from its owner during one turn.
pub(super) struct Turn<'a> {
    /// For reading, shared by all connections.
    pub(super) buffer: &'a mut [u8],
    /// When the turn began.
    pub(super) now: Instant,
    /// How many octets it may bring, those of its replies included; none while the mails in flight leave it no room.
    pub(super) octets_max: usize,
    /// For STARTTLS.
    pub(super) tls: Option<&'a Arc<ServerConfig>>,
    /// A whole mail, when one came: the owner answers with [`Conn::answer`].
    pub(super) mail: Option<Mail>,
    /// Digests whose 250 the client has got.
    pub(super) confirmed: &'a mut Vec<Digest>,
    /// Mails that were refused, at MAIL or after their end.
    pub(super) refused: &'a mut Vec<Refusal>,
}

/// How a connection stands after [`Conn::drive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits: for the client, for its mail's answer or for a timer.
    Waiting,
    /// There is more to do in the next turn.
    More,
    /// It has input, and there is no room for it.
    NoRoom,
    /// It is over.
    Over,
}

/// One connection.
pub(super) struct Conn {
    stream: Stream,
    session: Session,
    peer: IpAddr,
    readiness: Readiness,
    /// What was read and not yet taken, from `input_start` on.
    input: Vec<u8>,
    input_start: usize,
    /// Of the last mail that was answered 250, until the client goes on.
    unconfirmed: Option<Digest>,
    /// Until when the TLS handshake, or the writing of the last reply, has to be over.
    hurry_until: Option<Instant>,
    /// It has input, and the mails in flight leave no room for it.
    is_paused: bool,
    /// When octets last came or went.
    last_moved: Instant,
    /// The time of the earliest entry among the timers.
    pub(super) reminder: Option<Instant>,
    /// Whether it stands in the owner's list of those to be driven.
    pub(super) is_listed: bool,
    /// What it adds to the mails in flight, in octets, as the owner counted it.
    pub(super) octets_counted: usize,
    /// Whether the owner counted it among those within a mail.
    pub(super) is_underway: bool,
    /// Since when it has held octets of the same mail.
    pub(super) held_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Readiness {
    readable: bool,
    writable: bool,
    /// The end of the stream is behind what can be read.
    read_closed: bool,
}

impl Conn {
    /// A new one, with the greeting to be written.
    pub(super) fn new(stream: Stream, session: Session, peer: IpAddr, now: Instant) -> Self {
        Self {
            stream,
            session,
            peer,
            readiness: Readiness { readable: false, writable: true, read_closed: false },
            input: Vec::new(),
            input_start: 0,
            unconfirmed: None,
            hurry_until: None,
            is_paused: false,
            last_moved: now,
            reminder: None,
            is_listed: false,
            octets_counted: 0,
            is_underway: false,
            held_since: None,
        }
    }

    /// The client's address.
    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    /// From now on TLS, beginning with the handshake.
    pub(super) fn start_tls(&mut self, config: &Arc<ServerConfig>, now: Instant) -> io::Result<()> {
        self.hurry_until = Some(now + HANDSHAKE_TIME_MAX);
        self.stream.start_tls(Arc::clone(config))
    }

    /// Remembers what mio reported.
    pub(super) fn note(&mut self, event: &mio::event::Event) {
        self.readiness.readable |= event.is_readable() || event.is_error();
        self.readiness.writable |= event.is_writable();
        self.readiness.read_closed |= event.is_read_closed();
    }

    /// Writes, reads and steps the session until it waits, a mail came, or it had its share of the turn.
    pub(super) fn drive(&mut self, turn: &mut Turn<'_>) -> Progress {
        match self.advance(turn) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            Err(error) => {
                log::debug!("client=[{}] lost: {error}", self.peer);
                Progress::Over
            }
        }
    }

    fn advance(&mut self, turn: &mut Turn<'_>) -> io::Result<Progress> {
        let mut share = turn.octets_max;
        loop {
            self.take_events(turn)?;
            self.shake_hands(turn.now)?;
            self.write(turn.now)?;
            if self.session.is_closed() {
                return Ok(self.linger(turn));
            }
            if !self.is_ready() {
                return Ok(Progress::Waiting);
            }
            if turn.octets_max == 0 {
                return Ok(Progress::NoRoom);
            }
            if share == 0 {
                return Ok(Progress::More);
            }
            match self.feed(turn, share)? {
                0 => return Ok(Progress::Over),
                octets => share = share.saturating_sub(octets + self.session.output().len()),
            }
        }
    }

    /// The answer to the mail that [`Self::drive`] gave; `digest` of one that was accepted.
    pub(super) fn answer(&mut self, verdict: Verdict, digest: Digest, now: Instant) {
        self.unconfirmed = matches!(verdict, Verdict::Accepted(_)).then_some(digest);
        self.session.answer(verdict, now);
    }

    /// The session's deadline, or that of its last reply.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.hurry_until.or_else(|| if self.is_paused { None } else { self.session.poll_timeout() })
    }

    /// Acts on a deadline that has passed; false when the connection is over.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        if self.hurry_until.is_some() {
            return false;
        }
        self.session.handle_timeout(now);
        true
    }

    /// It is not read from until [`Self::resume`], and no deadline counts; false when that is so already.
    pub(super) fn pause(&mut self) -> bool {
        !std::mem::replace(&mut self.is_paused, true)
    }

    /// Whether it waits for [`Self::resume`].
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// It holds what others wait for, and gets no further.
    pub(super) fn give_up(&mut self) {
        log::warn!("client=[{}] dropped: others wait for the room that its mail takes", self.peer);
        self.session.give_up();
        (self.input, self.input_start) = (Vec::new(), 0);
        self.is_paused = false;
    }

    /// It may be read from again; the session's deadlines start anew.
    pub(super) fn resume(&mut self, now: Instant) {
        self.is_paused = false;
        self.session.reading_resumed(now);
    }

    /// The service stops. A handshake is not waited for: without it nothing can be said.
    pub(super) fn shut_down(&mut self, now: Instant) {
        if self.stream.is_handshaking() {
            self.hurry_until = Some(now);
        }
        self.session.shut_down();
    }

    /// Whether the client sent something that could be looked at now.
    pub(super) fn is_ready(&self) -> bool {
        self.has_input() && self.session.wants_input()
    }

    /// Whether what it sends may take more memory.
    pub(super) fn may_grow(&self) -> bool {
        self.session.may_grow()
    }

    /// Whether a mail has begun and not ended.
    pub(super) fn is_within_mail(&self) -> bool {
        self.session.is_within_mail()
    }

    /// Octets of a mail that has begun and not ended, and of input that waits.
    pub(super) fn octets_in_flight(&self) -> usize {
        self.session.mail_octets() + self.input.capacity()
    }

    /// Whether nothing moved for `span` though we would read or write.
    pub(super) fn is_stalled(&mut self, span: Duration, now: Instant) -> bool {
        let is_awaited = !self.has_input() || !self.session.output().is_empty();
        is_awaited && now.saturating_duration_since(self.last_moved) > span
    }

    /// Whether what the client sends next waits for our answer to a mail, or our part of TLS.
    pub(super) fn waits_for_us(&mut self) -> bool {
        !self.session.wants_input() && self.session.output().is_empty()
    }

    fn has_input(&self) -> bool {
        self.readiness.readable || self.input_start < self.input.len()
    }

    fn take_events(&mut self, turn: &mut Turn<'_>) -> io::Result<()> {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Mail(mail) => turn.mail = Some(mail),
                Event::Confirmed => turn.confirmed.extend(self.unconfirmed.take()),
                Event::Refused(refusal) => {
                    log::warn!("client=[{}] action=refused note={}", self.peer, refusal.name());
                    turn.refused.push(refusal);
                }
                Event::StartTls => self.upgrade(turn)?,
            }
        }
        Ok(())
    }

    /// The reply to STARTTLS goes out in plain text, which a client that waits for it has room for; then TLS begins.
    fn upgrade(&mut self, turn: &Turn<'_>) -> io::Result<()> {
        self.write(turn.now)?;
        let config = turn.tls.filter(|_| self.session.output().is_empty()).ok_or(ErrorKind::WriteZero)?;
        self.start_tls(config, turn.now)
    }

    /// Goes on with the handshake, if there is one; `WouldBlock` until it is over.
    fn shake_hands(&mut self, now: Instant) -> io::Result<()> {
        if !self.stream.is_handshaking() {
            return Ok(());
        }
        self.readiness.readable = true;
        self.stream.shake_hands()?;
        self.hurry_until = None;
        self.session.tls_started(now);
        Ok(())
    }

    /// Writes what can be written now.
    fn write(&mut self, now: Instant) -> io::Result<()> {
        // Unread input would turn the end into a reset, which takes what was held back with it.
        let is_last = self.session.is_closed() && !self.readiness.readable;
        let output = self.session.output();
        let mut written = 0;
        while self.readiness.writable && (written < output.len() || self.stream.holds_output()) {
            let write = if is_last { Stream::write_last } else { Stream::write };
            match write(&mut self.stream, &output[written..]) {
                Ok(octets) => written += octets,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readiness.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if written > 0 {
            self.last_moved = now;
        }
        if written == output.len() {
            output.clear();
            output.shrink_to(OUTPUT_OCTETS_KEPT);
        } else {
            output.drain(..written);
        }
        Ok(())
    }

    /// Gives the session input: what waits, or at most `share` octets of what the socket has. `Ok(0)` is the end of the stream.
    fn feed(&mut self, turn: &mut Turn<'_>, share: usize) -> io::Result<usize> {
        if self.input_start < self.input.len() {
            let taken = self.session.receive(&self.input[self.input_start..], turn.now);
            self.input_start += taken;
            if self.input_start == self.input.len() {
                self.input = Vec::new();
                self.input_start = 0;
            }
            return Ok(taken.max(1));
        }
        let room = turn.buffer.len().min(share);
        let octets = self.read(&mut turn.buffer[..room])?;
        self.last_moved = turn.now;
        let input = &turn.buffer[..octets];
        let taken = self.session.receive(input, turn.now);
        self.input.extend_from_slice(&input[taken..]);
        Ok(octets)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.readiness.readable {
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.readiness.readable = false;
                    return Err(error);
                }
                // What comes later is reported anew. Only an end of the stream that was reported already is not.
                Ok(taken) => {
                    self.readiness.readable = !taken.is_drained || self.readiness.read_closed;
                    return Ok(taken.octets);
                }
            }
        }
    }

    /// After the session: writes what is left. Where QUIT came before the client could have seen our 250, its end in order shows
    /// that it has got it; after any other end it may send the mail again.
    fn linger(&mut self, turn: &mut Turn<'_>) -> Progress {
        if self.session.output().is_empty() && !self.stream.holds_output() {
            if !self.session.awaits_end() {
                self.stream.close();
                return Progress::Over;
            }
            self.stream.end_output();
            if !self.is_open(turn) {
                return Progress::Over;
            }
        }
        self.hurry_until.get_or_insert(turn.now + LINGER_TIME_MAX);
        Progress::Waiting
    }

    /// Whether the client's side is still open; its end in order is told to the session. Whoever sends more is not waited for.
    fn is_open(&mut self, turn: &mut Turn<'_>) -> bool {
        match self.read(turn.buffer) {
            Ok(0) => {
                self.session.input_ended();
                _ = self.take_events(turn);
                false
            }
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}
