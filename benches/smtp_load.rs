//! The real daemon under a synthetic SMTP load, from the socket to the database.
//!
//! `cargo bench --bench smtp_load` prints a table in about a minute; `-- --help` lists the options. Each run starts the daemon as a
//! process with a database of its own, drives it with seeded mails, stops it, and compares counters and queue with what was
//! acknowledged: a difference fails the bench. Where Postfix's `smtp-sink` is installed, the same generator drives it in turn with
//! the daemon, and the ratio of each pair is printed: absolute figures of a shared machine say little.

#![allow(clippy::cast_precision_loss, clippy::unwrap_used, reason = "rates are rounded, and a bench may panic")]

#[path = "smtp_load/daemon.rs"]
mod daemon;
#[path = "smtp_load/driver.rs"]
mod driver;
#[path = "smtp_load/mails.rs"]
mod mails;
#[path = "smtp_load/options.rs"]
mod options;
#[path = "smtp_load/platform.rs"]
mod platform;
#[path = "smtp_load/report.rs"]
mod report;
#[path = "smtp_load/verify.rs"]
mod verify;

use argh::FromArgs;
use daemon::Daemon;
use driver::{Load, Measured, Shape};
use options::Options;
use platform::{Behaviour, Platform};
use report::Row;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Pairs of one comparison; the median counts.
const PAIRS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let options = Options::from_args(&["smtp_load"], &words).unwrap_or_else(|exit| {
        println!("{}", exit.output);
        std::process::exit(i32::from(exit.status.is_err()));
    });
    raise_file_limit();
    let rows = match (options.against, options.is_single()) {
        (Some(server), _) => vec![against(server, &options)],
        (None, true) => vec![run(&options.load(), options.endpoint)],
        (None, false) => everything(&options),
    };
    if let Some(file) = &options.json {
        std::fs::write(file, report::json(&rows)).unwrap();
    }
    if let Some(file) = &options.svg {
        std::fs::write(file, report::svg(&rows)).unwrap();
    }
}

/// The tables of a plain run.
fn everything(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    report::head();
    for (shape, sessions) in [
        (Shape::Once, 100),
        (Shape::Many, 1),
        (Shape::Many, 10),
        (Shape::Many, 100),
        (Shape::Pipelined, 1),
        (Shape::Pipelined, 10),
        (Shape::Pipelined, 100),
    ] {
        let mails = if sessions == 1 { options.mails / 10 } else { options.mails };
        rows.push(run(&Load { shape, sessions, mails, ..options.load() }, Behaviour::Up));
    }
    for behaviour in [Behaviour::Slow, Behaviour::Failing, Behaviour::Silent] {
        rows.push(run(&Load { shape: Shape::Pipelined, sessions: 100, ..options.load() }, behaviour));
    }
    println!();
    endpoint_ratio(options);
    compare_with_sink(options);
    idle_connections();
    rows
}

/// One run against the daemon, verified.
fn run(load: &Load, behaviour: Behaviour) -> Row {
    let (measured, daemon) = measure(load, behaviour);
    let row = Row::new(load, behaviour.name(), &measured, Some(&daemon));
    row.print();
    row
}

fn measure(load: &Load, behaviour: Behaviour) -> (Measured, daemon::Usage) {
    let platform = Platform::start(behaviour);
    let daemon = Daemon::start(&platform.template());
    let before = daemon.usage();
    let measured = driver::drive(daemon.address(), load);
    let usage = daemon.usage().since(&before);
    let folder = daemon.stop();
    drop(platform);
    verify::holds_what_was_acknowledged(folder.path(), &measured.acknowledged);
    (measured, usage)
}

fn against(server: SocketAddr, options: &Options) -> Row {
    report::head();
    let load = options.load();
    let row = Row::new(&load, &server.to_string(), &driver::drive(server, &load), None);
    row.print();
    row
}

/// The accept rate with an endpoint that is down, against one that is up.
fn endpoint_ratio(options: &Options) {
    let load = Load { shape: Shape::Pipelined, sessions: 100, ..options.load() };
    for behaviour in [Behaviour::Silent, Behaviour::Slow] {
        let ratios = (0..PAIRS).map(|_| {
            let up = measure(&load, Behaviour::Up).0.rate();
            measure(&load, behaviour).0.rate() / up
        });
        println!("accept rate, endpoint {} / up: {}", behaviour.name(), report::median(ratios.collect()));
    }
}

/// Pairs of runs, one after the other, so that a machine that is slow for a while is slow for both.
fn compare_with_sink(options: &Options) {
    for (shape, sessions) in [(Shape::Many, 100), (Shape::Many, 10), (Shape::Once, 100)] {
        let load = Load { shape, sessions, ..options.load() };
        let mut ratios = Vec::new();
        for _ in 0..PAIRS {
            let ours = measure(&load, Behaviour::Up).0.rate();
            let Some(mut sink) = Sink::start() else {
                println!("smtp-sink is not installed: no comparison");
                return;
            };
            ratios.push(ours / driver::drive(sink.address, &load).rate());
            sink.child.kill().unwrap();
            sink.child.wait().unwrap();
        }
        let name = shape.name();
        println!(
            "{name}, {sessions} sessions: bouncesvc (durable) / smtp-sink (throws away): {}",
            report::median(ratios)
        );
    }
}

/// Postfix's sink.
struct Sink {
    child: Child,
    address: SocketAddr,
}

impl Sink {
    fn start() -> Option<Self> {
        let address = free_address();
        let mut command = Command::new("smtp-sink");
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg(address.to_string()).arg("1024").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        while TcpStream::connect(address).is_err() {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return None;
            }
        }
        Some(Self { child, address })
    }
}

/// What connections cost that say nothing.
fn idle_connections() {
    let daemon = Daemon::start("http://127.0.0.1:1/{address}");
    let start = daemon.usage().resident_octets;
    println!("resident memory, idle: {:.2} MiB", start as f64 / f64::from(1 << 20));
    let mut connections = Vec::new();
    for count in [1_000, 10_000] {
        while connections.len() < count {
            match driver::greeted(daemon.address()) {
                Ok(connection) => connections.push(connection),
                Err(error) => return println!("{} connections, then: {error}", connections.len()),
            }
        }
        let more = daemon.usage().resident_octets.saturating_sub(start);
        println!("with {count} idle connections: + {:.2} MiB", more as f64 / f64::from(1 << 20));
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
