//! The control socket: operators' commands reach the running daemon here.
//!
//! The loop accepts a client and gives it to a thread of its own, which reads one request (a line of JSON) and writes the
//! replies (a line of JSON each). The thread reads the database by itself and may wait for its client as long as it
//! takes; the loop only applies changes, in the transaction of its next turn. So nobody who looks, however slowly, delays a mail.

use super::ledger::CommandAnswer;
use super::settings::{Endpoint, UnixSocket};
use super::socket::{Acceptor, Socket};
use crate::change::{Command, CommandResult};
use crate::descriptor::Receiver;
use crate::logging;
use crate::operate::{self, Desk, Reply, Request};
use crate::priority;
use crate::status::answer::Question;
use crate::status::{Snapshot, gather};
use crate::store::Reader;
use mio::Waker;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Clients at the same time; those beyond are told so.
const CLIENTS_MAX: usize = 16;

/// The longest request, in octets.
const REQUEST_OCTETS_MAX: u64 = 64 << 10;

/// How long a client may be silent before its request is whole: it takes a place.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a client may take to take some of the replies.
const CLIENT_TIME_MAX: Duration = Duration::from_secs(300);

/// How often a client that follows the log is looked at, to see whether it has gone.
const FOLLOW_STEP: Duration = Duration::from_secs(1);

/// Of a client's thread; only what is touched costs memory.
const STACK_OCTETS: usize = 512 << 10;

/// What a client's thread asks of the loop.
pub(super) enum Ask {
    /// A change, for the next transaction.
    Change(Command, CommandAnswer),
    /// How things stand.
    State(SyncSender<Question>),
}

/// The loop's side.
pub(super) struct Control {
    asks: mpsc::Receiver<Ask>,
    sender: Sender<Ask>,
    waker: Arc<Waker>,
    reader: Reader,
    /// Each client's thread holds a clone.
    clients: Arc<()>,
}

/// Opens the socket; without it the daemon runs, but commands do not reach it.
pub(super) fn open(control: &UnixSocket) -> Option<Acceptor> {
    let opened = Acceptor::bind(&Endpoint::Unix(control.clone()));
    if let Err(error) = &opened {
        log::error!("commands cannot reach this daemon: {}: {error}", control.path.display());
    }
    opened.ok()
}

impl Control {
    pub(super) fn new(reader: Reader, waker: Arc<Waker>) -> Self {
        let (sender, asks) = channel();
        Self { asks, sender, waker, reader, clients: Arc::new(()) }
    }

    /// What a client asks of the loop.
    pub(super) fn next(&mut self) -> Option<Ask> {
        self.asks.try_recv().ok()
    }

    /// Gives a client to a thread.
    pub(super) fn admit(&mut self, socket: Socket) {
        let Socket::Unix(stream) = socket else { return };
        let stream = UnixStream::from(stream);
        if Arc::strong_count(&self.clients) > CLIENTS_MAX {
            return refuse(&stream);
        }
        let desk = LiveDesk {
            reader: self.reader.clone(),
            sender: self.sender.clone(),
            waker: Arc::clone(&self.waker),
            followed: None,
            file: None,
            _client: Arc::clone(&self.clients),
        };
        let work = move || {
            priority::yield_to_mail();
            if let Err(error) = converse(&stream, desk) {
                log::debug!("a client of the control socket left: {error}");
            }
        };
        let started = thread::Builder::new().name("control".to_owned()).stack_size(STACK_OCTETS).spawn(work);
        if let Err(error) = started {
            log::warn!("a command cannot be served: {error}");
        }
    }
}

fn refuse(stream: &UnixStream) {
    let text = "too many commands at the same time: try again".to_owned();
    // Its buffer is empty: it takes a line, or the client is gone.
    let _ = write_reply(&mut BufWriter::new(stream), &Reply::Failed(text));
}

