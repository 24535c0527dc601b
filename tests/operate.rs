//! The operators' commands with the real binary: each works while the daemon runs and while it does not, with equal output.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use bouncesvc::change::{self, Batch, Imported};
use bouncesvc::store::{Settings, Store};
use bouncesvc::types::{Address, Domain, Timestamp};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
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

#[test]
fn every_look_is_the_same_live_and_stopped() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let looks: Vec<Vec<&str>> = ["table", "json", "csv"]
        .iter()
        .flat_map(|form| {
            vec![
                vec!["dump-counters", "--format", form],
                vec!["dump-counters", "--sort=count", "--limit=1", "--format", form],
                vec![
                    "dump_counters",
                    "--domain",
                    "mydomain.de",
                    "--address",
                    "a*",
                    "--min_count",
                    "2",
                    "--format",
                    form,
                ],
                vec!["find-address", "--address", "*@some-provider.com", "--format", form],
                vec!["find-address", "--address", "GONE@some-provider.com", "--format", form],
                vec!["queue", "list", "--format", form],
                vec!["queue", "list", "--parked", "--format", form],
                vec!["queue", "show", "2", "--format", form],
                vec!["quarantine", "list", "--format", form],
            ]
        })
        .collect();
    let live: Vec<String> = looks.iter().map(|look| stdout(&site, look)).collect();
    assert!(daemon.stop().success());
    for (look, live) in looks.iter().zip(live) {
        assert_eq!(live, stdout(&site, look), "{look:?}");
        assert!(live.len() > 20, "{look:?}: {live}");
    }
}

#[test]
fn the_json_of_lists_is_as_documented() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let counters = json(&site, &["dump-counters", "--format=json"]);
    let first = &counters[0];
    assert_eq!(first["domain"], "mydomain.de");
    assert_eq!(first["address"], "a.full@some-provider.com");
    assert_eq!(first["count"], 2);
    assert_eq!((&first["status"], &first["reason"]), (&"5.2.2".into(), &"mailbox_full".into()));
    for time in ["first_seen", "last_seen"] {
        assert!(first[time].as_str().unwrap().ends_with('Z'), "{first}");
    }
    assert_eq!(counters.as_array().unwrap().len(), 2);
    let queue = json(&site, &["queue", "list", "--format=json"]);
    let keys: Vec<&String> = queue[0].as_object().unwrap().keys().collect();
    let expected = ["address", "attempts", "created", "domain", "id", "last_error", "next_attempt", "state"];
    assert_eq!(keys, expected);
    assert_eq!((&queue[0]["state"], &queue[0]["address"]), (&"parked".into(), &"parked@some-provider.com".into()));
    let found = json(&site, &["find-address", "--address=gone@some-provider.com", "--format=json"]);
    assert_eq!((&found[0]["what"], &found[0]["state"]), (&"history".into(), &"delivered".into()));
}

#[test]
fn changes_work_live_and_stopped() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    assert_eq!(stdout(&site, &["reset-counter", "--bounced-address", "A.Full@some-provider.com"]), "Done: 1 row.\n");
    assert_eq!(
        stdout(&site, &["reset-counter", "--bounced_address=a.full@some-provider.com"]),
        "There was nothing to change.\n"
    );
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address", "live@x.com", "--domain", "mydomain.de"]);
    platform.wait_for_count(3);
    stdout(&site, &["queue", "retry", "--parked"]);
    platform.wait_for_count(4);
    while json(&site, &["queue", "list", "--format=json"]) != serde_json::json!([]) {}
    assert!(daemon.stop().success());

    let said = stdout(
        &site,
        &["set-permanent-bounced-address", "--bounced-address", "stopped@x.com", "--domain", "mydomain.de"],
    );
    assert!(said.starts_with("Notification "), "{said}");
    assert_eq!(platform.wait_for_count(5)[4].target, "/emails/stopped%40x.com/suspend");
    let folder = site.path("exported");
    stdout(&site, &["quarantine", "export", folder.to_str().unwrap()]);
    let exported = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(&exported).unwrap().ends_with(UNREADABLE));
    let id = exported.file_stem().unwrap().to_str().unwrap();
    assert!(stdout(&site, &["quarantine", "show", id]).contains("Undelivered Mail"));
    assert_eq!(stdout(&site, &["quarantine", "drop", "--all"]), "Done: 1 row.\n");
    stdout(&site, &["forget-address", "--address", "b.full@other-provider.com"]);
    assert_eq!(stdout(&site, &["find-address", "--address", "b.full@other-provider.com"]), "Nothing to show.\n");
}

