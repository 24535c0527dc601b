//! What a mail after 354 is, told a second time in the plainest way (RFC 5321 §4.5.2), to compare the reader with.
//!
//! Slow, whole input only, no limits: good for nothing but being seen to be right.

/// A mail read from `input`, which starts behind the line that answered 354.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// Without stuffed dots, bare line ends made CRLF.
    pub head: Vec<u8>,
    /// As sent, without stuffed dots.
    pub octets: u64,
    /// CRs and LFs outside of CRLF.
    pub bare_line_ends: u32,
    /// Where in `input` the mail's end ends.
    pub end: usize,
}

/// `None`: the mail has no end yet.
pub fn read(input: &[u8]) -> Option<Reference> {
    let whole = [b"\r\n", input].concat();
    let end = whole.windows(5).position(|window| window == b"\r\n.\r\n")?;
    let mut found = Reference { head: Vec::new(), octets: 0, bare_line_ends: 0, end: end + 3 };
    let mut rest = whole.get(2..end + 2).unwrap_or_default();
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        let line = &rest[..at];
        found.add_line(line.strip_prefix(b".").unwrap_or(line));
        rest = &rest[at + 2..];
    }
    Some(found)
}

impl Reference {
    fn add_line(&mut self, line: &[u8]) {
        self.octets += line.len() as u64 + 2;
        self.bare_line_ends += u32::try_from(line.iter().filter(|octet| b"\r\n".contains(octet)).count()).unwrap_or(0);
        let trailing_crs = line.iter().rev().take_while(|&&octet| octet == b'\r').count();
        for octet in &line[..line.len() - trailing_crs] {
            match octet {
                b'\r' | b'\n' => self.head.extend_from_slice(b"\r\n"),
                octet => self.head.push(*octet),
            }
        }
        self.head.extend_from_slice(b"\r\n");
    }
}
