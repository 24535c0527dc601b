//! All mail clients: who is driven in this turn, whose time is over, and how much they may hold in memory together.

use super::conn::{Conn, Progress, Turn};
use super::timers::Timers;
use super::token::ConnectionId;
use crate::change::Digest;
use crate::smtp::{Mail, Refusal, Verdict};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The read buffer that all connections share.
const BUFFER_OCTETS: usize = 64 << 10;

/// While the mails in flight are at their limit, a client that stops within a mail for this long is dropped: it holds
/// what the others wait for. Its server keeps the mail.
const STALL_TIME_MAX: Duration = Duration::from_secs(10);

/// How often such clients are looked for.
const STALL_INTERVAL: Duration = Duration::from_secs(1);

/// A mail that was received whole and waits for its transaction.
pub(super) struct Arrived {
    /// Who waits for the answer.
    pub(super) connection: ConnectionId,
    /// The client's address.
    pub(super) peer: IpAddr,
    /// The mail.
    pub(super) mail: Mail,
}

/// The mail clients.
pub(super) struct Sessions {
    connections: HashMap<ConnectionId, Box<Conn>>,
    /// Those to be driven in the next turn.
    listed: Vec<ConnectionId>,
    /// Those that could be read from once there is room again.
    paused: Vec<ConnectionId>,
    /// The one that may read though there is no room, so that the mails in flight come to an end.
    exempt: Option<ConnectionId>,
    timers: Timers,
    buffer: Box<[u8]>,
    /// Octets of unfinished mails.
    octets_in_flight: usize,
    octets_in_flight_max: usize,
    /// Those within a mail.
    underway: usize,
    stalls_looked_for: Option<Instant>,
    /// For STARTTLS, from now on.
    tls: Option<Arc<ServerConfig>>,
}

/// What came out of a turn.
#[derive(Default)]
pub(super) struct Harvest {
    /// Mails, in the order of their coming.
    pub(super) arrived: Vec<Arrived>,
    /// Digests whose 250 the client has got.
    pub(super) confirmed: Vec<Digest>,
    /// Mails that were refused, at MAIL or after their end.
    pub(super) refused: Vec<Refusal>,
    /// The clients that are gone.
    pub(super) gone: Vec<IpAddr>,
}

