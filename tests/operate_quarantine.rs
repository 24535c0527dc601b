//! The quarantine as an operator sees it: mails of any length come out as they came in, and the oldest is the one that came first,
//! whichever way it came.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::Signal;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};
use support::daemon::Site;
use support::programs::installed;
use support::smtp::Client;

/// Nobody listens there: what is queued stays.
const NOWHERE: &str = "http://127.0.0.1:9/{address}";

/// A bounce that nobody can read, with this many octets behind it.
fn unreadable(message_id: &str, octets: usize) -> String {
    let head = format!(
        "From: MAILER-DAEMON@relay.mydomain.de\r\nTo: no-reply@mydomain.de\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <{message_id}@relay.mydomain.de>\r\n\
         Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.mydomain.de\r\n\r\n--b--\r\n"
    );
    let line = "0123456789".repeat(9) + "\r\n";
    head + &line.repeat(octets / line.len())
}

fn run(site: &Site, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(site.path("config.yml")).args(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn listed(site: &Site) -> Vec<serde_json::Value> {
    serde_json::from_slice(&run(site, &["quarantine", "list", "--format", "json"], "").stdout).unwrap()
}

#[test]
fn a_long_mail_is_shown_and_exported_whole_live_and_stopped() {
    let site = Site::new(NOWHERE, "  smtp: {head_octets_max: 8MiB}\n");
    let daemon = site.start();
    let mail = unreadable("long", 3 << 20);
    assert!(Client::connect(daemon.address()).mail(&mail).starts_with("250 "));
    let id = listed(&site)[0]["id"].as_str().unwrap().to_owned();
    let show = || run(&site, &["quarantine", "show", &id], "").stdout;
    let export = |folder: &str| {
        run(&site, &["quarantine", "export", site.path(folder).to_str().unwrap()], "");
        std::fs::read(site.path(folder).join(format!("{id}.eml"))).unwrap()
    };
    let live = show();
    assert!(live.len() > 2 << 20);
    let exported = export("live");
    assert!(exported.ends_with(mail.as_bytes()), "it is not whole");
    daemon.stop();
    assert!(show() == live && export("stopped") == exported);
}

/// The folder may be one that others can write to, as the README's example is.
#[test]
fn an_export_follows_no_links_and_is_for_who_calls_alone() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    assert!(Client::connect(daemon.address()).mail(&unreadable("odd", 0)).starts_with("250 "));
    let id = listed(&site)[0]["id"].as_str().unwrap().to_owned();
    let (folder, victim) = (site.path("odd"), site.path("victim"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&victim, "kept").unwrap();
    let exported = folder.join(format!("{id}.eml"));
    symlink(&victim, &exported).unwrap();
    run(&site, &["quarantine", "export", folder.to_str().unwrap()], "");
    assert_eq!(std::fs::read(&victim).unwrap(), b"kept");
    let metadata = std::fs::symlink_metadata(&exported).unwrap();
    assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600, "{metadata:?}");
    daemon.stop();
}

/// Whoever reads that they are exported may drop them at once, and then lose the power.
#[test]
fn mails_are_on_the_disk_before_they_are_said_to_be_exported() {
    let Some(strace) = installed("strace") else { return };
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for id in ["1", "2"] {
        assert!(client.mail(&unreadable(id, 0)).starts_with("250 "));
    }
    let (folder, trace) = (site.path("new/odd"), site.path("trace"));
    let mut command = Command::new(strace);
    command.args(["-y", "-s", "200", "-e", "trace=fsync,/^rename,/^mkdir,write", "-o"]).arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_bouncesvc")).arg("--config").arg(site.path("config.yml"));
    let output = command.args(["quarantine", "export"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    daemon.stop();

    let trace = std::fs::read_to_string(trace).unwrap();
    let new = site.path("new").canonicalize().unwrap().display().to_string();
    let steps: Vec<&str> = trace.lines().filter_map(|line| step(line, &new)).collect();
    let mail = ["write", "fsync", "rename"];
    let folders = ["mkdir", "fsync above", "mkdir", "fsync new"];
    let whole = [&folders[..], &mail, &mail, &["fsync odd", "told"]].concat();
    assert_eq!(steps, whole, "{trace}");
}

/// What a system call does to the export to `new/odd`; `None`: nothing.
fn step(line: &str, new: &str) -> Option<&'static str> {
    let (call, rest) = line.split_once('(')?;
    let above = new.strip_suffix("/new")?;
    let is_about = |file: &str| rest.contains(&format!("{file}>"));
    match call {
        "write" if rest.contains("/odd: 2 mails.") => Some("told"),
        "write" if rest.contains(&format!("{new}/odd/")) => Some("write"),
        "fsync" if is_about(above) => Some("fsync above"),
        "fsync" if is_about(new) => Some("fsync new"),
        "fsync" if is_about(&format!("{new}/odd")) => Some("fsync odd"),
        "fsync" if rest.contains(&format!("{new}/odd/")) => Some("fsync"),
        call if call.starts_with("mkdir") => Some("mkdir"),
        call if call.starts_with("rename") => Some("rename"),
        _ => None,
    }
}

#[test]
fn what_came_after_an_export_stays_when_the_exported_mails_are_dropped() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    let mut receive = |ids: &[&str]| {
        for id in ids {
            assert!(client.mail(&unreadable(id, 0)).starts_with("250 "));
        }
        listed(&site)[0]["id"].as_str().unwrap().to_owned()
    };
    let (live, stopped) = (site.path("live").display().to_string(), site.path("stopped").display().to_string());
    let drop = |folder: &str| run(&site, &["quarantine", "drop", "--exported", folder], "").stdout;
    receive(&["1", "2"]);
    run(&site, &["quarantine", "export", &live], "");
    let later = receive(&["3"]);
    assert_eq!(drop(&live), b"Done: 2 rows.\n");
    assert_eq!(listed(&site)[0]["id"], *later);
    run(&site, &["quarantine", "export", &stopped], "");
    let last = receive(&["4"]);
    daemon.stop();
    assert_eq!(drop(&stopped), b"Done: 1 row.\n");
    assert_eq!(drop(&stopped), b"There was nothing to change.\n");
    assert_eq!((listed(&site).len(), &listed(&site)[0]["id"]), (1, &last.into()));
}

#[test]
fn a_smaller_quarantine_holds_from_a_reload_on() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    let mut receive = |ids: [&str; 3]| {
        for id in ids {
            assert!(client.mail(&unreadable(id, 0)).starts_with("250 "));
        }
        listed(&site).len()
    };
    assert_eq!(receive(["1", "2", "3"]), 3);
    site.configure(NOWHERE, "  store: {quarantine_mails_max: 2}\n");
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration was read again");
    assert_eq!(receive(["4", "5", "6"]), 2);
}

#[test]
fn a_mail_from_a_pipe_is_not_older_than_those_before_it() {
    // Not the default port, where another daemon of this machine may listen.
    let site = Site::new(NOWHERE, "  listen: unix:smtp.sock\n  store: {quarantine_mails_max: 2}\n");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for id in ["1", "2"] {
        assert!(client.mail(&unreadable(id, 1000)).starts_with("250 "));
    }
    daemon.stop();
    run(&site, &["stdin"], &unreadable("3", 2000));
    let octets: Vec<u64> = listed(&site).iter().map(|mail| mail["octets"].as_u64().unwrap()).collect();
    assert!(octets.len() == 2 && octets[0] > 2000 && octets[1] < 2000, "{octets:?}");
}
