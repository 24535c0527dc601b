//! The status listener of the real binary: what it answers, what it refuses, and that a silent client holds up nobody.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use support::daemon::{Daemon, Site};
use support::platform::{PATIENCE, Platform};
use support::smtp::{Client, hard, soft};

fn site(platform: &Platform, more: &str) -> Site {
    Site::new(&platform.template(), &format!("  status:\n    listen: 127.0.0.1:0\n{more}"))
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The status and the body of the answer to these octets.
fn answer_to(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = open(address);
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

fn get(address: SocketAddr, target: &str) -> (u16, String) {
    answer_to(address, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
}

/// The value of a metric, with its labels.
fn metric(address: SocketAddr, name: &str) -> Option<String> {
    let (_, text) = get(address, "/metrics");
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
}

/// Asks again until it has this value.
fn wait_for_metric(address: SocketAddr, name: &str, value: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while metric(address, name).as_deref() != Some(value) {
        assert!(std::time::Instant::now() < deadline, "{name} is {:?}, not {value}", metric(address, name));
        std::thread::yield_now();
    }
}

#[test]
fn what_is_refused_before_its_data_is_logged_and_counted() {
    let site = Site::new(
        "http://127.0.0.1:9/{address}",
        "  status: {listen: '127.0.0.1:0'}\n  smtp: {accepted_recipients: [mydomain.de]}\n",
    );
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.say("MAIL FROM:<> SIZE=99999999999", "552");
    client.say("MAIL FROM:<>", "250");
    client.say("RCPT TO:<a@elsewhere.example>", "550");
    for cause in ["too_big", "recipient"] {
        daemon.wait_for_line(&format!("action=refused note={cause}"));
        let name = format!("bouncesvc_messages_refused_total{{cause=\"{cause}\"}}");
        wait_for_metric(daemon.listener("HTTP"), &name, "1");
    }
    daemon.stop();
}

fn send(daemon: &Daemon, mails: &[String]) {
    let mut client = Client::connect(daemon.address());
    for mail in mails {
        client.mail(mail);
    }
    client.quit();
}

#[test]
fn what_came_in_is_counted_and_shown() {
    let platform = Platform::answering(200);
    let site = site(&platform, "    show_addresses: true\n");
    let daemon = site.start();
    let status = daemon.listener("HTTP");
    assert_eq!(get(status, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(status, "/readyz"), (200, "ready\n".to_owned()));
    send(&daemon, &[soft("full@some-provider.com", "1"), hard("gone@some-provider.com", "2")]);
    platform.wait_for_count(1);
    for (name, value) in [
        ("bouncesvc_messages_total{kind=\"bounce\"}", "2"),
        ("bouncesvc_failures_total{class=\"soft\",reason=\"mailbox_full\"}", "1"),
        ("bouncesvc_failures_total{class=\"hard\",reason=\"user_unknown\"}", "1"),
        ("bouncesvc_notification_attempts_total{domain=\"mydomain.de\",outcome=\"delivered\"}", "1"),
        ("bouncesvc_notification_request_duration_seconds_count", "1"),
        ("bouncesvc_queue_notifications{domain=\"mydomain.de\",state=\"pending\"}", "0"),
        ("bouncesvc_soft_counters", "1"),
        ("bouncesvc_connections_accepted_total", "1"),
        ("bouncesvc_connections", "0"),
    ] {
        wait_for_metric(status, name, value);
    }
    let (code, page) = get(status, "/");
    assert_eq!(code, 200);
    for part in ["gone@some-provider.com", "user unknown", "delivered"] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[test]
fn sums_outlive_a_restart() {
    let platform = Platform::answering(200);
    let site = site(&platform, "");
    let daemon = site.start();
    send(&daemon, &[hard("gone@some-provider.com", "1")]);
    platform.wait_for_count(1);
    daemon.stop();
    let daemon = site.start();
    let (_, page) = get(daemon.listener("HTTP"), "/");
    for part in ["<p class=\"name\">Hard, 24 h</p><p class=\"big\">1</p>", "some-provider.com"] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("gone@"), "addresses are to be shown only where the configuration says so");
}

#[test]
fn a_platform_that_is_down_makes_it_not_ready_after_a_while() {
    let platform = Platform::answering(503);
    let site = site(&platform, "    queue_age_max: 1ms\n");
    let daemon = site.start();
    send(&daemon, &[hard("gone@some-provider.com", "1")]);
    platform.wait_for_count(1);
    let (code, body) = get(daemon.listener("HTTP"), "/readyz");
    assert_eq!(code, 503);
    assert!(body.starts_with("the oldest pending notification of mydomain.de is"), "{body}");
}

#[test]
fn what_is_no_request_for_a_page_is_refused() {
    let platform = Platform::answering(200);
    let site = site(&platform, "");
    let daemon = site.start();
    let status = daemon.listener("HTTP");
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000));
    for (request, code) in [
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("GET /secret HTTP/1.1\r\n\r\n", 404),
        ("EHLO client.example\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (&long, 431),
    ] {
        assert_eq!(answer_to(status, request.as_bytes()).0, code, "{}", &request[..20]);
    }
    let (code, body) = answer_to(status, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert_eq!((code, body.as_str()), (200, ""));
}

#[test]
fn silent_and_half_gone_clients_hold_up_nobody() {
    let platform = Platform::answering(200);
    let site = site(&platform, "");
    let daemon = site.start();
    let status = daemon.listener("HTTP");
    let mut silent: Vec<_> = (0..20).map(|_| open(status)).collect();
    for (number, stream) in silent.iter_mut().enumerate() {
        stream.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n"[..number]).unwrap();
    }
    silent[0].shutdown(Shutdown::Both).unwrap();
    send(&daemon, &[hard("gone@some-provider.com", "1")]);
    assert_eq!(get(status, "/readyz").0, 200);
    let mut dripping = open(status);
    for octet in b"GET /healthz HTTP/1.1\r\n\r\n" {
        dripping.write_all(&[*octet]).unwrap();
    }
    let mut answer = String::new();
    dripping.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[test]
fn a_crowd_of_silent_clients_is_bounded_and_keeps_out_nobody() {
    let platform = Platform::answering(200);
    let site = site(&platform, "");
    let daemon = site.start();
    let status = daemon.listener("HTTP");
    let mut crowd: Vec<_> = (0..64).map(|_| open(status)).collect();
    assert_eq!(get(status, "/readyz").0, 200);
    assert_eq!(crowd[0].read(&mut [0; 1]).unwrap_or(0), 0, "the one that was silent for longest is closed");
    send(&daemon, &[hard("gone@some-provider.com", "1")]);
    drop(crowd);
    platform.wait_for_count(1);
}
