//! The loop on a slow disk: it serves its clients while a transaction waits for the disk.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/gated_disk.rs"]
mod gated_disk;
#[path = "support/store.rs"]
mod storage;
mod support;

use bouncesvc::server::{self, Config, Listener, Settings, Setup};
use bouncesvc::store::{self, Store};
use bouncesvc::types::Address;
use gated_disk::GatedDisk;
use rustix::process::{Signal, getpid, kill_process};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;
use support::smtp::{Client, soft};

/// Longer than what the loop waits for itself.
const SYNC_TIME: Duration = Duration::from_millis(3);

const CLIENTS: usize = 8;
const MAILS: usize = 10;

fn open(disk: &GatedDisk) -> Store {
    Store::open_on(disk.source(), Path::new("memory"), store::Settings::default()).unwrap()
}

fn deliver_some(address: SocketAddr, client_number: usize) {
    let mut client = Client::connect(address);
    for number in 0..MAILS {
        let reply = client.mail(&soft("full@some-provider.com", &format!("{client_number}.{number}")));
        assert!(reply.starts_with("250"), "{reply}");
    }
    client.quit();
}

#[test]
fn a_slow_disk_holds_up_only_those_who_wait_for_it() {
    let disk = GatedDisk::new(SYNC_TIME);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings { listeners: vec![Listener::smtp(address)], ..Settings::default() };
    let config = Config { settings, tenants: support::daemon::tenants(), ..Config::default() };
    let store = open(&disk);
    let daemon = std::thread::spawn(move || {
        server::run(Setup { config, store, reload: Box::new(|| Err("not asked for".to_owned())) })
    });
    while TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| std::thread::spawn(move || deliver_some(address, number))).collect();
    for client in clients {
        client.join().unwrap();
    }

    disk.hold();
    let waiting = std::thread::spawn(move || deliver_some(address, CLIENTS));
    disk.wait_for_a_sync();
    let mut other = Client::connect(address);
    other.say("NOOP", "250");
    disk.release();
    waiting.join().unwrap();
    other.quit();

    kill_process(getpid(), Signal::TERM).unwrap();
    daemon.join().unwrap().unwrap();
    let counters = open(&disk).reader().counters_of(&Address::parse("full@some-provider.com").unwrap()).unwrap();
    let mails = u64::try_from((CLIENTS + 1) * MAILS).unwrap();
    // With each fourth it escalates, and counting begins anew.
    assert_eq!(u64::from(counters[0].count), mails % 4);
}
