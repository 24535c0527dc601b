//! Stacked columns over time, as SVG in a page.
//!
//! The columns scale with the page's width; labels do not. What a column holds is told by its title.

use super::html::Text;
use crate::status::words::number;
use crate::types::Timestamp;
use std::fmt::{self, Write};
use std::time::Duration;
use time::OffsetDateTime;

/// A plot of several series over the same time.
pub struct Plot<'a> {
    /// Above it.
    pub title: &'a str,
    /// When the first column begins.
    pub start: Timestamp,
    /// How long one column lasts.
    pub step: Duration,
    /// How many columns there are.
    pub columns: usize,
    /// Columns that share one title, so that it can be pointed at.
    pub columns_per_title: usize,
    /// From the bottom to the top.
    pub series: Vec<Series>,
}

/// One series: a value for each column.
pub struct Series {
    /// In the legend.
    pub name: String,
    /// The number of its colour, from 1 to 7.
    pub colour: usize,
    /// As many as there are columns.
    pub values: Vec<u64>,
}

/// In CSS pixels.
const HEIGHT: u64 = 148;
/// Where the labels of time stand.
const LABELS_Y: u64 = 166;
/// The inner unit of height.
const UNITS: f64 = 1000.0;

const HOUR: Duration = Duration::from_secs(3600);

impl fmt::Display for Plot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<section class=\"card column\"><h2>{}</h2>", self.title)?;
        let top = self.top();
        if top == 0 {
            return write!(f, "<p class=\"empty\">Nothing came in.</p></section>");
        }
        self.legend(f)?;
        let scale = scale(top);
        let (max, half) = (number(scale), number(scale / 2));
        write!(f, "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>{max}</span><span>{half}</span>")?;
        write!(f, "<span>0</span></div><svg role=\"img\" aria-label=\"{}, at most {}\">", self.title, number(top))?;
        for (y, class) in [(0, "rule"), (HEIGHT / 2, "rule"), (HEIGHT, "base")] {
            write!(f, "<line class=\"{class}\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>")?;
        }
        self.areas(f, scale)?;
        self.times(f)?;
        write!(f, "</svg></div></section>")
    }
}

