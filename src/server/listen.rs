//! The listening sockets: opened here or handed over by the service manager, watched, and left alone for a while when
//! the process has no file descriptor left for another connection.

use super::settings::{Endpoint, Listener, Settings, Tls, UnixSocket};
use super::socket::{Acceptor, Socket};
use super::token::Source;
use super::{RunError, control};
use crate::smtp::{self, Protocol};
use listenfd::ListenFd;
use mio::{Interest, Registry};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections that one listener accepts in one turn.
const TURN_CONNECTIONS_MAX: usize = 256;

/// How long accepting rests after EMFILE and the like.
const PAUSE: Duration = Duration::from_millis(100);

/// Between two lines of the log about that.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// What a listener's connections are for.
#[derive(Clone)]
pub(super) enum Service {
    /// Mail, with the settings of this listener.
    Mail(Arc<smtp::Settings>, Listener),
    /// Metrics and the page.
    Status,
    /// Commands of operators.
    Control,
}

/// All listeners.
pub(super) struct Listeners {
    all: Vec<Listening>,
    paused_until: Option<Instant>,
    /// When the log was last told of a pause.
    told: Option<Instant>,
}

struct Listening {
    acceptor: Acceptor,
    service: Service,
    /// mio reports a waiting connection once.
    is_ready: bool,
}

impl Listeners {
    /// Opens what is configured, and takes what the service manager hands over: a socket at the address of a configured
    /// listener serves as that one, any other TCP or UNIX socket takes plain SMTP.
    pub(super) fn open(settings: &Settings, registry: &Registry) -> Result<Self, RunError> {
        let mut sockets = inherited();
        let mut listeners = Vec::new();
        for listener in &settings.listeners {
            let acceptor = take_or_bind(&mut sockets, &listener.endpoint)?;
            listeners.push((acceptor, Service::Mail(session_settings(settings, listener), listener.clone())));
        }
        if let Some(status) = &settings.status {
            listeners.push((take_or_bind(&mut sockets, &Endpoint::Tcp(status.address))?, Service::Status));
        }
        let control = settings.control.as_ref().and_then(control::open);
        listeners.extend(control.map(|acceptor| (acceptor, Service::Control)));
        for (acceptor, endpoint) in sockets {
            let listener = Listener { endpoint, ..Listener::smtp(([0, 0, 0, 0], 0).into()) };
            listeners.push((acceptor, Service::Mail(session_settings(settings, &listener), listener)));
        }
        let mut open = Self { all: Vec::new(), paused_until: None, told: None };
        for (acceptor, service) in listeners {
            open.watch(acceptor, service, registry)?;
        }
        Ok(open)
    }

    fn watch(&mut self, mut acceptor: Acceptor, service: Service, registry: &Registry) -> Result<(), RunError> {
        let token = Source::Listener(self.all.len()).into();
        registry.register(&mut acceptor, token, Interest::READABLE).map_err(RunError::Loop)?;
        let name = acceptor.name();
        match &service {
            Service::Mail(_, listener) => log::info!("listening on {name} for {}", protocol_name(listener.protocol)),
            Service::Status => log::info!("listening on {name} for HTTP"),
            Service::Control => log::info!("listening on {name} for commands"),
        }
        self.all.push(Listening { acceptor, service, is_ready: true });
        Ok(())
    }

    /// New limits for the sessions to come; the sockets stay.
    pub(super) fn reload(&mut self, settings: &Settings) {
        for listening in &mut self.all {
            if let Service::Mail(session, listener) = &mut listening.service {
                *session = session_settings(settings, listener);
            }
        }
    }

    /// mio reported connections at the listener with this index.
    pub(super) fn note(&mut self, index: usize) {
        if let Some(listening) = self.all.get_mut(index) {
            listening.is_ready = true;
        }
    }

    /// Whether connections wait that no event will announce.
    pub(super) fn has_work(&self) -> bool {
        self.paused_until.is_none() && self.all.iter().any(|listening| listening.is_ready)
    }

    /// When accepting goes on after a pause.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// The connections that wait, a bounded number of them. An error never ends accepting: it skips the connection, or,
    /// when there is no room for any, pauses.
    pub(super) fn accept(&mut self, now: Instant, mut take: impl FnMut(Socket, IpAddr, &Service)) {
        if self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.paused_until = None;
        for listening in self.all.iter_mut().filter(|listening| listening.is_ready) {
            if let Err(error) = listening.drain(&mut take) {
                return self.rest(&error, now);
            }
        }
    }

    /// Leaves those who wait alone for a while.
    pub(super) fn rest(&mut self, error: &io::Error, now: Instant) {
        self.paused_until = Some(now + PAUSE);
        self.tell(error, now);
    }

    /// Logs why accepting rests, once in a while.
    fn tell(&mut self, error: &io::Error, now: Instant) {
        if self.told.is_none_or(|told| now >= told + TELL_INTERVAL) {
            self.told = Some(now);
            log::warn!("no connection is accepted for a while: {error}");
        }
    }

