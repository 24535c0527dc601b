//! Numbers, spans of time and sizes as people read them.

use crate::escape::Escaped;
use std::time::Duration;

/// `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `1,234 rows`.
pub fn count(count: u64, of_what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {of_what}{ending}", number(count))
}

/// A span in its two largest units: `3 d 4 h`, `12 min`, `45 s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (large, small, unit, small_unit) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3600 => return format!("{} min", seconds / 60),
        3600..86_400 => (seconds / 3600, seconds % 3600 / 60, "h", "min"),
        _ => (seconds / 86_400, seconds % 86_400 / 3600, "d", "h"),
    };
    match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    }
}

/// A short span with three digits or less: `80 µs`, `1.3 ms`, `2.5 s`.
pub fn short(span: Duration) -> String {
    let micros = span.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => with_unit(micros / 1e3, "ms"),
        _ => with_unit(micros / 1e6, "s"),
    }
}

/// A size: `512 B`, `5.1 MiB`.
pub fn octets(octets: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two or three digits are shown")]
    let size = octets as f64;
    match octets {
        0..KIB => format!("{octets} B"),
        KIB..MIB => with_unit(size / 1024.0, "KiB"),
        MIB..GIB => with_unit(size / 1_048_576.0, "MiB"),
        _ => with_unit(size / 1_073_741_824.0, "GiB"),
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn with_unit(value: f64, unit: &str) -> String {
    let decimals = usize::from(value < 9.95);
    format!("{value:.decimals$} {unit}")
}

/// A text harmless, in one line, and not longer than `chars_max`; where it goes on stands `…`.
pub fn cut(text: &str, chars_max: usize) -> String {
    let text = Escaped(text).to_string();
    if text.chars().count() <= chars_max {
        return text;
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (5400, "1 h 30 min"),
            (90_000, "1 d 1 h"),
            (86_400 * 30, "30 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_text_that_is_cut_says_so_and_keeps_its_length() {
        for (text, shown) in [("abc", "abc"), ("abcd", "ab…"), ("äöüß", "äö…"), ("a\n", "a\\n"), ("", "")] {
            assert_eq!(cut(text, 3), shown, "{text:?}");
        }
    }

    #[test]
    fn short_spans_and_sizes_have_a_fitting_unit() {
        for (micros, text) in [(0, "0 µs"), (999, "999 µs"), (1500, "1.5 ms"), (25_000, "25 ms"), (2_000_000, "2.0 s")]
        {
            assert_eq!(short(Duration::from_micros(micros)), text);
        }
        for (size, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (6 << 20, "6.0 MiB"), (20 << 30, "20 GiB")]
        {
            assert_eq!(octets(size), text);
        }
    }
}
