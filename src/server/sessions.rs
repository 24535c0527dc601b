//! All mail clients: who is driven in this turn, whose time is over, and how much they may hold in memory together.

use super::conn::{Conn, Progress, Turn};
use super::room::Room;
use super::timers::Timers;
use super::token::ConnectionId;
use crate::change::Digest;
use crate::smtp::{Mail, Refusal, Verdict};
use rustc_hash::FxHashMap;
use rustls::ServerConfig;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The read buffer that all connections share.
const BUFFER_OCTETS: usize = 64 << 10;

/// Octets that all connections may bring in one turn, and those of their replies, so that a crowd of fast clients leaves room for the
/// others; what one of them may bring is its part of it, within bounds.
const TURN_OCTETS_MAX: usize = 2 << 20;
const SHARE_OCTETS: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;

/// While others wait for room, a client that holds octets and moves none for this long is dropped. Its server keeps the mail.
const STALL_TIME_MAX: Duration = Duration::from_secs(10);

/// And so are those, the oldest first, whose mail takes longer than this, until half of the room is free.
const HOLD_TIME_MAX: Duration = Duration::from_secs(30);

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
    connections: FxHashMap<ConnectionId, Box<Conn>>,
    book: Book,
    /// Empty between turns; its memory is for the next one.
    driven: Vec<ConnectionId>,
    buffer: Box<[u8]>,
    /// For STARTTLS, from now on.
    tls: Option<Arc<ServerConfig>>,
}

/// What is kept about the connections as a whole. Apart from them, so that each event looks for its connection once.
struct Book {
    /// Those to be driven in the next turn.
    listed: Vec<ConnectionId>,
    /// For the mails in flight.
    room: Room,
    timers: Timers,
    /// Those within a mail.
    underway: usize,
    stalls_looked_for: Option<Instant>,
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
            connections: FxHashMap::default(),
            book: Book {
                listed: Vec::new(),
                room: Room::new(octets_in_flight_max),
                timers: Timers::default(),
                underway: 0,
                stalls_looked_for: None,
            },
            driven: Vec::new(),
            buffer: vec![0; BUFFER_OCTETS].into_boxed_slice(),
            tls,
        }
    }

    /// For connections that begin with TLS.
    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    /// Takes a new connection; its greeting goes out when the listed ones are driven.
    pub(super) fn insert(&mut self, id: ConnectionId, mut connection: Conn) {
        self.book.list(id, &mut connection);
        self.connections.insert(id, Box::new(connection));
    }

    /// New limits, and new certificates for handshakes to come.
    pub(super) fn reload(&mut self, octets_in_flight_max: usize, tls: Option<Arc<ServerConfig>>) {
        self.book.room.resize(octets_in_flight_max);
        self.tls = tls;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many are within a mail.
    pub(super) fn underway(&self) -> usize {
        self.book.underway
    }

    /// What mio reported about one; nothing for one that is gone.
    pub(super) fn note(&mut self, id: ConnectionId, event: &mio::event::Event) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.note(event);
            self.book.list(id, connection);
        }
    }

    /// Whether some have work that no event will announce.
    pub(super) fn has_work(&self) -> bool {
        !self.book.listed.is_empty() || self.book.room.has_next()
    }

    /// When the next deadline is to be looked at.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let Book { room, timers, stalls_looked_for, .. } = &self.book;
        let look_for_stalls = stalls_looked_for.filter(|_| room.is_short()).map(|last| last + STALL_INTERVAL);
        timers.next().into_iter().chain(look_for_stalls).min()
    }

    /// Drives those that are listed, each for its share; `octets_waiting` are those of mails that wait for their transaction.
    pub(super) fn drive(&mut self, now: Instant, octets_waiting: usize, harvest: &mut Harvest) {
        self.book.room.set_waiting(octets_waiting);
        self.make_room(now);
        self.resume_paused(now);
        let mut driven = std::mem::replace(&mut self.book.listed, std::mem::take(&mut self.driven));
        let share = (TURN_OCTETS_MAX / driven.len().max(1)).clamp(*SHARE_OCTETS.start(), *SHARE_OCTETS.end());
        for id in driven.drain(..) {
            self.drive_one(id, share, now, harvest);
        }
        self.driven = driven;
        let connections = &self.connections;
        self.book.timers.sweep(connections.len(), |id| connections.contains_key(&id));
    }

    /// Acts on the deadlines that have passed; those connections are driven next.
    pub(super) fn expire(&mut self, now: Instant, harvest: &mut Harvest) {
        // Collected first: a deadline that does not move on must not hold the turn.
        let due: Vec<ConnectionId> = std::iter::from_fn(|| self.book.timers.pop_due(now)).collect();
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
                self.book.remind(id, connection);
                self.book.list(id, connection);
            }
        }
    }

    /// Answers a mail; its client may be gone, which changes nothing about the mail.
    pub(super) fn answer(&mut self, id: ConnectionId, verdict: Verdict, digest: Digest, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answer(verdict, digest, now);
            self.book.list(id, connection);
        }
    }

    /// The service stops: all of them come to their end.
    pub(super) fn shut_down(&mut self, now: Instant) {
        for (id, connection) in &mut self.connections {
            connection.shut_down(now);
            self.book.list(*id, connection);
        }
    }

    fn drive_one(&mut self, id: ConnectionId, share: usize, now: Instant, harvest: &mut Harvest) {
        let Self { connections, book, .. } = self;
        let Some(connection) = connections.get_mut(&id) else { return };
        connection.is_listed = false;
        let octets_max = allowance(&mut book.room, id, connection);
        let mut turn = Turn {
            buffer: &mut self.buffer,
            now,
            octets_max: octets_max.min(share),
            tls: self.tls.as_ref(),
            mail: None,
            confirmed: &mut harvest.confirmed,
            refused: &mut harvest.refused,
        };
        let progress = connection.drive(&mut turn);
        if let Some(mail) = turn.mail {
            harvest.arrived.push(Arrived { connection: id, peer: connection.peer(), mail });
            connection.held_since = None;
            book.room.release(id);
        }
        let may_pause = progress == Progress::NoRoom && connection.pause();
        if progress == Progress::Over {
            return self.remove(id, harvest);
        }
        book.count(id, connection, now);
        book.remind(id, connection);
        match progress {
            Progress::More => book.list(id, connection),
            Progress::NoRoom if may_pause => book.wait_for_room(id, connection, now),
            Progress::NoRoom | Progress::Waiting | Progress::Over => {}
        }
    }

    fn remove(&mut self, id: ConnectionId, harvest: &mut Harvest) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.book.underway -= usize::from(connection.is_underway);
        self.book.room.count(connection.octets_counted, 0);
        self.book.room.release(id);
        harvest.gone.push(connection.peer());
    }

    fn resume_paused(&mut self, now: Instant) {
        for id in self.book.room.next() {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.resume(now);
                self.book.list(id, connection);
            }
        }
    }

    /// While others wait for room, once a second: drops those that hold some and do not move, or not fast enough.
    fn make_room(&mut self, now: Instant) {
        let Book { room, stalls_looked_for, .. } = &mut self.book;
        let is_due = stalls_looked_for.is_none_or(|last| now >= last + STALL_INTERVAL);
        if !is_due || !room.is_short() || room.has_room() {
            return;
        }
        *stalls_looked_for = Some(now);
        for (_, id) in self.holders(|connection| connection.is_stalled(STALL_TIME_MAX, now)) {
            self.give_up(id, now);
        }
        let is_overdue = |since: Instant| now.saturating_duration_since(since) > HOLD_TIME_MAX;
        for (since, id) in self.holders(|connection| !connection.waits_for_us()) {
            if self.book.room.is_half_free() || !is_overdue(since) {
                break;
            }
            self.give_up(id, now);
        }
    }

    /// Those that hold octets, and since when, the oldest first.
    fn holders(&mut self, mut is_wanted: impl FnMut(&mut Conn) -> bool) -> Vec<(Instant, ConnectionId)> {
        let wanted = self.connections.iter_mut().filter_map(|(id, connection)| {
            let since = connection.held_since?;
            is_wanted(connection).then_some((since, *id))
        });
        let mut holders: Vec<_> = wanted.collect();
        holders.sort_unstable();
        holders
    }

    fn give_up(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.give_up();
            self.book.count(id, connection, now);
            self.book.room.release(id);
            self.book.list(id, connection);
        }
    }
}

