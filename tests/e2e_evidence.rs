//! A forged bounce switches nobody off where a domain asks for evidence: with the real binary, from `sign` to the POST.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::process::Command;
use support::daemon::Site;
use support::platform::Platform;
use support::smtp::Client;

const ADDRESS: &str = "evil-address@some-provider.com";
const STRONG: &str = "        require_evidence: strong\n        signing_secret: {file: secret}\n";

fn site(platform: &Platform) -> Site {
    let site = Site::new("http://localhost/{address}", "");
    std::fs::write(site.path("secret"), "a secret of more than sixteen octets\n").unwrap();
    site.configure(&platform.template(), STRONG);
    site
}

/// The two lines that `sign` prints: a header field, and an envelope sender.
fn signed(site: &Site, address: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(site.path("config.yml"));
    let output = command.args(["sign", "--address", address, "--domain", "mydomain.de"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (field, path) = text.trim_end().split_once('\n').unwrap();
    let path = path.strip_prefix("MAIL FROM:<").unwrap().strip_suffix('>').unwrap();
    (field.to_owned(), path.to_owned())
}

/// The sample, with one more field in the header of the mail that it returns.
fn sample(field: &str) -> String {
    let mail = std::fs::read_to_string("tests/testmail").unwrap();
    let returned = "Subject: Your weekly summary\n";
    assert!(mail.contains(returned));
    mail.replace(returned, &format!("{returned}{field}\n")).replace("\n\r\n", "\n").replace('\n', "\r\n")
}

#[test]
fn without_a_signature_or_with_that_of_another_address_the_mail_is_quarantined() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    let (foreign, _) = signed(&site, "attacker@some-provider.com");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for field in ["X-Nothing: x", &foreign, "X-Bounce-Token: 20778.aaaaaaaaaaaaaaaa"] {
        assert!(client.mail(&sample(field)).starts_with("250 "));
    }
    let lines = daemon.wait_for_lines("note=no_evidence", 3);
    assert!(lines.iter().all(|line| line.contains("action=quarantined")), "{lines:?}");
    client.quit();
    daemon.stop();
    assert_eq!(platform.requests(), []);
}

#[test]
fn a_signature_in_the_returned_header_leads_to_the_post() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    let (field, _) = signed(&site, ADDRESS);
    let daemon = site.start();
    Client::connect(daemon.address()).mail(&sample(&field));
    let requests = platform.wait_for_count(1);
    assert_eq!(requests[0].target, "/emails/evil-address%40some-provider.com/suspend");
}

#[test]
fn a_signed_envelope_sender_leads_to_the_post_for_the_address_in_it() {
    let platform = Platform::answering(200);
    let site = site(&platform);
    let (_, path) = signed(&site, "forwarder@some-provider.com");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.say("MAIL FROM:<>", "250");
    client.say(&format!("RCPT TO:<{path}>"), "250");
    client.say("DATA", "354");
    client.finish(&sample("X-Nothing: x"));
    assert!(client.reply().starts_with("250 "));
    let requests = platform.wait_for_count(1);
    assert_eq!(requests[0].target, "/emails/forwarder%40some-provider.com/suspend");
}

#[test]
fn signing_says_what_is_missing() {
    let site = Site::new("http://localhost/{address}", "");
    for (arguments, code, expected) in [
        (["--address", "a@b.de", "--domain", "mydomain.de"], 78, "has no signing_secret"),
        (["--address", "a@b.de", "--domain", "other.de"], 65, "none of the configured domains"),
        (["--address", "nobody", "--domain", "mydomain.de"], 64, "expected local@domain"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        let output = command.arg("--config").arg(site.path("config.yml")).arg("sign").args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && text.contains(expected), "{arguments:?}: {text}");
    }
}
