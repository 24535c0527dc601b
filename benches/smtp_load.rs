//! The real daemon under a synthetic SMTP load, from the socket to the database.
//!
//! `cargo bench --bench smtp_load` prints tables in about a minute and a half; `-- --help` lists the options, `-- --all` prints everything
//! that the README tells. Each run starts the daemon as a process with a database of its own, drives it with seeded mails, stops it, and
//! compares counters and queue with what was acknowledged: a difference fails the bench. Where two things are compared, runs of both
//! take turns, and the ratio of each pair is printed: absolute figures of a shared machine say little.

#![allow(clippy::cast_precision_loss, clippy::unwrap_used, reason = "rates are rounded, and a bench may panic")]

#[path = "smtp_load/daemon.rs"]
mod daemon;
#[path = "smtp_load/driver.rs"]
mod driver;
#[path = "smtp_load/growth.rs"]
mod growth;
#[path = "smtp_load/held.rs"]
mod held;
#[path = "smtp_load/mails.rs"]
mod mails;
#[path = "smtp_load/options.rs"]
mod options;
#[path = "smtp_load/peers.rs"]
mod peers;
#[path = "smtp_load/picture.rs"]
mod picture;
#[path = "smtp_load/platform.rs"]
mod platform;
#[path = "../tests/support/postfix.rs"]
mod postfix;
#[path = "../tests/support/programs.rs"]
mod programs;
#[path = "smtp_load/report.rs"]
mod report;
#[path = "smtp_load/serve.rs"]
mod serve;
#[path = "support/slow_disk.rs"]
mod slow_disk;
#[path = "smtp_load/tables.rs"]
mod tables;
#[path = "smtp_load/trial.rs"]
mod trial;

use argh::FromArgs;
use options::Options;
use report::{Report, Row};
use std::net::{SocketAddr, TcpListener};
use trial::{Scene, Trial};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let options = Options::from_args(&["smtp_load"], &words).unwrap_or_else(|exit| {
        println!("{}", exit.output);
        std::process::exit(i32::from(exit.status.is_err()));
    });
    if let Some(config) = &options.serve {
        return serve::run(config, options.sync_delay());
    }
    raise_file_limit();
    let mut report = Report::default();
    measure(&options, &mut report);
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()).unwrap();
    }
    if let Some(file) = &options.svg {
        std::fs::write(file, picture::svg(report.rows())).unwrap();
    }
}

fn measure(options: &Options, report: &mut Report) {
    if let Some(server) = options.against {
        let measured = driver::drive(server, &options.load());
        return report.row(Row::new(&options.load(), server.to_string(), &measured, None));
    }
    if options.is_single() {
        let scene = Scene { platform: options.endpoint, sync_delay: options.sync_delay(), ..Scene::default() };
        return report.row(Trial::once(&scene, &options.load()));
    }
    if options.is_plain() || options.all {
        tables::shapes(options, report);
        tables::endpoints(options, report);
        peers::sink(options, report);
        tables::idle_connections(report);
    }
    if options.postfix || options.all {
        peers::postfix(options, report);
    }
    if options.slow_sync || options.all {
        tables::slow_sync(options, report);
    }
    if options.pending.is_some() || options.all {
        growth::pending(options, report);
    }
    if options.counters.is_some() || options.dump || options.all {
        growth::counters(options, report);
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
