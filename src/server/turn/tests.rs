//! What a turn of the loop does by itself, and what it does not leave undone.

use super::*;
use crate::server::{Endpoint, Listener, Settings, Tls, TlsFiles, UnixSocket};
use crate::store;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use tempfile::TempDir;

/// Nothing of a mail in flight finds room, but one mail.
const NO_ROOM: usize = 0;

/// Many more than anything takes.
const TURNS_MAX: usize = 10_000;

/// A daemon on a database of its own, which a test turns by hand.
struct Loop {
    server: Server,
    folder: TempDir,
}

impl Loop {
    /// Without listeners.
    fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), Settings { listeners: Vec::new(), ..Settings::default() })
    }

    /// With a socket that takes mail, and this room for mails in flight.
    fn start_listening(room: usize) -> Self {
        Self::start_listening_with(|settings| settings.mails_in_flight_octets_max = room)
    }

    fn start_listening_with(configure: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::Unix(UnixSocket { path: folder.path().join("smtp.sock"), group: None });
        let listeners = vec![Listener { endpoint, ..Listener::smtp(([0, 0, 0, 0], 0).into()) }];
        let mut settings = Settings { listeners, ..Settings::default() };
        configure(&mut settings);
        Self::start_with(folder, settings)
    }

    fn start_with(folder: TempDir, settings: Settings) -> Self {
        let store = Store::open(&folder.path().join("database"), store::Settings::default()).unwrap();
        let config = Config { settings, ..Config::default() };
        let reload: Reload = Box::new(|| Err("not asked for".to_owned()));
        Self { server: Server::start(Setup { config, store, reload }).unwrap(), folder }
    }

    fn turn_until(&mut self, mut is_so: impl FnMut(&Server) -> bool) {
        let mut turns = 0..TURNS_MAX;
        while !is_so(&self.server) {
            turns.next().expect("what was wanted did not come");
            self.server.turn().unwrap();
        }
    }

    /// A client that has sent its mail up to this piece of its data.
    fn client(&self, data: &str) -> UnixStream {
        let mut client = UnixStream::connect(self.folder.path().join("smtp.sock")).unwrap();
        write!(client, "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@mydomain.de>\r\nDATA\r\n{data}").unwrap();
        client
    }
}

/// Whether this is among what a client is told next.
fn has_got(mut client: &UnixStream, text: &str) -> bool {
    let mut replies = [0; 4096];
    client.set_nonblocking(true).unwrap();
    let octets = client.read(&mut replies).unwrap_or(0);
    String::from_utf8_lossy(&replies[..octets]).contains(text)
}

const MAIL: &str = "Subject: hello\r\n\r\nhello\r\n.\r\n";

#[test]
fn the_database_is_kept_tidy_once_the_time_has_come() {
    let Loop { mut server, .. } = Loop::start();
    assert!(server.timeout().is_some_and(|timeout| !timeout.is_zero() && timeout <= TIDY_INTERVAL));
    assert!(server.next_job(Instant::now()).is_none());
    let now = Instant::now();
    server.tidy_at = now;
    assert_eq!(server.timeout(), Some(Duration::ZERO), "the loop wakes up for it");
    server.turn().unwrap();
    assert!(server.tidy_at >= now + TIDY_INTERVAL, "a slice was done, and the next one is planned");
    server.finish().unwrap();
}

#[test]
fn the_loop_wakes_up_when_accepting_may_go_on() {
    let Loop { mut server, .. } = Loop::start();
    let now = Instant::now();
    server.tidy_at = now + 2 * TIDY_INTERVAL;
    assert!(server.timeout().is_none_or(|timeout| timeout > TIDY_INTERVAL));
    server.listeners.rest(&io::ErrorKind::Other.into(), now);
    assert!(server.timeout().is_some_and(|timeout| timeout < TIDY_INTERVAL));
    server.finish().unwrap();
}

