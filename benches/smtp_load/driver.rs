//! Drives any SMTP server with many sessions from one thread, and measures from the final dot to the 250.

use crate::mails::{Mail, Mails};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

const MAIL: &[u8] = b"MAIL FROM:<>\r\n";
const RCPT: &[u8] = b"RCPT TO:<no-reply@mydomain.de>\r\n";
const DATA: &[u8] = b"DATA\r\n";

/// How mails share connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One mail for each connection.
    Once,
    /// Many mails for each connection, one command at a time.
    Many,
    /// Many, MAIL to DATA in one write (RFC 2920).
    Pipelined,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Many => "many",
            Self::Pipelined => "pipelined",
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Once, Self::Many, Self::Pipelined]
            .into_iter()
            .find(|shape| shape.name() == text)
            .ok_or_else(|| "expected once, many or pipelined".to_owned())
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub shape: Shape,
    pub sessions: usize,
    pub mails: usize,
    pub recipients: u64,
    pub seed: u64,
}

/// What came of it.
pub struct Measured {
    pub acknowledged: Vec<Mail>,
    /// Sorted.
    pub latencies: Vec<Duration>,
    pub elapsed: Duration,
}

impl Measured {
    /// Mails a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that `share` of the mails stayed below.
    pub fn latency(&self, share: f64) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
        let at = (self.latencies.len() as f64 * share) as usize;
        self.latencies[at.min(self.latencies.len() - 1)]
    }
}

/// What a session waits for.
enum Step {
    Greeting,
    Hello,
    /// So many replies to MAIL, RCPT and DATA, and the commands that follow the next one.
    Envelope(usize, &'static [&'static [u8]]),
    /// The 250 to this mail, sent at that time.
    Acknowledgement(Mail, Instant),
    Goodbye,
    /// The end of the stream.
    End,
}

struct Session {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    step: Step,
}

/// Everything that is the same for all sessions.
struct Run<'a> {
    load: &'a Load,
    server: SocketAddr,
    mails: Mails,
    begun: usize,
    measured: Measured,
}

/// Sends all mails of `load`; a reply that is not the expected one is a panic.
pub fn drive(server: SocketAddr, load: &Load) -> Measured {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(1024);
    let measured = Measured { acknowledged: Vec::new(), latencies: Vec::new(), elapsed: Duration::ZERO };
    let mut run = Run { load, server, mails: Mails::new(load.seed, load.recipients), begun: 0, measured };
    let mut sessions: Vec<Option<Session>> =
        (0..load.sessions).map(|index| Some(open(server, &poll, index).unwrap())).collect();
    let (start, mut told) = (Instant::now(), Instant::now());
    while sessions.iter().any(Option::is_some) && run.measured.acknowledged.len() < load.mails {
        poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert!(!events.is_empty(), "the server has been silent for 30 s");
        for event in &events {
            let slot = &mut sessions[event.token().0];
            if let Some(session) = slot.take_if(|session| !run.advance(session, event)) {
                *slot = run.reopen(session, &poll, event.token().0);
            }
        }
        told = progress(told, run.measured.acknowledged.len(), load.mails);
    }
    run.measured.elapsed = start.elapsed();
    run.measured.latencies.sort();
    run.measured
}

fn progress(told: Instant, done: usize, all: usize) -> Instant {
    if told.elapsed() < Duration::from_millis(200) {
        return told;
    }
    if io::stderr().is_terminal() {
        eprint!("\r{done} of {all} mails \r");
    }
    Instant::now()
}

fn open(server: SocketAddr, poll: &Poll, index: usize) -> io::Result<Session> {
    let stream = connect(server, poll, index)?;
    Ok(Session { stream, input: Vec::new(), output: Vec::new(), written: 0, step: Step::Greeting })
}

fn connect(server: SocketAddr, poll: &Poll, index: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// A connection that has read its greeting and says nothing.
pub fn greeted(server: SocketAddr) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut greeting = [0; 256];
    match stream.read(&mut greeting)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ if !greeting.starts_with(b"220") => Err(io::Error::other("it was refused")),
        _ => Ok(stream),
    }
}

