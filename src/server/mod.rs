//! The daemon: one thread, one loop over mio, the only writer of the database.
//!
//! The only part that names mio.

mod settings;

pub use settings::{
    Config, ControlSocket, Endpoint, Listener, Protocol, Reload, Settings, StatusListener, Tls, TlsFiles,
};

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
pub fn run(_setup: Setup) -> Result<(), RunError> {
    unimplemented!()
}
