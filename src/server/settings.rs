//! What the server is told by its configuration: plain data with defaults. Reading and checking a file is elsewhere.

use crate::smtp::{self, Protocol};
use crate::tenant::Tenants;
use crate::{notify, policy, store};
use ipnet::IpNet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the loop needs to know. Each field has a key in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where mail comes in; at least one, unless the service manager hands over sockets.
    pub listeners: Vec<Listener>,
    /// Limits of one session, and our name.
    pub smtp: smtp::Settings,
    /// Certificate and key for listeners with TLS.
    pub tls: Option<TlsFiles>,
    /// Who may connect; empty: everybody. Clients of UNIX sockets always may.
    pub allowed_networks: Vec<IpNet>,
    /// Mail connections at the same time; beyond it 421.
    pub connections_max: usize,
    /// Mail connections at the same time from one address; beyond it 421.
    pub connections_per_client_max: usize,
    /// Mails from one address in one minute; beyond it 451. `None`: any number.
    pub mails_per_minute_per_client_max: Option<u32>,
    /// The sum of all mails in flight, in octets. At this bound reading pauses; nobody is refused.
    pub mails_in_flight_octets_max: usize,
    /// Mails in one transaction.
    pub mails_per_commit_max: usize,
    /// How long sessions within a mail may go on after SIGTERM.
    pub stop_time_max: Duration,
    /// Where commands reach the running daemon.
    pub control: Option<UnixSocket>,
    /// Where metrics and the page are served.
    pub status: Option<StatusListener>,
}

/// A socket that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub endpoint: Endpoint,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether and how TLS starts.
    pub tls: Tls,
    /// Mail only after TLS: before it, 530 to MAIL (RFC 3207 §4).
    pub require_tls: bool,
}

/// Where a socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// TCP; `[::]` takes IPv6 alone, so that `0.0.0.0` may stand beside it.
    Tcp(SocketAddr),
    /// A UNIX socket.
    Unix(UnixSocket),
}

impl Endpoint {
    /// Whether both are the same address or path, whoever may connect.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(address), Self::Tcp(theirs)) => address == theirs,
            (Self::Unix(socket), Self::Unix(theirs)) => socket.path == theirs.path,
            _ => false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(socket) => socket.path.display().fmt(f),
        }
    }
}

/// A UNIX socket, and who may connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its path; made with mode 0660.
    pub path: PathBuf,
    /// The group that may use it, by name or number; `None`: the daemon's own.
    pub group: Option<String>,
}

/// How TLS starts on a listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    #[default]
    Off,
    /// When the client asks for it (RFC 3207).
    StartTls,
    /// With the first octet (RFC 8314 §3.3).
    Implicit,
}

/// PEM files; read at the start and again at each reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those of its issuers, in this order.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The HTTP listener for metrics and the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListener {
    /// Where.
    pub address: SocketAddr,
    /// Whether the page may show mail addresses.
    pub show_addresses: bool,
    /// `/readyz` fails when the oldest pending notification is older.
    pub queue_age_max: Duration,
}

/// What [`StatusListener::queue_age_max`] is by default.
pub const QUEUE_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// A pending notification that is older is a trouble.
    pub fn queue_age_max(&self) -> Duration {
        self.status.as_ref().map_or(QUEUE_AGE_MAX, |listener| listener.queue_age_max)
    }
}

impl Listener {
    /// Plain SMTP at `address`.
    pub fn smtp(address: SocketAddr) -> Self {
        Self { endpoint: Endpoint::Tcp(address), protocol: Protocol::Smtp, tls: Tls::Off, require_tls: false }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listeners: vec![Listener::smtp(SocketAddr::from(([0, 0, 0, 0], 2525)))],
            smtp: smtp::Settings::default(),
            tls: None,
            allowed_networks: Vec::new(),
            connections_max: 10_000,
            connections_per_client_max: 1_000,
            mails_per_minute_per_client_max: None,
            mails_in_flight_octets_max: 64 << 20,
            mails_per_commit_max: 1_000,
            stop_time_max: Duration::from_secs(10),
            control: None,
            status: None,
        }
    }
}

/// What SIGHUP reads anew. Listeners, the control socket and the status listener change only with a restart.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Of the server.
    pub settings: Settings,
    /// The platforms.
    pub tenants: Arc<Tenants>,
    /// Overrides of the action table.
    pub actions: policy::Actions,
    /// Of the notifier.
    pub notify: notify::Settings,
    /// Of the database; its page cache stays as it was at the start.
    pub store: store::Settings,
}

/// Reads and checks the configuration again; the error is one text for the log, and the old configuration stays.
pub type Reload = Box<dyn FnMut() -> Result<Config, String>>;
