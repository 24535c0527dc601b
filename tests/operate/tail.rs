//! The log, followed live.

use super::run;
use super::support::daemon::{Daemon, Site};
use super::support::platform::PATIENCE;
use super::support::smtp::{Client, soft};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// `tail` of a running daemon.
struct Tail {
    command: Child,
    lines: Receiver<String>,
}

impl Tail {
    /// Only what happens after the command has reached the daemon is shown: mails go on until one is.
    fn follow(site: &Site, daemon: &Daemon) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--config").arg(site.path("config.yml")).arg("tail").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = command.spawn().unwrap();
        let stdout = BufReader::new(command.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
        let tail = Self { command, lines };
        let mut client = Client::connect(daemon.address());
        for number in 0..1000 {
            client.mail(&soft(&format!("full{number}@some-provider.com"), &number.to_string()));
            if let Ok(line) = tail.lines.recv_timeout(Duration::from_millis(20)) {
                assert!(line.contains("reason=mailbox_full"), "{line}");
                return tail;
            }
        }
        panic!("nothing came");
    }

    /// What it ends with, and the last line that it showed.
    fn end(self) -> (Output, String) {
        let mut last = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            last = line;
        }
        (self.command.wait_with_output().unwrap(), last)
    }
}

fn site() -> Site {
    Site::new("http://127.0.0.1:9/{address}", "")
}

#[test]
fn tail_shows_the_log_to_its_end_and_ends_with_the_daemon() {
    let site = site();
    let daemon = site.start();
    let tail = Tail::follow(&site, &daemon);
    assert!(daemon.stop().success());
    let (output, last) = tail.end();
    assert!(last.ends_with("INFO stopped"), "{last}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("the daemon has stopped") && told.lines().count() == 1, "{told}");
}

/// The end of the connection between two lines once passed for the end of the log.
#[test]
fn a_daemon_that_was_killed_is_told_from_one_that_was_stopped() {
    let site = site();
    let daemon = site.start();
    let tail = Tail::follow(&site, &daemon);
    daemon.kill();
    let (output, _) = tail.end();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(75) && told.contains("before it had said all"), "{told}");
}

#[test]
fn without_a_daemon_there_is_nothing_to_follow() {
    let site = site();
    site.start().stop();
    let output = run(&site, &["tail"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(75) && told.contains("no daemon is running"), "{told}");
}
