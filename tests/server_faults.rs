//! The loop on a disk that breaks: clients keep their mails, and are served again without a restart.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/store.rs"]
mod storage;
mod support;

use bouncesvc::policy::Actions;
use bouncesvc::server::{self, Config, Listener, Settings, Setup};
use bouncesvc::store::{self, Store};
use bouncesvc::types::{Address, Timestamp};
use rustix::process::{Signal, getpid, kill_process};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use storage::disk::{Fault, MemoryDisk};
use support::smtp::{Client, soft};

fn open(disk: &MemoryDisk) -> Store {
    Store::open_on(disk.source(), Path::new("memory"), store::Settings::default(), Timestamp::default()).unwrap()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Sends one mail; the code of its answer.
fn deliver(address: SocketAddr, message_id: usize) -> String {
    let mut client = Client::connect(address);
    let reply = client.mail(&soft("full@some-provider.com", &message_id.to_string()));
    client.quit();
    reply[..3].to_owned()
}

fn survives(fault: Fault, refusal: &str) {
    let disk = MemoryDisk::new(fault);
    let address = free_address();
    let settings = Settings { listeners: vec![Listener::smtp(address)], ..Settings::default() };
    let config =
        Config { settings, tenants: support::daemon::tenants(), actions: Actions::default(), ..Config::default() };
    let store = open(&disk);
    let daemon = std::thread::spawn(move || {
        server::run(Setup { config, store, reload: Box::new(|| Err("not asked for".to_owned())) })
    });
    while TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(deliver(address, 0), "250");
    disk.break_at(1);
    assert_eq!(deliver(address, 1), refusal);
    assert_eq!(deliver(address, 1), refusal);
    disk.repair();
    disk.break_at(0);
    // The store waits a moment before it opens the database again.
    let refused = std::iter::repeat_with(|| deliver(address, 1)).take_while(|code| code != "250");
    assert!(refused.inspect(|code| assert!(code == "451" || code == "452")).count() < 1_000_000);
    assert_eq!(deliver(address, 2), "250");
    kill_process(getpid(), Signal::TERM).unwrap();
    daemon.join().unwrap().unwrap();
    let counters = open(&disk).reader().counters_of(&Address::parse("full@some-provider.com").unwrap()).unwrap();
    assert_eq!(counters[0].count, 3);
}

// One after the other: the signal that ends a loop reaches the whole process.
#[test]
fn mails_stay_at_their_sender_while_the_disk_is_broken_or_full() {
    survives(Fault::Error, "451");
    survives(Fault::SyncError, "451");
    survives(Fault::Full, "452");
}
