//! The way of an accepted connection to the service that it is for, past the gate.

use super::conn::Conn;
use super::control::Control;
use super::gate::{Gate, Refusal};
use super::listen::Service;
use super::sessions::Sessions;
use super::settings::{Config, Tls};
use super::socket::Socket;
use super::status::StatusClients;
use super::stream::Stream;
use super::token::{ConnectionId, Source};
use crate::metrics::Metrics;
use crate::smtp::{self, Session};
use mio::{Interest, Registry};
use std::io::{self, ErrorKind, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// The way from an accepted socket to a session.
pub(super) struct Entrance<'a> {
    pub(super) registry: &'a Registry,
    pub(super) config: &'a Config,
    pub(super) gate: &'a mut Gate,
    pub(super) metrics: &'a mut Metrics,
    pub(super) sessions: &'a mut Sessions,
    pub(super) status: &'a mut StatusClients,
    pub(super) control: &'a mut Control,
    pub(super) next_connection: &'a mut ConnectionId,
    pub(super) now: Instant,
}

impl Entrance<'_> {
    /// Watches the connection and greets the client, or turns it away.
    pub(super) fn enter(&mut self, mut socket: Socket, peer: IpAddr, service: &Service) {
        let (settings, listener) = match service {
            Service::Mail(settings, listener) => (settings, listener),
            Service::Status => return self.show_status(socket),
            Service::Control => return self.control.admit(socket),
        };
        if let Err(refusal) = self.admit(&socket, peer) {
            return self.refuse(socket, peer, refusal, listener.tls);
        }
        self.metrics.connection_accepted(self.gate.connections());
        let id = self.take_id();
        let result = self
            .registry
            .register(&mut socket, Source::Mail(id).into(), Interest::READABLE | Interest::WRITABLE)
            .and_then(|()| self.session(socket, peer, settings, listener.tls));
        match result {
            Ok(connection) => self.sessions.insert(id, connection),
            Err(error) => {
                log::warn!("client=[{peer}] cannot be served: {error}");
                self.gate.leave(peer);
            }
        }
    }

    fn show_status(&mut self, socket: Socket) {
        let id = self.take_id();
        if let Some(listener) = &self.config.settings.status {
            self.status.insert(id, socket, listener, self.registry, self.now);
        }
    }

    fn session(&self, socket: Socket, peer: IpAddr, settings: &Arc<smtp::Settings>, tls: Tls) -> io::Result<Conn> {
        let session = Session::new(Arc::clone(settings), peer, self.now);
        let mut connection = Conn::new(Stream::new(socket), session, peer, self.now);
        if tls == Tls::Implicit {
            let config = self.sessions.tls().ok_or(ErrorKind::Unsupported)?;
            connection.start_tls(config, self.now)?;
        }
        Ok(connection)
    }

    /// Who may write to a UNIX socket, its file says.
    fn admit(&mut self, socket: &Socket, peer: IpAddr) -> Result<(), Refusal> {
        let networks = match socket {
            Socket::Tcp(_) => self.config.settings.allowed_networks.as_slice(),
            Socket::Unix(_) => &[],
        };
        self.gate.enter(peer, networks, &self.config.settings)
    }

    fn refuse(&mut self, mut socket: Socket, peer: IpAddr, refusal: Refusal, tls: Tls) {
        self.metrics.connection_refused(refusal.name());
        if self.gate.is_news(peer, refusal, self.now) {
            match refusal {
                Refusal::Network => log::warn!("client=[{peer}] refused; to allow it, add to allowed_networks: {peer}"),
                Refusal::Full | Refusal::Client => log::warn!("client=[{peer}] refused: {} is reached", refusal.name()),
            }
        }
        if tls != Tls::Implicit {
            // Its buffer is empty: it takes a line, or the client is gone.
            let _ = socket.write(refusal.reply(&self.config.settings.smtp.hostname).as_bytes());
        }
    }

    fn take_id(&mut self) -> ConnectionId {
        *self.next_connection += 1;
        *self.next_connection
    }
}
