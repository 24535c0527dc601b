//! A sender that missed our 250 sends its mail again, and that counts once; one that got it may send an equal mail anew.
//!
//! The story: Postfix sends QUIT together with the end of its mail. So QUIT shows nothing, and when the connection broke before
//! the 250 arrived, the mail counted twice.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::daemon::{Daemon, Site};
use support::platform::Platform;
use support::smtp::{Client, soft};

/// Sends a mail with QUIT right behind it, and waits until it is counted, or known.
fn send_with_quit(daemon: &Daemon, mails_before: usize) -> Client {
    let mut client = Client::connect(daemon.address());
    client.begin();
    client.send(format!("{}\r\n.\r\nQUIT\r\n", soft("full@some-provider.com", "1").trim_end()).as_bytes());
    daemon.wait_for_lines("client=[127.0.0.1]", mails_before + 1);
    client
}

#[test]
fn a_mail_whose_250_was_lost_behind_a_quit_counts_once() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    send_with_quit(&daemon, 0).reset();
    send_with_quit(&daemon, 1);
    daemon.wait_for_line("action=duplicate");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn a_mail_that_is_sent_anew_after_a_quit_behind_it_counts_again() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    for count in 1..=3 {
        let mut client = send_with_quit(&daemon, count - 1);
        assert!(client.reply().starts_with("250 "));
        assert!(client.reply().starts_with("221 "));
        assert_eq!(client.reply(), "", "the service closes its side first");
        drop(client);
        daemon.wait_for_line(&format!("count={count}/3"));
    }
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(3));
}

#[test]
fn a_confirmation_that_came_right_before_the_stop_outlives_it() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    for count in 1..=2 {
        let daemon = site.start();
        let mut client = Client::connect(daemon.address());
        client.mail(&soft("full@some-provider.com", "1"));
        client.quit();
        daemon.stop();
        assert_eq!(site.count_of("full@some-provider.com"), Some(count));
    }
}
