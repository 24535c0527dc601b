//! `kill -9` at random moments under load: what was acknowledged is there exactly once, and what was not counts once when it is
//! sent again. The mail behind each suspension comes to the archive.
//!
//! `BOUNCESVC_KILLS=200 cargo test --test e2e_kill` kills that often instead of a dozen times.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/random.rs"]
mod random;
mod support;

use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirEntry, File};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;
use support::daemon::Site;
use support::platform::{PATIENCE, Platform};
use support::smtp::{Client, hard, soft};

const CLIENTS: usize = 8;

const COMES_AND_GOES: &str = "comes-and-goes";

struct Mail {
    id: String,
    address: String,
    text: String,
    is_hard: bool,
}

/// A mail of its own for each number. Of eight, two are hard bounces of new addresses, two are of an address that failed before, and one is of
/// an address that fails softly and then hard, again and again.
fn mail(kill: usize, client: usize, number: usize) -> Mail {
    let id = format!("u{kill}.{client}.{number}");
    let name = match number % 8 {
        1 | 5 => format!("again{client}"),
        2 => format!("{COMES_AND_GOES}{client}"),
        _ => id.clone(),
    };
    let address = format!("{name}@some-provider.com");
    let leaves = number % 8 == 2 && (kill + number / 8) % 3 == 2;
    let is_hard = number % 4 == 3 || leaves;
    let text = if is_hard { hard(&address, &id) } else { soft(&address, &id) };
    Mail { id, address, text, is_hard }
}

/// Sends mails until the daemon is gone, first the `open` one; says each that was acknowledged, and returns the one that may have been.
fn load(address: SocketAddr, kill: usize, client: usize, mut open: Option<Mail>, acknowledged: &Sender<Mail>) -> Mail {
    let mut number = 0;
    let mut connection = None;
    loop {
        let mail = open.take().unwrap_or_else(|| mail(kill, client, number));
        match try_to_send(&mut connection, address, &mail.text) {
            Some(reply) if reply.starts_with("250 ") => acknowledged.send(mail).unwrap(),
            _ => return mail,
        }
        number += 1;
    }
}

/// The reply to a mail; `None` when the connection broke.
fn try_to_send(connection: &mut Option<Client>, address: SocketAddr, text: &str) -> Option<String> {
    if connection.is_none() {
        let mut client = Client::on(TcpStream::connect(address).ok()?);
        client.reply();
        *connection = Some(client);
    }
    let client = connection.as_mut()?;
    for (command, code) in [
        ("EHLO client.example", "250"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<no-reply@mydomain.de>", "250"),
        ("DATA", "354"),
    ] {
        client.try_send(format!("{command}\r\n").as_bytes()).ok()?;
        client.reply().starts_with(code).then_some(())?;
    }
    client.try_send(format!("{text}.\r\n").as_bytes()).ok()?;
    Some(client.reply()).filter(|reply| !reply.is_empty())
}

/// Kills the daemon after this many acknowledgements; those, and the mails in flight, which each client sends again first of all.
fn kill_under_load(site: &Site, kill: usize, after: usize, open: Vec<Mail>) -> (Vec<Mail>, Vec<Mail>) {
    let daemon = site.start();
    let address = daemon.address();
    let (sender, acknowledged): (Sender<Mail>, Receiver<Mail>) = channel();
    let open = open.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    let clients: Vec<_> = (0..CLIENTS)
        .zip(open)
        .map(|(client, open)| {
            let sender = sender.clone();
            std::thread::spawn(move || load(address, kill, client, open, &sender))
        })
        .collect();
    drop(sender);
    let mut known: Vec<Mail> = (0..after).map(|_| acknowledged.recv().unwrap()).collect();
    daemon.kill();
    let open = clients.into_iter().map(|client| client.join().unwrap()).collect();
    known.extend(acknowledged.iter());
    (known, open)
}

/// Waits until so many files are there, not counting those that a kill left unfinished.
fn wait_for_archive(site: &Site, files: usize) {
    let deadline = Instant::now() + PATIENCE;
    let is_whole = |file: &DirEntry| !file.file_name().to_str().unwrap().starts_with('.');
    let count = |folder: PathBuf| {
        std::fs::read_dir(folder).map_or(0, |files| files.map(Result::unwrap).filter(is_whole).count())
    };
    // One folder for each first two characters of the addresses.
    let found = || (0..10).map(|digit| count(site.path("archive").join(format!("u{digit}")))).sum::<usize>();
    while found() < files {
        assert!(Instant::now() < deadline, "{} files of {files}", found());
        std::thread::yield_now();
    }
}

/// The mails of a client are in their order.
fn counters_after(mails: &[Mail]) -> BTreeMap<String, u32> {
    let mut counters = BTreeMap::new();
    for mail in mails {
        if mail.is_hard {
            counters.remove(&mail.address);
        } else {
            *counters.entry(mail.address.clone()).or_default() += 1;
        }
    }
    counters
}

fn unzipped(path: &Path) -> String {
    let mut mail = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut mail).unwrap();
    mail
}

#[test]
fn acknowledged_mails_survive_kill_9_and_count_once() {
    let kills = std::env::var("BOUNCESVC_KILLS").map_or(12, |number| number.parse().unwrap());
    let platform = Platform::answering(200);
    // The first line is the domain's.
    let more = "        temporary_threshold: 1000000\n    permanent_bounced_emails_path: archive\n";
    let site = Site::new(&platform.template(), more);
    let mut random = Random::new(20_261_121);
    let (mut taken, mut open): (Vec<Mail>, Vec<Mail>) = Default::default();
    for kill in 0..kills {
        let (known, in_flight) = kill_under_load(&site, kill, random.below(150), open);
        taken.extend(known);
        open = in_flight;
    }
    let daemon = site.start();
    for mail in open {
        assert!(Client::connect(daemon.address()).mail(&mail.text).starts_with("250 "));
        taken.push(mail);
    }
    let expected = counters_after(&taken);
    let hard_ones: Vec<&Mail> = taken.iter().filter(|mail| mail.is_hard).collect();
    let targets: BTreeSet<String> =
        hard_ones.iter().map(|mail| format!("/emails/{}/suspend", mail.address.replace('@', "%40"))).collect();
    platform.wait_for(|requests| {
        requests.iter().map(|request| &request.target).collect::<BTreeSet<_>>().len() >= targets.len()
    });
    let archived: Vec<_> = hard_ones.iter().filter(|mail| !mail.address.starts_with(COMES_AND_GOES)).collect();
    wait_for_archive(&site, archived.len());
    daemon.stop();
    for Mail { id, address, .. } in archived {
        let file = site.path("archive").join(&address[..2]).join(format!("{address}.gz"));
        assert_eq!(unzipped(&file), hard(address, id));
    }
    assert_eq!(platform.requests().into_iter().map(|request| request.target).collect::<BTreeSet<_>>(), targets);
    assert_eq!(site.counters(), expected);
}
