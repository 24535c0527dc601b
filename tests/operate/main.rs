//! The operators' commands with the real binary: each works while the daemon runs and while it does not, with equal output.
#![allow(clippy::unwrap_used, reason = "a test")]

mod backup;
mod changes;
mod looks;
mod pipe;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod tail;

use std::process::{Command, Output};
use support::daemon::{Daemon, Site};
use support::platform::{Answer, Platform};
use support::smtp::{Client, hard, soft};

/// A bounce that nobody can read: for the quarantine.
const UNREADABLE: &str = "From: MAILER-DAEMON@relay.mydomain.de\r\nTo: no-reply@mydomain.de\r\n\
    Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <odd@relay.mydomain.de>\r\n\
    Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
    --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.mydomain.de\r\n\r\n--b--\r\n";

fn run(site: &Site, arguments: &[&str]) -> Output {
    let config = site.path("config.yml");
    Command::new(env!("CARGO_BIN_EXE_bouncesvc")).arg("--config").arg(config).args(arguments).output().unwrap()
}

fn stdout(site: &Site, arguments: &[&str]) -> String {
    let output = run(site, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn json(site: &Site, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&stdout(site, arguments)).unwrap()
}

/// Two counters, a parked notification, one mail in the quarantine, and one line of history.
fn fill(site: &Site, daemon: &Daemon, platform: &Platform) {
    let mut client = Client::connect(daemon.address());
    client.mail(&soft("a.full@some-provider.com", "1"));
    client.mail(&soft("a.full@some-provider.com", "2"));
    client.mail(&soft("b.full@other-provider.com", "3"));
    client.mail(&hard("gone@some-provider.com", "4"));
    daemon.wait_for_line("notification=delivered");
    platform.set_script(|_| Answer::status(400));
    client.mail(&hard("parked@some-provider.com", "5"));
    daemon.wait_for_line("notification=parked");
    platform.set_script(|_| Answer::status(200));
    client.mail(UNREADABLE);
    daemon.wait_for_line("action=quarantined");
    // The log tells of an attempt's end before the transaction that records it.
    while json(site, &["queue", "list", "--parked", "--format=json"]) == serde_json::json!([]) {}
    client.quit();
}
