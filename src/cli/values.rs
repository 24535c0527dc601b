//! What an option may be set to, where that is no text of any kind, and how a value that does not fit is refused.

use crate::escape::Escaped;
use crate::logging::Format;
use std::str::FromStr;

/// argh's word on a value that does not fit (`Error parsing option '--limit' with value 'ten': expected …`) as `--limit ten: expected …`.
pub fn in_our_words(refusal: &str) -> String {
    let beginnings = ["Error parsing option '", "Error parsing positional argument '"];
    let about = beginnings.iter().find_map(|beginning| refusal.strip_prefix(beginning));
    let parts = about.and_then(|about| about.split_once("' with value '"));
    let parts = parts.and_then(|(name, rest)| Some((name, rest.rsplit_once("': ")?)));
    parts.map_or_else(|| refusal.to_owned(), |(name, (value, word))| format!("{name} {}: {word}", Escaped(value)))
}

/// A number from 0 on.
pub fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

/// A TCP port; 0 lets the system choose one.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "expected a port from 1 to 65535".to_owned())
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Aligned, for people.
    Table,
    /// One array of objects.
    Json,
    /// RFC 4180.
    Csv,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("expected table, json or csv".to_owned()),
        }
    }
}

/// The order of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// As they are stored: by domain and address.
    Address,
    /// By this column, the highest first.
    Column(&'static str),
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "address" => Ok(Self::Address),
            "count" => Ok(Self::Column("count")),
            "first-seen" | "first_seen" => Ok(Self::Column("first_seen")),
            "last-seen" | "last_seen" => Ok(Self::Column("last_seen")),
            _ => Err("expected address, count, first-seen or last-seen".to_owned()),
        }
    }
}

/// How the daemon's log looks.
#[derive(Debug, Clone, Copy)]
pub struct LogFormat(pub Format);

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self(Format::Text)),
            "journal" => Ok(Self(Format::Journal)),
            "json" => Ok(Self(Format::Json)),
            _ => Err("expected text, journal or json".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use argh::FromArgs as _;

    #[test]
    fn a_value_that_does_not_fit_is_named_with_what_is_expected() {
        for (line, refusal) in [
            ("stats --format xml", "--format xml: expected text or json"),
            ("dump-counters --limit ten", "--limit ten: expected a whole number"),
            ("dump-counters --min-count -1", "--min-count -1: expected a whole number"),
            ("dump-counters --limit a':\u{202e}b", "--limit a':\\u{202e}b: expected a whole number"),
            ("queue show abc", "id abc: expected a whole number"),
            ("queue retry 1.5", "id 1.5: expected a whole number"),
            ("run-smtpserver --port 70000", "--port 70000: expected a port from 1 to 65535"),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let exit = Arguments::from_args(&["bouncesvc"], &words).unwrap_err();
            assert_eq!(in_our_words(exit.output.trim_end()), refusal);
        }
        assert_eq!(in_our_words("anything else"), "anything else");
    }
}
