//! What an option may be set to, where that is one of a few words.

use crate::logging::Format;
use std::str::FromStr;

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
