//! Bounces read per CPU second, in one process and thread: `cargo bench --bench classify`.
//!
//! Reads the bounces of `../shared/corpus` where that folder is present, else the mails of `tests/mails`. Prints the rate of
//! `bounce::read`, of mailparse alone (headers and bodies of every part) on the same mails, and the worst hostile mails.

#[path = "../tests/support/hostile.rs"]
mod hostile;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long each of the two is measured, in CPU time.
const MEASURE_FOR: Duration = Duration::from_secs(3);

fn main() {
    let mails = load();
    let octets: usize = mails.iter().map(Vec::len).sum();
    println!("{} mails, {} octets each on average", mails.len(), octets / mails.len().max(1));
    report("bounce::read", &mails, |mail| {
        black_box(bouncesvc::bounce::read(black_box(mail)));
    });
    report("mailparse alone", &mails, |mail| {
        if let Ok(parsed) = mailparse::parse_mail(black_box(mail)) {
            for part in parsed.parts() {
                black_box(part.get_body_raw().ok());
            }
        }
    });
    report_hostile();
}

/// The mails of 1 MiB that cost most, each the best of three runs.
fn report_hostile() {
    let cost =
        |mail: &[u8]| (0..3).map(|_| time_of(|| drop(black_box(bouncesvc::bounce::read(black_box(mail)))))).min();
    let mut costs: Vec<_> =
        hostile::mails().iter().map(|(name, mail)| (cost(mail).unwrap_or_default(), *name)).collect();
    costs.sort_unstable();
    println!("hostile mails of 1 MiB, the worst five:");
    for (time, name) in costs.iter().rev().take(5) {
        println!("  {:.2} ms  {name}", time.as_secs_f64() * 1e3);
    }
}

/// Wall time: the ticks of CPU time are too coarse for a single mail.
fn time_of(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Runs `read` over all mails, round by round, and prints the rate.
fn report(name: &str, mails: &[Vec<u8>], read: impl Fn(&[u8])) {
    let round = || mails.iter().for_each(|mail| read(mail));
    round();
    let (start, mut rounds) = (cpu_time(), 0u32);
    while cpu_time().saturating_sub(start) < MEASURE_FOR {
        round();
        rounds += 1;
    }
    let spent = cpu_time().saturating_sub(start).as_secs_f64();
    let count = f64::from(rounds) * f64::from(u32::try_from(mails.len()).unwrap_or(u32::MAX));
    println!("{name}: {:.0} messages per CPU second, {:.1} us each", count / spent, spent / count * 1e6);
}

/// The bounces and delay warnings of the corpus, or every mail written for the tests.
fn load() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let labels = std::fs::read_to_string(corpus.join("labels.jsonl")).unwrap_or_default();
    let failures = labels.lines().filter_map(|line| {
        let label: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_failure = matches!(label.get("kind")?.as_str()?, "bounce" | "delay");
        is_failure.then(|| corpus.join("mails").join(label.get("file").and_then(|file| file.as_str()).unwrap_or("")))
    });
    let mails: Vec<Vec<u8>> = failures.filter_map(|path| std::fs::read(path).ok()).collect();
    if mails.is_empty() { own_mails(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails")) } else { mails }
}

fn own_mails(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "eml") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// CPU time of this process: `utime` and `stime` of `/proc/self/stat`, in ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
