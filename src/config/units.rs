//! Spans of time and amounts of octets with their units: `30d`, `1h30m`, `64MiB`.

use std::time::Duration;

const TIMES: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000), ("w", 7 * 24 * 3_600_000)];

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// One or more of `500ms`, `30s`, `10m`, `2h`, `30d`, `1w`, added up. A bare number is refused: it hides its unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a span of time with its unit (ms, s, m, h, d, w), as in 30s or 7d".to_owned();
    sum_of(text, TIMES).map(Duration::from_millis).ok_or_else(expected)
}

/// One or more of `1000B`, `64KiB`, `8MiB`, `1GiB` (or `kB`, `MB`, `GB`, powers of 1,000), added up.
pub fn parse_octets(text: &str) -> Result<u64, String> {
    sum_of(text, SIZES).ok_or_else(|| "expected a size with its unit (B, KiB, MiB, GiB), as in 64MiB".to_owned())
}

/// In the largest units that say it exactly: `1h30m`.
pub fn show_duration(span: Duration) -> String {
    use std::fmt::Write as _;
    let mut left = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut shown = String::new();
    // Weeks are taken, but not shown: people think of 30d, not of 4w2d.
    for (unit, millis) in TIMES.iter().rev().filter(|(unit, _)| *unit != "w") {
        if left >= *millis {
            _ = write!(shown, "{}{unit}", left / millis);
            left %= millis;
        }
    }
    shown
}

/// In the largest power of 1,024 that says it exactly: `64MiB`.
pub fn show_octets(octets: u64) -> String {
    let fits =
        |unit: &&(&str, u64)| (unit.0.len() == 3 || unit.1 == 1) && octets >= unit.1 && octets.is_multiple_of(unit.1);
    SIZES.iter().rev().find(fits).map_or_else(|| "0B".to_owned(), |(name, unit)| format!("{}{name}", octets / unit))
}

/// `text` as a sum of numbers with units; `None` on anything else, and on overflow.
fn sum_of(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0_u64;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = units.iter().find(|(name, _)| *name == &rest[..letters])?;
        sum = sum.checked_add(number.checked_mul(unit.1)?)?;
        rest = rest[letters..].trim_start();
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_come_back_as_they_were_written() {
        for text in ["1ms", "10s", "5m", "2h", "30d", "1h30m", "365d", "0s"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["1B", "1000B", "64KiB", "8MiB", "1GiB", "0B"] {
            assert_eq!(show_octets(parse_octets(text).unwrap()), text);
        }
        assert_eq!(parse_duration("1w"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_duration(" 1h 30m "), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_octets("50MB"), Ok(50_000_000));
    }

    #[test]
    fn what_has_no_unit_or_does_not_fit_is_refused() {
        for text in ["", "30", "s", "30x", "-1s", "1.5h", "30 d d", "1s2", "99999999999999999999s", "9999999999999999d"]
        {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        for text in ["", "64", "64mib", "64M", "MiB", "20000000000GiB"] {
            assert!(parse_octets(text).is_err(), "{text:?}");
        }
    }
}
