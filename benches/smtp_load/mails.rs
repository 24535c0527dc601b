//! Seeded mails: four in five a soft bounce, one in ten a hard one, one in ten none; 3 to 60 KB, most of them about 6 KB.

use std::io::Write;

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Soft,
    Hard,
    Junk,
}

/// A mail, as it is to be sent.
pub struct Mail {
    pub kind: Kind,
    /// Who failed.
    pub address: String,
}

/// Of a recipient, by number.
pub fn address_of(who: u64) -> String {
    format!("user{who}@provider{}.example", who % 50)
}

/// The generator.
pub struct Mails {
    state: u64,
    run: u64,
    number: u64,
    recipients: u64,
    padding: Vec<u8>,
}

impl Mails {
    /// `recipients` different ones; 0: each mail has its own.
    pub fn new(seed: u64, recipients: u64) -> Self {
        let line = b"Dear reader, this line of the returned message is here for its length alone, 0123456789.\r\n";
        let padding = line.iter().copied().cycle().take(line.len() * 700).collect();
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, run: seed, number: 0, recipients, padding }
    }

    /// xorshift64*.
    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }

    /// Appends the next mail with its final dot.
    pub fn append(&mut self, wire: &mut Vec<u8>) -> Mail {
        self.number += 1;
        let kind = match self.random(10) {
            0 => Kind::Junk,
            1 => Kind::Hard,
            _ => Kind::Soft,
        };
        let who = if self.recipients == 0 { self.number } else { self.random(self.recipients) };
        let address = address_of(who);
        let octets = match self.random(20) {
            0 => 20_000 + self.random(40_000),
            1..=4 => 8_000 + self.random(12_000),
            _ => 3_000 + self.random(5_000),
        };
        self.write(wire, kind, &address, usize::try_from(octets).unwrap());
        Mail { kind, address }
    }

    fn write(&self, wire: &mut Vec<u8>, kind: Kind, address: &str, octets: usize) {
        let (run, number) = (self.run, self.number);
        let start = wire.len();
        let (status, text) = match kind {
            Kind::Soft => ("5.2.2", "552 5.2.2 mailbox full"),
            Kind::Hard => ("5.1.1", "550 5.1.1 user unknown"),
            Kind::Junk => {
                write!(
                    wire,
                    "From: person@elsewhere.example\r\nTo: no-reply@mydomain.de\r\nSubject: A question\r\n\
                     Message-ID: <{run}.{number}@elsewhere.example>\r\n\r\n"
                )
                .unwrap();
                return self.pad(wire, start, octets, ".\r\n");
            }
        };
        write!(
            wire,
            "Received: from relay.mydomain.de by mx.mydomain.de; Mon, 16 Nov 2026 09:15:42 +0100\r\n\
             From: MAILER-DAEMON@relay.mydomain.de (Mail Delivery System)\r\nTo: no-reply@mydomain.de\r\n\
             Subject: Undelivered Mail Returned to Sender\r\nDate: Mon, 16 Nov 2026 09:15:42 +0100\r\n\
             Message-ID: <{run}.{number}@relay.mydomain.de>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\
             Content-Type: text/plain\r\n\r\nYour message could not be delivered to one recipient.\r\n\r\n<{address}>: {text}\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.mydomain.de\r\n\r\n\
             Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {text}\r\n\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nFrom: no-reply@mydomain.de\r\nTo: {address}\r\n\
             Subject: Your weekly summary\r\n\r\n"
        )
        .unwrap();
        self.pad(wire, start, octets, "\r\n--b--\r\n.\r\n");
    }

    fn pad(&self, wire: &mut Vec<u8>, start: usize, octets: usize, end: &str) {
        let missing = octets.saturating_sub(wire.len() - start + end.len()).min(self.padding.len());
        wire.extend_from_slice(&self.padding[..missing]);
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(end.as_bytes());
    }
}
