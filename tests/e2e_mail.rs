//! From the socket to the POST, with the real binary: what is counted, what is told, and what survives.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::Signal;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use support::daemon::Site;
use support::damage::damage;
use support::platform::{Answer, Platform};
use support::smtp::{Client, hard, soft};

fn platform() -> Platform {
    Platform::answering(200)
}

/// A platform that is down: nobody listens at its address.
fn nowhere() -> String {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/emails/{{address}}/suspend")
}

#[test]
fn the_sample_mail_leads_to_one_post() {
    let platform = platform();
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    let mail = std::fs::read_to_string("tests/testmail").unwrap().replace('\n', "\r\n");
    let mut client = Client::connect(daemon.address());
    let reply = client.mail(&mail);
    assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    let requests = platform.wait_for_count(1);
    assert_eq!(requests[0].target, "/emails/evil-address%40some-provider.com/suspend");
    let id = reply.trim_end().rsplit(' ').next().unwrap();
    daemon.wait_for_line(&format!("id={id} client=[127.0.0.1] from=<> addr=<evil-address@some-provider.com> domain=mydomain.de class=hard reason=user_unknown"));
    client.quit();
    assert!(daemon.stop().success());
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn a_delivery_that_ends_while_the_daemon_stops_is_not_repeated() {
    let ((release, held), (came, arrival)) = (channel::<()>(), channel());
    let (held, came) = (Mutex::new(held), Mutex::new(came));
    let platform = Platform::start(move |_| {
        let _ = came.lock().unwrap().send(());
        // Until it is released, and then at once.
        let _ = held.lock().unwrap().recv();
        Answer::status(200)
    });
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    Client::connect(daemon.address()).mail(&hard("first@some-provider.com", "1"));
    arrival.recv().unwrap();
    daemon.signal(Signal::TERM);
    daemon.wait_for_line("stopping");
    drop(release);
    assert!(daemon.wait().success());
    let daemon = site.start();
    Client::connect(daemon.address()).mail(&hard("second@some-provider.com", "2"));
    let requests = platform.wait_for_count(2);
    assert!(requests[1].target.contains("second"), "{requests:?}");
    daemon.stop();
}

#[test]
fn a_second_signal_ends_the_waiting_for_clients() {
    let site = Site::new(&nowhere(), "  smtp: {stop_time_max: 1d}\n");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.say("MAIL FROM:<>", "250");
    client.say("RCPT TO:<no-reply@mydomain.de>", "250");
    client.say("DATA", "354");
    daemon.signal(Signal::TERM);
    daemon.wait_for_line("stopping");
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let platform = platform();
    let site = Site::new(&platform.template(), "");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    // Nobody listens there.
    command.envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:9")));
    let daemon = site.start_with(command, &["--host", "127.0.0.1", "--port", "0"]);
    Client::connect(daemon.address()).mail(&hard("gone@some-provider.com", "1"));
    platform.wait_for_count(1);
    daemon.stop();
}

#[test]
fn the_fourth_soft_bounce_escalates_and_clears_the_counter() {
    let platform = platform();
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for number in 1..=3 {
        client.mail(&soft("Full@some-provider.com", &number.to_string()));
    }
    daemon.wait_for_line("status=5.2.2");
    assert_eq!(daemon.wait_for_lines("action=counted", 3).iter().filter(|line| line.contains("count=3/3")).count(), 1);
    assert_eq!(platform.requests(), []);
    client.mail(&soft("full@some-provider.com", "4"));
    assert_eq!(platform.wait_for_count(1)[0].target, "/emails/full%40some-provider.com/suspend");
    daemon.wait_for_line("action=escalated");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), None);
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn a_row_that_cannot_be_decoded_is_said_once_and_costs_no_other() {
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.mail(&soft("full@some-provider.com", "1"));
    client.mail(&hard("gone@some-provider.com", "2"));
    daemon.wait_for_line("the platform is down");
    client.quit();
    daemon.stop();
    for table in ["journal", "notifications"] {
        damage(&site.path("bounces.redb"), table, |_| true);
    }
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for number in 3..=4 {
        client.mail(&soft("full@some-provider.com", &number.to_string()));
        client.mail(&hard("gone@some-provider.com", &number.to_string()));
    }
    daemon.wait_for_line("count=2/3");
    daemon.wait_for_line("notification=deferred attempts=1");
    for table in ["journal", "notifications"] {
        assert_eq!(daemon.lines(&format!("a row of `{table}` is damaged")).len(), 1, "{table}");
    }
}

