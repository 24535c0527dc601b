//! The notifier and TLS: whom it trusts, and that a peer which hangs in the handshake keeps nothing for good.
//!
//! Which authorities are trusted is a matter of the process's environment, so the trusting test runs the daemon.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use bouncesvc::change::Outcome;
use bouncesvc::notify::Settings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::TcpListener;
use std::process::Command;
use support::daemon::Site;
use support::platform::{Answer, PATIENCE, Platform};
use support::queue::{Harness, MemoryQueue, quick, tenant};
use support::smtp::{Client, hard};

/// A server configuration for `localhost`, and the certificate of the authority that vouches for it, in PEM.
fn authority_and_server() -> (String, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("valid certificates"))
        .expect("valid certificates");
    let key = KeyPair::generate().expect("valid certificates");
    let names = CertificateParams::new(vec!["localhost".to_owned()]).expect("valid certificates");
    let certificate = names.signed_by(&key, &authority).expect("valid certificates");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("valid certificates");
    let provider = rustls::crypto::ring::default_provider();
    let server = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("valid certificates")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("valid certificates");
    (authority.pem(), server)
}

/// The first outcome at `template`.
fn outcome_at(template: &str) -> Outcome {
    // Enough for a busy machine to read its trust store.
    let settings = Settings { request_time_max: PATIENCE, ..quick() };
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant("a.de", template)], settings);
    harness.push("a.de", "evil@b.de");
    harness.step()
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_and_tried_again() {
    let (_, server) = authority_and_server();
    let platform = Platform::start_tls(server, |_| Answer::status(200));
    let Outcome::Retry { error, .. } = outcome_at(&platform.template()) else { panic!("no retry") };
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(platform.requests(), []);
}

#[test]
fn an_authority_of_the_operating_system_is_trusted() {
    let (authority, server) = authority_and_server();
    let platform = Platform::start_tls(server, |_| Answer::status(200));
    let site = Site::new(&platform.template(), "");
    std::fs::write(site.path("authority.pem"), authority).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.env("SSL_CERT_FILE", site.path("authority.pem"));
    let daemon = site.start_with(command, &["--host", "127.0.0.1", "--port", "0"]);
    let mut client = Client::connect(daemon.address());
    client.mail(&hard("gone@some-provider.com", "1"));
    client.quit();
    daemon.wait_for_line("notification=delivered status=200 attempts=1");
    daemon.stop();
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn a_peer_that_is_silent_in_the_handshake_is_given_up_each_time_and_keeps_no_thread() {
    // The system accepts for the listener, and nobody ever answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let template = format!("https://{}/{{address}}", listener.local_addr().unwrap());
    let mut harness = Harness::start(MemoryQueue::default(), vec![tenant("a.de", &template)], quick());
    harness.push("a.de", "evil@b.de");
    let mut threads_max = 0;
    for attempt in 0..6 {
        let Outcome::Retry { error, .. } = harness.step() else { panic!("no retry") };
        assert!(error.contains("no answer within"), "{error}");
        // The first one may overlap with the other tests here.
        threads_max = if attempt == 0 { threads() } else { threads_max };
    }
    assert!(threads() <= threads_max, "{} threads, {threads_max} after the first attempt", threads());
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("a /proc").count()
}
