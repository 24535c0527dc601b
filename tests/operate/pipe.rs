//! A mail from a mail server's pipe.

use super::support::daemon::Site;
use super::support::platform::Platform;
use super::support::smtp::soft;
use super::{UNREADABLE, json, stdout};
use bouncesvc::store::{Settings, Store};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// Pipes a file to the program, with what the mail server exports.
fn pipe(site: &Site, mail: impl AsRef<Path>, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(site.path("config.yml")).arg("stdin").envs(variables.iter().copied());
    command.stdin(std::fs::File::open(mail).unwrap()).output().unwrap()
}

/// Some mail servers take output for a failure.
#[test]
fn a_mail_from_a_pipe_is_taken_in_silence_also_under_a_configuration_with_a_warning() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "  listen: 0.0.0.0:1\n");
    let output = pipe(&site, "tests/testmail", &[]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    platform.wait_for_count(1);
    assert!(stdout(&site, &["check-config"]).contains("warning: everybody may connect to 0.0.0.0:1"));
}

/// They would return a mail that was taken, to nobody.
#[test]
fn a_mail_from_a_pipe_is_taken_in_silence_while_its_platform_is_down_or_refuses() {
    let refusing = Platform::answering(400);
    for template in ["http://127.0.0.1:9/{address}", &refusing.template()] {
        let site = Site::new(template, "  listen: unix:smtp.sock\n");
        let output = pipe(&site, "tests/testmail", &[]);
        assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
        assert!(stdout(&site, &["queue", "list"]).contains("evil-address@some-provider.com"));
    }
}

/// The exit code is what a mail server sees of a 250.
#[test]
fn an_equal_mail_from_a_pipe_counts_again_once_the_first_one_was_taken() {
    // Not the default port, where another daemon of this machine may listen.
    let site = Site::new("http://127.0.0.1:9/{address}", "  listen: unix:smtp.sock\n");
    std::fs::write(site.path("mail"), soft("full@some-provider.com", "1")).unwrap();
    for count in 1..=2 {
        let output = pipe(&site, site.path("mail"), &[]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(site.count_of("full@some-provider.com"), Some(count));
    }
}

#[test]
fn the_envelope_is_what_the_mail_server_exports() {
    let (sender, whole) = (("SENDER", "s@x.de"), ("RECIPIENT", "whole@mydomain.de"));
    let original = ("ORIGINAL_RECIPIENT", "original@mydomain.de");
    let (local, domain) = (("LOCAL_PART", "parts"), ("DOMAIN", "mydomain.de"));
    let none = ("RECIPIENT", "x> BODY=8BITMIME");
    for (variables, expected) in [
        (vec![sender, original, whole, local, domain], ["s@x.de", "original@mydomain.de"]),
        (vec![sender, whole, local, domain], ["s@x.de", "whole@mydomain.de"]),
        (vec![none, local, domain], ["", "parts@mydomain.de"]),
        (vec![("SENDER", "a b@x.de")], ["", ""]),
    ] {
        let site = Site::new("http://127.0.0.1:9/{address}", "  listen: unix:smtp.sock\n");
        std::fs::write(site.path("mail"), UNREADABLE).unwrap();
        assert!(pipe(&site, site.path("mail"), &variables).status.success());
        let kept = &json(&site, &["quarantine", "list", "--format=json"])[0];
        assert_eq!([&kept["sender"], &kept["recipients"]], expected, "{variables:?}");
    }
}

/// A site with an archive.
fn archiving(platform: &Platform) -> Site {
    let site = Site::new(&platform.template(), "  listen: unix:smtp.sock\n");
    let config = std::fs::read_to_string(site.path("config.yml")).unwrap();
    let archive = "dbfile: bounces.redb\n    permanent_bounced_emails_path: kept";
    std::fs::write(site.path("config.yml"), config.replace("dbfile: bounces.redb", archive)).unwrap();
    site
}

/// The daemon, as another user, could add nothing to what root makes there.
#[test]
fn what_root_would_archive_in_the_folder_of_another_is_left_to_the_daemon() {
    let platform = Platform::answering(200);
    let site = archiving(&platform);
    if std::os::unix::fs::chown(site.path("."), Some(65534), Some(65534)).is_err() {
        return println!("left out: only root can give a folder away");
    }
    assert!(pipe(&site, "tests/testmail", &[]).status.success());
    platform.wait_for_count(1);
    assert!(!site.path("kept").exists());
}

#[test]
fn the_mail_behind_a_suspension_is_archived_without_a_daemon() {
    let platform = Platform::answering(200);
    let site = archiving(&platform);
    assert!(pipe(&site, "tests/testmail", &[]).status.success());
    assert!(site.path("kept/ev/evil-address@some-provider.com.gz").exists());
}

#[test]
fn a_mail_from_a_pipe_waits_for_a_command_that_holds_the_database() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("  listen: {}\n", other.local_addr().unwrap());
    let site = Site::new("http://127.0.0.1:9/{address}", &listen);
    let store = Store::open(&site.path("bounces.redb"), Settings::default()).unwrap();
    // Another mail server at the place of the daemon's sees how often it is looked for there: once for each try.
    let tries = std::thread::spawn(move || {
        let greet = |_| other.accept().unwrap().0.write_all(b"220 h ESMTP other\r\n").unwrap();
        (0..2).for_each(greet);
        drop(store);
        other.incoming().for_each(|client| client.unwrap().write_all(b"220 h ESMTP other\r\n").unwrap_or_default());
    });
    assert!(pipe(&site, "tests/testmail", &[]).status.success());
    drop(tries);
}
