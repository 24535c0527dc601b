//! Clients that stall, vanish or come in crowds leave the service to the others.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use support::daemon::Site;
use support::smtp::{Client, hard, soft};

const NOWHERE: &str = "http://127.0.0.1:9/{address}";

/// A client that does everything right gets its 250.
fn assert_serves(address: SocketAddr, message_id: &str) {
    let mut client = Client::connect(address);
    assert!(client.mail(&soft("full@some-provider.com", message_id)).starts_with("250 "));
    client.quit();
}

#[test]
fn clients_that_stall_at_any_step_hold_up_nobody() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let address = daemon.address();
    let steps: [fn(&mut Client); 6] = [
        |_| {},
        |client| client.send(b"EHLO cli"),
        |client| client.send(b"EHLO client.example\r\nMAIL FROM:<>\r\n"),
        |client| client.send(b"EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<no-reply@mydomain.de>\r\nDATA\r\n"),
        |client| client.send(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<no-reply@mydomain.de>\r\nDATA\r\nSubject: half"),
        |client| client.send(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<no-reply@mydomain.de>\r\nDATA\r\nSubject: x\r\n.\r"),
    ];
    let mut stalled = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let mut client = Client::open(address);
        step(&mut client);
        stalled.push(client);
        assert_serves(address, &number.to_string());
    }
    for client in stalled {
        client.reset();
        assert_serves(address, "after a reset");
    }
    daemon.stop();
}

#[test]
fn a_client_that_is_too_slow_is_told_so() {
    let site = Site::new(NOWHERE, "  smtp:\n    command_time_max: 1s\n    data_time_max: 1s\n");
    let daemon = site.start();
    let mut silent = Client::connect(daemon.address());
    let mut halfway = Client::connect(daemon.address());
    halfway.begin();
    for client in [&mut silent, &mut halfway] {
        assert!(client.reply().starts_with("421 "));
        assert_eq!(client.reply(), "");
    }
    daemon.stop();
}

#[test]
fn a_mail_cut_off_by_a_reset_is_not_counted() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    for _ in 0..20 {
        let mut client = Client::connect(daemon.address());
        client.begin();
        client.send(soft("full@some-provider.com", "1").as_bytes());
        client.reset();
    }
    assert_serves(daemon.address(), "2");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn octets_one_by_one_make_a_mail() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    client.send_one_by_one(&format!(
        "MAIL FROM:<>\r\nRCPT TO:<no-reply@mydomain.de>\r\nDATA\r\n{}.\r\nQUIT\r\n",
        soft("full@some-provider.com", "1")
    ));
    let replies: Vec<String> =
        std::iter::repeat_with(|| client.reply()).take_while(|reply| !reply.is_empty()).collect();
    let codes: Vec<&str> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["250", "250", "354", "250", "221"]);
    daemon.stop();
}

#[test]
fn a_client_that_reads_no_replies_is_paused_and_then_served() {
    let site = Site::new(NOWHERE, "  smtp:\n    errors_max: 10000\n");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    let commands = 50_000;
    let stream = client.clone_stream();
    let writer = std::thread::spawn(move || {
        Client::on(stream).send("HELP\r\n".repeat(commands).as_bytes());
    });
    assert_serves(daemon.address(), "1");
    for _ in 0..commands {
        assert!(client.reply().starts_with("214"));
    }
    writer.join().unwrap();
    client.quit();
    daemon.stop();
}

#[test]
fn a_whole_session_in_one_packet_is_answered_in_order() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start();
    let mut client = Client::open(daemon.address());
    let mail = |id: &str| {
        format!("MAIL FROM:<>\r\nRCPT TO:<no-reply@mydomain.de>\r\nDATA\r\n{}.\r\n", soft("full@some-provider.com", id))
    };
    client.send(format!("EHLO a\r\n{}{}{}QUIT\r\n", mail("1"), mail("2"), mail("3")).as_bytes());
    let replies: Vec<String> =
        std::iter::repeat_with(|| client.reply()).take_while(|reply| !reply.is_empty()).collect();
    let codes: Vec<&str> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes.join(" "), "220 250 250 250 354 250 250 250 354 250 250 250 354 250 221");
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(3));
}

#[test]
fn connections_beyond_the_limits_get_421_and_those_that_leave_make_room() {
    let site = Site::new(NOWHERE, "  smtp:\n    connections_max: 3\n    connections_per_client_max: 2\n");
    let daemon = site.start();
    let address = daemon.address();
    let first = Client::connect(address);
    let _second = Client::connect(address);
    let refusal = Client::open(address).reply();
    assert!(refusal.starts_with("421 4.7.0 "), "{refusal}");
    daemon.wait_for_line("connections_per_client_max is reached");
    first.quit();
    assert_serves(address, "1");
    daemon.stop();
}

#[test]
fn connections_beyond_those_of_all_clients_get_421() {
    let site = Site::new(NOWHERE, "  smtp:\n    connections_max: 2\n");
    let daemon = site.start();
    let crowd = [Client::connect(daemon.address()), Client::connect(daemon.address())];
    let refusal = Client::open(daemon.address()).reply();
    assert!(refusal.starts_with("421 4.3.2 "), "{refusal}");
    daemon.wait_for_line("connections_max is reached");
    crowd.into_iter().for_each(Client::quit);
    assert_serves(daemon.address(), "1");
    daemon.stop();
}

