//! TLS on mail connections, with the real binary: STARTTLS and implicit, certificates that change, handshakes that fail.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use support::daemon::{Daemon, Site};
use support::smtp::{Client, soft};

const NOWHERE: &str = "http://127.0.0.1:9/{address}";

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A site with a listener like this and a certificate of its own.
fn site(listener: &str) -> (Site, CertificateDer<'static>) {
    let more = format!(
        "  listen: {{ address: '127.0.0.1:0', {listener} }}\n  tls: {{ certificate: cert.pem, key: key.pem }}\n"
    );
    let site = Site::new(NOWHERE, &more);
    let certificate = certify(&site);
    (site, certificate)
}

/// Writes a new certificate and its key.
fn certify(site: &Site) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["mail.example".to_owned()]).unwrap();
    std::fs::write(site.path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(site.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn start(site: &Site) -> Daemon {
    site.start_with(std::process::Command::new(env!("CARGO_BIN_EXE_bouncesvc")), &[])
}

/// TLS over a connection, with trust in this certificate alone.
fn wrap(stream: TcpStream, certificate: &CertificateDer<'static>) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mail.example").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// Connects and shakes hands, if the certificate is this one.
fn handshake(daemon: &Daemon, certificate: &CertificateDer<'static>) -> std::io::Result<TlsStream> {
    let mut stream = wrap(TcpStream::connect(daemon.address()).unwrap(), certificate);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

fn assert_serves(stream: TlsStream, message_id: &str) {
    let mut client = Client::on(stream);
    assert!(client.reply().starts_with("220 "));
    assert!(!client.say("EHLO client.example", "250").contains("STARTTLS"));
    assert!(client.mail(&soft("full@some-provider.com", message_id)).starts_with("250 "));
    client.quit();
}

#[test]
fn starttls_begins_anew_and_forgets_what_came_in_plain_text() {
    let (site, certificate) = site("tls: starttls, require_tls: true");
    let daemon = start(&site);
    let mut plain = Client::open(daemon.address());
    assert!(plain.reply().starts_with("220 "));
    assert!(plain.say("EHLO client.example", "250").contains("STARTTLS"));
    plain.say("MAIL FROM:<>", "530");
    plain.say("STARTTLS\r\nMAIL FROM:<injected@evil.example>", "220");
    let mut client = Client::on(wrap(plain.clone_stream(), &certificate));
    client.say("MAIL FROM:<>", "503");
    assert!(!client.say("EHLO client.example", "250").contains("STARTTLS"));
    assert!(client.mail(&soft("full@some-provider.com", "1")).starts_with("250 "));
    client.quit();
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}

#[test]
fn implicit_tls_greets_inside_and_takes_large_mails() {
    let (site, certificate) = site("tls: implicit");
    let daemon = start(&site);
    assert_serves(handshake(&daemon, &certificate).unwrap(), "1");
    let mut client = Client::on(handshake(&daemon, &certificate).unwrap());
    client.reply();
    client.say("EHLO client.example", "250");
    let long = format!("{}\r\n", "x".repeat(76)).repeat(40_000);
    let large = soft("full@some-provider.com", "2").replace("--=_1--", &long);
    assert!(client.mail(&large).starts_with("250 "));
    daemon.stop();
    assert_eq!(site.count_of("full@some-provider.com"), Some(2));
}

/// Anybody on the way can end a TCP connection in order; only the client can say that TLS ends.
#[test]
fn a_quit_ahead_of_the_250_confirms_only_with_an_end_of_tls() {
    let (site, certificate) = site("tls: implicit");
    let daemon = start(&site);
    let send = |id: &str, says_so: bool| {
        let mut client = Client::on(handshake(&daemon, &certificate).unwrap());
        client.reply();
        client.say("EHLO client.example", "250");
        client.begin();
        client.send(format!("{}.\r\nQUIT\r\n", soft("cut@some-provider.com", id)).as_bytes());
        assert!(client.reply().starts_with("250 ") && client.reply().starts_with("221 "));
        assert_eq!(client.reply(), "");
        let mut stream = client.into_stream();
        if says_so {
            stream.conn.send_close_notify();
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
    };
    for (id, says_so) in [("cut", false), ("cut", false), ("ended", true), ("ended", true)] {
        send(id, says_so);
        // Whole turns of the loop, so that it has seen the end of that connection.
        assert_serves(handshake(&daemon, &certificate).unwrap(), "another");
    }
    daemon.stop();
    assert_eq!(site.count_of("cut@some-provider.com"), Some(3));
}

#[test]
fn a_handshake_that_stalls_or_is_none_holds_up_nobody() {
    let (site, certificate) = site("tls: implicit");
    let daemon = start(&site);
    let silent = TcpStream::connect(daemon.address()).unwrap();
    let mut half = TcpStream::connect(daemon.address()).unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
    let mut garbage = Client::open(daemon.address());
    garbage.send(b"EHLO client.example\r\n");
    assert!(!garbage.reply().starts_with('2'));
    assert_serves(handshake(&daemon, &certificate).unwrap(), "1");
    drop((silent, half));
    assert!(daemon.stop().success());
}

#[test]
fn a_new_certificate_is_taken_at_sighup_and_a_broken_one_is_not() {
    let (site, first) = site("tls: implicit");
    let daemon = start(&site);
    let before = handshake(&daemon, &first).unwrap();
    let second = certify(&site);
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration was read again");
    assert!(handshake(&daemon, &first).is_err());
    assert_serves(handshake(&daemon, &second).unwrap(), "1");
    assert_serves(before, "2");
    std::fs::write(site.path("key.pem"), "no key").unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the configuration stays as it was");
    assert_serves(handshake(&daemon, &second).unwrap(), "3");
    daemon.stop();
}

/// A relay that was promised TLS could not deliver without it.
#[test]
fn tls_that_a_new_configuration_leaves_out_stays_until_the_restart() {
    let (site, certificate) = site("tls: implicit");
    let daemon = start(&site);
    site.configure(NOWHERE, "");
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("tls was changed, which takes a restart");
    assert_serves(handshake(&daemon, &certificate).unwrap(), "1");
    daemon.stop();
}

/// It has nothing to finish: a stop that waited for it would take an hour here.
#[test]
fn a_silent_handshake_does_not_hold_the_end() {
    let (site, certificate) = site("tls: implicit");
    let tls = "  listen: { address: '127.0.0.1:0', tls: implicit }\n  tls: { certificate: cert.pem, key: key.pem }\n";
    site.configure(NOWHERE, &format!("{tls}  smtp: {{ stop_time_max: 1h }}\n"));
    let daemon = start(&site);
    let silent = TcpStream::connect(daemon.address()).unwrap();
    assert_serves(handshake(&daemon, &certificate).unwrap(), "1");
    assert!(daemon.stop().success());
    drop(silent);
}

#[test]
fn lmtp_at_a_unix_socket_answers_for_each_recipient() {
    let site = Site::new(NOWHERE, "  listen: { address: 'unix:mail.sock', protocol: lmtp }\n");
    let daemon = start(&site);
    let stream = std::os::unix::net::UnixStream::connect(site.path("mail.sock")).unwrap();
    let mut client = Client::on(stream);
    client.reply();
    client.say("LHLO client.example", "250");
    client.say("MAIL FROM:<>", "250");
    client.say("RCPT TO:<no-reply@mydomain.de>", "250");
    client.say("RCPT TO:<other@mydomain.de>", "250");
    client.say("DATA", "354");
    client.finish(&soft("full@some-provider.com", "1"));
    assert!(client.reply().starts_with("250 ") && client.reply().starts_with("250 "));
    client.quit();
    assert!(daemon.stop().success());
    assert!(!site.path("mail.sock").exists());
    assert_eq!(site.count_of("full@some-provider.com"), Some(1));
}