#[test]
fn three_soft_bounces_are_only_counted() {
    let platform = platform();
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for number in 1..=3 {
        client.mail(&soft("full@some-provider.com", &number.to_string()));
    }
    client.quit();
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(3));
    assert_eq!(platform.requests(), []);
}

#[test]
fn a_mail_sent_again_because_its_250_was_lost_counts_once() {
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    let mail = soft("full@some-provider.com", "1");
    let mut client = Client::connect(daemon.address());
    client.begin();
    client.finish(&mail);
    daemon.wait_for_line("count=1/3");
    client.reset();
    let mut client = Client::connect(daemon.address());
    assert!(client.mail(&mail).starts_with("250 "));
    daemon.wait_for_line("action=duplicate");
    client.quit();
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn the_same_mail_after_a_confirmed_delivery_is_a_new_occurrence() {
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    let mail = soft("full@some-provider.com", "1");
    for _ in 0..2 {
        let mut client = Client::connect(daemon.address());
        client.mail(&mail);
        client.mail(&mail);
        client.quit();
    }
    daemon.wait_for_line("action=escalated");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), None);
}

#[test]
fn a_redelivery_after_kill_9_counts_once() {
    let site = Site::new(&nowhere(), "");
    let mail = soft("full@some-provider.com", "1");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.begin();
    client.finish(&mail);
    daemon.wait_for_line("count=1/3");
    daemon.kill();
    let daemon = site.start();
    assert!(Client::connect(daemon.address()).mail(&mail).starts_with("250 "));
    daemon.wait_for_line("action=duplicate");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn a_notification_survives_kill_9_and_a_platform_that_was_down() {
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    assert!(Client::connect(daemon.address()).mail(&hard("gone@some-provider.com", "1")).starts_with("250 "));
    daemon.kill();
    let platform = platform();
    site.configure(&platform.template(), "");
    let daemon = site.start();
    assert_eq!(platform.wait_for_count(1)[0].target, "/emails/gone%40some-provider.com/suspend");
    daemon.stop();
}

#[test]
fn sigterm_ends_idle_sessions_and_lets_a_mail_finish() {
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    let mut idle = Client::connect(daemon.address());
    let mut busy = Client::connect(daemon.address());
    busy.begin();
    daemon.signal(Signal::TERM);
    assert!(idle.reply().starts_with("421 "));
    assert_eq!(idle.reply(), "");
    busy.finish(&soft("full@some-provider.com", "1"));
    assert!(busy.reply().starts_with("250 "));
    assert!(daemon.wait().success());
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn sigterm_waits_for_a_stalled_mail_no_longer_than_configured() {
    let site = Site::new(&nowhere(), "  smtp:\n    stop_time_max: 100ms\n");
    let daemon = site.start();
    let mut stalled = Client::connect(daemon.address());
    stalled.begin();
    assert!(daemon.stop().success());
}

#[test]
fn sighup_takes_a_good_configuration_and_keeps_the_old_one_otherwise() {
    let platform = platform();
    let site = Site::new(&nowhere(), "");
    let daemon = site.start();
    let address = daemon.address();
    site.configure("not a template", "");
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration stays as it was");
    let mut client = Client::connect(address);
    site.configure(&platform.template(), "");
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration was read again");
    client.mail(&hard("gone@some-provider.com", "1"));
    platform.wait_for_count(1);
    daemon.stop();
}

#[test]
fn a_platform_that_fails_gets_the_notification_again() {
    let platform = Platform::start(|_| Answer::status(500));
    let site = Site::new(&platform.template(), "  notify:\n    retry_delay_min: 1s\n");
    let daemon = site.start();
    Client::connect(daemon.address()).mail(&hard("gone@some-provider.com", "1"));
    let first = platform.wait_for_count(1);
    platform.set_script(|_| Answer::status(204));
    let requests = platform.wait_for_count(2);
    assert_eq!(requests[1].header("idempotency-key"), first[0].header("idempotency-key"));
    daemon.stop();
}

#[test]
fn a_mail_with_bare_line_ends_is_taken_or_refused_as_configured() {
    let mail = soft("full@some-provider.com", "1");
    let sloppy = mail.replacen("\r\n", "\n", 1);
    for (more, code) in [("", "250 2.0.0"), ("  smtp: {bare_line_ends: reject}\n", "550 5.6.11")] {
        let site = Site::new(&nowhere(), more);
        let daemon = site.start();
        let mut client = Client::connect(daemon.address());
        let reply = client.mail(&sloppy);
        assert!(reply.starts_with(code), "{reply}");
        daemon.wait_for_line(if more.is_empty() { "count=1/3" } else { "action=refused note=bare_line_ends" });
    }
}
