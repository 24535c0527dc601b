//! One session: the states, the whole transition table ([`Session::transition`]), and the time limits.
//!
//! Each state holds its data, so that leaving it drops what must not survive. Small while idle: a session between mails
//! holds some hundred octets. Deliberately absent: the grammar of commands and data, which is beside it.

use super::command::{Command, MailCommand};
use super::event::{Event, Mail, Refusal, Verdict};
use super::line::{Line, LineReader};
use super::path::ForwardPath;
use super::reply::{self, Reply};
use super::settings::{Protocol, Settings};
use super::transaction::{Receiving, Transaction};
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// A client that reads no replies gets no further ones: its input waits at this many octets of output. Many commands are shorter
/// than their replies, so that without it a few of them would fill the memory.
const OUTPUT_OCTETS_MAX: usize = 4 << 10;

/// One SMTP session.
pub struct Session {
    settings: Arc<Settings>,
    peer: IpAddr,
    state: State,
    lines: LineReader,
    output: Vec<u8>,
    /// A 250 to a mail was said and not yet confirmed: so many of the octets to come had been sent before it was.
    unconfirmed: Option<usize>,
    /// An [`Event::Confirmed`] waits to be taken.
    confirmed: bool,
    /// An [`Event::Refused`] waits to be taken, and so does the input.
    refused: Option<Refusal>,
    /// TLS is on.
    tls: bool,
    /// No new transaction begins.
    shutting_down: bool,
    mails: u32,
    errors: u32,
    /// When the present state has lasted too long; `None` where the owner is at work, not the client.
    state_end: Option<Instant>,
    whole_end: Option<Instant>,
}

/// Where the session stands.
enum State {
    /// The next line is a command.
    Dialogue(Dialogue),
    /// After 354.
    Data(Box<Receiving>),
    /// The mail is with the owner; so many octets were sent behind it without waiting for the answer.
    Deciding { replies: usize, mail: Option<Box<Mail>>, octets_ahead: usize },
    /// 220 to STARTTLS is on its way.
    StartingTls { announced: bool },
    /// Nothing more is taken.
    Closed,
}

/// Where the dialogue of commands stands.
enum Dialogue {
    /// Not greeted.
    Connected,
    /// No transaction.
    Greeted,
    /// MAIL was accepted, no RCPT yet.
    Sender(Box<Transaction>),
    /// At least one RCPT was accepted.
    Recipients(Box<Transaction>),
}

impl Session {
    /// A new one, with the greeting as its first output.
    pub fn new(settings: Arc<Settings>, peer: IpAddr, now: Instant) -> Self {
        let mut session = Self {
            // An IPv4 client of an IPv6 socket reads its own address as it knows it.
            peer: peer.to_canonical(),
            state: State::Dialogue(Dialogue::Connected),
            lines: LineReader::new(),
            output: Vec::new(),
            unconfirmed: None,
            confirmed: false,
            refused: None,
            tls: false,
            shutting_down: false,
            mails: 0,
            errors: 0,
            state_end: now.checked_add(settings.command_time_max),
            whole_end: now.checked_add(settings.session_time_max),
            settings,
        };
        Reply::greeting(&session.settings).write_to(&mut session.output);
        session
    }

