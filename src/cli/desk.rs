//! Where a command's request goes: to the running daemon over its control socket, or, when none runs, to the database itself.

use super::{Failure, database, drain};
use crate::change::{Batch, Command, CommandResult};
use crate::config::Config;
use crate::descriptor;
use crate::operate::{self, Desk, Reply, Request};
use crate::priority;
use crate::status::gather::{self, Context};
use crate::status::{Process, Snapshot};
use crate::store::{OpenError, Reader, Store};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The longest reply, in octets: all lines of the log that can wait (1 MiB), as JSON.
const REPLY_OCTETS_MAX: u64 = 8 << 20;
/// How long a command waits for another one that holds the database.
const BUSY_TIME_MAX: Duration = Duration::from_secs(5);
const BUSY_STEP: Duration = Duration::from_millis(50);

/// Takes each reply but the last.
pub type Take<'t> = &'t mut dyn FnMut(Reply) -> Result<(), Failure>;

/// Asks once.
pub fn ask(config: &Config, request: &Request, take: Take<'_>) -> Result<(), Failure> {
    Asked::open(config, brings_something(request))?.ask(request, take)
}

/// Who answers, for one request or several. The choice between daemon and database is made here and nowhere else.
pub enum Asked<'c> {
    /// The daemon, on a connection for each request; the first one is open.
    Daemon(&'c Config, Option<UnixStream>),
    /// The database of a stopped one.
    Database(Box<StoppedDesk<'c>>),
}

impl<'c> Asked<'c> {
    /// Waits a while for a command that holds the database, and makes one only where there will be something to keep.
    pub fn open(config: &'c Config, may_make: bool) -> Result<Self, Failure> {
        let give_up = Instant::now() + BUSY_TIME_MAX;
        loop {
            if let Some(stream) = connect(config)? {
                return Ok(Self::Daemon(config, Some(stream)));
            }
            if !may_make {
                database::must_exist(config)?;
            }
            match database::open_or_make(config) {
                Err(OpenError::Locked(_)) if Instant::now() < give_up => std::thread::sleep(BUSY_STEP),
                Err(OpenError::Locked(path)) => return Err(unreachable_daemon(config, &OpenError::Locked(path))),
                opened => return Ok(Self::Database(Box::new(StoppedDesk::new(opened?, config)))),
            }
        }
    }

    /// Passes every reply but the last to `take`.
    pub fn ask(&mut self, request: &Request, take: Take<'_>) -> Result<(), Failure> {
        self.ask_with(request, None, take)
    }

    /// The same; `file` goes with the request.
    pub fn ask_with(&mut self, request: &Request, file: Option<File>, take: Take<'_>) -> Result<(), Failure> {
        match self {
            Self::Daemon(config, stream) => {
                let stream = stream.take().map_or_else(|| connect(config), |stream| Ok(Some(stream)))?;
                let stream = stream.ok_or_else(|| Failure::try_again("the daemon has stopped meanwhile"))?;
                ask_daemon(&stream, request, file.as_ref(), take)
            }
            Self::Database(desk) => {
                desk.file = file;
                desk.ask(request, take)
            }
        }
    }
}

fn unreachable_daemon(config: &Config, locked: &OpenError) -> Failure {
    let socket = config.server.settings.control.as_ref().map(|control| control.path.display().to_string());
    let socket = socket.unwrap_or_default();
    Failure::try_again(format!(
        "{locked}, and no daemon answers at the control socket {socket}: if one runs, its log says where it listens for commands; \
         name that place as `path` below `control`"
    ))
}

/// `None`: no daemon listens there.
fn connect(config: &Config) -> Result<Option<UnixStream>, Failure> {
    let Some(control) = &config.server.settings.control else { return Ok(None) };
    match UnixStream::connect(&control.path) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let group =
                control.group.as_ref().map_or_else(|| "its own group".to_owned(), |group| format!("the group {group}"));
            let path = control.path.display();
            Err(Failure::try_again(format!("{path}: {error}: the daemon answers its user and {group}")))
        }
        Err(_) => Ok(None),
    }
}