#[test]
fn both_families_are_served_and_named_for_what_they_are() {
    let site = Site::new(NOWHERE, "  listen: ['127.0.0.1:0', '[::1]:0']\n  allowed_networks: [127.0.0.0/8]\n");
    let daemon = site.start_with(std::process::Command::new(env!("CARGO_BIN_EXE_bouncesvc")), &[]);
    let port_of = |line: &str| line.rsplit_once("]:").unwrap().1.split(' ').next().unwrap().to_owned();
    let v6 = daemon.wait_for_line("listening on [::1]:");
    let refusal = Client::open(format!("[::1]:{}", port_of(&v6)).parse().unwrap()).reply();
    assert!(refusal.starts_with("421 4.7.1 "), "{refusal}");
    daemon.wait_for_line("add to allowed_networks: ::1");
    let v4 = daemon.wait_for_line("listening on 127.0.0.1:");
    assert_serves(v4.split("listening on ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap(), "1");
    daemon.stop();
}

#[test]
fn a_client_outside_of_the_allowed_networks_gets_421_before_any_command() {
    let site = Site::new(NOWHERE, "  allowed_networks: [192.0.2.0/24]\n");
    let daemon = site.start();
    for _ in 0..3 {
        let mut client = Client::open(daemon.address());
        let refusal = client.reply();
        assert!(refusal.starts_with("421 4.7.1 "), "{refusal}");
        assert_eq!(client.reply(), "");
    }
    daemon.wait_for_line("add to allowed_networks: 127.0.0.1");
    assert_eq!(daemon.lines("allowed_networks: 127.0.0.1").len(), 1);
    daemon.stop();
}

#[test]
fn mails_beyond_the_rate_of_a_client_stay_there() {
    let site = Site::new(NOWHERE, "  smtp:\n    mails_per_minute_per_client_max: 2\n");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    let codes: Vec<String> =
        (1..=3).map(|id: u8| client.mail(&hard("gone@some-provider.com", &id.to_string()))[..3].to_owned()).collect();
    assert_eq!(codes, ["250", "250", "451"]);
    daemon.stop();
}

#[test]
fn mails_larger_than_the_room_for_all_of_them_come_in_one_after_the_other() {
    let site = Site::new(NOWHERE, "  smtp:\n    mails_in_flight_octets_max: 2MiB\n");
    let daemon = site.start();
    let address = daemon.address();
    let big =
        soft("full@some-provider.com", "ID").replace("--=_1--", &format!("{}\r\n", "x".repeat(76)).repeat(20_000));
    let clients: Vec<_> = (0..16)
        .map(|number| {
            let mail = big.replace("<ID@", &format!("<{number}@"));
            std::thread::spawn(move || Client::connect(address).mail(&mail))
        })
        .collect();
    for client in clients {
        let reply = client.join().unwrap();
        assert!(reply.starts_with("250 "), "{reply}");
    }
    daemon.stop();
}

#[test]
fn without_file_descriptors_accepting_rests_and_goes_on() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start_with_limit("-n 40");
    let address = daemon.address();
    let mut crowd: Vec<Client> = (0..60).map(|_| Client::open(address)).collect();
    daemon.wait_for_line("no connection is accepted for a while");
    let mut served = crowd.remove(0);
    assert!(served.reply().starts_with("220 "));
    served.say("EHLO client.example", "250");
    assert!(served.mail(&soft("full@some-provider.com", "1")).starts_with("250 "));
    drop(crowd);
    assert_serves(address, "2");
    daemon.stop();
}

/// As getrlimit(2) has it: the soft limit is what holds, the hard one what the administrator allows.
#[test]
fn as_many_files_are_open_as_the_administrator_allows() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start_with_limit("-Sn 40");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, _] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert!(soft == hard && soft != "40", "{line}");
    daemon.stop();
}

#[test]
fn thousands_of_slow_clients_leave_the_service_to_a_good_one() {
    let crowd_max = raise_file_limit().saturating_sub(100).min(5000);
    let site = Site::new(NOWHERE, "  smtp:\n    connections_per_client_max: 10000\n");
    let daemon = site.start();
    let address = daemon.address();
    let mut crowd: Vec<Client> = (0..crowd_max).map(|_| Client::open(address)).collect();
    for client in &mut crowd {
        client.send(b"EHLO slow.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@mydomain.de>\r\nDATA\r\nS");
    }
    for id in 0..20 {
        for client in &mut crowd {
            client.send(b"l");
        }
        assert_serves(address, &id.to_string());
    }
    drop(crowd);
    assert_serves(address, "last");
    daemon.stop();
}

#[test]
fn a_log_that_nobody_reads_stalls_no_mail() {
    let site = Site::new(NOWHERE, "");
    let daemon = site.start_unread();
    let mut client = Client::connect(daemon.address());
    let subject = format!("Subject: {} ", "x".repeat(900));
    // More than a pipe and the queue of lines hold together.
    for id in 0..900 {
        let mail = soft("full@some-provider.com", &id.to_string()).replace("Subject: ", &subject);
        assert!(client.mail(&mail).starts_with("250 "));
    }
    client.quit();
    assert!(daemon.stop().success());
}

/// As many open files as this process may have.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    limit.maximum.map_or(5100, |files| usize::try_from(files).unwrap())
}
