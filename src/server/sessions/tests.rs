use super::super::socket::Socket;
use super::super::stream::Stream;
use super::super::token::Source;
use super::*;
use crate::smtp::{Session, Settings};
use crate::types::MessageId;
use mio::net::UnixStream;
use mio::{Events, Interest, Poll};
use std::io::{Read, Write};
use std::net::Ipv4Addr;

const ROOM_OCTETS: usize = 100_000;
const MAIL_START: &str = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\n";

/// Sessions without a loop: time passes as the test says.
struct Rig {
    poll: Poll,
    sessions: Sessions,
    harvest: Harvest,
    start: Instant,
}

impl Rig {
    fn new() -> Self {
        Self::with_room(ROOM_OCTETS)
    }

    fn with_room(octets_in_flight_max: usize) -> Self {
        Self {
            poll: Poll::new().unwrap(),
            sessions: Sessions::new(octets_in_flight_max, None),
            harvest: Harvest::default(),
            start: Instant::now(),
        }
    }

    fn connect(&mut self, id: ConnectionId) -> std::os::unix::net::UnixStream {
        self.connect_with(id, |_| {})
    }

    /// With what is to be done before the session begins.
    fn connect_with(&mut self, id: ConnectionId, prepare: impl FnOnce(&mut Conn)) -> std::os::unix::net::UnixStream {
        let (client, server) = std::os::unix::net::UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        server.set_nonblocking(true).unwrap();
        let mut socket = Socket::Unix(UnixStream::from_std(server));
        let interests = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Source::Mail(id).into(), interests).unwrap();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let session = Session::new(Arc::new(Settings::default()), peer, self.start);
        let mut connection = Conn::new(Stream::new(socket), session, peer, self.start);
        prepare(&mut connection);
        self.sessions.insert(id, connection);
        client
    }

    /// Turns until there is nothing more to do, this long after the start.
    fn settle(&mut self, seconds: u64) {
        let now = self.start + Duration::from_secs(seconds);
        loop {
            let is_quiet = self.note_events() == 0;
            self.sessions.expire(now, &mut self.harvest);
            self.sessions.drive(now, 0, &mut self.harvest);
            if is_quiet && !self.sessions.has_work() {
                return;
            }
        }
    }

    /// What came since the last time; how much.
    fn note_events(&mut self) -> usize {
        let mut events = Events::with_capacity(64);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        for event in &events {
            if let Source::Mail(id) = event.token().into() {
                self.sessions.note(id, event);
            }
        }
        events.iter().count()
    }
}

fn send(client: &mut impl Write, octets: &str) {
    client.write_all(octets.as_bytes()).unwrap();
}

/// What the client has got; whether that was the end.
fn received(client: &mut impl Read) -> (String, bool) {
    let mut octets = Vec::new();
    let has_ended = client.read_to_end(&mut octets).is_ok();
    (String::from_utf8(octets).unwrap(), has_ended)
}

#[test]
fn a_silent_client_is_told_that_its_time_is_over() {
    let mut rig = Rig::new();
    let mut client = rig.connect(1);
    rig.settle(0);
    assert!(received(&mut client).0.starts_with("220 "));
    rig.settle(299);
    assert_eq!(received(&mut client), (String::new(), false));
    rig.settle(300);
    let (reply, has_ended) = received(&mut client);
    assert!(reply.starts_with("421 ") && has_ended, "{reply}");
    assert_eq!((rig.sessions.len(), rig.harvest.gone.len()), (0, 1));
}

#[test]
fn an_end_that_came_with_the_last_octets_is_seen_at_once() {
    let mut rig = Rig::new();
    let mut client = rig.connect(1);
    rig.settle(0);
    send(&mut client, "NOOP\r\n");
    client.shutdown(std::net::Shutdown::Write).unwrap();
    rig.settle(0);
    assert!(received(&mut client).0.ends_with("250 2.0.0 Ok\r\n"));
    assert_eq!((rig.sessions.len(), rig.harvest.gone.len()), (0, 1));
}

#[test]
fn only_a_mail_that_was_accepted_is_confirmed_by_what_comes_next() {
    let mut rig = Rig::new();
    let mut client = rig.connect(1);
    for (verdict, confirmed) in [
        (Verdict::TryAgain, vec![]),
        (Verdict::NoRoom, vec![]),
        (Verdict::Accepted(MessageId(1)), vec![[7; 32]]),
        (Verdict::TryAgain, vec![]),
    ] {
        send(&mut client, &format!("{MAIL_START}Subject: x\r\n\r\n.\r\n"));
        rig.settle(0);
        assert_eq!(rig.harvest.arrived.drain(..).count(), 1);
        rig.sessions.answer(1, verdict, [7; 32], rig.start);
        rig.settle(0);
        assert!(rig.harvest.confirmed.is_empty());
        send(&mut client, "NOOP\r\n");
        rig.settle(0);
        assert_eq!(std::mem::take(&mut rig.harvest.confirmed), confirmed, "{verdict:?}");
    }
}

