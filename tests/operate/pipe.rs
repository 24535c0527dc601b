//! A mail from a mail server's pipe.

use super::stdout;
use super::support::daemon::Site;
use super::support::platform::Platform;
use super::support::smtp::soft;
use std::process::Command;

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

/// They would return a mail that was taken, to nobody.
#[test]
fn a_mail_from_a_pipe_is_taken_in_silence_while_its_platform_is_down_or_refuses() {
    let refusing = Platform::answering(400);
    for template in ["http://127.0.0.1:9/{address}", &refusing.template()] {
        let site = Site::new(template, "  listen: unix:smtp.sock\n");
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--config").arg(site.path("config.yml")).arg("stdin");
        let output = command.stdin(std::fs::File::open("tests/testmail").unwrap()).output().unwrap();
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--config").arg(site.path("config.yml")).arg("stdin");
        let output = command.stdin(std::fs::File::open(site.path("mail")).unwrap()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(site.count_of("full@some-provider.com"), Some(count));
    }
}
