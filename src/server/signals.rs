//! Signals, as a socket that the loop watches.

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What came since the last look.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Came {
    /// SIGTERM or SIGINT.
    pub(super) stop: bool,
    /// SIGHUP.
    pub(super) reload: bool,
}

/// The registered signals.
pub(super) struct Signals {
    socket: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// From now on these signals no longer end the process.
    pub(super) fn register(registry: &Registry, token: Token) -> io::Result<Self> {
        let (mut socket, sender) = UnixStream::pair()?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        let sender = std::os::unix::net::UnixStream::from(std::os::fd::OwnedFd::from(sender));
        let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (signal, flag) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &reload)] {
            // The flag first: whoever sees the socket readable sees the flag.
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self { socket, stop, reload })
    }

    /// Empties the socket and tells what came.
    pub(super) fn take(&mut self) -> Came {
        let mut buffer = [0; 64];
        while self.socket.read(&mut buffer).is_ok_and(|octets| octets > 0) {}
        Came { stop: self.stop.swap(false, Ordering::Relaxed), reload: self.reload.swap(false, Ordering::Relaxed) }
    }
}
