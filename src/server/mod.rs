//! The daemon: one loop over mio, the only writer of the database.
//!
//! The only part that names mio. It moves octets between sockets and [`crate::smtp`] sessions, has each mail read
//! and decided on, and commits all that came together in one transaction before it answers. Nothing in it waits for
//! anybody but a fast disk: a slow client, platform or reader of the log costs a buffer or a timer, and a slow disk a transaction on a
//! thread of its own.
//!
//! # The files, in reading order
//!
//! - the loop: `turn`, and beside its turns `course` (a new configuration, of which `reload` says what is taken, and the end); it is woken by
//!   a `token`, by `timers`, by `signals` and by an `alarm` of other threads;
//! - clients: `listen` and `entrance` let them in, past the `gate`; `sessions` has all of them, `conn` is one, `stream`, `socket` and `tls` its
//!   octets, `room` what they may hold;
//! - mails: `judge` decides, `ledger` collects, `gathering` says when a transaction begins, `committer` runs it; `outcomes` come from the
//!   notifier;
//! - who looks: `control` and `status` answer, `tally` sums, `story` logs, `systemd` hears how it goes, `process` is what the system says.
//!
//! # Where transactions run
//!
//! All is decided in the loop, and one transaction runs at a time. While the disk is fast, it runs in the loop: a thread would cost two
//! switches and smaller transactions. Once transactions wait for the disk for more than a millisecond, of late, a thread runs them
//! (`committer`), and the loop goes on with its clients. `gathering` decides how many mails share one. Measured with
//! `cargo bench --bench smtp_load -- --slow-sync`, on two cores shared with the generator, mails a second in the loop alone and in this
//! way, in turns:
//!
//! | sessions | sync + 1 ms | sync + 5 ms |
//! |---|---|---|
//! | 10 | 4,189 → 4,153 | 1,160 → 1,542 |
//! | 100 | 13,491 → 18,432 | 9,113 → 9,404 |
//! | 500 | 18,964 → 23,178 | 12,459 → 21,232 |
//!
//! With the thread on a disk that syncs in 0.05 ms, 100 sessions won nothing (16,900 → 16,700) and each mail cost 65 us of processor
//! time instead of 59.

mod alarm;
mod committer;
mod conn;
mod control;
mod course;
mod entrance;
mod gate;
mod gathering;
mod judge;
mod ledger;
mod listen;
mod outcomes;
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

pub use settings::{
    Config, Endpoint, Listener, QUEUE_AGE_MAX, Reload, Settings, StatusListener, Tls, TlsFiles, UnixSocket,
};

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
            Self::Listen(socket, error) => write!(f, "cannot listen on {socket}: {error}{}", way_out(socket, error)),
            Self::Tls(file, error) => write!(f, "cannot use {}: {error}", file.display()),
            Self::Loop(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// What to do about a socket that could not be opened, where the operating system's word does not say it.
fn way_out(socket: &str, error: &std::io::Error) -> &'static str {
    let is_low = socket.parse().is_ok_and(|address: std::net::SocketAddr| address.port() < 1024);
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "; another program listens there",
        std::io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        std::io::ErrorKind::PermissionDenied if is_low => "; ports below 1024 are systemd's to open (bouncesvc.socket)",
        _ => "",
    }
}

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
