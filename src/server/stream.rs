//! A mail connection's octets, plain or inside TLS. TLS is driven by the loop like everything else: what it cannot read or
//! write now waits for the next readiness.

use super::socket::Socket;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// A socket and, once it started, TLS.
pub(super) struct Stream {
    socket: Socket,
    tls: Option<Box<ServerConnection>>,
}

/// What one read gave.
pub(super) struct Taken {
    /// 0: the client closed its side.
    pub(super) octets: usize,
    /// Nothing more can be read until mio says so.
    pub(super) is_drained: bool,
}

impl Stream {
    /// Plain.
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, tls: None }
    }

    /// From now on TLS, beginning with the handshake.
    pub(super) fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.tls = Some(Box::new(ServerConnection::new(config).map_err(io::Error::other)?));
        Ok(())
    }

    /// Whether the handshake is under way.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Reads the client's part of the handshake; `WouldBlock` when it has not come yet.
    pub(super) fn shake_hands(&mut self) -> io::Result<()> {
        let Self { socket, tls: Some(tls) } = self else { return Ok(()) };
        while tls.is_handshaking() {
            flush(tls, socket)?;
            if tls.is_handshaking() {
                receive(tls, socket)?;
            }
        }
        Ok(())
    }

    /// Reads; `WouldBlock` when there is nothing. An end of the connection without an end of TLS is an error: anybody on the way can
    /// make it, so it must not pass for the client's.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        let Some(tls) = &mut self.tls else {
            let octets = self.socket.read(buffer)?;
            // A short read has emptied the socket (epoll(7)).
            return Ok(Taken { octets, is_drained: octets < buffer.len() });
        };
        loop {
            match tls.reader().read(buffer) {
                Ok(octets) => return Ok(Taken { octets, is_drained: false }),
                Err(error) if error.kind() == ErrorKind::WouldBlock => receive(tls, &mut self.socket)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes some, and what TLS holds; `WouldBlock` when nothing can be taken.
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(octets) };
        flush(tls, &mut self.socket)?;
        let taken = tls.writer().write(octets)?;
        match flush(tls, &mut self.socket) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// As [`Self::write`], before an end that follows at once: plain octets may go out together with it.
    pub(super) fn write_last(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.tls.is_none() { self.socket.write_last(octets) } else { self.write(octets) }
    }

    /// Whether TLS holds octets for the client.
    pub(super) fn holds_output(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Says that no more comes, and goes on to be read from.
    pub(super) fn end_output(&mut self) {
        self.close();
        // A client that is gone already shows when it is read from.
        let _ = self.socket.end_output();
    }

    /// Says that no more comes, so that the client can tell the end from a cut.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // Whoever does not read to the end is not told of it.
            let _ = flush(tls, &mut self.socket);
        }
    }
}

/// Takes a piece from the socket and decrypts it; an alert that this leads to is sent.
fn receive(tls: &mut ServerConnection, socket: &mut Socket) -> io::Result<()> {
    let octets = tls.read_tls(socket)?;
    if let Err(error) = tls.process_new_packets() {
        let _ = flush(tls, socket);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    if octets == 0 && tls.is_handshaking() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn flush(tls: &mut ServerConnection, socket: &mut Socket) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
