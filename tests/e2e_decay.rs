//! A database that decays while the daemon runs: whoever looks is told so, the daemon ends with a word when it meets the damage itself,
//! and the next start leaves the file as it is.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/store.rs"]
mod store;
mod support;

use bouncesvc::change::Batch;
use bouncesvc::store::{Settings, Store};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::process::Command;
use support::daemon::{Daemon, Site};
use support::platform::PATIENCE;
use support::smtp::{Client, soft};

const PAGE_OCTETS: usize = 4096;

/// Several times as many as the smallest cache holds: what is looked at comes from the file.
const COUNTERS: u64 = 20_000;

/// A database with soft counters, and with notifications where `is_hard` says so.
fn filled(is_hard: impl Fn(u64) -> bool) -> Site {
    // Nobody listens there: what is queued stays.
    let more = "  listen: unix:smtp.sock\n  status: {listen: '127.0.0.1:0'}\n  store: {cache_octets: 1MiB}\n";
    let site = Site::new("http://127.0.0.1:9/{address}", more);
    let settings = Settings { journal_octets_max: 0, ..Settings::default() };
    let mut store = Store::open(&site.path("bounces.redb"), settings).unwrap();
    let mails = (0..COUNTERS).map(|number| {
        let address = format!("u{number}@some-provider.com");
        store::mail(number, vec![if is_hard(number) { store::hard(&address) } else { store::soft(&address) }])
    });
    store.commit(&Batch { mails: mails.collect(), ..Batch::default() }, store::at(0)).unwrap();
    // From the journal to the table, as many as others come.
    let others = (0..COUNTERS).map(|number| store::soft(&format!("other{number}@some-provider.com"))).collect();
    let mails = vec![store::mail(COUNTERS, others)];
    store.commit(&Batch { mails, ..Batch::default() }, store::at(0)).unwrap();
    site
}

/// Spoils the contents of every page.
fn spoil(site: &Site) {
    let file = fs::OpenOptions::new().write(true).open(site.path("bounces.redb")).unwrap();
    let octets = file.metadata().unwrap().len();
    for page in (1..octets / PAGE_OCTETS as u64).map(|page| page * PAGE_OCTETS as u64) {
        file.write_all_at(&[0xee; PAGE_OCTETS - 64], page + 64).unwrap();
    }
}

fn status_of(address: SocketAddr, target: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).expect("an answer").parse().unwrap()
}

fn assert_ended_with_a_word(daemon: Daemon) {
    daemon.wait_for_line("ended by an internal error");
    assert!(!daemon.lines("internal error: panicked").is_empty());
    assert_eq!(daemon.wait().code(), Some(75));
}

#[test]
fn a_database_that_decays_ends_the_daemon_with_a_word_and_is_refused_at_the_next_start() {
    let site = filled(|_| false);
    let daemon = site.start();
    spoil(&site);
    for _ in 0..3 {
        assert_eq!(status_of(daemon.listener("HTTP"), "/"), 500);
        assert_eq!(status_of(daemon.listener("HTTP"), "/healthz"), 200);
    }
    let mut client = Client::connect(daemon.address());
    let replies = (0..COUNTERS).map(|number| {
        let address = format!("u{number}@some-provider.com");
        client.mail(&soft(&address, &address).replace("mydomain.de", "mydomain.example"))
    });
    assert!(replies.take_while(|reply| reply.starts_with("250 ")).count() < 1000, "the daemon goes on");
    assert_ended_with_a_word(daemon);
    let spoilt = fs::read(site.path("bounces.redb")).unwrap();
    for (command, code) in [("run-smtpserver", 65), ("dump-counters", 65), ("stdin", 75)] {
        let mut again = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        let again = again.arg("--config").arg(site.path("config.yml")).arg(command).output().unwrap();
        let told = String::from_utf8([again.stdout, again.stderr].concat()).unwrap();
        assert_eq!(again.status.code(), Some(code), "{told}");
        assert!(told.lines().count() == 1 && told.contains("put a backup in its place"), "{told}");
    }
    assert!(fs::read(site.path("bounces.redb")).unwrap() == spoilt);
}

#[test]
fn a_notifier_that_meets_the_damage_ends_the_daemon_as_well() {
    let site = filled(|number| number % 10 == 0);
    let daemon = site.start();
    spoil(&site);
    assert_ended_with_a_word(daemon);
}