    /// Stops listening: senders turn to another server or try again.
    pub(super) fn close(&mut self) {
        self.all.clear();
        self.paused_until = None;
    }
}

impl Listening {
    /// Takes the connections that wait, a bounded number of them.
    fn drain(&mut self, take: &mut impl FnMut(Socket, IpAddr, &Service)) -> io::Result<()> {
        for _ in 0..TURN_CONNECTIONS_MAX {
            match self.acceptor.accept() {
                Ok((socket, peer)) => take(socket, peer, &self.service),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_ready = false;
                    return Ok(());
                }
                Err(error) if is_about_one(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether an error concerns only the connection that was to be accepted (accept(2)): it is gone already.
fn is_about_one(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const OF_ONE: [Errno; 9] = [
        Errno::CONNABORTED,
        Errno::PROTO,
        Errno::INTR,
        Errno::PERM,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::NOPROTOOPT,
    ];
    Errno::from_io_error(error).is_some_and(|errno| OF_ONE.contains(&errno))
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Smtp => "SMTP",
        Protocol::Lmtp => "LMTP",
    }
}

fn session_settings(settings: &Settings, listener: &Listener) -> Arc<smtp::Settings> {
    Arc::new(smtp::Settings {
        protocol: listener.protocol,
        starttls: listener.tls == Tls::StartTls,
        require_tls: listener.require_tls,
        ..settings.smtp.clone()
    })
}

fn take_or_bind(sockets: &mut Vec<(Acceptor, Endpoint)>, endpoint: &Endpoint) -> Result<Acceptor, RunError> {
    if let Some(at) = sockets.iter().position(|(_, theirs)| theirs.is_same_place(endpoint)) {
        return Ok(sockets.swap_remove(at).0);
    }
    Acceptor::bind(endpoint).map_err(|error| RunError::Listen(endpoint.to_string(), error))
}

/// The sockets of socket activation (sd_listen_fds(3)) and where they listen.
fn inherited() -> Vec<(Acceptor, Endpoint)> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        match inherited_at(&mut handed, index) {
            Ok(Some(socket)) => sockets.push(socket),
            Ok(None) => {}
            Err(error) => log::warn!("socket {index} of the service manager is of no use here: {error}"),
        }
    }
    sockets
}

fn inherited_at(handed: &mut ListenFd, index: usize) -> io::Result<Option<(Acceptor, Endpoint)>> {
    if let Ok(Some(listener)) = handed.take_unix_listener(index) {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let path = address.as_pathname().unwrap_or("".as_ref()).to_path_buf();
        return Ok(Some((
            Acceptor::Unix(mio::net::UnixListener::from_std(listener), None),
            Endpoint::Unix(UnixSocket { path, group: None }),
        )));
    }
    let Some(listener) = handed.take_tcp_listener(index)? else { return Ok(None) };
    listener.set_nonblocking(true)?;
    socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
    let address = listener.local_addr()?;
    Ok(Some((Acceptor::Tcp(mio::net::TcpListener::from_std(listener)), Endpoint::Tcp(address))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;
    use std::os::unix::net::UnixStream;

    #[test]
    fn without_file_descriptors_accepting_rests_and_goes_on_when_the_pause_is_over() {
        let (folder, poll) = (tempfile::tempdir().unwrap(), Poll::new().unwrap());
        let endpoint = Endpoint::Unix(UnixSocket { path: folder.path().join("smtp.sock"), group: None });
        let listener = Listener { endpoint, ..Listener::smtp(([0, 0, 0, 0], 0).into()) };
        let settings = Settings { listeners: vec![listener], ..Settings::default() };
        let mut listeners = Listeners::open(&settings, poll.registry()).unwrap();
        let now = Instant::now();
        let _client = UnixStream::connect(folder.path().join("smtp.sock")).unwrap();
        let accepted_at = |listeners: &mut Listeners, now| {
            let mut accepted = 0;
            listeners.accept(now, |_, _, _| accepted += 1);
            accepted
        };

        listeners.rest(&rustix::io::Errno::MFILE.into(), now);
        assert_eq!((listeners.has_work(), listeners.paused_until()), (false, Some(now + PAUSE)));
        assert_eq!(accepted_at(&mut listeners, now + PAUSE / 2), 0);
        assert_eq!(accepted_at(&mut listeners, now + PAUSE), 1);
        assert_eq!((listeners.has_work(), listeners.paused_until()), (false, None));
    }

    #[test]
    fn a_pause_is_told_once_in_a_while() {
        let mut listeners = Listeners { all: Vec::new(), paused_until: None, told: None };
        let now = Instant::now();
        let mut told_at = |now| {
            listeners.rest(&rustix::io::Errno::MFILE.into(), now);
            listeners.told
        };
        assert_eq!(told_at(now), Some(now));
        assert_eq!(told_at(now + TELL_INTERVAL / 2), Some(now));
        assert_eq!(told_at(now + TELL_INTERVAL), Some(now + TELL_INTERVAL));
    }
}