impl Sessions {
    pub(super) fn new(octets_in_flight_max: usize, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            connections: HashMap::new(),
            listed: Vec::new(),
            paused: Vec::new(),
            exempt: None,
            timers: Timers::default(),
            buffer: vec![0; BUFFER_OCTETS].into_boxed_slice(),
            octets_in_flight: 0,
            octets_in_flight_max,
            underway: 0,
            stalls_looked_for: None,
            tls,
        }
    }

    /// For connections that begin with TLS.
    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    /// Takes a new connection; its greeting goes out when the listed ones are driven.
    pub(super) fn insert(&mut self, id: ConnectionId, connection: Conn) {
        self.connections.insert(id, Box::new(connection));
        self.list(id);
    }

    /// New limits, and new certificates for handshakes to come.
    pub(super) fn reload(&mut self, octets_in_flight_max: usize, tls: Option<Arc<ServerConfig>>) {
        self.octets_in_flight_max = octets_in_flight_max;
        self.tls = tls;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many are within a mail.
    pub(super) fn underway(&self) -> usize {
        self.underway
    }

    /// What mio reported about one; nothing for one that is gone.
    pub(super) fn note(&mut self, id: ConnectionId, event: &mio::event::Event) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.note(event);
            self.list(id);
        }
    }

    /// Whether some have work that no event will announce.
    pub(super) fn has_work(&self) -> bool {
        !self.listed.is_empty()
    }

    /// When the next deadline is to be looked at.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let look_for_stalls =
            self.stalls_looked_for.filter(|_| !self.paused.is_empty()).map(|last| last + STALL_INTERVAL);
        self.timers.next().into_iter().chain(look_for_stalls).min()
    }

    /// Drives those that are listed, each for its share; `octets_waiting` are those of mails that wait for their transaction.
    pub(super) fn drive(&mut self, now: Instant, octets_waiting: usize, harvest: &mut Harvest) {
        self.resume_paused(now, octets_waiting);
        self.drop_stalled(now, octets_waiting, harvest);
        for id in std::mem::take(&mut self.listed) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.is_listed = false;
                self.drive_one(id, now, octets_waiting, harvest);
            }
        }
        let connections = &self.connections;
        self.timers.sweep(connections.len(), |id| connections.contains_key(&id));
    }

    /// Acts on the deadlines that have passed; those connections are driven next.
    pub(super) fn expire(&mut self, now: Instant, harvest: &mut Harvest) {
        // Collected first: a deadline that does not move on must not hold the turn.
        let due: Vec<ConnectionId> = std::iter::from_fn(|| self.timers.pop_due(now)).collect();
        for id in due {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            connection.reminder = None;
            let is_over = match connection.deadline() {
                Some(deadline) if deadline <= now => !connection.expire(now),
                _ => false,
            };
            if is_over {
                self.remove(id, harvest);
            } else {
                self.remind(id);
                self.list(id);
            }
        }
    }

    /// Answers a mail; its client may be gone, which changes nothing about the mail.
    pub(super) fn answer(&mut self, id: ConnectionId, verdict: Verdict, digest: Digest, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answer(verdict, digest, now);
            self.list(id);
        }
    }

    /// The service stops: all of them come to their end.
    pub(super) fn shut_down(&mut self) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.shut_down();
                self.list(id);
            }
        }
    }

    fn list(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !std::mem::replace(&mut connection.is_listed, true)
        {
            self.listed.push(id);
        }
    }

    fn drive_one(&mut self, id: ConnectionId, now: Instant, octets_waiting: usize, harvest: &mut Harvest) {
        let is_full = self.is_full(octets_waiting);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if is_full && self.exempt.is_none() && connection.has_input() {
            self.exempt = Some(id);
        }
        let may_read = !is_full || self.exempt == Some(id);
        let mut turn = Turn {
            buffer: &mut self.buffer,
            now,
            may_read,
            tls: self.tls.as_ref(),
            mail: None,
            confirmed: &mut harvest.confirmed,
            refused: &mut harvest.refused,
        };
        let progress = connection.drive(&mut turn);
        if let Some(mail) = turn.mail {
            harvest.arrived.push(Arrived { connection: id, peer: connection.peer(), mail });
        }
        let waits_for_room = !may_read && connection.has_input();
        match progress {
            Progress::Over => return self.remove(id, harvest),
            Progress::More => self.list(id),
            Progress::Waiting if waits_for_room && connection.pause() => self.paused.push(id),
            Progress::Waiting => {}
        }
        self.count(id);
        self.remind(id);
    }

    /// Counts anew what a connection adds to the mails in flight.
    fn count(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_underway = connection.is_within_mail();
        let was_underway = std::mem::replace(&mut connection.is_underway, is_underway);
        self.underway = self.underway + usize::from(is_underway) - usize::from(was_underway);
        let octets = connection.octets_in_flight();
        self.octets_in_flight = self.octets_in_flight - connection.octets_counted + octets;
        connection.octets_counted = octets;
        if self.exempt == Some(id) && octets == 0 && !connection.has_input() {
            self.exempt = None;
        }
    }

    /// Makes sure that the timers look at a connection no later than at its deadline.
    fn remind(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(deadline) = connection.deadline() else { return };
        if connection.reminder.is_none_or(|reminder| deadline < reminder) {
            connection.reminder = Some(deadline);
            self.timers.push(deadline, id);
        }
    }

    fn remove(&mut self, id: ConnectionId, harvest: &mut Harvest) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.octets_in_flight -= connection.octets_counted;
        self.underway -= usize::from(connection.is_underway);
        if self.exempt == Some(id) {
            self.exempt = None;
        }
        harvest.gone.push(connection.peer());
    }

    fn is_full(&self, octets_waiting: usize) -> bool {
        self.octets_in_flight + octets_waiting >= self.octets_in_flight_max
    }

    fn resume_paused(&mut self, now: Instant, octets_waiting: usize) {
        if !self.is_full(octets_waiting) {
            self.exempt = None;
        } else if self.exempt.is_some() {
            return;
        }
        for id in std::mem::take(&mut self.paused) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.resume(now);
                self.list(id);
            }
        }
    }

    /// While others wait for room, once a second: drops those that hold an unfinished mail and send nothing.
    fn drop_stalled(&mut self, now: Instant, octets_waiting: usize, harvest: &mut Harvest) {
        let is_due = self.stalls_looked_for.is_none_or(|last| now >= last + STALL_INTERVAL);
        if !is_due || self.paused.is_empty() || !self.is_full(octets_waiting) {
            return;
        }
        self.stalls_looked_for = Some(now);
        let is_stalled = |connection: &Conn| connection.is_stalled(STALL_TIME_MAX, now);
        let stalled: Vec<ConnectionId> =
            self.connections.iter().filter(|(_, connection)| is_stalled(connection)).map(|(id, _)| *id).collect();
        for id in stalled {
            self.remove(id, harvest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket::Socket;
    use super::super::stream::Stream;
    use super::super::token::Source;
    use super::*;
    use crate::smtp::{Session, Settings};
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
            Self {
                poll: Poll::new().unwrap(),
                sessions: Sessions::new(ROOM_OCTETS, None),
                harvest: Harvest::default(),
                start: Instant::now(),
            }
        }

        fn connect(&mut self, id: ConnectionId) -> std::os::unix::net::UnixStream {
            let (client, server) = std::os::unix::net::UnixStream::pair().unwrap();
            client.set_nonblocking(true).unwrap();
            server.set_nonblocking(true).unwrap();
            let mut socket = Socket::Unix(UnixStream::from_std(server));
            let interests = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut socket, Source::Mail(id).into(), interests).unwrap();
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let session = Session::new(Arc::new(Settings::default()), peer, self.start);
            self.sessions.insert(id, Conn::new(Stream::new(socket), session, peer, self.start));
            client
        }

        /// Turns until there is nothing more to do, this long after the start.
        fn settle(&mut self, seconds: u64) {
            let now = self.start + Duration::from_secs(seconds);
            loop {
                let mut events = Events::with_capacity(64);
                self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
                for event in &events {
                    if let Source::Mail(id) = event.token().into() {
                        self.sessions.note(id, event);
                    }
                }
                self.sessions.expire(now, &mut self.harvest);
                self.sessions.drive(now, 0, &mut self.harvest);
                if events.is_empty() && !self.sessions.has_work() {
                    return;
                }
            }
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
    fn without_room_one_mail_at_a_time_comes_in_and_all_of_them_do() {
        let mut rig = Rig::new();
        let mut clients: Vec<_> = (0..5).map(|id| rig.connect(id)).collect();
        let body = format!("{}\r\n", "x".repeat(76)).repeat(1000);
        for client in &mut clients {
            send(client, MAIL_START);
            send(client, &body[..60_000]);
        }
        rig.settle(0);
        assert!(rig.sessions.octets_in_flight < 3 * ROOM_OCTETS, "{}", rig.sessions.octets_in_flight);
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
        assert_eq!((rig.harvest.arrived.len(), rig.sessions.octets_in_flight), (5, 0));
    }

    #[test]
    fn a_client_that_stalls_loses_its_place_only_when_others_need_the_room() {
        let mut rig = Rig::new();
        let mut stalled = rig.connect(1);
        send(&mut stalled, MAIL_START);
        send(&mut stalled, &format!("{}\r\n", "x".repeat(76)).repeat(700));
        rig.settle(0);
        rig.settle(60);
        assert_eq!(rig.sessions.len(), 1);
        let mut others = [rig.connect(2), rig.connect(3)];
        for client in &mut others {
            send(client, MAIL_START);
            send(client, &format!("{}\r\n", "y".repeat(76)).repeat(700));
        }
        rig.settle(60);
        rig.settle(62);
        assert_eq!(rig.sessions.len(), 2);
        assert!(received(&mut stalled).1);
        assert!(others.iter_mut().all(|client| !received(client).1));
    }
}
