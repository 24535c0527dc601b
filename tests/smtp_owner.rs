//! What the owner of a session is told beside its events: time limits, memory, and what a connection that ends means.
#![allow(clippy::unwrap_used, reason = "a test")]

use bouncesvc::smtp::{Event, Session, Settings, Verdict};
use bouncesvc::types::MessageId;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENVELOPE: &[u8] = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\n";
const MAIL: &[u8] = b"Subject: hello\r\n\r\nhello\r\n.\r\n";

fn session(settings: Settings, start: Instant) -> Session {
    Session::new(Arc::new(settings), IpAddr::V4(Ipv4Addr::LOCALHOST), start)
}

fn send(session: &mut Session, octets: &[u8], now: Instant) {
    assert_eq!(session.receive(octets, now), octets.len());
    session.output().clear();
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn a_pause_of_the_owner_is_not_the_clients_time() {
    let (start, pause) = (Instant::now(), seconds(20));
    for (data_time_max, left) in [(seconds(30), seconds(30)), (seconds(300), seconds(60))] {
        let settings = Settings { command_time_max: seconds(25), data_time_max, ..Settings::default() };
        let mut session = session(settings, start);
        session.reading_resumed(start + pause);
        assert_eq!(session.poll_timeout(), Some(start + pause + seconds(25)), "between commands");
        send(&mut session, ENVELOPE, start);
        assert_eq!(session.poll_timeout(), Some(start + left));
        session.reading_resumed(start + pause);
        assert_eq!(session.poll_timeout(), Some(start + pause + left), "of {data_time_max:?}");
    }
}

#[test]
fn the_memory_of_a_mail_counts_until_the_owner_takes_it() {
    let start = Instant::now();
    let mut session = session(Settings::default(), start);
    assert_eq!(session.mail_octets(), 0);
    send(&mut session, ENVELOPE, start);
    send(&mut session, MAIL, start);
    assert!(session.mail_octets() >= MAIL.len() - 3, "{}", session.mail_octets());
    assert!(matches!(session.poll_event(), Some(Event::Mail(_))));
    assert_eq!(session.mail_octets(), 0);
}

#[test]
fn the_end_of_a_client_whose_time_was_over_confirms_nothing() {
    let start = Instant::now();
    let mut session = session(Settings::default(), start);
    send(&mut session, ENVELOPE, start);
    send(&mut session, MAIL, start);
    assert!(matches!(session.poll_event(), Some(Event::Mail(_))));
    session.answer(Verdict::Accepted(MessageId(1)), start);
    session.handle_timeout(session.poll_timeout().unwrap());
    assert!(session.is_closed() && !session.awaits_end());
    session.input_ended();
    assert!(session.poll_event().is_none());
}
