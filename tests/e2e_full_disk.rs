//! The real daemon on a real file system that has no room left: senders keep their mails, operators can look, and once there is room
//! mails are taken again without a restart. In the end each mail that was acknowledged counts exactly once.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/small_disk.rs"]
mod small_disk;
mod support;

use small_disk::SmallDisk;
use std::collections::BTreeSet;
use std::process::Command;
use support::daemon::{Daemon, Site};
use support::smtp::{Client, hard, soft};

/// Room for a fresh database and some thousand rows.
const DISK_OCTETS: usize = 8 << 20;

/// A daemon's configuration and what its operator sees; the database lies on the small disk.
struct Story {
    disk: SmallDisk,
    site: Site,
    /// What was acknowledged.
    soft: BTreeSet<String>,
    hard: BTreeSet<String>,
    mails: usize,
}

impl Story {
    fn begin() -> Option<Self> {
        let disk = SmallDisk::mount(DISK_OCTETS)?;
        // Nobody listens there: what is queued stays.
        let site = Site::new("http://127.0.0.1:9/{address}", "  control: {path: control.sock}\n");
        let config = std::fs::read_to_string(site.path("config.yml")).unwrap();
        let database = disk.path("bounces.redb");
        let config = config.replace("dbfile: bounces.redb", &format!("dbfile: {}", database.display()));
        std::fs::write(site.path("config.yml"), config).unwrap();
        Some(Self { disk, site, soft: BTreeSet::new(), hard: BTreeSet::new(), mails: 0 })
    }

    /// Sends a new mail, every other one a hard bounce; its answer.
    fn send(&mut self, client: &mut Client) -> String {
        let address = format!("u{}@some-provider.com", self.mails);
        let is_hard = self.mails.is_multiple_of(2);
        let reply = client.mail(&if is_hard { hard(&address, &address) } else { soft(&address, &address) });
        if reply.starts_with("250 ") {
            self.mails += 1;
            if is_hard {
                self.hard.insert(address)
            } else {
                self.soft.insert(address)
            };
        }
        reply
    }

    /// The addresses in the output of a command for operators.
    fn listed(&self, arguments: &[&str]) -> Vec<(String, Option<u64>)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        let output = command.arg("--config").arg(self.site.path("config.yml")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        rows.iter().map(|row| (row["address"].as_str().unwrap().to_owned(), row["count"].as_u64())).collect()
    }

    /// Counters and queue hold what was acknowledged, each once, and nothing else.
    fn assert_exact(&self) {
        let counters = self.listed(&["dump-counters", "--format", "json"]);
        let expected: Vec<_> = self.soft.iter().map(|address| (address.clone(), Some(1))).collect();
        assert_eq!(counters, expected);
        let mut queue = self.listed(&["queue", "list", "--format", "json"]);
        queue.sort();
        let expected: Vec<_> = self.hard.iter().map(|address| (address.clone(), None)).collect();
        assert_eq!(queue, expected);
    }

    /// Fills the disk and sends until it shows.
    fn fill(&mut self, client: &mut Client) {
        self.disk.fill();
        let refusal = (0..10_000).map(|_| self.send(client)).find(|reply| !reply.starts_with("250 "));
        assert!(refusal.is_some_and(|reply| reply.starts_with("452 ")));
    }

    /// Makes room, and sends until a mail is taken.
    fn relieve(&mut self, client: &mut Client) {
        self.disk.free();
        // The store waits a moment before it opens the database again.
        let refused = std::iter::repeat_with(|| self.send(client)).take_while(|reply| !reply.starts_with("250 "));
        assert!(refused.inspect(|reply| assert!(reply.starts_with("452 "), "{reply}")).count() < 1_000_000);
    }

    fn start(&self) -> (Daemon, Client) {
        let daemon = self.site.start();
        let client = Client::connect(daemon.address());
        (daemon, client)
    }
}

#[test]
fn a_full_disk_refuses_mails_until_there_is_room_and_loses_none() {
    let Some(mut story) = Story::begin() else { return };
    let (daemon, mut client) = story.start();
    for _ in 0..20 {
        assert!(story.send(&mut client).starts_with("250 "));
    }
    for _ in 0..3 {
        story.fill(&mut client);
        story.assert_exact();
        // A database that is opened anew may give back a little room.
        for _ in 0..20 {
            let reply = story.send(&mut client);
            assert!(reply.starts_with("452 ") || reply.starts_with("250 "), "{reply}");
        }
        story.assert_exact();
        story.relieve(&mut client);
        for _ in 0..20 {
            assert!(story.send(&mut client).starts_with("250 "));
        }
        story.assert_exact();
    }
    assert!(daemon.stop().success());
}

#[test]
fn a_daemon_killed_while_the_disk_is_full_comes_up_again_and_loses_none() {
    let Some(mut story) = Story::begin() else { return };
    let (daemon, mut client) = story.start();
    story.fill(&mut client);
    daemon.kill();
    let (daemon, mut client) = story.start();
    story.assert_exact();
    story.fill(&mut client);
    story.relieve(&mut client);
    story.assert_exact();
    assert!(daemon.stop().success());
}

#[test]
fn a_database_that_was_taken_away_is_not_made_anew_while_the_daemon_runs() {
    let Some(mut story) = Story::begin() else { return };
    let (daemon, mut client) = story.start();
    assert!(story.send(&mut client).starts_with("250 "));
    story.fill(&mut client);
    let (database, aside) = (story.disk.path("bounces.redb"), story.site.path("aside"));
    std::fs::copy(&database, &aside).unwrap();
    std::fs::remove_file(&database).unwrap();
    // Once more without room: the file is opened again, or would be.
    let mut replies = std::iter::repeat_with(|| story.send(&mut client)).take(1_000_000);
    assert!(replies.any(|reply| reply.starts_with("451 ")), "it was made anew, or never missed");
    story.disk.free();
    for _ in 0..20 {
        let reply = story.send(&mut client);
        assert!(reply.starts_with("45"), "{reply}");
    }
    assert!(!database.exists());
    std::fs::copy(&aside, &database).unwrap();
    let mut refused = std::iter::repeat_with(|| story.send(&mut client)).take(1_000_000);
    assert!(refused.any(|reply| reply.starts_with("250 ")));
    story.assert_exact();
    assert!(daemon.stop().success());
}
