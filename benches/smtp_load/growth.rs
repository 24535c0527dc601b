//! What it costs that there is much already: counters, pending notifications, and somebody who dumps them.

use crate::daemon::Usage;
use crate::driver::{Load, Measured};
use crate::held::Held;
use crate::options::Options;
use crate::platform::Behaviour;
use crate::report::{PAIRS, Report, Row};
use crate::trial::{Scene, Trial};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What many counters are compared with.
const COUNTERS_FEW: u64 = 10_000;
const COUNTERS_MANY: u64 = 1_000_000;
const PENDING_MANY: u64 = 100_000;

/// The accept rate with a queue that a silent platform has let grow, against an empty one.
pub fn pending(options: &Options, report: &mut Report) {
    let pending = options.pending.unwrap_or(PENDING_MANY);
    let load = options.load();
    let silent = Scene { platform: Behaviour::Silent, ..Scene::default() };
    let mut full = Trial::start(&Scene { held: Held { pending, ..Held::default() }, ..silent });
    let ratios = (0..PAIRS).map(|_| {
        let empty = Trial::rate(&silent, &load);
        (full.run(&load).0.rate(), empty)
    });
    report.ratio(&format!("accept rate, {pending} pending notifications / none"), ratios.collect());
    report.memory(&format!("at most with {pending} pending notifications"), full.daemon().usage().peak_octets);
    full.end();
}

/// The rate and the memory with many counters, against few, and the latency while they are dumped.
pub fn counters(options: &Options, report: &mut Report) {
    let counters = options.counters.unwrap_or(COUNTERS_MANY);
    let mut many = of_counters(counters);
    if options.counters.is_some() || options.all {
        against_few(options, counters, &mut many, report);
    }
    if options.dump || options.all {
        against_a_dump(options, counters, &mut many, report);
    }
    many.end();
}

fn of_counters(counters: u64) -> Trial {
    Trial::start(&Scene { held: Held { counters, ..Held::default() }, ..Scene::default() })
}

fn against_few(options: &Options, counters: u64, many: &mut Trial, report: &mut Report) {
    let mut few = of_counters(COUNTERS_FEW);
    let mut run = |trial: &mut Trial, recipients| {
        let load = Load { recipients, ..options.load() };
        let (measured, usage) = trial.run(&load);
        report.row(Row::new(&load, format!("{recipients} counters"), &measured, Some(&usage)));
        measured.rate()
    };
    let ratios = (0..PAIRS).map(|_| (run(many, counters), run(&mut few, COUNTERS_FEW))).collect();
    report.ratio(&format!("rate, {counters} counters / {COUNTERS_FEW}"), ratios);
    report.memory(&format!("at most under load with {counters} counters"), many.daemon().usage().peak_octets);
    few.end();
}

fn against_a_dump(options: &Options, counters: u64, many: &mut Trial, report: &mut Report) {
    let load = Load { recipients: counters, ..options.load() };
    let [mut medians, mut tails] = [Vec::new(), Vec::new()];
    for _ in 0..PAIRS {
        let (alone, usage) = many.run(&load);
        report.row(Row::new(&load, "no dump", &alone, Some(&usage)));
        let (dumped, usage, dumps) = run_with_dumps(many, &load);
        report.row(Row::new(&load, format!("{dumps} dumps"), &dumped, Some(&usage)));
        let millis = |share| [&dumped, &alone].map(|run| run.latency(share).as_secs_f64() * 1e3).into();
        medians.push(millis(0.5));
        tails.push(millis(0.99));
    }
    report.ratio(&format!("p50 ms, while {counters} counters are dumped / no dump"), medians);
    report.ratio(&format!("p99 ms, while {counters} counters are dumped / no dump"), tails);
    report.memory(&format!("at most while {counters} counters are dumped"), many.daemon().usage().peak_octets);
}

/// A run with dumps one after the other, and how many began.
fn run_with_dumps(trial: &mut Trial, load: &Load) -> (Measured, Usage, usize) {
    let is_over = AtomicBool::new(false);
    let mut dump = trial.daemon().command();
    dump.arg("dump-counters").stdout(Stdio::null());
    thread::scope(|scope| {
        let dumper = scope.spawn(|| {
            let mut dumps = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert!(dump.status().unwrap().success(), "the dump failed");
                dumps += 1;
            }
            dumps
        });
        let (measured, usage) = trial.run(load);
        is_over.store(true, Ordering::Relaxed);
        (measured, usage, dumper.join().unwrap())
    })
}
