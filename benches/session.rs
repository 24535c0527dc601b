//! How fast a session is by itself: octets through DATA, and whole sessions, on one thread without a socket.
//!
//! `cargo bench --bench session` prints a small table: the median of five runs of half a second each. What each row
//! measures is checked in the row: a run that does not lead to its mail fails.

use bouncesvc::smtp::{Event, Session, Settings, Verdict};
use bouncesvc::types::MessageId;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const RUN_TIME: Duration = Duration::from_millis(500);
/// What a server reads at a time.
const CHUNK_OCTETS: usize = 64 << 10;
const ENVELOPE: &[u8] = b"MAIL FROM:<> SIZE=6000\r\nRCPT TO:<no-reply@example.org>\r\nDATA\r\n";

fn main() {
    println!("DATA, pieces of 64 KiB                        MB/s   us a mail");
    for (name, mail) in mails() {
        let wire = [ENVELOPE, &mail, b".\r\n"].concat();
        let rate = median(|| mails_per_second(&wire));
        let megabytes = rate * as_number(mail.len()) / 1e6;
        println!("{name:42} {megabytes:7.0} {:11.2}", 1e6 / rate);
    }
    println!("\nsessions of one 6 KB mail                 sessions/s  us each");
    let mail = lines(70, 6_000);
    let session = [b"EHLO relay.example.com\r\n", ENVELOPE, &mail, b".\r\nQUIT\r\n"].concat();
    for (name, size) in [("whole", CHUNK_OCTETS), ("pieces of 1,460 octets", 1_460), ("octet by octet", 1)] {
        let rate = median(|| sessions_per_second(&session, size));
        println!("{name:42} {rate:9.0} {:8.2}", 1e6 / rate);
    }
}

fn mails() -> [(&'static str, Vec<u8>); 6] {
    [
        ("6 KB, lines of 70", lines(70, 6_000)),
        ("60 KB, lines of 70", lines(70, 60_000)),
        ("1 MB, lines of 70", lines(70, 1_000_000)),
        ("1 MB, one line", lines(1_000_000, 1_000_000)),
        ("1 MB, each line a stuffed dot", b"..\r\n".repeat(250_000)),
        (
            "1 MB, bare LF after each 70",
            lines(70, 1_000_000).iter().copied().filter(|&octet| octet != b'\r').chain(*b"\r\n").collect(),
        ),
    ]
}

/// Lines of this length, about this many octets in all.
fn lines(length: usize, octets: usize) -> Vec<u8> {
    [&vec![b'x'; length][..], b"\r\n"].concat().repeat(octets.div_ceil(length + 2))
}

fn new_session() -> Session {
    let settings = Settings { mails_per_session_max: u32::MAX, ..Settings::default() };
    Session::new(Arc::new(settings), IpAddr::V4(Ipv4Addr::LOCALHOST), Instant::now())
}

/// Mails after each other in one session.
fn mails_per_second(wire: &[u8]) -> f64 {
    let mut session = new_session();
    drive(&mut session, b"EHLO relay.example.com\r\n", CHUNK_OCTETS);
    per_second(|| assert_eq!(drive(&mut session, wire, CHUNK_OCTETS), 1))
}

fn sessions_per_second(wire: &[u8], chunk_octets: usize) -> f64 {
    per_second(|| {
        let mut session = new_session();
        assert_eq!(drive(&mut session, wire, chunk_octets), 1);
        assert!(session.is_closed());
    })
}

/// Does what an owner does; returns how many mails came.
fn drive(session: &mut Session, wire: &[u8], chunk_octets: usize) -> usize {
    let now = Instant::now();
    let mut mails = 0;
    for mut piece in wire.chunks(chunk_octets) {
        while !piece.is_empty() && session.wants_input() {
            piece = &piece[session.receive(piece, now)..];
            while let Some(event) = session.poll_event() {
                if let Event::Mail(mail) = event {
                    mails += 1;
                    black_box(&mail.head);
                    session.answer(Verdict::Accepted(MessageId(1)), now);
                }
            }
            black_box(session.output()).clear();
        }
    }
    mails
}

fn per_second(mut once: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut times = 0_u32;
    while start.elapsed() < RUN_TIME {
        once();
        times += 1;
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

fn as_number(octets: usize) -> f64 {
    u32::try_from(octets).map_or(f64::MAX, f64::from)
}
