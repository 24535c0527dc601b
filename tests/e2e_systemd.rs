//! The daemon under a service manager, whose side of sd_notify(3) and sd_listen_fds(3) the tests play.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::Signal;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use support::daemon::{Daemon, Site};
use support::platform::PATIENCE;
use support::smtp::{Client, soft};

const NOWHERE: &str = "http://127.0.0.1:9/{address}";
const BINARY: &str = env!("CARGO_BIN_EXE_bouncesvc");

/// The next message in which some line begins so.
fn message_with(socket: &UnixDatagram, start: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let octets = socket.recv(&mut buffer).unwrap();
        let message = String::from_utf8_lossy(&buffer[..octets]).into_owned();
        if message.lines().any(|line| line.starts_with(start)) {
            return message;
        }
    }
}

#[test]
fn the_service_manager_is_told_what_goes_on() {
    let site = Site::new(NOWHERE, "  listen: 127.0.0.1:0\n");
    let path = site.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = Command::new(BINARY);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
    let daemon = site.start_with(command, &[]);
    message_with(&socket, "READY=1");
    let report = message_with(&socket, "WATCHDOG=1");
    assert!(report.contains("STATUS=0 mails a minute, 0 connections, 0 notifications in the queue"), "{report}");
    message_with(&socket, "WATCHDOG=1");
    daemon.signal(Signal::HUP);
    let reloading = message_with(&socket, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    message_with(&socket, "READY=1");
    daemon.signal(Signal::TERM);
    message_with(&socket, "STOPPING=1");
    assert!(daemon.wait().success());
}

/// Starts the daemon with `socket` as the first that the service manager hands over.
fn start_activated(site: &Site, socket: impl Into<OwnedFd>) -> Daemon {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"", BINARY]);
    shell.stdin(socket.into());
    site.start_with(shell, &[])
}

#[test]
fn a_restart_with_socket_activation_refuses_no_connection() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let site = Site::new(NOWHERE, &format!("  listen: {address}\n"));
    let daemon = start_activated(&site, socket.try_clone().unwrap());
    assert_eq!(daemon.address(), address);
    Client::connect(address).mail(&soft("full@some-provider.com", "1"));
    assert!(daemon.stop().success());
    let mut between = Client::open(address);
    let daemon = start_activated(&site, socket);
    assert!(between.reply().starts_with("220 "));
    between.say("EHLO client.example", "250");
    assert!(between.mail(&soft("full@some-provider.com", "2")).starts_with("250 "));
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(2));
}

#[test]
fn the_folders_of_the_service_manager_hold_the_control_socket_and_secrets() {
    let site = Site::new(NOWHERE, "        headers: {Authorization: {file: token}}\n");
    std::fs::create_dir(site.path("credentials")).unwrap();
    std::fs::write(site.path("credentials/token"), "secret").unwrap();
    let run = |command: &str, variable: &str| {
        let mut program = Command::new(BINARY);
        program.arg("--config").arg(site.path("config.yml")).arg(command).env(variable, site.path("credentials"));
        let output = program.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    assert!(run("check-config", "CREDENTIALS_DIRECTORY").0 && !run("check-config", "OTHER").0);
    let socket = format!("path: {}", site.path("credentials/control.sock").display());
    assert!(run("print-config", "RUNTIME_DIRECTORY").1.contains(&socket));
    assert!(run("print-config", "OTHER").1.contains("bounces.redb.sock"));
}

#[test]
fn the_journal_gets_priorities_and_no_times() {
    let site = Site::new(NOWHERE, "  listen: 127.0.0.1:0\n");
    let mut shell = Command::new("sh");
    let script = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1) exec \"$0\" \"$@\"";
    shell.args(["-c", script, BINARY]);
    let daemon = site.start_with(shell, &[]);
    assert_eq!(daemon.wait_for_line("ready"), "<6>ready");
    daemon.stop();
}

#[test]
fn the_log_can_be_json() {
    let site = Site::new(NOWHERE, "  listen: 127.0.0.1:0\n");
    let daemon = site.start_with(Command::new(BINARY), &["--log-format", "json"]);
    Client::connect(daemon.address()).mail(&soft("full@some-provider.com", "1"));
    let line: serde_json::Value = serde_json::from_str(&daemon.wait_for_line("\"action\":\"counted\"")).unwrap();
    assert_eq!(line["addr"], "<full@some-provider.com>");
    assert_eq!(line["count"], "1/3");
    daemon.stop();
}
