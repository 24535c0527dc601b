//! What the daemon does by itself: shapes of load, platforms that are down, slow disks, idle connections.

use crate::daemon::Daemon;
use crate::driver::{self, Load, Shape};
use crate::options::Options;
use crate::platform::Behaviour;
use crate::report::{PAIRS, Report};
use crate::trial::{Scene, Trial};
use std::time::Duration;

/// Each shape with its sessions, and each behaviour of the platform.
pub fn shapes(options: &Options, report: &mut Report) {
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
        report.row(Trial::once(&Scene::default(), &Load { shape, sessions, mails, ..options.load() }));
    }
    for platform in [Behaviour::Slow, Behaviour::Failing, Behaviour::Silent] {
        let scene = Scene { platform, ..Scene::default() };
        report.row(Trial::once(&scene, &pipelined(options)));
    }
}

/// The accept rate with a platform that is down, against one that is up.
pub fn endpoints(options: &Options, report: &mut Report) {
    let load = pipelined(options);
    for platform in [Behaviour::Silent, Behaviour::Slow] {
        let scene = Scene { platform, ..Scene::default() };
        let pair = |_| (Trial::rate(&scene, &load), Trial::rate(&Scene::default(), &load));
        report.ratio(&format!("accept rate, platform {} / up", platform.name()), (0..PAIRS).map(pair).collect());
    }
}

fn pipelined(options: &Options) -> Load {
    Load { shape: Shape::Pipelined, sessions: 100, ..options.load() }
}

/// The rate on slow disks, beside what two halves of the sessions would reach that commit in turn, each while the other one sends:
/// the bound of a commit on a thread of its own.
pub fn slow_sync(options: &Options, report: &mut Report) {
    let mut shares = Vec::new();
    for sessions in [10, 100, 500] {
        let load = Load { shape: Shape::Many, sessions, ..options.load() };
        let fast = on_disk(0, &load, report);
        for millis in [1_u32, 5] {
            let load = Load { mails: load.mails.min(200 * sessions), ..load };
            let alternating = (sessions as f64 * 500.0 / f64::from(millis)).min(fast);
            shares.push((sessions, millis, (on_disk(millis, &load, report), alternating)));
        }
    }
    for (sessions, millis, share) in shares {
        let name = format!("{sessions} sessions, sync {millis} ms: rate / what alternating halves reach");
        report.ratio(&name, vec![share]);
    }
}

fn on_disk(sync_millis: u32, load: &Load, report: &mut Report) -> f64 {
    let scene = Scene { sync_delay: Duration::from_millis(sync_millis.into()), ..Scene::default() };
    let row = Trial::once(&scene, load).with(format!("sync + {sync_millis} ms"));
    let rate = row.rate();
    report.row(row);
    rate
}

/// What connections cost that say nothing.
pub fn idle_connections(report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder, "http://127.0.0.1:1/{address}", Duration::ZERO);
    let start = daemon.memory("VmRSS:");
    report.memory("idle", start);
    let mut connections = Vec::new();
    for count in [1_000, 10_000] {
        while connections.len() < count {
            match driver::greeted(daemon.address()) {
                Ok(connection) => connections.push(connection),
                Err(error) => return println!("{} connections, then: {error}", connections.len()),
            }
        }
        let more = daemon.memory("VmRSS:").saturating_sub(start);
        report.memory(&format!("more with {count} idle connections"), more);
    }
}
