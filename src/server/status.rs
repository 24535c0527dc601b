//! Clients of the status listener: one request each, an answer, and the end.
//!
//! What needs the database is answered by a thread that lives for one answer; there is one at a time, so that looking takes
//! little from the mail. The loop itself answers `/healthz`, which says no more than that it turns.

use super::settings::StatusListener;
use super::socket::Socket;
use super::token::{ConnectionId, Source};
use crate::priority;
use crate::status::answer::Question;
use crate::status::http::{self, Answer, Parsed, Request, Target};
use crate::store::Reader;
use mio::{Interest, Registry, Waker};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Clients at the same time; for one beyond them, the one that has been here longest without an answer under way has to go.
const CLIENTS_MAX: usize = 64;

/// From the first octet to the last of the answer.
const CLIENT_TIME_MAX: Duration = Duration::from_secs(10);

/// Octets of one read.
const READ_OCTETS: usize = 4 << 10;

/// Of what a client sends after its request.
const DRAINED_OCTETS_MAX: usize = 64 << 10;

/// Of the thread that answers; only what is touched costs memory.
const STACK_OCTETS: usize = 512 << 10;

/// All clients, and the thread that answers.
pub(super) struct StatusClients {
    clients: HashMap<ConnectionId, Client>,
    /// Requests that wait for the thread, in the order of their coming.
    waiting: VecDeque<(ConnectionId, Request)>,
    is_busy: bool,
    answers: Receiver<(ConnectionId, Vec<u8>)>,
    sender: Sender<(ConnectionId, Vec<u8>)>,
    reader: Reader,
    waker: Arc<Waker>,
}

struct Client {
    socket: Socket,
    state: State,
    until: Instant,
    is_loopback: bool,
}

enum State {
    /// The head of the request, as far as it came.
    Reading(Vec<u8>),
    /// For the thread.
    Waiting,
    /// The answer, and how much of it is written.
    Writing(Vec<u8>, usize),
    /// The rest of what the client sends: closing over it would reset the connection before the answer is read.
    Draining,
}

/// What a client needs next.
enum Step {
    /// Nothing until mio reports something.
    Wait,
    /// The answer to its request.
    Ask(Request),
    /// It is over.
    End,
}

impl StatusClients {
    pub(super) fn new(reader: Reader, waker: Arc<Waker>) -> Self {
        let (sender, answers) = channel();
        Self { clients: HashMap::new(), waiting: VecDeque::new(), is_busy: false, answers, sender, reader, waker }
    }

    /// Takes a new connection.
    pub(super) fn insert(
        &mut self,
        id: ConnectionId,
        mut socket: Socket,
        listener: &StatusListener,
        registry: &Registry,
        now: Instant,
    ) {
        if self.clients.len() >= CLIENTS_MAX && !self.make_room() {
            return;
        }
        if registry.register(&mut socket, Source::Status(id).into(), Interest::READABLE | Interest::WRITABLE).is_ok() {
            let is_loopback = listener.address.ip().is_loopback();
            let (state, until) = (State::Reading(Vec::new()), now + CLIENT_TIME_MAX);
            self.clients.insert(id, Client { socket, state, until, is_loopback });
        }
    }

    /// Lets go of the slowest client, so that a crowd that sends nothing keeps out nobody; false when all wait for us.
    fn make_room(&mut self) -> bool {
        let slow = self.clients.iter().filter(|(_, client)| !matches!(client.state, State::Waiting));
        let slowest = slow.map(|(id, client)| (client.until, *id)).min();
        slowest.is_some_and(|(_, id)| self.clients.remove(&id).is_some())
    }

    /// mio reported something about a client: it goes on as far as it can.
    pub(super) fn note(&mut self, id: ConnectionId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.drive() {
            Ok(Step::Wait) => {}
            Ok(Step::Ask(request)) => self.waiting.push_back((id, request)),
            Ok(Step::End) | Err(_) => drop(self.clients.remove(&id)),
        }
    }

    /// Passes on the answers that are there, and lets the thread begin the next; `ask` adds what the loop knows.
    pub(super) fn turn(&mut self, now: Instant, ask: impl FnOnce(Target) -> Question) {
        while let Ok((id, octets)) = self.answers.try_recv() {
            self.is_busy = false;
            if let Some(client) = self.clients.get_mut(&id) {
                client.state = State::Writing(octets, 0);
                self.note(id);
            }
        }
        self.clients.retain(|_, client| client.until > now);
        if self.is_busy {
            return;
        }
        let clients = &self.clients;
        while let Some((id, request)) = self.waiting.pop_front() {
            if clients.contains_key(&id) {
                return self.begin(id, request, ask(request.target));
            }
        }
    }