#[test]
fn forgetting_an_address_erases_the_mails_that_name_it() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for id in 0..100 {
        let mail = UNREADABLE.replace("<odd@", &format!("<odd{id}@"));
        client.mail(&if id < 70 { mail.replace("--b--", "Gone@Some-Provider.com\r\n--b--") } else { mail });
    }
    client.mail(&soft("gone@some-provider.com", "1"));
    client.quit();
    assert_eq!(stdout(&site, &["forget-address", "--address", "gone@some-provider.com"]), "Done: 71 rows.\n");
    assert_eq!(json(&site, &["quarantine", "list", "--format=json"]).as_array().unwrap().len(), 30);
    assert!(daemon.stop().success());
}

/// The platform asks to be left alone for a long time; the operator knows that it is well again.
#[test]
fn a_retry_by_hand_ends_the_pause_of_the_domain() {
    for retry in
        [&["queue", "retry", "1"][..], &["queue", "retry", "--domain=mydomain.de"], &["queue", "retry", "--all"]]
    {
        let platform = Platform::start(|_| Answer::status(503).with_header("Retry-After", "3000"));
        let site = Site::new(&platform.template(), "");
        let daemon = site.start();
        Client::connect(daemon.address()).mail(&hard("gone@some-provider.com", "1"));
        daemon.wait_for_line("notification=deferred");
        while json(&site, &["queue", "list", "--format=json"])[0]["attempts"] != 1 {}
        platform.set_script(|_| Answer::status(200));
        assert_eq!(stdout(&site, retry), "Done: 1 row.\n");
        platform.wait_for_count(2);
        daemon.wait_for_line("notification=delivered");
        assert!(daemon.stop().success());
    }
}

#[test]
fn a_backup_of_the_live_database_is_a_database() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let copy = site.path("copy.redb");
    for _ in ["new", "in place of an older one"] {
        stdout(&site, &["backup", copy.to_str().unwrap()]);
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600, "it holds addresses");
    }
    let before = stdout(&site, &["dump-counters"]);
    stdout(&site, &["reset-counter", "--bounced-address", "a.full@some-provider.com"]);
    assert!(daemon.stop().success());
    std::fs::copy(&copy, site.path("bounces.redb")).unwrap();
    assert_eq!(stdout(&site, &["dump-counters"]), before);
}

#[test]
fn a_backup_replaces_nothing_but_an_older_one() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let before = ["bounces.redb", "config.yml"].map(|name| site.path(name));
    for is_live in [true, false] {
        let daemon = site.start();
        let daemon = is_live.then_some(daemon);
        for path in &before {
            let text = std::fs::read(path).unwrap();
            let output = run(&site, &["backup", path.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(65), "{output:?}");
            assert!(path.ends_with("bounces.redb") || std::fs::read(path).unwrap() == text);
        }
        let output = run(&site, &["backup", site.path("gone/copy.redb").to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(75), "{output:?}");
        drop(daemon);
    }
    stdout(&site, &["dump-counters"]);
    let left: Vec<_> = std::fs::read_dir(site.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{left:?}");
}

#[test]
fn stats_tell_whether_the_daemon_runs() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    assert!(stdout(&site, &["stats"]).contains("running for"));
    assert_eq!(json(&site, &["stats", "--format=json"])["daemon"]["mails_committed"], 0);
    daemon.stop();
    assert!(stdout(&site, &["stats"]).contains("not running"));
    let stopped = json(&site, &["stats", "--format=json"]);
    assert_eq!((&stopped["daemon"], &stopped["counters"]), (&serde_json::Value::Null, &0.into()));
    assert_eq!(run(&site, &["tail"]).status.code(), Some(75));
}

#[test]
fn tail_follows_the_log() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    let mut tail = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    tail.arg("--config").arg(site.path("config.yml")).arg("tail").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = tail.spawn().unwrap();
    let mut lines = std::io::BufReader::new(tail.stdout.take().unwrap());
    // Only what happens after the command has reached the daemon is shown: mails go on until one is.
    let mut client = Client::connect(daemon.address());
    let (sender, first) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        sender.send(line).unwrap();
        std::io::copy(&mut lines, &mut std::io::sink()).unwrap();
    });
    let mut number = 0;
    let line = loop {
        number += 1;
        client.mail(&soft(&format!("full{number}@some-provider.com"), &number.to_string()));
        if let Ok(line) = first.recv_timeout(std::time::Duration::from_millis(20)) {
            break line;
        }
        assert!(number < 1000, "nothing came");
    };
    assert!(line.contains("reason=mailbox_full"), "{line}");
    assert!(daemon.stop().success());
    let output = tail.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("the daemon has stopped") && told.lines().count() == 1, "{told}");
}