impl Run<'_> {
    /// The next connection, where each mail has one of its own and some are left. It takes over the memory of the last.
    fn reopen(&self, mut session: Session, poll: &Poll, index: usize) -> Option<Session> {
        if self.begun >= self.load.mails {
            return None;
        }
        session.stream = connect(self.server, poll, index).unwrap();
        session.step = Step::Greeting;
        session.input.clear();
        Some(session)
    }

    /// Reads and writes as far as it goes; false at the end of the session. Makes no call of the system that finds nothing: what can be
    /// read is reported, a short read has emptied the socket (epoll(7)), and behind the last reply only the end can come.
    fn advance(&mut self, session: &mut Session, event: &Event) -> bool {
        let mut buffer = [0; 1024];
        let is_ended = event.is_read_closed();
        let mut is_drained = !event.is_readable();
        while session.flush() && (is_ended || !is_drained) {
            if is_ended && matches!(session.step, Step::End) {
                return false;
            }
            match session.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    session.input.extend_from_slice(&buffer[..count]);
                    is_drained = count < buffer.len();
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return true,
                Err(error) => panic!("a session ended: {error}"),
            }
            while let Some(code) = session.take_reply() {
                self.reply(session, code);
            }
        }
        true
    }

    fn reply(&mut self, session: &mut Session, code: u16) {
        let step = std::mem::replace(&mut session.step, Step::End);
        session.step = match step {
            Step::Greeting => {
                assert_eq!(code, 220);
                session.output.extend_from_slice(b"EHLO load.example\r\n");
                Step::Hello
            }
            Step::Hello => {
                assert_eq!(code, 250);
                self.begin(session)
            }
            Step::Envelope(1, _) => {
                assert_eq!(code, 354);
                let mail = self.mails.append(&mut session.output);
                Step::Acknowledgement(mail, Instant::now())
            }
            Step::Envelope(left, next) => {
                assert_eq!(code, 250);
                session.output.extend_from_slice(next.first().unwrap_or(&&b""[..]));
                Step::Envelope(left - 1, next.get(1..).unwrap_or_default())
            }
            Step::Acknowledgement(mail, sent) => {
                assert_eq!(code, 250);
                self.measured.acknowledged.push(mail);
                self.measured.latencies.push(sent.elapsed());
                if self.load.shape == Shape::Once { goodbye(session) } else { self.begin(session) }
            }
            Step::Goodbye | Step::End => Step::End,
        };
    }

    /// The next mail, or the end.
    fn begin(&mut self, session: &mut Session) -> Step {
        if self.begun == self.load.mails {
            return goodbye(session);
        }
        self.begun += 1;
        session.output.extend_from_slice(MAIL);
        if self.load.shape == Shape::Pipelined {
            session.output.extend_from_slice(RCPT);
            session.output.extend_from_slice(DATA);
            return Step::Envelope(3, &[]);
        }
        Step::Envelope(3, &[RCPT, DATA])
    }
}

fn goodbye(session: &mut Session) -> Step {
    session.output.extend_from_slice(b"QUIT\r\n");
    Step::Goodbye
}

impl Session {
    /// Writes what is to be written; whether that was all.
    fn flush(&mut self) -> bool {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return false,
                Err(error) => panic!("a session ended: {error}"),
            }
        }
        self.output.clear();
        self.written = 0;
        true
    }

    /// The code of the next whole reply.
    fn take_reply(&mut self) -> Option<u16> {
        let mut start = 0;
        loop {
            let length = self.input[start..].iter().position(|octet| *octet == b'\n')? + 1;
            let line = &self.input[start..start + length];
            start += length;
            if line.get(3) != Some(&b'-') {
                let code = std::str::from_utf8(&line[..3]).unwrap().parse().unwrap();
                self.input.drain(..start);
                return Some(code);
            }
        }
    }
}
