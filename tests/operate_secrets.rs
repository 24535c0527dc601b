//! Secrets are read only by those who use them: a mail server's pipe user and an operator without rights on them can do the rest.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs::File;
use std::process::{Command, Output, Stdio};
use support::daemon::{Daemon, Site};
use support::platform::Platform;

/// A header field whose value only the daemon's environment holds, a signing secret, and a listener that `stdin` finds.
const SECRETIVE: &str = "        headers: {X-Api-Key: {env: KEY_OF_THE_DAEMON}}\n        signing_secret: {env: KEY_OF_THE_DAEMON}\n  \
    listen: unix:smtp.sock\n  control: {path: control.sock}\n";
const KEY: &str = "a key of more than sixteen octets";

fn site(platform: &Platform) -> Site {
    Site::new(&platform.template(), SECRETIVE)
}

fn start(site: &Site) -> Daemon {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.env("KEY_OF_THE_DAEMON", KEY);
    site.start_with(command, &[])
}

/// Without the secrets, and with the sample mail on standard input.
fn run(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(site.path("config.yml")).args(arguments).stdin(File::open("tests/testmail").unwrap());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn code_and_errors(site: &Site, arguments: &[&str]) -> (i32, String) {
    let output = run(site, arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_uses_no_secret_runs_without_them_live_and_stopped() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    let looks: &[&[&str]] = &[
        &["print-config"],
        &["dump-counters"],
        &["find-address", "--address", "*"],
        &["queue", "list"],
        &["quarantine", "list"],
        &["stats"],
        &["backup", site.path("copy.redb").to_str().unwrap()].map(|word| &*word.to_owned().leak()),
        &["reset-counter", "--bounced-address", "a@b.de"],
    ];
    let all_answer = || {
        for look in looks {
            assert_eq!(code_and_errors(&site, look), (0, String::new()), "{look:?}");
        }
    };
    let daemon = start(&site);
    all_answer();
    assert_eq!(code_and_errors(&site, &["stdin"]), (0, String::new()));
    let told = platform.wait_for_count(1);
    assert!(told[0].headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-api-key") && value == KEY));
    assert!(daemon.stop().success());
    std::fs::remove_file(site.path("copy.redb")).unwrap();
    all_answer();
}

#[test]
fn what_uses_a_secret_says_which_is_missing() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    for (arguments, code) in [
        (&["check-config"][..], 78),
        (&["run-smtpserver"], 78),
        (&["sign", "--address", "a@b.de", "--domain", "mydomain.de"], 78),
        (&["replay", "--dry-run", "tests/testmail"], 78),
        (&["stdin"], 75),
    ] {
        let (answered, errors) = code_and_errors(&site, arguments);
        assert_eq!(answered, code, "{arguments:?}: {errors}");
        assert!(errors.contains("KEY_OF_THE_DAEMON is not set"), "{arguments:?}: {errors}");
    }
}

#[test]
fn what_is_queued_without_the_secrets_waits_for_the_daemon() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    let output =
        run(&site, &["set-permanent-bounced-address", "--bounced-address", "a@b.de", "--domain", "mydomain.de"]);
    let (said, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{warned}");
    assert!(said.starts_with("Notification 1 is queued.\nNo daemon runs."), "{said}");
    assert!(warned.contains("nothing is sent now") && warned.contains("KEY_OF_THE_DAEMON"), "{warned}");
    let daemon = start(&site);
    assert_eq!(platform.wait_for_count(1)[0].target, "/emails/a%40b.de/suspend");
    assert!(daemon.stop().success());
}
