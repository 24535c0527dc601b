//! SIGHUP with the real binary: what a new configuration changes at once, and what takes a restart.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;
use support::daemon::{Daemon, Site};
use support::platform::{Answer, PATIENCE, Platform};
use support::smtp::{Client, hard};

/// No attempt is made again by itself while a test runs.
const SLOW: &str = "  notify: {retry_delay_min: 1h, retry_delay_max: 2h}\n";

fn reload(daemon: &Daemon) {
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration was read again");
}

fn send(daemon: &Daemon, address: &str) {
    let mut client = Client::connect(daemon.address());
    client.mail(&hard(address, address));
    client.quit();
}

/// Whether `/healthz` is answered at `address`.
fn is_healthy(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ")
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn listening_on(address: SocketAddr) -> String {
    format!("  status: {{listen: '{address}'}}\n")
}

#[test]
fn what_waits_for_a_platform_that_was_down_is_told_at_once_to_the_right_one() {
    let nowhere = format!("http://{}/{{address}}", free_address());
    let right = Platform::answering(200);
    let site = Site::new(&nowhere, SLOW);
    let daemon = site.start();
    send(&daemon, "gone@some-provider.com");
    daemon.wait_for_line("notification=deferred");
    site.configure(&right.template(), SLOW);
    reload(&daemon);
    assert_eq!(right.wait_for_count(1)[0].target, "/emails/gone%40some-provider.com/suspend");
    daemon.wait_for_line("notification=delivered");
    daemon.stop();
    assert_eq!(right.requests().len(), 1);
}

#[test]
fn a_token_that_was_wrong_is_right_at_once() {
    let platform = Platform::start(|request| match request.header("authorization") {
        Some("right") => Answer::status(200),
        _ => Answer::status(401),
    });
    let header = format!("        headers: {{Authorization: {{file: token}}}}\n{SLOW}");
    let site = Site::new(&platform.template(), &header);
    std::fs::write(site.path("token"), "wrong").unwrap();
    let daemon = site.start();
    send(&daemon, "gone@some-provider.com");
    daemon.wait_for_line("notification=deferred");
    std::fs::write(site.path("token"), "right").unwrap();
    reload(&daemon);
    daemon.wait_for_line("notification=delivered");
    assert_eq!(platform.requests().len(), 2);
}

#[test]
fn a_change_is_told_once_and_the_listener_of_the_command_line_is_none() {
    let nowhere = format!("http://{}/{{address}}", free_address());
    let site = Site::new(&nowhere, "");
    let daemon = site.start();
    site.configure(&nowhere, "  smtp: {errors_max: 7}\n");
    for reloads in 1..=2 {
        daemon.signal(Signal::HUP);
        daemon.wait_for_lines("the configuration was read again", reloads);
    }
    assert_eq!(daemon.lines("changed: production.smtp.errors_max: 20 -> 7").len(), 1);
    assert_eq!(daemon.lines("takes a restart"), [""; 0]);
    daemon.stop();
}

#[test]
fn another_database_takes_a_restart() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    let config = std::fs::read_to_string(site.path("config.yml")).unwrap();
    std::fs::write(site.path("config.yml"), config.replace("bounces.redb", "others.redb")).unwrap();
    reload(&daemon);
    daemon.wait_for_line("dbfile was changed, which takes a restart");
    assert!(!site.path("others.redb").exists());
    daemon.stop();
}

#[test]
fn mails_that_could_not_be_archived_are_archived_at_once_in_the_right_folder() {
    let platform = Platform::answering(200);
    let archive = |folder: &str| format!("    permanent_bounced_emails_path: {folder}\n");
    let site = Site::new(&platform.template(), &archive("file/below"));
    std::fs::write(site.path("file"), "no folder").unwrap();
    let daemon = site.start();
    for number in 0..6 {
        send(&daemon, &format!("gone{number}@some-provider.com"));
    }
    daemon.wait_for_line("the archive cannot be written, it rests");
    assert!(daemon.wait_for_line("cannot be archived").contains(&*site.path("file/below").to_string_lossy()));
    site.configure(&platform.template(), &archive("right"));
    reload(&daemon);
    assert!(daemon.wait_for_line("production.handler.permanent_bounced_emails_path").contains("right"));
    let all = |number: usize| site.path(&format!("right/go/gone{number}@some-provider.com.gz")).exists();
    let given_up = Instant::now() + PATIENCE;
    while !(0..6).all(all) && Instant::now() < given_up {
        std::thread::yield_now();
    }
    assert!((0..6).all(all));
    daemon.stop();
}

#[test]
fn a_platform_that_is_told_as_before_is_left_to_its_delays() {
    let platform = Platform::answering(500);
    let site = Site::new(&platform.template(), SLOW);
    let daemon = site.start();
    send(&daemon, "gone@some-provider.com");
    daemon.wait_for_line("notification=deferred");
    site.configure(&platform.template(), &format!("{SLOW}  smtp: {{bare_line_ends: reject}}\n"));
    reload(&daemon);
    // What comes later is told first: nothing else was due.
    send(&daemon, "later@some-provider.com");
    let targets: Vec<_> = platform.wait_for_count(2).into_iter().map(|request| request.target).collect();
    assert!(targets[1].contains("later"), "{targets:?}");
}

#[test]
fn a_status_listener_that_is_removed_or_moved_stays_until_the_restart() {
    let (old, new) = (free_address(), free_address());
    let site = Site::new("http://127.0.0.1:9/{address}", &listening_on(old));
    let daemon = site.start();
    assert!(is_healthy(old));
    for (more, warning) in [(String::new(), "status"), (listening_on(new), "status.listen")] {
        site.configure("http://127.0.0.1:9/{address}", &more);
        daemon.signal(Signal::HUP);
        daemon.wait_for_line(&format!("{warning} was changed, which takes a restart"));
        assert!(is_healthy(old) && !is_healthy(new), "{warning}");
    }
    daemon.stop();
    let daemon = site.start();
    assert!(is_healthy(new) && !is_healthy(old));
    daemon.stop();
}

#[test]
fn a_status_listener_that_is_added_waits_for_the_restart() {
    let address = free_address();
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    site.configure("http://127.0.0.1:9/{address}", &listening_on(address));
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("status was changed, which takes a restart");
    assert!(!is_healthy(address));
    Client::connect(daemon.address()).quit();
    daemon.stop();
    let daemon = site.start();
    assert!(is_healthy(address));
    daemon.stop();
}

#[test]
fn a_new_limit_of_the_size_holds_for_the_next_client() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    site.configure("http://127.0.0.1:9/{address}", "  smtp: {message_octets_max: 3MiB}\n");
    reload(&daemon);
    let mut client = Client::connect(daemon.address());
    client.say(&format!("MAIL FROM:<> SIZE={}", (3 << 20) + 1), "552");
    client.say(&format!("MAIL FROM:<> SIZE={}", 3 << 20), "250");
    daemon.stop();
}

/// The way back was once told to take a restart, too.
#[test]
fn a_database_of_another_name_takes_a_restart_and_the_open_one_takes_none() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    let text = std::fs::read_to_string(site.path("config.yml")).unwrap();
    for (reloads, name) in [(1, "other.redb"), (2, "bounces.redb")] {
        std::fs::write(site.path("config.yml"), text.replace("bounces.redb", name)).unwrap();
        daemon.signal(Signal::HUP);
        daemon.wait_for_lines("the configuration was read again", reloads);
        assert_eq!(daemon.lines("dbfile was changed, which takes a restart").len(), 1, "{name}");
    }
    daemon.stop();
}
