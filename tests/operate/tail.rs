//! The log, followed live.

use super::support::daemon::Site;
use super::support::platform::Platform;
use super::support::smtp::{Client, soft};
use std::process::{Command, Stdio};

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
