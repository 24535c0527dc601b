//! The daemon: one thread, one loop over mio, the only writer of the database.
//!
//! The only part that names mio. It moves octets between sockets and [`crate::smtp`] sessions, has each mail read
//! and decided on, and commits all that one turn of the loop brought in one transaction before it answers. Nothing in it waits for
//! anybody but the disk: a slow client, platform or reader of the log costs a buffer or a timer.
//!
//! # Why the commit has no thread of its own
//!
//! With one, half of the N sessions could send while the other half waits for the disk: at most N / (2 x sync time), or what the
//! processor allows. One thread that gathers all that is underway before it syncs (`gathering`) is bound by N / (sync time + N x time of a
//! mail). `cargo bench --bench smtp_load -- --slow-sync`, on two cores shared with the generator, reached this part of the former bound, with a
//! sync of 1 and of 5 ms more: 10 sessions 0.86 and 1.20, 100 sessions 0.75 and 0.94, 500 sessions 0.92 and 0.66. So the most that a thread
//! could win is a half more, with 500 sessions on a slow disk that takes 11,000 mails a second as it is; with few sessions
//! it would lose. That is not worth a second owner of the transaction's state.

mod conn;
mod control;
mod entrance;
mod gate;
mod gathering;
mod judge;
mod ledger;
mod listen;
mod process;
mod reload;
mod room;
mod sessions;
mod settings;
mod signals;
mod socket;
mod status;
mod story;
mod stream;
mod systemd;
mod tally;
mod timers;
mod tls;
mod token;
mod turn;

pub use settings::{Config, Endpoint, Listener, Reload, Settings, StatusListener, Tls, TlsFiles, UnixSocket};

pub use crate::smtp::Protocol;

use crate::store::Store;
use std::fmt;

/// What [`run`] starts with.
pub struct Setup {
    /// Checked already.
    pub config: Config,
    /// The open database.
    pub store: Store,
    /// For SIGHUP.
    pub reload: Reload,
}

/// Why the daemon could not start, or had to end.
#[derive(Debug)]
pub enum RunError {
    /// A socket could not be opened: which, and the operating system's word.
    Listen(String, std::io::Error),
    /// A certificate or key could not be used: which file, and why.
    Tls(std::path::PathBuf, String),
    /// The loop itself failed.
    Loop(std::io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(socket, error) => write!(f, "cannot listen on {socket}: {error}"),
            Self::Tls(file, error) => write!(f, "cannot use {}: {error}", file.display()),
            Self::Loop(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs until SIGTERM or SIGINT; `Ok` after a clean end.
pub fn run(setup: Setup) -> Result<(), RunError> {
    raise_file_limit();
    crate::logging::defer_on_this_thread();
    let result = turn::Server::start(setup).and_then(turn::Server::run);
    crate::logging::flush();
    result
}

/// Each connection takes a file descriptor: as many as the administrator allows.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        log::warn!("the limit of open files stays at {:?}: {error}", limit.current);
    }
}