#[test]
fn a_mail_that_is_whole_at_the_end_is_answered() {
    let mut daemon = Loop::start_listening(1 << 20);
    let client = daemon.client(MAIL);
    let now = Instant::now();
    while !daemon.server.ledger.has_mails() {
        daemon.server.wait().unwrap();
        daemon.server.accept(now);
        daemon.server.drive(now);
    }
    assert!(!has_got(&client, "queued as"));
    daemon.server.finish().unwrap();
    assert!(has_got(&client, "queued as"));
}

#[test]
fn a_new_size_of_the_room_holds_for_those_who_wait() {
    let mut daemon = Loop::start_listening(NO_ROOM);
    let unfinished = daemon.client("Subject: a part\r\n");
    daemon.turn_until(|server| server.sessions.underway() == 1);
    let settings = Settings { mails_in_flight_octets_max: 1 << 20, ..daemon.server.config.settings.clone() };
    daemon.server.reload = Box::new(move || Ok(Config { settings: settings.clone(), ..Config::default() }));
    daemon.server.reload();
    let whole = daemon.client(MAIL);
    daemon.turn_until(|_| has_got(&whole, "queued as"));
    assert_eq!(daemon.server.sessions.underway(), 1, "nobody had to leave for it");
    drop(unfinished);
    daemon.server.finish().unwrap();
}

#[test]
fn those_who_come_and_go_are_counted() {
    let mut daemon = Loop::start_listening(1 << 20);
    let mut client = daemon.client("");
    daemon.turn_until(|server| server.sessions.underway() == 1);
    let connections = &daemon.server.metrics.connections;
    assert_eq!((connections.accepted, connections.open), (1, 1));
    client.shutdown(std::net::Shutdown::Both).unwrap();
    daemon.turn_until(|server| server.sessions.len() == 0);
    assert_eq!(daemon.server.metrics.connections.open, 0);

    daemon.server.config.settings.connections_max = 0;
    client = daemon.client("");
    daemon.turn_until(|server| !server.metrics.connections.refused.is_empty());
    assert_eq!(daemon.server.metrics.connections.refused["connections_max"], 1);
    assert!(has_got(&client, "421 4.3.2 "));
    daemon.server.finish().unwrap();
}

/// Who may write to a UNIX socket, its file says.
#[test]
fn the_allowed_networks_are_for_those_who_come_over_a_network() {
    let mut daemon = Loop::start_listening(1 << 20);
    daemon.server.config.settings.allowed_networks = vec!["192.0.2.0/24".parse().unwrap()];
    let client = daemon.client(MAIL);
    daemon.turn_until(|_| has_got(&client, "queued as"));
    daemon.server.finish().unwrap();
}

#[test]
fn a_mail_beyond_the_rate_of_its_client_is_put_off_and_counted() {
    let mut daemon = Loop::start_listening(1 << 20);
    daemon.server.config.settings.mails_per_minute_per_client_max = Some(0);
    let client = daemon.client(MAIL);
    daemon.turn_until(|_| has_got(&client, "451 4.3.0 "));
    assert_eq!(daemon.server.metrics.deferred[&451], 1);
    assert!(!daemon.server.ledger.has_mails());
    daemon.server.finish().unwrap();
}

#[test]
fn a_client_that_waits_for_tls_is_turned_away_without_a_word_in_the_clear() {
    let files = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["mail.example".to_owned()]).unwrap();
    let [certificate, key] = ["certificate", "key"].map(|name| files.path().join(name));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut daemon = Loop::start_listening_with(|settings| {
        settings.tls = Some(TlsFiles { certificate, key });
        settings.listeners[0].tls = Tls::Implicit;
        settings.connections_max = 0;
    });
    let mut client = UnixStream::connect(daemon.folder.path().join("smtp.sock")).unwrap();
    daemon.turn_until(|server| !server.metrics.connections.refused.is_empty());
    assert_eq!(client.read(&mut [0; 100]).unwrap(), 0);
    daemon.server.finish().unwrap();
}