impl Plot<'_> {
    /// The sum of the highest column.
    fn top(&self) -> u64 {
        (0..self.columns).map(|column| self.series.iter().map(|series| series.values[column]).sum()).max().unwrap_or(0)
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ul class=\"legend\">")?;
        for series in &self.series {
            let total = number(series.values.iter().sum());
            write!(f, "<li><i class=\"key c{}\"></i>{} <b>{total}</b></li>", series.colour, Text(&series.name))?;
        }
        write!(f, "</ul>")
    }

    fn areas(&self, f: &mut fmt::Formatter<'_>, scale: u64) -> fmt::Result {
        write!(
            f,
            "<svg class=\"bars\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {UNITS}\" preserveAspectRatio=\"none\" \
             shape-rendering=\"crispEdges\">",
            self.columns
        )?;
        let mut below = vec![0; self.columns];
        for series in &self.series {
            let path = area(&series.values, &mut below, scale);
            write!(f, "<path class=\"c{}\" d=\"{path}\"/>", series.colour)?;
        }
        self.titles(f)?;
        write!(f, "</svg>")
    }

    /// Rectangles over the columns that say what is in them.
    fn titles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for first in (0..self.columns).step_by(self.columns_per_title) {
            let columns = first..(first + self.columns_per_title).min(self.columns);
            let sums =
                self.series.iter().map(|series| (&series.name, series.values[columns.clone()].iter().sum::<u64>()));
            let parts: Vec<_> =
                sums.filter(|(_, sum)| *sum > 0).map(|(name, sum)| format!("{} {}", number(sum), Text(name))).collect();
            if !parts.is_empty() {
                let (from, to) = (self.clock(columns.start), self.clock(columns.end));
                let width = columns.len();
                write!(f, "<rect class=\"hit\" x=\"{first}\" width=\"{width}\" height=\"{UNITS}\">")?;
                write!(f, "<title>{from} to {to}: {}</title></rect>", parts.join(", "))?;
            }
        }
        Ok(())
    }

    /// A label at each hour, or each midnight where a column is an hour.
    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_day = self.step >= HOUR;
        let every = if by_day { 24 * HOUR } else { HOUR };
        for column in 0..self.columns {
            let time = self.time(column);
            if !time.millis().is_multiple_of(u64::try_from(every.as_millis()).unwrap_or(u64::MAX)) {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a position in a picture")]
            let x = 100.0 * column as f64 / self.columns as f64;
            let (end, text_y) = (HEIGHT + 5, LABELS_Y);
            write!(f, "<line class=\"tick\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{HEIGHT}\" y2=\"{end}\"/>")?;
            if by_day && x < 91.0 {
                write!(f, "<text x=\"{x:.2}%\" dx=\"3\" y=\"{text_y}\">{}</text>", short_day(time))?;
            } else if !by_day && (4.0..96.0).contains(&x) {
                write!(f, "<text x=\"{x:.2}%\" y=\"{text_y}\" text-anchor=\"middle\">{}</text>", self.clock(column))?;
            }
        }
        Ok(())
    }

    fn time(&self, column: usize) -> Timestamp {
        self.start.after(self.step * u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// `04:05`, with the day where a column is an hour.
    fn clock(&self, column: usize) -> String {
        let time = self.time(column);
        let minutes = time.seconds() / 60 % (24 * 60);
        let clock = format!("{:02}:{:02}", minutes / 60, minutes % 60);
        if self.step >= HOUR { format!("{} {clock}", day(time)) } else { clock }
    }
}

/// `Sat 21`.
fn day(time: Timestamp) -> String {
    let (weekday, day) = date(time);
    format!("{weekday} {day}")
}

/// The same, of which a phone shows the first word.
fn short_day(time: Timestamp) -> String {
    let (weekday, day) = date(time);
    format!("{weekday}<tspan class=\"roomy\"> {day}</tspan>")
}

fn date(time: Timestamp) -> (String, u8) {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (date.weekday().to_string().chars().take(3).collect(), date.day())
}

/// The columns of one series on top of those `below`, which it raises. Neighbours of the same height become one.
fn area(values: &[u64], below: &mut [u64], scale: u64) -> String {
    let mut path = String::new();
    let mut column = 0;
    while let Some(&value) = values.get(column) {
        let same = (column..values.len()).take_while(|other| values[*other] == value && below[*other] == below[column]);
        let width = same.count();
        if value > 0 {
            let (top, height) = (units(scale - below[column] - value, scale), units(value, scale));
            // Writing to a String cannot fail.
            let _ = write!(path, "M{column} {top:.0}h{width}v{height:.0}h-{width}z");
        }
        for sum in &mut below[column..column + width] {
            *sum += value;
        }
        column += width;
    }
    path
}

#[expect(clippy::cast_precision_loss, reason = "a position in a picture")]
fn units(value: u64, scale: u64) -> f64 {
    UNITS * value as f64 / scale as f64
}

/// A round number that is not below `top` and can be halved: 2, 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, …
fn scale(top: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [2, 3, 4, 5, 6, 8, 10] {
            let scale = power.saturating_mul(factor);
            if scale >= top && (scale.is_multiple_of(2) || scale == u64::MAX) {
                return scale;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_not_below() {
        for (top, expected) in
            [(1, 2), (3, 4), (5, 6), (6, 6), (7, 8), (11, 20), (21, 30), (99, 100), (101, 200), (5_001, 6_000)]
        {
            assert_eq!(scale(top), expected);
        }
        assert!(scale(u64::MAX) == u64::MAX);
    }

    #[test]
    fn columns_stand_on_those_below() {
        let mut below = vec![0; 4];
        assert_eq!(area(&[1, 1, 0, 2], &mut below, 4), "M0 750h2v250h-2zM3 500h1v500h-1z");
        assert_eq!(area(&[1, 1, 1, 1], &mut below, 4), "M0 500h2v250h-2zM2 750h1v250h-1zM3 250h1v250h-1z");
        assert_eq!(below, [2, 2, 1, 3]);
    }

    #[test]
    fn an_empty_plot_says_so() {
        let (start, step) = (Timestamp::default(), HOUR);
        let series = vec![Series { name: "hard".to_owned(), colour: 1, values: vec![0; 3] }];
        let plot = Plot { title: "x", start, step, columns: 3, columns_per_title: 1, series };
        assert!(plot.to_string().contains("Nothing came in."));
    }
}
