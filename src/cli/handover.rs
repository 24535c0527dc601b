//! Hands one mail to the running daemon over SMTP: the few commands that this takes (RFC 5321 §3, RFC 2033).
//!
//! Blocking, with time limits; no TLS, no pipelining. What does not answer as our daemon does is left alone, so that
//! a mail never goes to another server that happens to listen at the configured place.

use crate::server::{Endpoint, Listener, Protocol, Tls};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// A commit may have to wait for a slow disk.
const REPLY_TIME_MAX: Duration = Duration::from_secs(60);
/// RFC 5321 §4.5.3.1.5 says 512; beyond this nobody answers as we do.
const REPLY_OCTETS_MAX: u64 = 64 << 10;

/// A mail with its envelope.
pub struct Letter<'a> {
    /// The envelope sender, empty for `<>`.
    pub sender: &'a str,
    /// Empty: `<postmaster>`.
    pub recipient: &'a str,
    /// With any line ends.
    pub mail: &'a [u8],
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// The daemon answered 250: it is durable.
    Taken,
    /// No daemon of ours listens.
    NoDaemon,
    /// The daemon is there, but did not take it: why.
    Refused(String),
}

/// Tries the listeners in order, until one is our daemon's.
pub fn hand_over(listeners: &[Listener], letter: &Letter<'_>) -> Handed {
    let mut refused = Handed::NoDaemon;
    for listener in listeners.iter().filter(|listener| is_plain(listener)) {
        let Ok(connection) = connect(&listener.endpoint) else { continue };
        let mut client = Client { connection: BufReader::new(connection) };
        match client.is_our_daemon() {
            Ok(true) => return client.send(listener.protocol, letter),
            Ok(false) => {}
            // It may serve others only, and us at the next one.
            Err(error) => refused = Handed::Refused(error.to_string()),
        }
    }
    refused
}

/// Whether it takes mail without TLS, which is not spoken here.
pub fn is_plain(listener: &Listener) -> bool {
    listener.tls != Tls::Implicit && !listener.require_tls
}

trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Connection>> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect_timeout(&reachable(*address), CONNECT_TIME_MAX)?;
            stream.set_read_timeout(Some(REPLY_TIME_MAX))?;
            stream.set_write_timeout(Some(REPLY_TIME_MAX))?;
            Ok(Box::new(stream))
        }
        Endpoint::Unix(socket) => {
            let stream = UnixStream::connect(&socket.path)?;
            stream.set_read_timeout(Some(REPLY_TIME_MAX))?;
            stream.set_write_timeout(Some(REPLY_TIME_MAX))?;
            Ok(Box::new(stream))
        }
    }
}

/// Who listens on every address is reached on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

struct Client {
    connection: BufReader<Box<dyn Connection>>,
}

/// A reply: its code, and the text of its last line.
type Reply = (u16, String);

impl Client {
    /// Reads the greeting. A daemon that is ours, but takes no connection now, is an error.
    fn is_our_daemon(&mut self) -> io::Result<bool> {
        let (code, text) = self.reply()?;
        match code {
            220 => Ok(text.ends_with("bouncesvc")),
            _ => Err(io::Error::other(format!("{code} {text}"))),
        }
    }

    fn send(&mut self, protocol: Protocol, letter: &Letter<'_>) -> Handed {
        match self.dialogue(protocol, letter) {
            Ok((250, _)) => {
                // What is durable stays so, whatever becomes of this.
                _ = self.command("QUIT");
                Handed::Taken
            }
            Ok((code, text)) => Handed::Refused(format!("{code} {text}")),
            Err(error) => Handed::Refused(error.to_string()),
        }
    }

    /// The commands in order, until one is not answered as it should be; the last reply.
    fn dialogue(&mut self, protocol: Protocol, letter: &Letter<'_>) -> io::Result<Reply> {
        let hello = match protocol {
            Protocol::Smtp => "EHLO localhost",
            Protocol::Lmtp => "LHLO localhost",
        };
        let sender = letter.sender;
        for command in [hello, &format!("MAIL FROM:<{sender}>")] {
            let reply = self.command(command)?;
            if reply.0 != 250 {
                return Ok(reply);
            }
        }
        // Everybody takes mail for <postmaster> (RFC 5321 §4.5.1).
        let refused = letter.recipient.is_empty() || self.command(&format!("RCPT TO:<{}>", letter.recipient))?.0 != 250;
        if refused {
            let reply = self.command("RCPT TO:<postmaster>")?;
            if reply.0 != 250 {
                return Ok(reply);
            }
        }
        let reply = self.command("DATA")?;
        if reply.0 != 354 {
            return Ok(reply);
        }
        self.connection.get_mut().write_all(&stuffed(letter.mail))?;
        self.reply()
    }

    fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.connection.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// All lines of one reply (RFC 5321 §4.2.1: `250-` goes on, `250 ` ends).
    fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = self.connection.by_ref().take(REPLY_OCTETS_MAX);
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| io::Error::other("the daemon closed the connection"))?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, line.get(4..).unwrap_or("").trim_end().to_owned()));
            }
        }
    }
}

/// The mail with CRLF line ends, dots doubled, and its end (RFC 5321 §4.5.2). An alias pipes bare LFs.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len() + mail.len() / 32 + 5);
    let body = mail.strip_suffix(b"\n").unwrap_or(mail);
    for line in body.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// A server that sends the `replies`, one for each line it gets until DATA; what it got.
    fn serve(replies: &'static [&str]) -> (Listener, thread::JoinHandle<Vec<String>>) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = Listener::smtp(socket.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (stream, _) = socket.accept().unwrap();
            let mut lines = BufReader::new(stream);
            let mut got = Vec::new();
            for reply in replies {
                lines.get_mut().write_all(reply.as_bytes()).unwrap();
                let ends = if reply.starts_with("354") { ".\r\n" } else { "\r\n" };
                let mut text = String::new();
                while !text.ends_with(ends) && lines.read_line(&mut text).unwrap() > 0 {}
                got.push(text);
            }
            got
        });
        (listener, server)
    }

    const LETTER: Letter<'_> = Letter { sender: "", recipient: "x@y.de", mail: b"A: b\n\n.dot\nend" };

    #[test]
    fn the_mail_arrives_whole() {
        let (listener, server) = serve(&[
            "220 h ESMTP bouncesvc\r\n",
            "250-h\r\n250 HELP\r\n",
            "250 ok\r\n",
            "550 no\r\n",
            "250 ok\r\n",
            "354 go\r\n",
            "250 2.0.0 Ok\r\n",
        ]);
        assert_eq!(hand_over(&[listener], &LETTER), Handed::Taken);
        let got = server.join().unwrap();
        assert_eq!(got[1], "MAIL FROM:<>\r\n");
        assert_eq!(got[2..4], ["RCPT TO:<x@y.de>\r\n", "RCPT TO:<postmaster>\r\n"]);
        assert_eq!(got[5], "A: b\r\n\r\n..dot\r\nend\r\n.\r\n");
        assert_eq!(got[6], "QUIT\r\n");
    }

    #[test]
    fn a_listener_for_lmtp_is_greeted_in_its_words() {
        let (listener, server) = serve(&["220 h LMTP bouncesvc\r\n", "250 h\r\n", "451 4.3.0 later\r\n"]);
        let listener = Listener { protocol: Protocol::Lmtp, ..listener };
        assert_eq!(hand_over(&[listener], &LETTER), Handed::Refused("451 4.3.0 later".to_owned()));
        assert_eq!(server.join().unwrap()[0], "LHLO localhost\r\n");
    }

    #[test]
    fn a_mail_ends_where_it_ends_and_dots_are_doubled() {
        for (mail, wire) in [
            ("a\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
            (".\n..a\nb.\n", "..\r\n...a\r\nb.\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(mail.as_bytes()), wire.as_bytes(), "{mail:?}");
        }
    }

    #[test]
    fn a_daemon_that_does_not_take_it_is_told_from_no_daemon() {
        let (busy, server) = serve(&["421 4.3.2 too many\r\n"]);
        assert_eq!(hand_over(&[busy], &LETTER), Handed::Refused("421 4.3.2 too many".to_owned()));
        server.join().unwrap();
        let (busy, server) = serve(&["421 4.7.1 not you\r\n"]);
        let (next, taking) = serve(&[
            "220 h ESMTP bouncesvc\r\n",
            "250 h\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "354 go\r\n",
            "250 2.0.0 Ok\r\n",
        ]);
        assert_eq!(hand_over(&[busy, next], &LETTER), Handed::Taken);
        server.join().unwrap();
        taking.join().unwrap();
        let (failing, server) = serve(&["220 h ESMTP bouncesvc\r\n", "250 h\r\n", "451 4.3.0 later\r\n"]);
        assert_eq!(hand_over(&[failing], &LETTER), Handed::Refused("451 4.3.0 later".to_owned()));
        server.join().unwrap();
        let (foreign, server) = serve(&["220 h ESMTP Postfix\r\n"]);
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = Listener::smtp(socket.local_addr().unwrap());
        drop(socket);
        assert_eq!(hand_over(&[nobody, foreign], &LETTER), Handed::NoDaemon);
        assert_eq!(server.join().unwrap(), [""]);
    }
}
