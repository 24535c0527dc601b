//! What all mails in flight may hold in memory together, and who may go on where that is reached.
//!
//! Large mails share three quarters of the room. The last quarter is for small ones, as most bounces are, so that clients who hold
//! much and send little keep out nobody else. Where that is taken, too, one client at a time goes on. Nobody is refused; who has to
//! leave when it does not get better is decided elsewhere. Knows ids and octets, no connections.

use super::token::ConnectionId;
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// What a client may hold and still count as small, in octets.
pub(super) const SMALL_OCTETS_MAX: usize = 32 << 10;

/// Of those who wait with a large mail one goes on for each so many octets that are free: all of them at once would take the room from
/// each other before any comes to an end.
const STEP_OCTETS: usize = 128 << 10;

/// The room and those who wait for some of it.
pub(super) struct Room {
    octets_max: usize,
    /// Of unfinished mails.
    octets_in_flight: usize,
    /// Of whole mails that wait for their transaction.
    octets_waiting: usize,
    /// The one that may go on though there is no room, so that the mails in flight come to an end.
    seat: Option<ConnectionId>,
    small: VecDeque<ConnectionId>,
    /// With the beginning of their mail: the youngest goes on first, since the oldest show that they do not come to an end.
    large: BTreeSet<(Instant, ConnectionId)>,
}

impl Room {
    /// All of it is free.
    pub(super) fn new(octets_max: usize) -> Self {
        let (small, large) = (VecDeque::new(), BTreeSet::new());
        Self { octets_max, octets_in_flight: 0, octets_waiting: 0, seat: None, small, large }
    }

    /// A new size.
    pub(super) fn resize(&mut self, octets_max: usize) {
        self.octets_max = octets_max;
    }

    /// So much is held by mails that wait for their transaction.
    pub(super) fn set_waiting(&mut self, octets: usize) {
        self.octets_waiting = octets;
    }

    /// A client that held `before` octets holds `after`.
    pub(super) fn count(&mut self, before: usize, after: usize) {
        self.octets_in_flight = self.octets_in_flight - before + after;
    }

    /// How many octets a client that holds `held` may bring now, if it `is_ready` to bring any.
    pub(super) fn allowance(&mut self, id: ConnectionId, held: usize, is_ready: bool) -> usize {
        if self.has_room() || self.seat == Some(id) {
            return usize::MAX;
        }
        if self.has_room_for_small() && held < SMALL_OCTETS_MAX {
            return SMALL_OCTETS_MAX - held;
        }
        if self.seat.is_none() && is_ready {
            self.seat = Some(id);
            return usize::MAX;
        }
        0
    }

    /// A client that holds `held` since `since` waits for room.
    pub(super) fn wait(&mut self, id: ConnectionId, held: usize, since: Instant) {
        if held < SMALL_OCTETS_MAX {
            self.small.push_back(id);
        } else {
            self.large.insert((since, id));
        }
    }

    /// A client is done with its mail, or gone.
    pub(super) fn release(&mut self, id: ConnectionId) {
        if self.seat == Some(id) {
            self.seat = None;
        }
    }

    /// Those who may go on, small ones first; they wait no longer.
    pub(super) fn next(&mut self) -> Vec<ConnectionId> {
        if self.has_room() {
            self.seat = None;
            let fitting = 1 + (self.shared() - self.octets_held()) / STEP_OCTETS;
            let large = std::iter::from_fn(|| self.large.pop_last()).take(fitting).map(|(_, id)| id);
            return self.small.drain(..).chain(large).collect();
        }
        if self.has_room_for_small() && !self.small.is_empty() {
            return self.small.drain(..).collect();
        }
        if self.seat.is_some() {
            return Vec::new();
        }
        let next = self.small.pop_front().or_else(|| self.large.pop_last().map(|(_, id)| id));
        next.into_iter().collect()
    }

    /// Whether [`Self::next`] has somebody.
    pub(super) fn has_next(&self) -> bool {
        let small_may = self.has_room_for_small() && !self.small.is_empty();
        self.is_short() && (self.has_room() || self.seat.is_none() || small_may)
    }

    /// Whether somebody waits.
    pub(super) fn is_short(&self) -> bool {
        !self.small.is_empty() || !self.large.is_empty()
    }

    /// Whether large mails, too, may go on.
    pub(super) fn has_room(&self) -> bool {
        self.octets_held() < self.shared()
    }

    /// Whether there is room for more than one or two who wait.
    pub(super) fn is_half_free(&self) -> bool {
        self.octets_held() < self.octets_max / 2
    }

    /// What is held.
    pub(super) fn octets_held(&self) -> usize {
        self.octets_in_flight + self.octets_waiting
    }

    /// What large mails may hold.
    fn shared(&self) -> usize {
        self.octets_max / 4 * 3
    }

    fn has_room_for_small(&self) -> bool {
        self.octets_held() < self.octets_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MAX: usize = 400_000;

    fn room(held: usize) -> Room {
        let mut room = Room::new(MAX);
        room.count(0, held);
        room
    }

    #[test]
    fn the_last_quarter_is_for_small_mails() {
        let mut room = room(MAX / 4 * 3 - 1);
        assert_eq!(room.allowance(1, 1 << 20, true), usize::MAX);
        room.count(0, 1);
        assert_eq!(room.allowance(2, 0, true), SMALL_OCTETS_MAX);
        assert_eq!(room.allowance(2, SMALL_OCTETS_MAX - 1, true), 1);
        assert_eq!(room.allowance(3, SMALL_OCTETS_MAX, false), 0);
        assert_eq!(room.allowance(3, SMALL_OCTETS_MAX, true), usize::MAX);
        assert_eq!(room.allowance(4, SMALL_OCTETS_MAX, true), 0);
    }

    #[test]
    fn without_room_one_goes_on_until_it_is_done() {
        let mut room = room(0);
        room.set_waiting(MAX);
        assert_eq!([1, 2, 1].map(|id| room.allowance(id, 0, true)), [usize::MAX, 0, usize::MAX]);
        room.wait(3, SMALL_OCTETS_MAX, Instant::now());
        room.wait(2, 0, Instant::now());
        assert!(!room.has_next() && room.is_short());
        room.release(2);
        assert!(room.next().is_empty());
        room.release(1);
        assert!(room.has_next());
        assert_eq!(room.next(), [2]);
        assert_eq!([3, 2].map(|id| room.allowance(id, 0, id == 2)), [0, usize::MAX]);
    }

    #[test]
    fn with_new_room_those_who_wait_go_on() {
        let mut room = room(MAX);
        let start = Instant::now();
        assert_eq!(room.allowance(9, 0, true), usize::MAX);
        for (id, held) in [(1, MAX / 4), (2, 0), (3, MAX / 2), (4, 0), (5, MAX / 4)] {
            room.wait(id, held, start + Duration::from_secs(if id == 3 { 9 } else { 0 }));
        }
        room.count(MAX, MAX - 1);
        assert_eq!(room.next(), [2, 4]);
        assert!(!room.has_next());
        room.wait(2, 0, start);
        room.count(MAX - 1, MAX / 4 * 3 - STEP_OCTETS);
        assert_eq!(room.next(), [2, 3, 5]);
        assert!(room.is_short() && room.has_next());
        assert_eq!(room.next(), [1]);
        assert!(!room.is_short() && !room.has_next());
    }
}
