//! All mail clients: who is driven in this turn, whose time is over, and how much they may hold in memory together.

use super::conn::{Conn, Progress, Turn};
use super::timers::Timers;
use super::token::ConnectionId;
use crate::change::Digest;
use crate::smtp::{Mail, Verdict};
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
        while let Some(id) = self.timers.pop_due(now) {
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
        };
        let progress = connection.drive(&mut turn);
        if let Some(mail) = turn.mail {
            harvest.arrived.push(Arrived { connection: id, peer: connection.peer(), mail });
        }
        let octets = connection.octets_in_flight();
        self.octets_in_flight = self.octets_in_flight - connection.octets_counted + octets;
        connection.octets_counted = octets;
        let waits_for_room = !may_read && connection.has_input();
        if self.exempt == Some(id) && octets == 0 && !connection.has_input() {
            self.exempt = None;
        }
        match progress {
            Progress::Over => self.remove(id, harvest),
            Progress::More => self.list(id),
            Progress::Waiting if waits_for_room => {
                if connection.pause() {
                    self.paused.push(id);
                }
            }
            Progress::Waiting => {}
        }
        self.remind(id);
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

    /// At the limit, once a second: drops those that hold an unfinished mail and send nothing.
    fn drop_stalled(&mut self, now: Instant, octets_waiting: usize, harvest: &mut Harvest) {
        let is_due = self.stalls_looked_for.is_none_or(|last| now >= last + STALL_INTERVAL);
        if !is_due || !self.is_full(octets_waiting) {
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