#[test]
fn what_is_wrong_is_said_with_its_exit_code() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    assert!(site.start().stop().success());
    for (arguments, code, text) in [
        (vec!["queue", "retry"], 64, "say which"),
        (vec!["queue", "show", "99"], 65, "none with this id"),
        (vec!["quarantine", "show", "000000000A"], 65, "not in the quarantine"),
        (
            vec!["set-permanent-bounced-address", "--bounced-address", "x", "--domain", "mydomain.de"],
            65,
            "not a mail address",
        ),
        (vec!["set-permanent-bounced-address", "--bounced-address", "a@b.de", "--domain", "c.de"], 65, "mydomain.de"),
        (vec!["dump-counters", "--format", "xml"], 64, "table, json or csv"),
        (vec!["dump-counters", "--sort", "size"], 64, "last-seen"),
        (vec!["no-such-command"], 64, "no-such-command"),
    ] {
        let output = run(&site, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

#[test]
fn a_look_at_a_database_that_is_not_there_makes_none() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    for arguments in [
        &["dump-counters"][..],
        &["stats"],
        &["find-address", "--address=a@b.de"],
        &["queue", "retry", "--all"],
        &["reset-counter", "--bounced-address=a@b.de"],
        &["backup", "copy.redb"],
    ] {
        let output = run(&site, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(75), "{arguments:?}: {said}");
        assert!(said.contains("there is no database yet"), "{arguments:?}: {said}");
    }
    assert!(!site.path("bounces.redb").exists());
}

/// An operator, as root, is faster than the daemon's first start.
#[test]
fn what_root_makes_belongs_to_the_user_of_the_folder() {
    use std::os::unix::fs::{MetadataExt, chown};
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    if chown(site.path("."), Some(65534), Some(65534)).is_err() {
        return println!("left out: only root can give a folder away");
    }
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address=a@b.de", "--domain=mydomain.de"]);
    let made = site.path("bounces.redb").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), (65534, 65534));
}

/// Some mail servers take output for a failure.
#[test]
fn a_mail_from_a_pipe_is_taken_in_silence_also_under_a_configuration_with_a_warning() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "  listen: 0.0.0.0:1\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(site.path("config.yml")).arg("stdin");
    let output = command.stdin(std::fs::File::open("tests/testmail").unwrap()).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    platform.wait_for_count(1);
    assert!(stdout(&site, &["check-config"]).contains("warning: everybody may connect to 0.0.0.0:1"));
}

/// The exit code is what a mail server sees of a 250.
#[test]
fn an_equal_mail_from_a_pipe_counts_again_once_the_first_one_was_taken() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    std::fs::write(site.path("mail"), soft("full@some-provider.com", "1")).unwrap();
    for count in 1..=2 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--config").arg(site.path("config.yml")).arg("stdin");
        let output = command.stdin(std::fs::File::open(site.path("mail")).unwrap()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(site.count_of("full@some-provider.com"), Some(count));
    }
}

#[test]
fn a_replay_counts_what_would_be_done_and_changes_nothing() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let rows = json(&site, &["replay", "--dry-run", "--format=json", "tests/testmail"]);
    let expected = serde_json::json!([{"domain": "mydomain.de", "action": "suspend", "class": "hard", "reason": "user_unknown", "recipients": 1}]);
    assert_eq!(rows, expected);
    assert!(!site.path("bounces.redb").exists());
    assert_eq!(run(&site, &["replay", "tests/testmail"]).status.code(), Some(64));
    let partly = run(&site, &["replay", "--dry-run", "tests/testmail", "gone"]);
    assert_eq!(partly.status.code(), Some(65));
    assert!(String::from_utf8(partly.stdout).unwrap().contains("user_unknown"), "what could be read is shown");
}

#[test]
fn the_highest_counters_come_first_however_many_there_are() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let row = |number: u32| Imported::Counter {
        domain: Domain::parse("mydomain.de").unwrap(),
        address: Address::parse(&format!("user{number}@some-provider.com")).unwrap(),
        count: number * 7919 % 25_000,
    };
    let now = Timestamp::default();
    let mut store = Store::open(&site.path("bounces.redb"), Settings::default(), now).unwrap();
    let commands = vec![change::Command::Import((0..25_000).map(row).collect())];
    store.commit(&Batch { commands, ..Batch::default() }, now).unwrap();
    drop(store);
    let rows = json(&site, &["dump-counters", "--sort=count", "--limit=3", "--format=json"]);
    let counts: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [24_999, 24_998, 24_997]);
}

/// With all places taken a command once ended with 0 and no word: the pipe to the daemon broke, and passed for our own output's.
#[test]
fn a_command_that_the_daemon_has_no_place_for_says_so() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    let hold = |_| std::os::unix::net::UnixStream::connect(site.path("bounces.redb.sock")).unwrap();
    let silent: Vec<_> = (0..16).map(hold).collect();
    let suspend = ["set-permanent-bounced-address", "--bounced-address", "a@b.de", "--domain", "mydomain.de"];
    for _ in 0..10 {
        for arguments in [&["stats"][..], &suspend] {
            let output = run(&site, arguments);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(75) && text.contains("too many commands"), "{arguments:?}: {text}");
        }
    }
    drop(silent);
    daemon.stop();
}
