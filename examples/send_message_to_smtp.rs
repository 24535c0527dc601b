//! Sends a mail to the service, for trying it out: `tests/testmail`, or the file that is given, to 127.0.0.1:2525 as a mail server would
//! send a delivery report (`MAIL FROM:<>`), and prints the dialogue.
//!
//! `cargo run --example send_message_to_smtp [FILE [HOST:PORT]]`

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testmail").to_owned());
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:2525".to_owned());
    let mail = std::fs::read(&file).map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;

    let stream =
        TcpStream::connect(&server).map_err(|error| io::Error::new(error.kind(), format!("{server}: {error}")))?;
    let mut dialogue = Dialogue { reader: BufReader::new(stream.try_clone()?), writer: stream };
    dialogue.expect("220")?;
    dialogue.say("EHLO localhost", "250")?;
    dialogue.say("MAIL FROM:<>", "250")?;
    dialogue.say("RCPT TO:<no-reply@mydomain.de>", "250")?;
    dialogue.say("DATA", "354")?;
    dialogue.writer.write_all(&on_the_wire(&mail))?;
    println!("> ({} octets)", mail.len());
    dialogue.say(".", "250")?;
    dialogue.say("QUIT", "221")
}

struct Dialogue {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Dialogue {
    fn say(&mut self, line: &str, code: &str) -> io::Result<()> {
        println!("> {line}");
        self.writer.write_all(format!("{line}\r\n").as_bytes())?;
        self.expect(code)
    }

    /// Reads a reply of one or more lines (RFC 5321 §4.2.1).
    fn expect(&mut self, code: &str) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            print!("< {line}");
            if !line.starts_with(code) {
                return Err(io::Error::other(format!("expected {code}")));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// Line ends become CRLF, and a dot that starts a line is doubled (RFC 5321 §4.5.2).
fn on_the_wire(mail: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(mail.len());
    for line in mail.strip_suffix(b"\n").unwrap_or(mail).split(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            octets.push(b'.');
        }
        octets.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        octets.extend_from_slice(b"\r\n");
    }
    octets
}
