//! Reads a mail after 354: takes the dots away, finds the end, keeps the head (RFC 5321 §4.5.2).
//!
//! The end is CRLF `.` CRLF and nothing else, where the CRLF of the DATA command counts as the first. A bare LF or CR is text: it
//! never starts a line, so no dot behind it is taken away and none ends the mail; servers that disagree here can be
//! made to see a second mail inside the first (CVE-2023-51764 to 51766).
//! No line has a maximal length. Beyond the head nothing is kept, only counted.

use memchr::memchr2;

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const CRLF: &[u8] = b"\r\n";

/// The first piece of a head gets at least this much room, so that most mails are kept in one allocation.
const HEAD_RESERVE_OCTETS: usize = 8 << 10;

/// What it gets beyond itself, for its last line end and the odd dot: the whole head would move for them.
const HEAD_SPARE_OCTETS: usize = 256;

/// What [`is_plain`] looks at in one go.
const BLOCK_OCTETS: usize = 256;

/// The reader of one mail.
#[derive(Debug)]
pub(super) struct DataReader {
    place: Place,
    head: Vec<u8>,
    head_octets_max: usize,
    octets: u64,
    bare_line_ends: u32,
}

/// What was read of a mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Data {
    /// At most as long as the limit; dots unstuffed; bare line ends made CRLF.
    pub(super) head: Vec<u8>,
    /// The whole mail as it was sent, without dot stuffing (RFC 1870 §3).
    pub(super) octets: u64,
    /// CRs and LFs outside of CRLF.
    pub(super) bare_line_ends: u32,
}

/// What the octets before the next one were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// CRLF.
    LineStart,
    /// CRLF `.`
    Dot,
    /// CRLF `.` CR
    DotCr,
    /// So many CRs; whether they are bare shows the next octet.
    Cr(u32),
    /// Anything else.
    Text,
    /// CRLF `.` CRLF
    End,
}

impl DataReader {
    /// At the start of a mail.
    pub(super) const fn new(head_octets_max: usize) -> Self {
        Self { place: Place::LineStart, head: Vec::new(), head_octets_max, octets: 0, bare_line_ends: 0 }
    }

    /// Takes input up to the end of the mail, at most; returns how many octets it took.
    pub(super) fn receive(&mut self, input: &[u8]) -> usize {
        let mut rest = input;
        while self.place != Place::End && !rest.is_empty() {
            rest = self.step(rest);
        }
        input.len() - rest.len()
    }

    /// Whether the end was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.place == Place::End
    }

    /// The size so far.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// The memory that the head takes.
    pub(super) const fn octets_held(&self) -> usize {
        self.head.capacity()
    }

    /// Whether nothing more of the mail will be kept.
    pub(super) const fn is_head_full(&self) -> bool {
        self.room() == 0
    }

    /// What was read.
    pub(super) fn into_data(self) -> Data {
        Data { head: self.head, octets: self.octets, bare_line_ends: self.bare_line_ends }
    }

    /// One transition; returns what it left of `rest`.
    fn step<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&first, behind)) = rest.split_first() else { return rest };
        let (next, left) = match (self.place, first) {
            (Place::LineStart, b'.') => (Place::Dot, behind),
            (Place::Dot, CR) => (Place::DotCr, behind),
            (Place::DotCr, LF) => (Place::End, behind),
            // The dot was stuffing after all.
            (Place::DotCr, _) => (Place::Cr(1), rest),
            (Place::LineStart | Place::Text, CR) => (Place::Cr(1), behind),
            (Place::LineStart | Place::Dot | Place::Text, LF) => (self.bare_lf(), behind),
            (Place::LineStart | Place::Dot | Place::Text, _) => self.text(rest),
            (Place::Cr(crs), LF) => (self.line_end(crs), behind),
            (Place::Cr(crs), CR) => (Place::Cr(crs.saturating_add(1)), behind),
            (Place::Cr(crs), _) => (self.bare_crs(crs), rest),
            (Place::End, _) => (Place::End, rest),
        };
        self.place = next;
        left
    }

    fn text<'a>(&mut self, rest: &'a [u8]) -> (Place, &'a [u8]) {
        let (plain, left) = rest.split_at(plain_octets(rest));
        self.keep(plain);
        self.octets += plain.len() as u64;
        (Place::Text, left)
    }

    fn bare_lf(&mut self) -> Place {
        self.keep(CRLF);
        self.octets += 1;
        self.bare_line_ends = self.bare_line_ends.saturating_add(1);
        Place::Text
    }

    fn line_end(&mut self, crs: u32) -> Place {
        self.keep(CRLF);
        self.octets += u64::from(crs) + 1;
        self.bare_line_ends = self.bare_line_ends.saturating_add(crs - 1);
        Place::LineStart
    }

    fn bare_crs(&mut self, crs: u32) -> Place {
        let kept = (self.room() / CRLF.len() + 1).min(usize::try_from(crs).unwrap_or(usize::MAX));
        for _ in 0..kept {
            self.keep(CRLF);
        }
        self.octets += u64::from(crs);
        self.bare_line_ends = self.bare_line_ends.saturating_add(crs);
        Place::Text
    }

    fn keep(&mut self, text: &[u8]) {
        let (kept, _) = text.split_at(text.len().min(self.room()));
        if self.head.capacity() == 0 && !kept.is_empty() {
            let octets = HEAD_RESERVE_OCTETS.max(kept.len() + HEAD_SPARE_OCTETS);
            self.head.reserve(octets.min(self.head_octets_max));
        }
        self.head.extend_from_slice(kept);
    }

    const fn room(&self) -> usize {
        self.head_octets_max - self.head.len()
    }
}