#[test]
fn a_handshake_that_stalls_ends_by_its_timer() {
    let mut rig = Rig::new();
    let (config, start) = (certified(), rig.start);
    // Nothing at all, and the start of a record that never ends.
    for (id, octets) in [(1, &b""[..]), (2, b"\x16\x03\x01\x02\x00\x01")] {
        let mut client = rig.connect_with(id, |connection| connection.start_tls(&config, start).unwrap());
        client.write_all(octets).unwrap();
        rig.settle(0);
        rig.settle(29);
        assert_eq!(received(&mut client), (String::new(), false));
        rig.settle(30);
        assert_eq!((rig.sessions.len(), rig.harvest.gone.len()), (0, id));
        assert!(client.read(&mut [0]).is_ok_and(|octets| octets == 0));
    }
}

fn certified() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["mail.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).unwrap())
}

#[test]
fn a_crowd_of_fast_clients_shares_one_turn() {
    let mut rig = Rig::with_room(1 << 30);
    let mut crowd: Vec<_> = (0..60).map(|id| rig.connect(id)).collect();
    for client in &mut crowd {
        send(client, MAIL_START);
    }
    rig.settle(0);
    for client in &mut crowd {
        while client.write(&[b'x'; 10_000]).is_ok() {}
    }
    rig.note_events();
    rig.sessions.drive(rig.start, 0, &mut rig.harvest);
    let held = rig.sessions.book.room.octets_held();
    assert!((TURN_OCTETS_MAX..2 * TURN_OCTETS_MAX).contains(&held), "{held}");
    rig.settle(0);
    assert!(rig.sessions.book.room.octets_held() > 2 * TURN_OCTETS_MAX);
}

#[test]
fn without_room_one_mail_at_a_time_comes_in_and_all_of_them_do() {
    let mut rig = Rig::new();
    let mut clients: Vec<_> = (0..5).map(|id| rig.connect(id)).collect();
    let body = format!("{}\r\n", "x".repeat(76)).repeat(1000);
    for client in &mut clients {
        send(client, MAIL_START);
        send(client, &body[..60_000]);
    }
    rig.settle(0);
    assert!(rig.sessions.book.room.octets_held() < 3 * ROOM_OCTETS, "{}", rig.sessions.book.room.octets_held());
    for client in &mut clients {
        send(client, &body[60_000..]);
        send(client, ".\r\n");
    }
    for arrived in 1..=5 {
        rig.settle(0);
        let id = rig.harvest.arrived[arrived - 1].connection;
        rig.sessions.answer(id, Verdict::TryAgain, Digest::default(), rig.start);
    }
    rig.settle(0);
    assert_eq!((rig.harvest.arrived.len(), rig.sessions.book.room.octets_held()), (5, 0));
}

#[test]
fn those_who_hold_the_room_and_drip_leave_small_mails_their_way() {
    let mut rig = Rig::with_room(2 << 20);
    let mut crowd: Vec<_> = (0..20).map(|id| rig.connect(id)).collect();
    for octets in [MAIL_START, &"x".repeat(100_000), "y"] {
        for client in &mut crowd {
            send(client, octets);
        }
        rig.settle(0);
    }
    assert!(rig.sessions.book.room.is_short());
    let mut good = rig.connect(99);
    send(&mut good, &format!("{MAIL_START}{}\r\n.\r\n", "z".repeat(10_000)));
    rig.settle(0);
    let arrived: Vec<_> = rig.harvest.arrived.iter().map(|arrived| arrived.connection).collect();
    assert_eq!(arrived, [99]);
}

#[test]
fn those_who_hold_the_room_for_long_lose_it_to_others() {
    let mut rig = Rig::with_room(2 << 20);
    let mut crowd: Vec<_> = (0..100).map(|id| rig.connect(id)).collect();
    let mut drip = |rig: &mut Rig, seconds: std::ops::Range<u64>, octets: &str| {
        for second in seconds {
            for client in &mut crowd {
                // Those that are gone are written to in vain.
                let _ = client.write(octets.as_bytes());
            }
            rig.settle(second);
        }
    };
    drip(&mut rig, 0..1, MAIL_START);
    drip(&mut rig, 1..2, &"x".repeat(100_000));
    drip(&mut rig, 2..20, "x");
    let mut good = rig.connect(999);
    send(&mut good, &format!("{MAIL_START}{}\r\n.\r\n", "z".repeat(100_000)));
    drip(&mut rig, 20..36, "x");
    assert!(rig.harvest.arrived.iter().any(|arrived| arrived.connection == 999));
    let (last_words, _) = received(&mut crowd[0]);
    assert!(last_words.contains("\r\n421 4.3.1 "), "{last_words}");
}

