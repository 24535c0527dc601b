//! Others under the same load, in turn with the daemon: Postfix's sink, which throws mail away, and Postfix, which queues it.

use crate::driver::{self, Load, Shape};
use crate::options::Options;
use crate::postfix::Postfix;
use crate::programs::installed;
use crate::report::{PAIRS, Report};
use crate::trial::{Scene, Trial};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Postfix gets this part of the mails: it takes more time for each.
const POSTFIX_PART: usize = 10;

/// Octets of each mail that `smtp-source` sends.
const SOURCE_OCTETS: usize = 6_000;

/// Against `smtp-sink`, driven by this generator and by `smtp-source`.
pub fn sink(options: &Options, report: &mut Report) {
    if installed("smtp-sink").is_none() {
        return;
    }
    for (shape, sessions) in [(Shape::Many, 100), (Shape::Many, 10), (Shape::Once, 100)] {
        let load = Load { shape, sessions, ..options.load() };
        let pair = |_| (Trial::rate(&Scene::default(), &load), Sink::rate(|sink| driver::drive(sink, &load).rate()));
        report.ratio(
            &format!("{}, {sessions} sessions: bouncesvc (durable) / smtp-sink (throws away)", shape.name()),
            (0..PAIRS).map(pair).collect(),
        );
    }
    if installed("smtp-source").is_some() {
        let load = Load { shape: Shape::Many, sessions: 100, ..options.load() };
        for (sender, what) in
            [("list@load.example", "ordinary mails"), ("", "mails that are no bounce, though <> sends them")]
        {
            let pair = |_| (source_against_daemon(&load, sender), Sink::rate(|sink| source(sink, &load, sender)));
            let name = format!("smtp-source, many, 100 sessions, {what}: bouncesvc / smtp-sink");
            report.ratio(&name, (0..PAIRS).map(pair).collect());
        }
    }
}

/// Against Postfix that takes mail into its queue and keeps it there: as it comes, and with all put off that slows it down.
pub fn postfix(options: &Options, report: &mut Report) {
    for (name, main_cf) in
        [("Postfix", KEEPING.to_owned()), ("Postfix without look-ups and limits", format!("{KEEPING}{FAST}"))]
    {
        let Some(mut postfix) = Keeping::start(&main_cf) else { return };
        for shape in [Shape::Many, Shape::Pipelined] {
            let load = Load { shape, sessions: 100, ..options.load() };
            let few = Load { mails: options.mails / POSTFIX_PART, ..load };
            // Its processes are started by the first connections.
            postfix.rate(&few);
            let pair = |_| (Trial::rate(&Scene::default(), &load), postfix.rate(&few));
            let name = format!("{}, 100 sessions: bouncesvc / {name} that takes mail into its queue", shape.name());
            report.ratio(&name, (0..PAIRS).map(pair).collect());
        }
    }
}

/// Postfix's sink.
struct Sink {
    child: Child,
    address: SocketAddr,
}

impl Sink {
    /// What `drive` reaches with it.
    fn rate(drive: impl FnOnce(SocketAddr) -> f64) -> f64 {
        let sink = Self::start();
        drive(sink.address)
    }

    fn start() -> Self {
        let address = crate::free_address();
        let mut command = Command::new("smtp-sink");
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg(address.to_string()).arg("1024").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut sink = Self { child: command.spawn().unwrap(), address };
        while TcpStream::connect(address).is_err() {
            assert!(sink.child.try_wait().unwrap().is_none(), "smtp-sink ended");
        }
        sink
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn source_against_daemon(load: &Load, sender: &str) -> f64 {
    let trial = Trial::start(&Scene::default());
    let rate = source(trial.daemon().address(), load, sender);
    trial.end();
    rate
}

/// What `smtp-source` reaches with many mails on a connection. All of a mail from `<>` is searched for a bounce.
fn source(server: SocketAddr, load: &Load, sender: &str) -> f64 {
    let mut command = Command::new("smtp-source");
    command.args(["-d", "-f", sender, "-t", "no-reply@mydomain.de", "-M", "load.example"]);
    command.args(["-l", &SOURCE_OCTETS.to_string(), "-s", &load.sessions.to_string(), "-m", &load.mails.to_string()]);
    let start = Instant::now();
    assert!(command.arg(format!("inet:{server}")).status().unwrap().success(), "smtp-source failed");
    load.mails as f64 / start.elapsed().as_secs_f64()
}

/// A Postfix whose mails stay in its queue: its queue manager takes them up, as always, and finds that they have to wait.
struct Keeping {
    postfix: Postfix,
    address: SocketAddr,
    mails: usize,
    _folder: TempDir,
}

impl Keeping {
    fn start(main_cf: &str) -> Option<Self> {
        let (folder, address) = (tempfile::tempdir().unwrap(), crate::free_address());
        let services = format!("{address} inet n - n - - smtpd\n");
        let postfix = Postfix::start(&folder.path().join("postfix"), main_cf, &services)?;
        while TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
        Some(Self { postfix, address, mails: 0, _folder: folder })
    }

    /// Of one run; returns when the work is done that it leaves behind.
    fn rate(&mut self, load: &Load) -> f64 {
        let rate = driver::drive(self.address, load).rate();
        self.mails += load.mails;
        let deferred = self.postfix.folder().join("queue/deferred");
        while files(&deferred) < self.mails {
            std::thread::sleep(Duration::from_millis(50));
        }
        rate
    }
}

/// Below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// Postfix as it comes, but that mails stay.
const KEEPING: &str = "\
mynetworks = 127.0.0.0/8
defer_transports = smtp, relay
";

/// Nothing slows it down that keeps no mail: no look-up of names, no limit, no pause while much comes in.
const FAST: &str = "\
smtpd_peername_lookup = no
default_process_limit = 250
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
qmgr_message_active_limit = 100000
";