fn ask_daemon(stream: &UnixStream, request: &Request, file: Option<&File>, take: Take<'_>) -> Result<(), Failure> {
    // What the daemon sends is printed beside it, on the same machine.
    priority::yield_to_mail();
    let line = serde_json::to_string(request).map_err(io::Error::from)?;
    // A daemon that takes no request has said why before it closed.
    let sent = descriptor::send(stream, format!("{line}\n").as_bytes(), file);
    let mut replies = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        let read = replies.by_ref().take(REPLY_OCTETS_MAX).read_line(&mut line);
        let reply = serde_json::from_str(&line);
        match reply.map_err(|_| cut_off(sent.as_ref().err().or(read.as_ref().err())))? {
            Reply::End => return Ok(()),
            Reply::Failed(why) => return Err(Failure::try_again(why)),
            reply => take(reply)?,
        }
    }
}

/// Not the error itself: a pipe that broke towards the daemon is a failure, unlike one towards the reader of our output.
fn cut_off(error: Option<&io::Error>) -> Failure {
    let why = error.map_or_else(String::new, |error| format!(": {error}"));
    Failure::try_again(format!("the daemon closed the connection before it had said all{why}"))
}

/// Whether there is something to keep after the request, also where nothing was before.
fn brings_something(request: &Request) -> bool {
    matches!(request, Request::Change(Command::Suspend(_) | Command::Import(_)))
}

/// Whether the request leads to notifications that can be sent now.
fn queues(request: &Request) -> bool {
    matches!(request, Request::Change(Command::Suspend(_) | Command::RetryNotifications(_)))
}

/// What was asked for is done. Without the secrets nothing is sent, and the daemon will.
fn send_queued(store: &mut Store, config: &Config) -> Result<(), Failure> {
    let domains = match config.complete() {
        Ok(config) => drain::drain(store, &config),
        Err(error) => {
            log::warn!("nothing is sent now: {error}");
            1
        }
    };
    if domains > 0 {
        let mut out = io::stdout();
        writeln!(out, "No daemon runs. What could not be delivered at once is queued until one does.")?;
    }
    Ok(())
}

/// Serves from the database of a daemon that does not run.
pub struct StoppedDesk<'a> {
    reader: Reader,
    store: Store,
    config: &'a Config,
    /// What came with the request.
    file: Option<File>,
}

impl<'a> StoppedDesk<'a> {
    fn new(store: Store, config: &'a Config) -> Self {
        Self { reader: store.reader(), store, config, file: None }
    }

    fn ask(&mut self, request: &Request, take: Take<'_>) -> Result<(), Failure> {
        let mut failed = Ok(());
        let served = operate::serve(request.clone(), self, &mut |reply| {
            let taken = match reply {
                Reply::End => Ok(()),
                Reply::Failed(why) => Err(Failure::try_again(why)),
                reply => take(reply),
            };
            taken.map_err(|failure| {
                failed = Err(failure);
                io::Error::from(io::ErrorKind::Interrupted)
            })
        });
        served.or(failed)?;
        if queues(request) { send_queued(&mut self.store, self.config) } else { Ok(()) }
    }
}

impl Desk for StoppedDesk<'_> {
    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn change(&mut self, command: Command) -> Result<CommandResult, String> {
        let batch = Batch { commands: vec![command], ..Batch::default() };
        let committed = self.store.commit(&batch, super::now()).map_err(|error| error.to_string())?;
        committed.commands.into_iter().next().ok_or_else(|| "the change had no result".to_owned())
    }

    fn snapshot(&mut self) -> Result<Snapshot, String> {
        let context = Context {
            now: super::now(),
            metrics: None,
            process: Process::default(),
            tenants: &self.config.server.tenants,
            show_addresses: true,
            queue_age_max: self.config.server.settings.queue_age_max(),
        };
        Ok(gather::snapshot(&self.reader, &context))
    }

    fn copy(&mut self) -> Result<u64, String> {
        let file = self.file.take().ok_or("no file came with the request")?;
        self.reader.copy_to(file).map_err(|error| error.to_string())
    }

    fn next_lines(&mut self) -> Result<Option<String>, String> {
        Err("no daemon is running: there is nothing to follow".to_owned())
    }
}
