//! Real mail programs hand the sample bounce to the real daemon; each hand-over leads to one POST with the right address.
//!
//! A program that is not installed is left out, and a line says so (`cargo test --test real_clients -- --nocapture`). Mail
//! servers run from a folder of their own, on the loopback interface, as children of the test.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use support::daemon::{Daemon, Site};
use support::platform::Platform;
use support::postfix::Postfix;
use support::programs::installed;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testmail");
const TARGET: &str = "/emails/evil-address%40some-provider.com/suspend";
const SENDER: &str = "bounce@relay.example";
const RECIPIENT: &str = "no-reply@mydomain.de";

/// A platform, and a daemon that tells it.
struct Scene {
    platform: Platform,
    site: Site,
    daemon: Daemon,
}

impl Scene {
    fn new() -> Self {
        Self::with("")
    }

    /// `more`: lines of the configuration.
    fn with(more: &str) -> Self {
        let platform = Platform::answering(200);
        let site = Site::new(&platform.template(), more);
        let daemon = site.start();
        Self { platform, site, daemon }
    }

    fn host(&self) -> String {
        self.daemon.address().ip().to_string()
    }

    fn port(&self) -> String {
        self.daemon.address().port().to_string()
    }

    /// One POST, and the daemon ends with none behind it.
    fn expect_one_post(self) {
        let requests = self.platform.wait_for_count(1);
        assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", TARGET));
        assert!(self.daemon.stop().success());
        assert_eq!(self.platform.requests().len(), 1);
    }
}

/// Runs a client to its end, which has to be a good one.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn python_smtplib() {
    let Some(program) = installed("python3") else { return };
    let scene = Scene::new();
    let script = "import smtplib, sys\n\
        with smtplib.SMTP(sys.argv[1], int(sys.argv[2])) as client:\n    \
            client.sendmail('', [sys.argv[3]], open(sys.argv[4], 'rb').read())\n";
    run(Command::new(program).args(["-c", script, &scene.host(), &scene.port(), RECIPIENT, SAMPLE]));
    scene.expect_one_post();
}

#[test]
fn swaks() {
    let Some(program) = installed("swaks") else { return };
    let variants: &[&[&str]] =
        &[&[], &["--pipeline"], &["--protocol", "SMTP"], &["--helo", "[192.0.2.1]"], &["--add-header", "X-Long: y"]];
    for variant in variants {
        let scene = Scene::new();
        let mut command = Command::new(&program);
        command.args(["--server", &scene.host(), "--port", &scene.port(), "--from", "<>", "--to", RECIPIENT]);
        run(command.args(["--data", &format!("@{SAMPLE}")]).args(*variant));
        scene.expect_one_post();
    }
}

#[test]
fn swaks_over_lmtp_and_tls() {
    let Some(program) = installed("swaks") else { return };
    for (listener, variant) in [
        ("protocol: lmtp", &["--protocol", "LMTP"][..]),
        ("protocol: smtp, tls: starttls", &["--tls"]),
        ("protocol: smtp, tls: starttls, require_tls: true", &["--tls"]),
        ("protocol: smtp, tls: implicit", &["--tls-on-connect"]),
    ] {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let platform = Platform::answering(200);
        let site = Site::new(
            &platform.template(),
            &format!("  listen: {{address: '127.0.0.1:0', {listener}}}\n  tls: {{certificate: c.pem, key: k.pem}}\n"),
        );
        fs::write(site.path("c.pem"), key.cert.pem()).unwrap();
        fs::write(site.path("k.pem"), key.signing_key.serialize_pem()).unwrap();
        let daemon = site.start_with(Command::new(env!("CARGO_BIN_EXE_bouncesvc")), &[]);
        let address = daemon.listener(if listener.contains("lmtp") { "LMTP" } else { "SMTP" });
        let scene = Scene { platform, site, daemon };
        let mut command = Command::new(&program);
        command.args(["--server", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--from", "<>", "--to", RECIPIENT, "--data", &format!("@{SAMPLE}")]);
        run(command.args(variant));
        scene.expect_one_post();
    }
}

#[test]
fn msmtp() {
    let Some(program) = installed("msmtp") else { return };
    let scene = Scene::new();
    let mut command = Command::new(program);
    command.args(["--file=/dev/null", &format!("--host={}", scene.host()), &format!("--port={}", scene.port())]);
    command.args(["--tls=off", "--auth=off", &format!("--from={SENDER}"), RECIPIENT]);
    run(command.stdin(fs::File::open(SAMPLE).unwrap()));
    scene.expect_one_post();
}

#[test]
fn curl() {
    let Some(program) = installed("curl") else { return };
    let scene = Scene::new();
    let url = format!("smtp://{}/relay.example", scene.daemon.address());
    let mut command = Command::new(program);
    command.args(["--silent", "--show-error", "--noproxy", "*", "--crlf", "--url", &url]);
    run(command.args(["--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file", SAMPLE]));
    scene.expect_one_post();
}

#[test]
fn smtp_source() {
    let Some(program) = installed("smtp-source") else { return };
    let scene = Scene::new();
    let mut command = Command::new(program);
    command.args(["-f", "", "-t", RECIPIENT, "-M", "relay.example", "-F", SAMPLE]);
    run(command.arg(format!("inet:{}", scene.daemon.address())));
    scene.expect_one_post();
}

#[test]
fn postfix_relays_a_bounce() {
    let Some(sendmail) = installed("sendmail") else { return };
    for recipient in [RECIPIENT, "grüße@mydomain.de"] {
        let scene = Scene::new();
        let relay = format!("relayhost = [{}]:{}\n", scene.host(), scene.port());
        let Some(postfix) = Postfix::start(&scene.site.path("postfix"), &relay, "") else { return };
        let mut command = Command::new(&sendmail);
        command.arg("-C").arg(postfix.folder()).args(["-f", "<>", recipient]);
        run(command.stdin(fs::File::open(SAMPLE).unwrap()));
        scene.expect_one_post();
    }
}

#[test]
fn exim_relays_a_bounce() {
    let Some(exim) = installed("exim4") else { return };
    let scene = Scene::new();
    let folder = scene.site.path("exim");
    fs::create_dir_all(&folder).unwrap();
    // It gives its rights up for this user, which the package brings, and has to get here then.
    fs::set_permissions(folder.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let owned = Command::new("chown").arg("Debian-exim").arg(&folder).stderr(Stdio::null()).status().unwrap();
    if !owned.success() {
        println!("left out: Exim is started by root alone, and needs its user Debian-exim");
        return;
    }
    let configuration = EXIM_CONFIGURATION
        .replace("PROGRAM", exim.to_str().unwrap())
        .replace("FOLDER", folder.to_str().unwrap())
        .replace("HOST", &scene.host())
        .replace("PORT", &scene.port());
    fs::write(folder.join("exim.conf"), configuration).unwrap();
    let mut command = Command::new(exim);
    command.arg("-C").arg(folder.join("exim.conf")).args(["-odf", "-oi", "-f", "<>", RECIPIENT]);
    run(command.stdin(fs::File::open(SAMPLE).unwrap()));
    scene.expect_one_post();
}

const EXIM_CONFIGURATION: &str = "\
exim_path = PROGRAM
primary_hostname = relay.example
spool_directory = FOLDER
log_file_path = FOLDER/%slog
never_users =
keep_environment =
tls_advertise_hosts =
begin routers
all:
  driver = manualroute
  route_list = * HOST::PORT
  transport = out
  self = send
begin transports
out:
  driver = smtp
  hosts_try_fastopen =
";
