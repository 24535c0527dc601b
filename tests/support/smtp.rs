//! A mail client that speaks SMTP line by line, and mails for it to send.

use super::platform::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection to the daemon.
pub struct Client<S: Read + Write = TcpStream> {
    stream: BufReader<S>,
}

impl Client {
    /// Connects, without a word.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::on(stream)
    }

    /// Connects, and has greeted.
    pub fn connect(address: SocketAddr) -> Self {
        let mut client = Self::open(address);
        let greeting = client.reply();
        assert!(greeting.starts_with("220 "), "{greeting}");
        client.say("EHLO client.example", "250");
        client
    }

    /// Ends it with a reset instead of a good-bye.
    pub fn reset(self) {
        let stream = self.stream.into_inner();
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// The socket, for another thread.
    pub fn clone_stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().unwrap()
    }

    /// Sends each octet in a packet of its own.
    pub fn send_one_by_one(&mut self, text: &str) {
        self.stream.get_ref().set_nodelay(true).unwrap();
        for octet in text.as_bytes() {
            self.send(&[*octet]);
        }
    }
}

impl<S: Read + Write> Client<S> {
    /// Over any stream.
    pub fn on(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// What it speaks over.
    pub fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    /// The next reply, all of its lines; empty at the end of the connection.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            // A reset is an end, too.
            if self.stream.read_line(&mut reply).unwrap_or(0) == 0 || reply.as_bytes().get(start + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Sends octets.
    pub fn send(&mut self, octets: &[u8]) {
        self.try_send(octets).unwrap();
    }

    /// Sends octets to a server that may be gone.
    pub fn try_send(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(octets)?;
        self.stream.get_mut().flush()
    }

    /// Sends a command; its reply begins with `code`.
    pub fn say(&mut self, command: &str, code: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes());
        let reply = self.reply();
        assert!(reply.starts_with(code), "{command}: {reply}");
        reply
    }

    /// Goes on to the data of a mail from `<>` for mydomain.de.
    pub fn begin(&mut self) {
        self.say("MAIL FROM:<>", "250");
        self.say("RCPT TO:<no-reply@mydomain.de>", "250");
        self.say("DATA", "354");
    }

    /// Sends the data of a mail and its end, without waiting for the answer.
    pub fn finish(&mut self, mail: &str) {
        self.send(format!("{}\r\n.\r\n", mail.trim_end().replace("\r\n.", "\r\n..")).as_bytes());
    }

    /// Sends a mail; the last reply.
    pub fn mail(&mut self, mail: &str) -> String {
        self.begin();
        self.finish(mail);
        self.reply()
    }

    /// QUIT.
    pub fn quit(mut self) {
        self.say("QUIT", "221");
        assert_eq!(self.reply(), "");
    }
}

/// A mail that says that delivery to `address` failed for good.
pub fn hard(address: &str, message_id: &str) -> String {
    report(address, message_id, "failed", "5.1.1", "550 5.1.1 user unknown")
}

/// A mail that says that the mailbox of `address` is full.
pub fn soft(address: &str, message_id: &str) -> String {
    report(address, message_id, "failed", "5.2.2", "552 5.2.2 mailbox full")
}

/// A mail that says that our machine is on a block list.
pub fn blocked(address: &str, message_id: &str) -> String {
    report(address, message_id, "failed", "5.7.1", "550 5.7.1 Client host blocked using zen.spamhaus.org")
}

fn report(address: &str, message_id: &str, action: &str, status: &str, diagnostic: &str) -> String {
    let lines = [
        "From: MAILER-DAEMON@relay.mydomain.de",
        "To: no-reply@mydomain.de",
        "Subject: Undelivered Mail Returned to Sender",
        "Date: Mon, 16 Nov 2026 09:15:42 +0100",
        &format!("Message-ID: <{message_id}@relay.mydomain.de>"),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_1\"",
        "",
        "--=_1",
        "",
        "Your message could not be delivered.",
        "",
        "--=_1",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.mydomain.de",
        "",
        &format!("Final-Recipient: rfc822; {address}"),
        &format!("Action: {action}"),
        &format!("Status: {status}"),
        &format!("Diagnostic-Code: smtp; {diagnostic}"),
        "",
        "--=_1--",
        "",
    ];
    lines.join("\r\n")
}
