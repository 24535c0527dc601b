//! Who may connect, and how much one client may ask for. Knows addresses and counts, no sockets.

use super::settings::Settings;
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Clients that were refused and are remembered, so that each is logged once a minute; beyond it they are only counted.
const REFUSED_CLIENTS_MAX: usize = 1000;

const MINUTE: Duration = Duration::from_secs(60);

/// Why a client may not connect now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refusal {
    /// Outside of `allowed_networks`.
    Network,
    /// `connections_max` is reached.
    Full,
    /// `connections_per_client_max` is reached.
    Client,
}

impl Refusal {
    /// The label in the metrics and the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Full => "connections_max",
            Self::Client => "connections_per_client_max",
        }
    }

    /// The reply before the connection is closed: temporary, so that a relay which was forgotten loses nothing.
    pub(super) fn reply(self, hostname: &str) -> String {
        let (status, text) = match self {
            Self::Network => ("4.7.1", "Your address is not allowed to connect"),
            Self::Full => ("4.3.2", "Too many connections, try again later"),
            Self::Client => ("4.7.0", "Too many connections from your address, try again later"),
        };
        format!("421 {status} {hostname} {text}\r\n")
    }
}

/// The clients that are connected or were in the last minute.
#[derive(Default)]
pub(super) struct Gate {
    clients: HashMap<IpAddr, Client>,
    connections: usize,
    /// Refused and logged in the minute from `minute_start`.
    refused: HashSet<(IpAddr, Refusal)>,
    minute_start: Option<Instant>,
}

#[derive(Default)]
struct Client {
    connections: usize,
    mails_this_minute: u32,
}

impl Gate {
    /// Counts a connection of `peer` in, or says why not. No `networks`: everybody may connect.
    pub(super) fn enter(&mut self, peer: IpAddr, networks: &[IpNet], settings: &Settings) -> Result<(), Refusal> {
        let peer = peer.to_canonical();
        if !networks.is_empty() && !networks.iter().any(|network| network.contains(&peer)) {
            return Err(Refusal::Network);
        }
        if self.connections >= settings.connections_max {
            return Err(Refusal::Full);
        }
        let client = self.clients.entry(client_of(peer)).or_default();
        if client.connections >= settings.connections_per_client_max {
            return Err(Refusal::Client);
        }
        client.connections += 1;
        self.connections += 1;
        Ok(())
    }

    /// Connections that are counted in.
    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// Counts a connection out.
    pub(super) fn leave(&mut self, peer: IpAddr) {
        self.connections -= 1;
        let client = client_of(peer);
        let Some(entry) = self.clients.get_mut(&client) else { return };
        entry.connections -= 1;
        if entry.connections == 0 && entry.mails_this_minute == 0 {
            self.clients.remove(&client);
        }
    }

    /// Counts a mail; false beyond the limit of the minute.
    pub(super) fn may_send(&mut self, peer: IpAddr, limit: Option<u32>, now: Instant) -> bool {
        let Some(limit) = limit else { return true };
        self.turn_minute(now);
        let client = self.clients.entry(client_of(peer)).or_default();
        client.mails_this_minute = client.mails_this_minute.saturating_add(1);
        client.mails_this_minute <= limit
    }

    /// Whether this refusal is to be logged: the first of its kind for the client in a minute.
    pub(super) fn is_news(&mut self, peer: IpAddr, refusal: Refusal, now: Instant) -> bool {
        self.turn_minute(now);
        self.refused.len() < REFUSED_CLIENTS_MAX && self.refused.insert((client_of(peer), refusal))
    }

    fn turn_minute(&mut self, now: Instant) {
        if self.minute_start.is_some_and(|start| now.saturating_duration_since(start) < MINUTE) {
            return;
        }
        self.minute_start = Some(now);
        self.refused.clear();
        self.clients.retain(|_, client| {
            client.mails_this_minute = 0;
            client.connections > 0
        });
    }
}