/// How far `text` is to be kept as it stands: up to a bare line end, a line that starts with a dot, or a line end whose
/// other side is not there yet. It starts with neither CR nor LF.
fn plain_octets(text: &[u8]) -> usize {
    let mut plain = plain_blocks_octets(text);
    while let Some(rest) = text.get(plain..)
        && let Some(at) = memchr2(CR, LF, rest)
    {
        match rest.get(at..) {
            Some([CR, LF, next, ..]) if *next != b'.' => plain += at + CRLF.len(),
            _ => return plain + at,
        }
    }
    text.len()
}

/// How far whole blocks of `text` are plain: most mails are to their last lines, and a block costs less than a line.
fn plain_blocks_octets(text: &[u8]) -> usize {
    let mut plain = 0;
    while let Some(block) = text.get(plain..).and_then(<[u8]>::first_chunk)
        && is_plain(block)
    {
        plain += BLOCK_OCTETS;
    }
    // A line end is not torn apart.
    plain - usize::from(plain > 0 && text.get(plain - 1) == Some(&CR))
}

/// Whether up to the last two octets, which begin the next block, each CR has its LF, each LF its CR, and no line starts with a dot.
/// Without a branch, so that it is compiled to vector instructions.
fn is_plain(block: &[u8; BLOCK_OCTETS + 2]) -> bool {
    let pairs = block.iter().zip(&block[1..]).zip(&block[2..]);
    let is_odd = pairs.fold(0, |is_odd, ((&before, &octet), &behind)| {
        let ends = u8::from(octet == LF);
        let is_bare = u8::from(before == CR) ^ ends;
        let is_dotted = ends & u8::from(behind == b'.');
        is_odd | is_bare | is_dotted
    });
    is_odd == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = usize::MAX;

    /// Reads `input` in pieces of `size`; the mail, and what stands behind it.
    fn read(input: &[u8], size: usize, head_octets_max: usize) -> (Option<Data>, usize) {
        let mut reader = DataReader::new(head_octets_max);
        let taken = input.chunks(size).map(|piece| reader.receive(piece)).sum();
        (reader.is_complete().then(|| reader.into_data()), taken)
    }

    #[test]
    fn a_mail_that_comes_at_once_is_kept_where_its_first_line_went() {
        for octets in [100, 8 << 10, 40 << 10] {
            let mail = ["x".repeat(octets), "\r\n.\r\n".to_owned()].concat();
            let (data, _) = read(mail.as_bytes(), ALL, ALL);
            let room = data.unwrap().head.capacity();
            assert!(room <= HEAD_RESERVE_OCTETS.max(octets + HEAD_SPARE_OCTETS), "{octets}: {room}");
        }
    }

    #[test]
    fn only_crlf_dot_crlf_ends_a_mail() {
        for input in [
            &b"\n.\n"[..],
            b"a\n.\n",
            b"a\n.\r\n",
            b"a\r.\r\n",
            b"a\r.\r",
            b"a\r\n.\n",
            b"a\r\n.\r",
            b"a\r\n.\r\r\n",
            b"a\r\n.\rx\n",
            b"a\r\n.\n\r\n",
            b"a\r\n..\r\n",
            b"a\r\n. \r\n",
            b"a\r\n.\0\r\n",
            b"a\0.\r\n",
            b"a\n\r.\r\n",
            b"a\r\n\n.\r\n",
            b"a\r\n\r.\r\n",
            b".\n",
            b".\r",
        ] {
            for size in 1..=input.len() {
                assert_eq!(read(input, size, ALL).0, None, "{}", input.escape_ascii());
            }
        }
    }

    #[test]
    fn mails_are_unstuffed_and_normalised_at_every_chunk_size() {
        for (input, head, octets, bare) in [
            (&b".\r\n"[..], &b""[..], 0, 0),
            (b"\r\n.\r\n", b"\r\n", 2, 0),
            (b"a\r\n.\r\n", b"a\r\n", 3, 0),
            (b"..\r\n.\r\n", b".\r\n", 3, 0),
            (b"...a\r\n..b.\r\n.\r\n", b"..a\r\n.b.\r\n", 10, 0),
            (b".a\r\n.\r\n", b"a\r\n", 3, 0),
            (b"a\nb\r\n.\r\n", b"a\r\nb\r\n", 5, 1),
            (b"a\n.b\r\n.\r\n", b"a\r\n.b\r\n", 6, 1),
            (b"a\n..\r\n.\r\n", b"a\r\n..\r\n", 6, 1),
            (b"a\rb\r\n.\r\n", b"a\r\nb\r\n", 5, 1),
            (b"a\r\rb\r\n.\r\n", b"a\r\n\r\nb\r\n", 6, 2),
            (b"a\r\r\n.\r\n", b"a\r\n", 4, 1),
            (b"a\r\r\r\n..b\r\n.\r\n", b"a\r\n.b\r\n", 9, 2),
            (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\n", 6, 1),
            (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\r\nb\r\n", 7, 1),
            (b"a\r\n.\n.\r\n.\r\n", b"a\r\n\r\n.\r\n", 7, 1),
            (b"\0\xff\r\n.\r\n", b"\0\xff\r\n", 4, 0),
        ] {
            for size in 1..=input.len() {
                let data = Data { head: head.to_vec(), octets, bare_line_ends: bare };
                assert_eq!(read(input, size, ALL), (Some(data), input.len()), "{} by {size}", input.escape_ascii());
            }
        }
    }

    /// Everything that is not plain, at every place of a block and of its neighbours.
    #[test]
    fn blocks_are_read_as_single_octets_are() {
        for odd in
            ["", "\r", "\n", ".", "\r\n", "\n\r", "\r\r\n", "\n.", "\r.", "\r\n.", "\r\n..", "\r\n.\r", "\r\n.\r\n"]
        {
            for before in 0..=BLOCK_OCTETS + 4 {
                let mail = format!("{}{odd}{}\r\n.\r\n", "x".repeat(before), "y".repeat(2 * BLOCK_OCTETS));
                assert_eq!(read(mail.as_bytes(), ALL, ALL), read(mail.as_bytes(), 1, ALL), "{odd:?} at {before}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_end_is_left() {
        assert_eq!(read(b"a\r\n.\r\nQUIT\r\n", ALL, ALL).1, 6);
    }

    #[test]
    fn of_a_long_mail_the_head_is_kept_and_the_rest_counted() {
        let mail = [&b"0123456789\r\n".repeat(100_000)[..], b".\r\n"].concat();
        for limit in [0, 1, 11, 12, 13, 1000] {
            let (data, taken) = read(&mail, 4096, limit);
            let data = data.unwrap();
            assert_eq!((data.head.len(), data.octets, taken), (limit, 1_200_000, mail.len()));
            assert_eq!(data.head, mail[..limit]);
        }
    }

    #[test]
    fn a_mail_of_bare_line_ends_costs_no_more_than_its_head() {
        for octet in [CR, LF] {
            let mail = [&vec![octet; 1_000_000][..], b"\r\n.\r\n"].concat();
            let (data, _) = read(&mail, 1 << 16, 1001);
            let data = data.unwrap();
            assert_eq!((data.octets, data.bare_line_ends), (1_000_002, 1_000_000));
            assert!(data.head.len() <= 1001);
        }
    }
}
