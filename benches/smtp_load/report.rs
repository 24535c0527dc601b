//! Figures as a table, as JSON, and as a picture.

use crate::daemon::Usage;
use crate::driver::{Load, Measured};
use serde_json::json;
use std::fmt::Write;
use std::time::Duration;

/// One line of the table.
pub struct Row {
    shape: &'static str,
    sessions: usize,
    endpoint: String,
    mails: usize,
    rate: f64,
    latencies: [Duration; 3],
    usage: Option<Usage>,
}

/// The names of the columns.
pub fn head() {
    println!(
        "{:<10}{:>9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>8}",
        "shape",
        "sessions",
        "endpoint",
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
    pub fn new(load: &Load, endpoint: &str, measured: &Measured, usage: Option<&Usage>) -> Self {
        Self {
            shape: load.shape.name(),
            sessions: load.sessions,
            endpoint: endpoint.to_owned(),
            mails: measured.acknowledged.len(),
            rate: measured.rate(),
            latencies: [measured.latency(0.5), measured.latency(0.99), measured.latency(1.0)],
            usage: usage.copied(),
        }
    }

    pub fn print(&self) {
        let [p50, p99, max] = self.latencies.map(millis);
        print!("{:<10}{:>9}{:>9}{:>9.0}", self.shape, self.sessions, self.endpoint, self.rate);
        print!("{p50:>10.2}{p99:>10.2}{max:>10.2}");
        if let Some(usage) = &self.usage {
            let (mails, mib) = (self.mails as f64, f64::from(1 << 20));
            print!("{:>9.1}{:>9.1}", self.cpu_micros(), usage.peak_octets as f64 / mib);
            print!(
                "{:>9.1}{:>9}{:>8.1}",
                usage.file_octets as f64 / mib,
                usage.commits,
                mails / usage.commits.max(1) as f64
            );
        }
        println!();
    }

    /// For one mail.
    fn cpu_micros(&self) -> f64 {
        self.usage.map_or(0.0, |usage| usage.cpu.as_secs_f64() * 1e6 / self.mails as f64)
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle one, with the lowest and the highest.
pub fn median(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values[0], values[values.len() - 1]);
    format!("{:.2} (median of {}; {first:.2} to {last:.2})", values[values.len() / 2], values.len())
}

/// One object a row.
pub fn json(rows: &[Row]) -> String {
    let object = |row: &Row| {
        json!({
            "shape": row.shape, "sessions": row.sessions, "endpoint": row.endpoint, "mails": row.mails,
            "mails_per_second": row.rate, "latency_p50_ms": millis(row.latencies[0]),
            "latency_p99_ms": millis(row.latencies[1]), "latency_max_ms": millis(row.latencies[2]),
            "cpu_us_per_mail": row.cpu_micros(), "peak_octets": row.usage.map(|usage| usage.peak_octets),
            "file_octets": row.usage.map(|usage| usage.file_octets), "commits": row.usage.map(|usage| usage.commits),
        })
    };
    serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>()).unwrap()
}

/// Two plots beside each other, sessions from left to right on a logarithmic scale; a line for each shape.
pub fn svg(rows: &[Row]) -> String {
    let mut picture =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 260\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"720\" height=\"260\" fill=\"white\"/>\n"
            .to_owned();
    let up: Vec<&Row> = rows.iter().filter(|row| row.endpoint == "up").collect();
    plot(&mut picture, &up, 50.0, "mails a second, by sessions", |row| row.rate);
    plot(&mut picture, &up, 410.0, "acknowledgement, 99 %, in ms, by sessions", |row| millis(row.latencies[1]));
    picture.push_str("</svg>\n");
    picture
}

fn plot(picture: &mut String, rows: &[&Row], left: f64, title: &str, value: impl Fn(&Row) -> f64) {
    const COLOURS: [(&str, &str); 3] = [("once", "#b45309"), ("many", "#1d4ed8"), ("pipelined", "#047857")];
    let highest = rows.iter().map(|row| value(row)).fold(1e-9, f64::max);
    let x = |row: &Row| left + 260.0 * (row.sessions as f64).log10() / 3.0;
    let y = |row: &Row| 220.0 - 180.0 * value(row) / highest;
    writeln!(picture, "<text x=\"{left}\" y=\"20\" font-weight=\"bold\">{title}</text>").unwrap();
    writeln!(picture, "<path d=\"M{left} 40V220H{}\" fill=\"none\" stroke=\"#888\"/>", left + 260.0).unwrap();
    writeln!(picture, "<text x=\"{}\" y=\"44\" text-anchor=\"end\">{highest:.1}</text>", left - 4.0).unwrap();
    for (tick, label) in ["1", "10", "100", "1000"].iter().enumerate() {
        let at = left + 260.0 * tick as f64 / 3.0;
        writeln!(picture, "<text x=\"{at}\" y=\"236\" text-anchor=\"middle\">{label}</text>").unwrap();
    }
    for (place, (shape, colour)) in COLOURS.iter().enumerate() {
        let of_shape: Vec<&&Row> = rows.iter().filter(|row| row.shape == *shape).collect();
        let points: Vec<String> = of_shape.iter().map(|row| format!("{:.1},{:.1}", x(row), y(row))).collect();
        writeln!(picture, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", points.join(" ")).unwrap();
        for row in of_shape {
            writeln!(picture, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(row), y(row)).unwrap();
        }
        let at = left + 90.0 * place as f64;
        writeln!(picture, "<text x=\"{at}\" y=\"254\" fill=\"{colour}\">{shape}</text>").unwrap();
    }
}
