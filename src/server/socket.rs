//! Sockets that may be TCP or UNIX.

use super::settings::{Endpoint, UnixSocket};
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::SendFlags;
use socket2::{Domain, SockAddr, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Connections that wait to be accepted; the kernel takes less if `net.core.somaxconn` says so.
const BACKLOG: i32 = 4096;

/// The owner and the group may connect, nobody else.
const SOCKET_MODE: u32 = 0o660;

/// A connection, not blocking.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A listening socket, not blocking.
pub(super) enum Acceptor {
    Tcp(TcpListener),
    /// With its file, unless that belongs to the service manager.
    Unix(UnixListener, #[expect(dead_code, reason = "held for its end")] Option<SocketFile>),
}

/// The file of a UNIX socket; it goes with the listener.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Left behind it would do no harm: the next start replaces it.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Acceptor {
    /// Opens a socket. One of UNIX that was left behind by a process that is gone is replaced.
    pub(super) fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => bind_tcp(*address).map(Self::Tcp),
            Endpoint::Unix(socket) => bind_unix(socket).map(|(listener, file)| Self::Unix(listener, Some(file))),
        }
    }

    /// The next connection and its peer; a peer at a UNIX socket counts as the machine itself.
    pub(super) fn accept(&self) -> io::Result<(Socket, IpAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                acknowledge_with_replies(&stream);
                Ok((Socket::Tcp(stream), peer.ip().to_canonical()))
            }
            Self::Unix(listener, _) => {
                listener.accept().map(|(stream, _)| (Socket::Unix(stream), IpAddr::V4(Ipv4Addr::LOCALHOST)))
            }
        }
    }

    /// Where it listens, for the log: `192.0.2.1:25` or a path.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|_| "-".to_owned(), |address| address.to_string()),
            Self::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                path.map_or_else(|| "-".to_owned(), |path| path.display().to_string())
            }
        }
    }
}

/// A new connection's first octets are acknowledged at once, in a segment of their own (tcp(7), TCP_QUICKACK), while our reply to
/// them, which acknowledges as well, is about to go out.
fn acknowledge_with_replies(stream: &TcpStream) {
    // A system that cannot costs a segment more.
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, false);
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    // Accepted connections inherit it: a reply is one write, and never waits for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Nobody can connect before the file has its group and mode: only then does the socket listen.
fn bind_unix(place: &UnixSocket) -> io::Result<(UnixListener, SocketFile)> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(&place.path)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_behind(&place.path) => {
            std::fs::remove_file(&place.path)?;
            socket.bind(&address)?;
        }
        result => result?,
    }
    let file = SocketFile(place.path.clone());
    if let Some(group) = &place.group {
        give_to_group(&place.path, group)?;
    }
    std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    Ok((UnixListener::from_std(socket.into()), file))
}

fn give_to_group(path: &Path, group: &str) -> io::Result<()> {
    let id = group.parse().ok().or_else(|| group_id(group));
    let id = id.ok_or_else(|| io::Error::other(format!("there is no group {group}")))?;
    let named = |error: io::Error| {
        let why = format!("it cannot be given to the group {group}, which has to be one of this user's: {error}");
        io::Error::new(error.kind(), why)
    };
    std::os::unix::fs::chown(path, None, Some(id)).map_err(named)
}

/// From the group file (group(5)); groups of a directory service are given by number.
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let mut entries = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    entries.find(|fields| fields.first() == Some(&name))?.get(2)?.parse().ok()
}

/// Whether nobody listens on the socket at `path`.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let refuses =
        || std::os::unix::net::UnixStream::connect(path).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused);
    is_socket && refuses()
}

impl Socket {
    /// As `write`, but TCP holds the octets back until the end of the stream, which has to follow at once: both take one segment.
    pub(super) fn write_last(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Ok(rustix::net::send(stream, octets, SendFlags::MORE | SendFlags::NOSIGNAL)?),
            Self::Unix(stream) => stream.write(octets),
        }
    }

    /// Nothing more will be written.
    pub(super) fn end_output(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(octets),
            Self::Unix(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interests),
            Self::Unix(stream) => stream.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.reregister(registry, token, interests),
            Self::Unix(stream) => stream.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.deregister(registry),
            Self::Unix(stream) => stream.deregister(registry),
        }
    }
}

impl Source for Acceptor {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.register(registry, token, interests),
            Self::Unix(listener, _) => listener.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.reregister(registry, token, interests),
            Self::Unix(listener, _) => listener.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.deregister(registry),
            Self::Unix(listener, _) => listener.deregister(registry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn both_families_listen_on_one_port() {
        let v6 = Acceptor::bind(&Endpoint::Tcp("[::]:0".parse().unwrap())).unwrap();
        let port = v6.name().rsplit_once(':').unwrap().1.to_owned();
        let v4 = Acceptor::bind(&Endpoint::Tcp(format!("0.0.0.0:{port}").parse().unwrap()));
        assert!(v4.is_ok(), "{:?}", v4.err());
    }

    #[test]
    fn octets_of_a_new_connection_are_acknowledged_with_the_reply() {
        let acceptor = Acceptor::bind(&Endpoint::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let _client = std::net::TcpStream::connect(acceptor.name()).unwrap();
        let (Socket::Tcp(stream), _) = acceptor.accept().unwrap() else { panic!("not TCP") };
        assert!(!rustix::net::sockopt::tcp_quickack(&stream).unwrap());
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn a_unix_socket_is_open_to_its_group_alone() {
        let folder = tempfile::tempdir().unwrap();
        let bind = |name: &str, group: &str| {
            let path = folder.path().join(name);
            let acceptor =
                Acceptor::bind(&Endpoint::Unix(UnixSocket { path: path.clone(), group: Some(group.to_owned()) }));
            acceptor.map(|acceptor| (acceptor, std::fs::metadata(&path).unwrap()))
        };
        let own = rustix::process::getgid().as_raw();
        let (_held, meta) = bind("socket", &own.to_string()).unwrap();
        assert_eq!((meta.permissions().mode() & 0o777, meta.gid()), (0o660, own));
        let error = bind("other", "no such group").err().unwrap();
        assert!(error.to_string().contains("there is no group no such group"), "{error}");
        assert!(!folder.path().join("other").exists());
    }

    #[test]
    fn a_unix_socket_is_replaced_only_when_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path| Endpoint::Unix(UnixSocket { path, group: None });
        let endpoint = at(folder.path().join("socket"));
        let first = Acceptor::bind(&endpoint).unwrap();
        assert!(Acceptor::bind(&endpoint).is_err());
        drop(first);
        assert!(Acceptor::bind(&endpoint).is_ok());
        let file = folder.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        assert!(Acceptor::bind(&at(file.clone())).is_err());
        assert_eq!(std::fs::read(file).unwrap(), b"kept");
    }
}
