//! The loop on a disk that breaks: clients keep their mails, and are served again without a restart.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/store.rs"]
mod storage;
mod support;

use bouncesvc::policy::Actions;
use bouncesvc::server::{self, Config, Listener, RunError, Settings, Setup};
use bouncesvc::store::{self, End, Store};
use bouncesvc::tenant::Tenants;
use bouncesvc::types::Address;
use rustix::process::{Signal, getpid, kill_process};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use storage::disk::{Fault, MemoryDisk};
use support::platform::{Answer, Platform};
use support::queue::tenant;
use support::smtp::{Client, hard, soft};

fn open(disk: &MemoryDisk) -> Store {
    Store::open_on(disk.source(), Path::new("memory"), store::Settings::default()).unwrap()
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

/// A loop that listens at this address; it ends with a signal.
fn start(disk: &MemoryDisk, tenants: Tenants) -> (SocketAddr, JoinHandle<Result<(), RunError>>) {
    let address = free_address();
    let settings = Settings { listeners: vec![Listener::smtp(address)], ..Settings::default() };
    let (tenants, actions) = (Arc::new(tenants), Actions::default());
    let config = Config { settings, tenants, actions, ..Config::default() };
    let store = open(disk);
    let daemon = std::thread::spawn(move || {
        server::run(Setup { config, store, reload: Box::new(|| Err("not asked for".to_owned())) })
    });
    while TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
    (address, daemon)
}

fn survives(fault: Fault, refusal: &str) {
    let disk = MemoryDisk::new(fault);
    let (address, daemon) = start(&disk, Tenants::new(vec![tenant("mydomain.de", "http://127.0.0.1:9/{address}")]));
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
    let reader = open(&disk).reader();
    let counters = reader.counters_of(&Address::parse("full@some-provider.com").unwrap()).unwrap();
    assert_eq!(counters[0].count, 3);
    assert_eq!(reader.totals().unwrap().digests, 0, "each sender was seen to have its 250");
}

/// The signal that ends a loop reaches the whole process: one after the other.
static ONE_LOOP: Mutex<()> = Mutex::new(());

#[test]
fn an_outcome_that_could_not_be_written_is_written_later_and_told_once() {
    let _alone = ONE_LOOP.lock();
    let disk = MemoryDisk::new(Fault::Error);
    let breaking = disk.clone();
    let platform = Platform::start(move |_| {
        breaking.break_at(1);
        Answer::status(200)
    });
    let tenants = Tenants::new(vec![tenant("mydomain.de", &platform.template())]);
    let (address, daemon) = start(&disk, tenants);
    let mut client = Client::connect(address);
    assert!(client.mail(&hard("gone@some-provider.com", "gone")).starts_with("250 "));
    platform.wait_for_count(1);
    for _ in 0..3 {
        let taken = std::iter::repeat_with(|| deliver(address, 1)).take_while(|code| code == "250");
        assert!(taken.count() < 1_000_000);
    }
    disk.break_at(0);
    disk.repair();
    let refused = std::iter::repeat_with(|| deliver(address, 2)).take_while(|code| code != "250");
    assert!(refused.count() < 1_000_000);
    client.quit();
    kill_process(getpid(), Signal::TERM).unwrap();
    daemon.join().unwrap().unwrap();
    let reader = open(&disk).reader();
    assert_eq!(reader.totals().unwrap().notifications, 0);
    let past = reader.history(None, None, 10).unwrap().rows;
    assert!(matches!(&past[..], [past] if matches!(past.end, End::Delivered { status: 200, .. })), "{past:?}");
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn mails_stay_at_their_sender_while_the_disk_is_broken_or_full() {
    let _alone = ONE_LOOP.lock();
    survives(Fault::Error, "451");
    survives(Fault::SyncError, "451");
    survives(Fault::Full, "452");
}