/// One request and its replies, with a client that may be slow.
fn converse(stream: &UnixStream, mut desk: LiveDesk) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
    stream.set_write_timeout(Some(CLIENT_TIME_MAX))?;
    let mut line = String::new();
    let mut receiver = Receiver::new(stream);
    BufReader::new(receiver.by_ref().take(REQUEST_OCTETS_MAX)).read_line(&mut line)?;
    desk.file = receiver.into_file();
    let mut out = BufWriter::new(stream);
    let request: Request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            write_reply(&mut out, &Reply::Failed(format!("not a request of this version: {error}")))?;
            return out.flush();
        }
    };
    log::debug!("control: {request:?}");
    let is_live = request == Request::Tail;
    operate::serve(request, &mut desk, &mut |reply| {
        write_reply(&mut out, &reply)?;
        if is_live { out.flush() } else { Ok(()) }
    })?;
    out.flush()
}

fn write_reply(out: &mut impl Write, reply: &Reply) -> io::Result<()> {
    serde_json::to_writer(&mut *out, reply)?;
    out.write_all(b"\n")
}

/// A client's thread serves with this.
struct LiveDesk {
    reader: Reader,
    sender: Sender<Ask>,
    waker: Arc<Waker>,
    followed: Option<logging::Following>,
    /// What came with the request.
    file: Option<File>,
    _client: Arc<()>,
}

impl LiveDesk {
    /// Asks the loop, and waits for its answer.
    fn ask<T>(&self, ask: impl FnOnce(SyncSender<T>) -> Ask) -> Result<T, String> {
        let (sender, answer) = sync_channel(1);
        let stopping = |_| "the daemon is stopping".to_owned();
        self.sender.send(ask(sender)).map_err(|error| stopping(error.to_string()))?;
        self.waker.wake().map_err(|error| error.to_string())?;
        answer.recv().map_err(|error| stopping(error.to_string()))
    }
}

impl Desk for LiveDesk {
    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn change(&mut self, command: Command) -> Result<CommandResult, String> {
        self.ask(|answer| Ask::Change(command, answer))?
    }

    fn snapshot(&mut self) -> Result<Snapshot, String> {
        let question = self.ask(Ask::State)?;
        Ok(gather::snapshot(&self.reader, &question.context()))
    }

    fn copy(&mut self) -> Result<u64, String> {
        let file = self.file.take().ok_or("no file came with the request")?;
        self.reader.copy_to(file).map_err(|error| error.to_string())
    }

    /// An empty piece now and then shows whether the client is still there.
    fn next_lines(&mut self) -> Result<Option<String>, String> {
        match self.followed.get_or_insert_with(logging::follow).next(FOLLOW_STEP) {
            Ok(lines) => Ok(Some(lines)),
            Err(RecvTimeoutError::Timeout) => Ok(Some(String::new())),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Settings, Store};
    use mio::{Poll, Token};

    /// What is said to a client who sends this, and the socket that it was said on.
    fn answer_to(request: &str) -> (String, UnixStream) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("database"), Settings::default()).unwrap();
        let waker = Arc::new(Waker::new(Poll::new().unwrap().registry(), Token(0)).unwrap());
        let (sender, _asks) = channel();
        let desk =
            LiveDesk { reader: store.reader(), sender, waker, followed: None, file: None, _client: Arc::new(()) };
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        converse(&server, desk).unwrap();
        let mut answer = String::new();
        BufReader::new(client).read_line(&mut answer).unwrap();
        (answer, server)
    }

    fn padded_to(octets: u64) -> String {
        let request = serde_json::to_string(&Request::Quarantine).unwrap();
        " ".repeat(usize::try_from(octets).unwrap() - request.len()) + &request
    }

    #[test]
    fn a_request_that_is_too_long_is_refused() {
        let end = serde_json::to_string(&Reply::End).unwrap();
        assert_eq!(answer_to(&padded_to(REQUEST_OCTETS_MAX)).0.trim_end(), end);
        let (answer, _) = answer_to(&padded_to(REQUEST_OCTETS_MAX + 1));
        assert!(answer.contains("not a request of this version"), "{answer}");
    }

    #[test]
    fn a_client_has_a_time_for_its_request_and_one_for_the_replies() {
        let (_, socket) = answer_to("\n");
        assert_eq!(socket.read_timeout().unwrap(), Some(REQUEST_TIME_MAX));
        assert_eq!(socket.write_timeout().unwrap(), Some(CLIENT_TIME_MAX));
    }
}
