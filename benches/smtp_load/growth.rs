//! What it costs that there is much already: counters, pending notifications, and somebody who dumps them.

use crate::daemon::Usage;
use crate::driver::{Load, Measured};
use crate::held::Held;
use crate::options::Options;
use crate::platform::Behaviour;
use crate::report::{PAIRS, Report, Row};
use crate::trial::{Scene, Trial};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What many counters are compared with.
const COUNTERS_FEW: u64 = 10_000;
const COUNTERS_MANY: u64 = 1_000_000;
const PENDING_MANY: u64 = 100_000;

/// Enough to last as long as a dump: between two runs it would be alone.
const MAILS_DURING_DUMP: usize = 200_000;

/// Of a reader that takes 16 KiB at a time.
const SLOW_READER_PAUSE: Duration = Duration::from_millis(20);

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
    let mut pairs: [(Dumped, Vec<_>); 2] = [Dumped::AtOnce, Dumped::Slowly].map(|dumped| (dumped, Vec::new()));
    for _ in 0..PAIRS {
        let (alone, usage) = many.run(&load);
        report.row(Row::new(&load, "no dump", &alone, Some(&usage)));
        for (dumped, pairs) in &mut pairs {
            let (meanwhile, usage) = run_with_dumps(many, &load, *dumped);
            report.row(Row::new(&load, dumped.name(), &meanwhile, Some(&usage)));
            pairs.push([0.5, 0.99].map(|share| (millis(&meanwhile, share), millis(&alone, share))));
        }
    }
    for (dumped, pairs) in pairs {
        for (place, percentile) in ["p50", "p99"].into_iter().enumerate() {
            let name = format!("{percentile} ms, while {counters} counters are {} / no dump", dumped.name());
            report.ratio(&name, pairs.iter().map(|pair| pair[place]).collect());
        }
    }
    report.memory(&format!("at most while {counters} counters are dumped"), many.daemon().usage().peak_octets);
    let name = format!("one dump of {counters} counters");
    report.time(&format!("{name} without load"), dump_time(many, None));
    let long = Load { mails: MAILS_DURING_DUMP, ..load };
    report.time(&format!("{name} under load"), dump_time(many, Some(&long)));
}

/// How long a dump takes as fast as it can, while the load goes on run after run.
fn dump_time(trial: &mut Trial, load: Option<&Load>) -> Duration {
    let is_over = AtomicBool::new(false);
    let mut command = trial.daemon().command();
    command.arg("dump-counters");
    thread::scope(|scope| {
        let dump = scope.spawn(|| {
            let start = Instant::now();
            Dumped::AtOnce.dump(&mut command, &is_over);
            is_over.store(true, Ordering::Relaxed);
            start.elapsed()
        });
        while let Some(load) = load.filter(|_| !is_over.load(Ordering::Relaxed)) {
            trial.run(load);
        }
        dump.join().unwrap()
    })
}

fn millis(run: &Measured, share: f64) -> f64 {
    run.latency(share).as_secs_f64() * 1e3
}

/// Who takes in what a dump writes.
#[derive(Clone, Copy)]
enum Dumped {
    /// Nobody: it goes as fast as it can, and then again.
    AtOnce,
    /// A reader that pauses: one dump lasts as long as the run.
    Slowly,
}

impl Dumped {
    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "dumped at once",
            Self::Slowly => "dumped slowly",
        }
    }

    fn dump(self, command: &mut Command, is_over: &AtomicBool) {
        match self {
            Self::AtOnce => assert!(command.stdout(Stdio::null()).status().unwrap().success(), "the dump failed"),
            Self::Slowly => read_slowly(command, is_over),
        }
    }
}

/// A run with dumps one after the other.
fn run_with_dumps(trial: &mut Trial, load: &Load, dumped: Dumped) -> (Measured, Usage) {
    let is_over = AtomicBool::new(false);
    let mut command = trial.daemon().command();
    command.arg("dump-counters");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                dumped.dump(&mut command, &is_over);
            }
        });
        let run = trial.run(load);
        is_over.store(true, Ordering::Relaxed);
        run
    })
}

/// A full pipe, emptied bit by bit; the dump is broken off when the run is over.
fn read_slowly(command: &mut Command, is_over: &AtomicBool) {
    let mut dump = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = dump.stdout.take().unwrap();
    let mut octets = [0; 16 * 1024];
    while !is_over.load(Ordering::Relaxed) && output.read(&mut octets).unwrap() > 0 {
        thread::sleep(SLOW_READER_PAUSE);
    }
    drop(output);
    let _ = dump.kill();
    let _ = dump.wait();
}
