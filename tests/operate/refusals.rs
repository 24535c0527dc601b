//! What cannot be done is said, with its exit code.

use super::run;
use super::support::daemon::Site;
use super::support::platform::Platform;
use std::process::Command;

#[test]
fn what_is_wrong_is_said_with_its_exit_code() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    assert!(site.start().stop().success());
    for (arguments, code, text) in [
        (vec!["queue", "retry"], 64, "say which"),
        (vec!["queue", "retry", "1", "--all"], 64, "say which"),
        (vec!["queue", "list", "--parked", "--pending"], 64, "exclude each other"),
        (vec!["quarantine", "drop"], 64, "say which"),
        (vec!["quarantine", "drop", "--exported", "odd", "--all"], 64, "say which"),
        (vec!["quarantine", "drop", "--exported", "nowhere"], 75, "nowhere: No such file or directory"),
        (vec!["quarantine", "show", "U"], 65, "not an id: U"),
        (vec!["dump-counters", "--domain", "a b"], 65, "not a domain: a b"),
        (vec!["classify", "gone"], 65, "gone"),
        (vec!["replay", "tests/testmail"], 64, "--dry-run"),
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

/// As after a change of `control` that the daemon was not told of, or with the configuration of another one.
#[test]
fn a_daemon_that_listens_for_commands_elsewhere_is_told_from_none() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    site.configure(&platform.template(), "  control: {path: elsewhere.sock}\n");
    let output = run(&site, &["stats"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(75), 0), "{said}");
    let socket = site.path("elsewhere.sock");
    for part in [
        "bounces.redb",
        &format!("no daemon answers at the control socket {}", socket.display()),
        "`path` below `control`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!socket.exists());
    assert!(daemon.stop().success());
}

/// `| head`, which is no failure.
#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    for arguments in [&["check-config"][..], &["classify", "tests/testmail"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--config").arg(site.path("config.yml")).args(arguments);
        let output = command.stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}