    /// When the first client has had its time.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.clients.values().map(|client| client.until).min()
    }

    fn begin(&mut self, id: ConnectionId, request: Request, question: Question) {
        let (reader, sender, waker) = (self.reader.clone(), self.sender.clone(), Arc::clone(&self.waker));
        let work = move || {
            priority::yield_to_mail();
            let answer = guarded(|| question.answer(&reader));
            // Neither fails while the loop lives.
            let _ = sender.send((id, answer.octets(request.is_head)));
            let _ = waker.wake();
        };
        let started = thread::Builder::new().name("status".to_owned()).stack_size(STACK_OCTETS).spawn(work);
        self.is_busy = started.is_ok();
        if let Err(error) = started {
            log::warn!("the status page cannot be shown: {error}");
            self.clients.remove(&id);
        }
    }
}

impl Client {
    /// Goes on until it has to wait.
    fn drive(&mut self) -> io::Result<Step> {
        loop {
            let step = match &mut self.state {
                State::Reading(head) => match receive(&mut self.socket, head)? {
                    0 => Some(Step::Wait),
                    _ => self.parse(),
                },
                State::Waiting => Some(Step::Wait),
                State::Writing(octets, written) => {
                    if send(&mut self.socket, octets, written)? {
                        self.socket.end_output()?;
                        self.state = State::Draining;
                        None
                    } else {
                        Some(Step::Wait)
                    }
                }
                State::Draining => {
                    let mut rest = Vec::new();
                    while rest.len() < DRAINED_OCTETS_MAX && receive(&mut self.socket, &mut rest)? > 0 {}
                    Some(if rest.len() < DRAINED_OCTETS_MAX { Step::Wait } else { Step::End })
                }
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    fn parse(&mut self) -> Option<Step> {
        let State::Reading(head) = &self.state else { return None };
        let answer = match http::parse(head, self.is_loopback) {
            Parsed::Partial => return None,
            Parsed::Refused(answer, is_head) => answer.octets(is_head),
            Parsed::Request(Request { target: Target::Health, is_head }) => Answer::text(200, "ok").octets(is_head),
            Parsed::Request(request) => {
                self.state = State::Waiting;
                return Some(Step::Ask(request));
            }
        };
        self.state = State::Writing(answer, 0);
        None
    }
}

/// The answer, or, when looking panics, the word of that: the next client is answered in any case.
fn guarded(answer: impl FnOnce() -> Answer) -> Answer {
    // The panic hook has logged where it happened.
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| Answer::text(500, "internal error"))
}

/// Adds what the socket has, at most [`READ_OCTETS`], and says how much; 0: nothing yet. The end of the stream is an error.
fn receive(socket: &mut Socket, octets: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; READ_OCTETS];
    match socket.read(&mut buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            octets.extend_from_slice(&buffer[..count]);
            Ok(count)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}

/// Writes what can be written now; whether that was all.
fn send(socket: &mut Socket, octets: &[u8], written: &mut usize) -> io::Result<bool> {
    while *written < octets.len() {
        match socket.write(&octets[*written..]) {
            Ok(count) => *written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Settings, Store};
    use mio::{Poll, Token};

    #[test]
    fn a_client_has_to_be_done_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("database"), Settings::default()).unwrap();
        let (poll, start) = (Poll::new().unwrap(), Instant::now());
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let mut status = StatusClients::new(store.reader(), waker);
        let (address, queue_age_max) = (([127, 0, 0, 1], 0).into(), Duration::ZERO);
        let listener = StatusListener { address, show_addresses: false, queue_age_max };
        let (server, mut client) = std::os::unix::net::UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        let socket = Socket::Unix(mio::net::UnixStream::from_std(server));
        status.insert(1, socket, &listener, poll.registry(), start);
        let end = start + CLIENT_TIME_MAX;
        assert_eq!(status.next_deadline(), Some(end));
        let mut turn = |now| {
            status.turn(now, |_| unreachable!("nothing was asked"));
            client.read(&mut [0]).map_err(|error| error.kind())
        };
        assert_eq!(turn(start), Err(ErrorKind::WouldBlock));
        assert_eq!(turn(end), Ok(0));
    }
}