#[test]
fn those_who_read_no_replies_hold_no_room_for_long() {
    let mut rig = Rig::new();
    let mut crowd: Vec<_> = (0..4).map(|id| rig.connect(id)).collect();
    for client in &mut crowd {
        // As much as the socket takes, so that input is left over when the replies can be written no more.
        while client.write(&b"EHLO client\r\n".repeat(1000)).is_ok() {}
        rig.settle(0);
        while client.write(&b"EHLO client\r\n".repeat(1000)).is_ok() {}
    }
    rig.settle(1);
    assert!(rig.sessions.book.room.octets_held() > ROOM_OCTETS / 4 * 3);
    let mut good = rig.connect(9);
    send(&mut good, &format!("{MAIL_START}{}\r\n.\r\n", "z".repeat(50_000)));
    rig.settle(2);
    rig.settle(13);
    assert!(rig.harvest.arrived.iter().any(|arrived| arrived.connection == 9));
}

#[test]
fn what_is_behind_the_head_needs_no_room() {
    let mut rig = Rig::new();
    let mut clients = [rig.connect(1), rig.connect(2)];
    for client in &mut clients {
        send(client, MAIL_START);
    }
    rig.settle(0);
    for (client, octets) in clients.iter_mut().zip([2 << 20, 100_000]) {
        let mut rest = &vec![b'x'; octets][..];
        while !rest.is_empty() {
            let written = client.write(rest).unwrap();
            rest = &rest[written..];
            rig.settle(0);
        }
    }
    send(&mut clients[0], "\r\n.\r\n");
    rig.settle(0);
    assert_eq!(rig.harvest.arrived[0].mail.octets, (2 << 20) + 2);
}

#[test]
fn a_client_that_stalls_loses_its_place_only_when_others_need_the_room() {
    let mut rig = Rig::new();
    let mut stalled = rig.connect(1);
    send(&mut stalled, MAIL_START);
    send(&mut stalled, &format!("{}\r\n", "x".repeat(76)).repeat(1000));
    rig.settle(0);
    rig.settle(60);
    assert_eq!(rig.sessions.len(), 1);
    let mut others = [rig.connect(2), rig.connect(3)];
    for client in &mut others {
        send(client, MAIL_START);
        send(client, &format!("{}\r\n", "y".repeat(76)).repeat(1000));
    }
    rig.settle(60);
    rig.settle(62);
    assert_eq!(rig.sessions.len(), 2);
    assert!(received(&mut stalled).1);
    assert!(others.iter_mut().all(|client| !received(client).1));
}

#[test]
fn new_room_lets_those_who_wait_go_on() {
    let mut rig = Rig::with_room(0);
    let mut clients = [1, 2].map(|id| rig.connect(id));
    for client in &mut clients {
        send(client, MAIL_START);
    }
    rig.settle(0);
    assert!(rig.sessions.book.room.is_short());
    rig.sessions.reload(ROOM_OCTETS, None);
    rig.settle(0);
    assert!(!rig.sessions.book.room.is_short());
    assert!(clients.iter_mut().all(|client| received(client).0.contains("\r\n354 ")));
}

#[test]
fn a_client_that_speaks_in_time_has_its_time_anew() {
    let mut rig = Rig::new();
    let mut client = rig.connect(1);
    rig.settle(0);
    for second in [200, 400, 600] {
        send(&mut client, "NOOP\r\n");
        // Also where the timers look first.
        rig.settle(second);
        rig.settle(second + 100);
        assert!(!received(&mut client).1);
    }
    rig.settle(900);
    assert!(received(&mut client).1);
}

#[test]
fn a_deadline_that_comes_nearer_is_met() {
    let mut rig = Rig::new();
    let (config, start) = (certified(), rig.start);
    let mut client = rig.connect(1);
    rig.settle(0);
    let connection = rig.sessions.connections.get_mut(&1).unwrap();
    connection.start_tls(&config, start).unwrap();
    rig.sessions.book.list(1, connection);
    rig.settle(29);
    assert!(!received(&mut client).1);
    rig.settle(30);
    assert!(received(&mut client).1 && rig.sessions.len() == 0);
}

#[test]
fn the_timers_forget_those_who_are_gone() {
    let mut rig = Rig::new();
    let _stays = rig.connect(0);
    for id in 1..=2000 {
        let client = rig.connect(id);
        rig.settle(0);
        drop(client);
        rig.settle(0);
    }
    assert_eq!((rig.sessions.len(), rig.harvest.gone.len()), (1, 2000));
    let entries = std::iter::from_fn(|| rig.sessions.book.timers.pop_due(rig.start + Duration::from_secs(300)));
    let entries: Vec<_> = entries.collect();
    assert!(entries.len() < 1100 && entries.contains(&0), "{}", entries.len());
}