    /// Takes input, as much as it wants; returns how many octets it took. Fewer than given: an event or much output waits, or it is
    /// closed, and the rest is to be given again, before anything else, once [`Self::wants_input`].
    pub fn receive(&mut self, input: &[u8], now: Instant) -> usize {
        if self.unconfirmed.is_some_and(|octets_ahead| input.len() > octets_ahead) {
            self.confirm();
        }
        let mut rest = input;
        while !rest.is_empty() && self.wants_input() {
            let taken = match &self.state {
                State::Data(_) => self.receive_data(rest, now),
                _ => self.receive_line(rest, now),
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        let taken = input.len() - rest.len();
        self.unconfirmed = self.unconfirmed.map(|octets_ahead| octets_ahead.saturating_sub(taken));
        match &mut self.state {
            State::Deciding { octets_ahead, .. } => *octets_ahead = rest.len(),
            // What came in plain text behind STARTTLS is not ours to believe (CVE-2011-0411).
            State::StartingTls { .. } => return input.len(),
            State::Dialogue(_) | State::Data(_) | State::Closed => {}
        }
        taken
    }

    /// The client's side ended in order after everything was written. Where QUIT was sent ahead of the 250 to a mail, this is
    /// what confirms it; see [`Self::awaits_end`].
    pub fn input_ended(&mut self) {
        if self.is_closed() {
            self.confirm();
        }
    }

    /// Whether it is closed, and the client's end will tell if its mail is confirmed: QUIT came before the 250 was said.
    pub fn awaits_end(&self) -> bool {
        self.is_closed() && self.unconfirmed.is_some()
    }

    /// The next event, in order; call until `None` after each `receive`, `answer` and `handle_timeout`.
    pub fn poll_event(&mut self) -> Option<Event> {
        if mem::take(&mut self.confirmed) {
            return Some(Event::Confirmed);
        }
        if let Some(refusal) = self.refused.take() {
            return Some(Event::Refused(refusal));
        }
        match &mut self.state {
            State::Deciding { mail, .. } => mail.take().map(|mail| Event::Mail(*mail)),
            State::StartingTls { announced } => (!mem::replace(announced, true)).then_some(Event::StartTls),
            State::Dialogue(_) | State::Data(_) | State::Closed => None,
        }
    }

    /// The answer to the last [`Event::Mail`]; without one it does nothing.
    pub fn answer(&mut self, verdict: Verdict, now: Instant) {
        let (replies, octets_ahead) = match mem::replace(&mut self.state, State::Closed) {
            State::Deciding { replies, octets_ahead, .. } => (replies, octets_ahead),
            other => {
                self.state = other;
                return;
            }
        };
        self.say_times(&Reply::verdict(verdict), replies);
        self.unconfirmed = matches!(verdict, Verdict::Accepted(_)).then_some(octets_ahead);
        self.state = State::Dialogue(Dialogue::Greeted);
        self.await_command(now);
    }

    /// TLS is on, by [`Event::StartTls`] or from the start: whatever the client said before is forgotten (RFC 3207 §4.2).
    pub fn tls_started(&mut self, now: Instant) {
        self.tls = true;
        self.lines = LineReader::new();
        if !matches!(self.state, State::Closed) {
            self.confirm();
            self.state = State::Dialogue(Dialogue::Connected);
            self.await_command(now);
        }
    }

    /// Octets to be written; the owner drains them, or takes the vector so that an idle session holds none.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether it takes input now: not while a mail waits for its answer, TLS starts or much output waits to be written, nor when it
    /// is closed.
    pub fn wants_input(&self) -> bool {
        let has_room = self.output.len() < OUTPUT_OCTETS_MAX;
        has_room && self.refused.is_none() && matches!(self.state, State::Dialogue(_) | State::Data(_))
    }

    /// Whether the connection is to be closed once the output is written.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Octets of memory of the mail that is being received, envelope included, for the budget of all mails in flight.
    pub fn mail_octets(&self) -> usize {
        match &self.state {
            State::Data(receiving) => receiving.octets_held(),
            State::Dialogue(Dialogue::Sender(transaction) | Dialogue::Recipients(transaction)) => {
                transaction.octets_held()
            }
            State::Deciding { mail: Some(mail), .. } => mail.head.capacity(),
            _ => 0,
        }
    }

    /// Whether a mail has begun, with MAIL, and not ended.
    pub fn is_within_mail(&self) -> bool {
        matches!(self.state, State::Data(_) | State::Dialogue(Dialogue::Sender(_) | Dialogue::Recipients(_)))
    }

    /// Whether input may add to [`Self::mail_octets`]: what is behind the head is only read.
    pub fn may_grow(&self) -> bool {
        !matches!(&self.state, State::Data(receiving) if receiving.is_head_full())
    }

    /// The owner has no room for this client any longer: 421 and closed.
    pub fn give_up(&mut self) {
        if !self.is_closed() {
            self.close(&reply::OUT_OF_ROOM);
        }
    }

    /// The owner did not read for reasons of its own, and does so again: time limits of the present state start anew.
    pub fn reading_resumed(&mut self, now: Instant) {
        match &mut self.state {
            State::Data(receiving) => {
                receiving.restart_pace(now);
                self.state_end = now.checked_add(self.settings.data_time_max);
            }
            State::Dialogue(_) => self.await_command(now),
            State::Deciding { .. } | State::StartingTls { .. } | State::Closed => {}
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pace_end = match &self.state {
            State::Deciding { .. } | State::Closed => return None,
            State::Data(receiving) => receiving.pace_end(),
            State::Dialogue(_) | State::StartingTls { .. } => None,
        };
        [self.state_end, self.whole_end, pace_end].into_iter().flatten().min()
    }

    /// The time may have come: 421 and closed. Too early it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        let has_passed = |end: Option<Instant>| end.is_some_and(|end| end <= now);
        if has_passed(self.state_end) || has_passed(self.whole_end) {
            return self.close(&reply::TIMEOUT);
        }
        if let State::Data(receiving) = &mut self.state
            && receiving.is_too_slow(now, self.settings.data_octets_per_second_min)
        {
            self.close(&reply::TOO_SLOW);
        }
    }

    /// The service stops: an idle session gets 421, one within a mail finishes that mail first.
    pub fn shut_down(&mut self) {
        self.shutting_down = true;
        match self.state {
            State::Data(_) | State::Deciding { .. } | State::Closed => {}
            State::Dialogue(_) | State::StartingTls { .. } => {
                self.close(&reply::SHUTTING_DOWN);
            }
        }
    }

    fn receive_line(&mut self, input: &[u8], now: Instant) -> usize {
        let (taken, line) = self.lines.receive(input, self.settings.command_octets_max);
        if let Some(line) = line {
            self.handle_line(&line, now);
        }
        taken
    }

    fn handle_line(&mut self, line: &Line<'_>, now: Instant) {
        let dialogue = match mem::replace(&mut self.state, State::Closed) {
            State::Dialogue(dialogue) => dialogue,
            // Elsewhere no line is read.
            other @ (State::Data(_) | State::Deciding { .. } | State::StartingTls { .. } | State::Closed) => {
                self.state = other;
                return;
            }
        };
        let command = match line {
            Line::Complete(line) => Command::parse(line),
            Line::TooLong => Err(reply::LINE_TOO_LONG),
            Line::BareLf => Err(reply::LINE_WITH_BARE_LF),
        };
        let (state, reply) = match command {
            Ok(command) if self.lacks_tls(&command) => (State::Dialogue(dialogue), reply::TLS_NEEDED),
            Ok(command) => self.transition(dialogue, command, now),
            Err(reply) => (State::Dialogue(dialogue), reply),
        };
        self.state = state;
        self.respond(&reply, now);
    }

    /// The table: every command in every state of the dialogue (RFC 5321 §4.1.4).
    fn transition(&mut self, dialogue: Dialogue, command: Command, now: Instant) -> (State, Reply) {
        use Command as C;
        use Dialogue::{Connected, Greeted, Recipients, Sender};
        let stay = |dialogue, reply| (State::Dialogue(dialogue), reply);
        match (dialogue, command) {
            (dialogue, C::Ehlo | C::Helo) if self.is_lmtp() => stay(dialogue, reply::NOT_IN_THIS_PROTOCOL),
            (dialogue, C::Lhlo) if !self.is_lmtp() => stay(dialogue, reply::NOT_IN_THIS_PROTOCOL),
            (_, C::Ehlo | C::Lhlo) => stay(Greeted, Reply::extensions(&self.settings, self.peer, self.tls)),
            (_, C::Helo) => stay(Greeted, Reply::hello(&self.settings, self.peer)),

            (Connected, C::Mail(_) | C::Rcpt(_) | C::Data | C::StartTls) => stay(Connected, reply::GREET_FIRST),
            (Greeted, C::Mail(mail)) => self.begin(mail),
            (Greeted, C::Rcpt(_) | C::Data) => stay(Greeted, reply::MAIL_FIRST),
            (dialogue @ (Sender(_) | Recipients(_)), C::Mail(_)) => stay(dialogue, reply::NESTED_MAIL),
            (Sender(transaction) | Recipients(transaction), C::Rcpt(path)) => self.add(transaction, path),
            (dialogue @ Sender(_), C::Data) => stay(dialogue, reply::RCPT_FIRST),
            (Recipients(transaction), C::Data) => self.open_data(*transaction, now),

            (Connected, C::Rset) => stay(Connected, reply::OK),
            (Greeted | Sender(_) | Recipients(_), C::Rset) => stay(Greeted, reply::OK),

            (dialogue, C::StartTls) if self.tls => stay(dialogue, reply::TLS_IS_ON),
            (dialogue, C::StartTls) if !self.settings.starttls => stay(dialogue, reply::NOT_IMPLEMENTED),
            (Greeted, C::StartTls) => (State::StartingTls { announced: false }, reply::START_TLS),
            (dialogue @ (Sender(_) | Recipients(_)), C::StartTls) => stay(dialogue, reply::TLS_IN_TRANSACTION),

            (dialogue, C::Noop) => stay(dialogue, reply::OK),
            (dialogue, C::Vrfy) => stay(dialogue, reply::CANNOT_VERIFY),
            (dialogue, C::Expn) => stay(dialogue, reply::NOT_IMPLEMENTED),
            (dialogue, C::Help) => stay(dialogue, reply::HELP),
            (_, C::Quit) => (State::Closed, reply::BYE),
            (_, C::Http) => (State::Closed, reply::NOT_HTTP),
        }
    }

    fn begin(&mut self, mail: MailCommand) -> (State, Reply) {
        if mail.size.is_some_and(|size| size > self.settings.message_octets_max) {
            return (State::Dialogue(Dialogue::Greeted), self.refuse(Refusal::TooBig));
        }
        if self.mails >= self.settings.mails_per_session_max {
            return (State::Closed, reply::TOO_MANY_MAILS);
        }
        let transaction = Transaction::new(mail.sender.into_string(), mail.smtputf8);
        (State::Dialogue(Dialogue::Sender(Box::new(transaction))), reply::SENDER_OK)
    }

    fn add(&mut self, mut transaction: Box<Transaction>, path: ForwardPath) -> (State, Reply) {
        let reply = transaction.add(path, &self.settings).unwrap_or_else(|refusal| self.refuse(refusal));
        let has_recipients = transaction.has_recipients();
        let next = if has_recipients { Dialogue::Recipients(transaction) } else { Dialogue::Sender(transaction) };
        (State::Dialogue(next), reply)
    }

    fn open_data(&mut self, transaction: Transaction, now: Instant) -> (State, Reply) {
        self.mails += 1;
        let receiving = Receiving::new(transaction, self.settings.head_octets_max, now);
        (State::Data(Box::new(receiving)), reply::SEND_DATA)
    }

    fn receive_data(&mut self, input: &[u8], now: Instant) -> usize {
        let State::Data(receiving) = &mut self.state else { return 0 };
        let taken = receiving.receive(input);
        if receiving.is_complete()
            && let State::Data(receiving) = mem::replace(&mut self.state, State::Closed)
        {
            self.finish_data(*receiving, now);
        }
        taken
    }

    fn finish_data(&mut self, receiving: Receiving, now: Instant) {
        // A client that goes on with mail on this connection is no redelivery, even if it waited for no reply.
        self.confirm();
        let replies = if self.is_lmtp() { receiving.recipients() } else { 1 };
        match receiving.finish(&self.settings) {
            Ok(mail) => {
                self.state_end = None;
                self.state = State::Deciding { replies, mail: Some(Box::new(mail)), octets_ahead: 0 };
            }
            Err(refusal) => {
                self.state = State::Dialogue(Dialogue::Greeted);
                let reply = self.refuse(refusal);
                self.say_times(&reply, replies);
                self.await_command(now);
            }
        }
    }

    /// Says the reply to a command and starts the time limit of the state that it led to.
    fn respond(&mut self, reply: &Reply, now: Instant) {
        if reply.is_client_error() {
            self.errors += 1;
            if self.errors > self.settings.errors_max {
                return self.close(&reply::TOO_MANY_ERRORS);
            }
        }
        reply.write_to(&mut self.output);
        let span = match self.state {
            State::Data(_) => self.settings.data_time_max,
            _ => self.settings.command_time_max,
        };
        self.state_end = now.checked_add(span);
    }

    /// What is said to a mail or a recipient that is not taken; the owner is told, too.
    fn refuse(&mut self, refusal: Refusal) -> Reply {
        self.refused = Some(refusal);
        Reply::refusal(refusal)
    }

    fn say_times(&mut self, reply: &Reply, times: usize) {
        for _ in 0..times {
            reply.write_to(&mut self.output);
        }
    }

    /// After a mail: on to the next command, or no more.
    fn await_command(&mut self, now: Instant) {
        self.state_end = now.checked_add(self.settings.command_time_max);
        if self.shutting_down {
            self.close(&reply::SHUTTING_DOWN);
        }
    }

    fn confirm(&mut self) {
        self.confirmed |= self.unconfirmed.take().is_some();
    }

    /// Says the last words. While TLS starts they would go out in the clear, into the handshake: nothing is said then.
    fn close(&mut self, reply: &Reply) {
        if !matches!(self.state, State::StartingTls { .. }) {
            reply.write_to(&mut self.output);
        }
        self.unconfirmed = None;
        self.state = State::Closed;
    }

    fn is_lmtp(&self) -> bool {
        self.settings.protocol == Protocol::Lmtp
    }

    /// RFC 3207 §4: before TLS only what leads to it.
    fn lacks_tls(&self, command: &Command) -> bool {
        use Command as C;
        let needed = match command {
            C::Ehlo | C::Helo | C::Lhlo | C::StartTls | C::Noop | C::Quit | C::Http => false,
            C::Mail(_) | C::Rcpt(_) | C::Data | C::Rset | C::Vrfy | C::Expn | C::Help => true,
        };
        needed && self.settings.require_tls && !self.tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand idle connections are to cost less than 10 MiB in all.
    #[test]
    fn an_idle_session_is_small() {
        assert!(mem::size_of::<Session>() <= 256, "{}", mem::size_of::<Session>());
    }
}