impl Book {
    fn list(&mut self, id: ConnectionId, connection: &mut Conn) {
        if !std::mem::replace(&mut connection.is_listed, true) {
            self.listed.push(id);
        }
    }

    fn wait_for_room(&mut self, id: ConnectionId, connection: &Conn, now: Instant) {
        self.stalls_looked_for.get_or_insert(now);
        self.room.wait(id, connection.octets_counted, connection.held_since.unwrap_or(now));
    }

    /// Counts anew what a connection adds to the mails in flight.
    fn count(&mut self, id: ConnectionId, connection: &mut Conn, now: Instant) {
        let is_underway = connection.is_within_mail();
        let was_underway = std::mem::replace(&mut connection.is_underway, is_underway);
        self.underway = self.underway + usize::from(is_underway) - usize::from(was_underway);
        let octets = connection.octets_in_flight();
        self.room.count(connection.octets_counted, octets);
        connection.octets_counted = octets;
        connection.held_since = (octets > 0).then(|| connection.held_since.unwrap_or(now));
        if octets == 0 && !connection.is_ready() {
            self.room.release(id);
        }
    }

    /// Makes sure that the timers look at a connection no later than at its deadline.
    fn remind(&mut self, id: ConnectionId, connection: &mut Conn) {
        let Some(deadline) = connection.deadline() else { return };
        if connection.reminder.is_none_or(|reminder| deadline < reminder) {
            connection.reminder = Some(deadline);
            self.timers.push(deadline, id);
        }
    }
}

/// How many octets a connection may bring as far as the room goes.
fn allowance(room: &mut Room, id: ConnectionId, connection: &Conn) -> usize {
    if connection.is_paused() {
        // What came meanwhile does not jump the queue.
        0
    } else if connection.may_grow() {
        room.allowance(id, connection.octets_counted, connection.is_ready())
    } else {
        usize::MAX
    }
}

#[cfg(test)]
mod tests;