/// Who counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which is what one host gets (RFC 6177).
fn client_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn settings() -> Settings {
        Settings { connections_max: 3, connections_per_client_max: 2, ..Settings::default() }
    }

    #[test]
    fn only_allowed_networks_enter() {
        for (networks, peer, allowed) in [
            (&[][..], "192.0.2.1", true),
            (&["192.0.2.0/24"], "192.0.2.255", true),
            (&["192.0.2.0/24"], "192.0.3.0", false),
            (&["192.0.2.0/24"], "::ffff:192.0.2.1", true),
            (&["192.0.2.0/24"], "2001:db8::1", false),
            (&["192.0.2.0/24", "2001:db8::/32"], "2001:db8:1::1", true),
            (&["192.0.2.7/32"], "192.0.2.8", false),
        ] {
            let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
            let entered = Gate::default().enter(ip(peer), &networks, &settings());
            assert_eq!(entered.is_ok(), allowed, "{networks:?} {peer}");
        }
    }

    #[test]
    fn connections_are_counted_in_and_out() {
        let mut gate = Gate::default();
        let settings = settings();
        let (a, b) = (ip("2001:db8::1"), ip("192.0.2.1"));
        assert_eq!(gate.enter(a, &[], &settings), Ok(()));
        assert_eq!(gate.enter(ip("2001:db8::2"), &[], &settings), Ok(()));
        assert_eq!(gate.enter(ip("2001:db8::3"), &[], &settings), Err(Refusal::Client));
        assert_eq!(gate.enter(b, &[], &settings), Ok(()));
        assert_eq!(gate.enter(b, &[], &settings), Err(Refusal::Full));
        gate.leave(a);
        assert_eq!(gate.enter(b, &[], &settings), Ok(()));
        assert_eq!(gate.connections, 3);
        for peer in [a, b, b] {
            gate.leave(peer);
        }
        assert!(gate.clients.is_empty());
    }

    #[test]
    fn mails_are_counted_by_the_minute_even_over_new_connections() {
        let mut gate = Gate::default();
        let (peer, start) = (ip("192.0.2.1"), Instant::now());
        assert!(gate.may_send(peer, None, start));
        gate.enter(peer, &[], &settings()).unwrap();
        assert!(gate.may_send(peer, Some(2), start));
        assert!(gate.may_send(peer, Some(2), start));
        gate.leave(peer);
        assert!(!gate.may_send(peer, Some(2), start + Duration::from_secs(59)));
        assert!(gate.may_send(ip("192.0.2.2"), Some(2), start));
        assert!(gate.may_send(peer, Some(2), start + MINUTE));
        assert!(gate.may_send(peer, Some(2), start + MINUTE));
        assert!(
            !gate.may_send(peer, Some(2), start + MINUTE + Duration::from_secs(59)),
            "the next minute is a minute, too"
        );
    }

    #[test]
    fn those_who_are_gone_for_a_minute_are_forgotten() {
        let mut gate = Gate::default();
        let (connected, start) = (ip("192.0.2.1"), Instant::now());
        gate.enter(connected, &[], &settings()).unwrap();
        for last in 1..=255 {
            gate.may_send(IpAddr::from([192, 0, 2, last]), Some(2), start);
        }
        gate.may_send(connected, Some(2), start + MINUTE);
        assert_eq!(gate.clients.keys().collect::<Vec<_>>(), [&connected]);
    }

    #[test]
    fn all_addresses_of_one_host_are_one_client() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        let (one, other, stranger) = (ip("2001:db8::1"), ip("2001:db8::ffff:2"), ip("2001:db8:0:1::1"));
        assert!(gate.may_send(one, Some(1), start));
        assert!(!gate.may_send(other, Some(1), start) && gate.may_send(stranger, Some(1), start));
        assert!(gate.is_news(one, Refusal::Client, start));
        assert!(!gate.is_news(other, Refusal::Client, start) && gate.is_news(stranger, Refusal::Client, start));
    }

    #[test]
    fn a_refused_client_is_news_once_a_minute() {
        let mut gate = Gate::default();
        let (peer, start) = (ip("192.0.2.1"), Instant::now());
        assert!(gate.is_news(peer, Refusal::Network, start));
        assert!(!gate.is_news(peer, Refusal::Network, start));
        assert!(gate.is_news(peer, Refusal::Full, start));
        assert!(!gate.is_news(peer, Refusal::Network, start));
        assert!(gate.is_news(peer, Refusal::Network, start + MINUTE));
        for last in 0..=255 {
            for third in 0..=255 {
                gate.is_news(IpAddr::from([198, 18, third, last]), Refusal::Network, start + MINUTE);
            }
        }
        assert!(gate.refused.len() <= REFUSED_CLIENTS_MAX);
    }
}
