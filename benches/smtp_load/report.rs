//! Figures as a table, and as JSON.

use crate::daemon::Usage;
use crate::driver::{Load, Measured};
use serde_json::{Value, json};
use std::time::Duration;

/// Pairs of one comparison; the median counts.
pub const PAIRS: usize = 5;

/// Everything that was measured; each figure is printed when it comes.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    ratios: Vec<Value>,
    memory: Vec<Value>,
    times: Vec<Value>,
    is_in_table: bool,
}

/// One run.
pub struct Row {
    shape: &'static str,
    sessions: usize,
    with: String,
    mails: usize,
    rate: f64,
    latencies: [Duration; 3],
    usage: Option<Usage>,
}

impl Report {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn row(&mut self, row: Row) {
        if !std::mem::replace(&mut self.is_in_table, true) {
            head();
        }
        row.print();
        self.rows.push(row);
    }

    /// Of pairs of runs: the middle ratio, with the lowest and the highest, and the middle of both sides.
    pub fn ratio(&mut self, name: &str, pairs: Vec<(f64, f64)>) {
        let ratios = sorted(pairs.iter().map(|(first, second)| first / second));
        let (first, second): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let [median, first, second] = [median(&ratios), median(&sorted(first)), median(&sorted(second))];
        let (count, lowest, highest) = (ratios.len(), ratios[0], ratios[ratios.len() - 1]);
        self.is_in_table = false;
        print!("{name}: {median:.2}");
        let range = if count > 1 { format!("; median of {count}, {lowest:.2} to {highest:.2}") } else { String::new() };
        let digits = if first < 100.0 { 2 } else { 0 };
        println!(" ({first:.digits$} / {second:.digits$}{range})");
        self.ratios.push(json!({
            "name": name, "median": median, "lowest": lowest, "highest": highest, "pairs": count,
            "median_of_first": first, "median_of_second": second,
        }));
    }

    pub fn memory(&mut self, name: &str, octets: u64) {
        self.is_in_table = false;
        println!("resident memory, {name}: {:.2} MiB", mib(octets));
        self.memory.push(json!({ "name": name, "octets": octets }));
    }

    pub fn time(&mut self, name: &str, took: Duration) {
        self.is_in_table = false;
        println!("time, {name}: {:.2} s", took.as_secs_f64());
        self.times.push(json!({ "name": name, "seconds": took.as_secs_f64() }));
    }

    pub fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let all = json!({ "rows": rows, "ratios": self.ratios, "resident_memory": self.memory, "times": self.times });
        serde_json::to_string_pretty(&all).unwrap()
    }
}

/// The names of the columns.
fn head() {
    println!(
        "{:<10}{:>9}{:>18}{:>9}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>8}",
        "shape",
        "sessions",
        "with",
        "mails/s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "CPU us",
        "peak MiB",
        "file MiB",
        "commits",
        "mails/c"
    );
}

impl Row {
    /// `with`: what was particular about it.
    pub fn new(load: &Load, with: impl Into<String>, measured: &Measured, usage: Option<&Usage>) -> Self {
        Self {
            shape: load.shape.name(),
            sessions: load.sessions,
            with: with.into(),
            mails: measured.latencies.len(),
            rate: measured.rate(),
            latencies: [measured.latency(0.5), measured.latency(0.99), measured.latency(1.0)],
            usage: usage.copied(),
        }
    }

    pub fn with(self, with: String) -> Self {
        Self { with, ..self }
    }

    pub fn shape(&self) -> &'static str {
        self.shape
    }

    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// Whether nothing was particular about it.
    pub fn platform_is_up(&self) -> bool {
        self.with == "up"
    }

    /// Mails a second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    pub fn p99_millis(&self) -> f64 {
        millis(self.latencies[1])
    }

    fn print(&self) {
        let [p50, p99, max] = self.latencies.map(millis);
        print!("{:<10}{:>9}{:>18}{:>9.0}", self.shape, self.sessions, self.with, self.rate);
        print!("{p50:>10.2}{p99:>10.2}{max:>10.2}");
        if let Some(usage) = &self.usage {
            print!("{:>9.1}{:>9.1}{:>9.1}", self.cpu_micros(), mib(usage.peak_octets), mib(usage.file_octets));
            print!("{:>9}{:>8.1}", usage.commits, self.mails as f64 / usage.commits.max(1) as f64);
        }
        println!();
    }

    /// For one mail.
    fn cpu_micros(&self) -> f64 {
        self.usage.map_or(0.0, |usage| usage.cpu.as_secs_f64() * 1e6 / self.mails as f64)
    }

    fn json(&self) -> Value {
        let [p50, p99, max] = self.latencies.map(millis);
        let usage = self.usage.as_ref();
        json!({
            "shape": self.shape, "sessions": self.sessions, "with": self.with, "mails": self.mails, "mails_per_second": self.rate,
            "latency_p50_ms": p50, "latency_p99_ms": p99, "latency_max_ms": max,
            "cpu_us_per_mail": usage.map(|_| self.cpu_micros()), "peak_octets": usage.map(|usage| usage.peak_octets),
            "file_octets": usage.map(|usage| usage.file_octets), "commits": usage.map(|usage| usage.commits),
        })
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(octets: u64) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}
