//! What the service manager is told, where there is one (sd_notify(3)): that we are ready, alive, reading the configuration, or
//! stopping, and one line for `systemctl status`.
//!
//! The loop waits for nobody, not even for the service manager: what its socket does not take is sent with the next report, or is
//! out of date by then. Hence not `sd_notify::notify`, which waits.

use sd_notify::NotifyState;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// Changes of state that wait to be told; of more the oldest are of no use to anybody.
const UNSENT_MAX: usize = 8;

/// Between two reports, if the watchdog does not want them more often.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The service manager, or nobody.
pub(super) struct ServiceManager {
    /// Where it listens, if anybody does.
    address: Option<SocketAddr>,
    /// Changes of state that it has not taken yet.
    unsent: VecDeque<String>,
    /// Between two reports.
    interval: Duration,
    has_watchdog: bool,
    /// When the last report was, and how many mails there were.
    last: (Instant, u64),
    /// When the next one is due.
    due: Instant,
}

/// What the status line tells.
pub(super) struct State {
    /// Open mail connections.
    pub(super) connections: usize,
    /// Mails since the start.
    pub(super) mails: u64,
    /// A transaction does not end: without a sign of life the daemon is started anew.
    pub(super) hangs: bool,
    /// Notifications in the queue, if the database could be read.
    pub(super) notifications: Option<u64>,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`.
    pub(super) fn from_environment(now: Instant) -> Self {
        let watchdog = sd_notify::watchdog_enabled();
        // Twice within the watchdog's time, as sd_watchdog_enabled(3) asks for.
        let interval = watchdog.map_or(REPORT_INTERVAL, |time| (time / 2).min(REPORT_INTERVAL));
        let address = std::env::var_os("NOTIFY_SOCKET").and_then(|name| address(&name).ok());
        let (unsent, has_watchdog) = (VecDeque::new(), watchdog.is_some());
        Self { address, unsent, interval, has_watchdog, last: (now, 0), due: now }
    }

    /// The sockets are open.
    pub(super) fn ready(&mut self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The configuration is being read; [`Self::ready`] says that it is over.
    pub(super) fn reloading(&mut self) {
        if let Ok(time) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, time]);
        }
    }

    /// The end has begun.
    pub(super) fn stopping(&mut self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// When the next report is due; `None`: never.
    pub(super) fn next_report(&self) -> Option<Instant> {
        self.address.as_ref().map(|_| self.due)
    }

    /// Reports if it is time; the rate is that since the last report.
    pub(super) fn report(&mut self, now: Instant, state: impl FnOnce() -> State) {
        if self.address.is_none() || now < self.due {
            return;
        }
        let state = state();
        let (then, mails) = std::mem::replace(&mut self.last, (now, state.mails));
        self.due = now + self.interval;
        let status = status_line(&state, per_minute(state.mails - mails, now.saturating_duration_since(then)));
        let alive = (self.has_watchdog && !state.hangs).then_some(NotifyState::Watchdog);
        let told: Vec<_> = alive.into_iter().chain([NotifyState::Status(&status)]).collect();
        self.flush();
        // What it does not take is out of date when the next report is due.
        let _ = self.send(&message(&told));
    }

    /// Tells a change of state, now or later.
    fn tell(&mut self, states: &[NotifyState<'_>]) {
        self.unsent.push_back(message(states));
        if self.unsent.len() > UNSENT_MAX {
            self.unsent.pop_front();
        }
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(text) = self.unsent.front() {
            match self.send(text) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => log::debug!("the service manager cannot be told: {error}"),
                Ok(()) => {}
            }
            self.unsent.pop_front();
        }
    }

    fn send(&self, text: &str) -> io::Result<()> {
        let Some(address) = &self.address else { return Ok(()) };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(address)?;
        socket.send(text.as_bytes()).map(drop)
    }
}

/// A path, or a name in the abstract namespace behind `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

fn message(states: &[NotifyState<'_>]) -> String {
    states.iter().fold(String::new(), |mut text, state| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{state}");
        text
    })
}

fn status_line(state: &State, rate: u64) -> String {
    let State { connections, notifications, .. } = state;
    match notifications {
        _ if state.hangs => format!("{connections} connections, the database has not answered for a minute"),
        Some(queued) => {
            format!("{rate} mails a minute, {connections} connections, {queued} notifications in the queue")
        }
        None => format!("{rate} mails a minute, {connections} connections, the database cannot be read"),
    }
}

fn per_minute(count: u64, span: Duration) -> u64 {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(60_000) / millis
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that nobody reads once held the loop.
    #[test]
    fn a_service_manager_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let theirs = UnixDatagram::bind(&path).unwrap();
        let now = Instant::now();
        let mut manager =
            ServiceManager { address: address(path.as_os_str()).ok(), ..ServiceManager::from_environment(now) };
        manager.interval = Duration::ZERO;
        let state = || State { connections: 0, mails: 0, hangs: false, notifications: None };
        // More than any queue of datagrams holds.
        for _ in 0..5000 {
            manager.report(now, state);
        }
        manager.ready();
        assert_eq!(manager.unsent.len(), 1);
        theirs.set_nonblocking(true).unwrap();
        let mut buffer = [0; 1000];
        while theirs.recv(&mut buffer).is_ok() {}
        manager.report(now, state);
        let octets = theirs.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..octets], b"READY=1\n");
        assert!(manager.unsent.is_empty());
    }

    #[test]
    fn a_database_that_hangs_is_no_sign_of_life() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let theirs = UnixDatagram::bind(&path).unwrap();
        let now = Instant::now();
        let (address, interval) = (address(path.as_os_str()).ok(), Duration::ZERO);
        let mut manager =
            ServiceManager { address, interval, has_watchdog: true, ..ServiceManager::from_environment(now) };
        let mut buffer = [0; 1000];
        for hangs in [false, true] {
            manager.report(now, || State { connections: 0, mails: 0, hangs, notifications: None });
            let octets = theirs.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..octets].starts_with(b"WATCHDOG=1\n"), !hangs);
        }
    }

    #[test]
    fn without_a_service_manager_nothing_waits() {
        let mut manager = ServiceManager { address: None, ..ServiceManager::from_environment(Instant::now()) };
        manager.ready();
        assert!(manager.unsent.is_empty() && manager.next_report().is_none());
    }

    #[test]
    fn the_rate_is_that_of_a_minute() {
        assert_eq!(per_minute(10, Duration::from_secs(10)), 60);
        assert_eq!(per_minute(1, Duration::ZERO), 60_000);
        assert_eq!(per_minute(0, Duration::from_secs(1)), 0);
    }

    #[test]
    fn the_status_says_what_goes_on() {
        let state = State { connections: 2, mails: 9, hangs: false, notifications: Some(3) };
        assert_eq!(status_line(&state, 60), "60 mails a minute, 2 connections, 3 notifications in the queue");
        let state = State { hangs: true, ..state };
        assert_eq!(status_line(&state, 60), "2 connections, the database has not answered for a minute");
    }
}
