//! The real daemon where the names of one platform are never answered for: a resolver that hangs costs that platform its notifications,
//! and nobody else anything.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use support::daemon::{Daemon, Site};
use support::platform::Platform;
use support::smtp::{Client, hard};

/// Of the loopback network, and nobody's.
const SILENT_NAMESERVER: &str = "127.253.0.53";

/// More than the threads that may wait for one name.
const ATTEMPTS: usize = 12;

/// The daemon in a mount namespace where this is the nameserver, asked for minutes; `None` where the system does not let us.
fn start(site: &Site) -> Option<Daemon> {
    let resolv_conf = site.path("resolv.conf");
    std::fs::write(&resolv_conf, format!("nameserver {SILENT_NAMESERVER}\noptions timeout:30 attempts:5\n")).unwrap();
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    shell.arg("mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"").arg(resolv_conf);
    let mut trial = Command::new(shell.get_program());
    let trial = trial.args(shell.get_args()).arg("true").stderr(Stdio::null()).status();
    if !trial.is_ok_and(|status| status.success()) {
        eprintln!("left out: this system lets no ordinary user mount in a namespace");
        return None;
    }
    shell.arg(env!("CARGO_BIN_EXE_bouncesvc"));
    Some(site.start_with(shell, &["--host", "127.0.0.1", "--port", "0"]))
}

#[test]
fn a_name_that_nobody_answers_for_costs_few_threads_and_no_other_platform() {
    let Ok(_nameserver) = UdpSocket::bind((SILENT_NAMESERVER, 53)) else {
        return eprintln!("left out: only root may listen as a nameserver");
    };
    let good = Platform::answering(200);
    let silent = "      silent.de:\n        base_url: http://platform.example/{address}\n";
    let notify = "  notify: {request_time_max: 50ms, retry_delay_min: 20ms, retry_delay_max: 20ms}\n";
    let site = Site::new(&good.template(), &format!("{silent}{notify}"));
    let Some(daemon) = start(&site) else { return };
    let mut client = Client::connect(daemon.address());
    let lost = hard("a@some-provider.com", "silent").replace("mydomain.de", "silent.de");
    assert!(client.mail(&lost).starts_with("250 "));
    for attempt in 1..=ATTEMPTS {
        daemon.wait_for_lines("domain=silent.de notification=deferred", attempt);
        let address = format!("g{attempt}@some-provider.com");
        assert!(client.mail(&hard(&address, &address)).starts_with("250 "));
        good.wait_for(|requests| requests.len() >= attempt);
    }
    let threads = daemon.threads();
    assert!(threads.len() < ATTEMPTS, "{threads:?}");
    assert!(daemon.stop().success());
}
