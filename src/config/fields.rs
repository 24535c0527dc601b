//! Takes typed values out of a YAML mapping, key by key. A bad value becomes a problem and its default goes on, so that
//! one run finds all mistakes; every value that is taken is recorded for `print-config`.

use super::locate::Part;
use super::units::{parse_duration, parse_octets, show_duration, show_octets};
use crate::spelling;
use serde_yaml::{Mapping, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is gathered while one file is read.
#[derive(Default)]
pub struct Reading {
    /// Where relative paths start.
    pub folder: PathBuf,
    /// What becomes of the secrets that it names.
    pub secrets: Secrets,
    problems: RefCell<Vec<Found>>,
    warnings: RefCell<Vec<String>>,
    effective: RefCell<Vec<(Vec<String>, Value)>>,
    asked: RefCell<BTreeSet<Vec<String>>>,
    unknown: RefCell<Vec<Unknown>>,
}

/// What becomes of the files and variables that hold secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Secrets {
    /// It is checked that they are named as they should be: most commands need no more, and may read no more.
    #[default]
    Named,
    /// They are read, and checked.
    Read,
}

/// A problem whose place is not yet looked up.
pub struct Found {
    /// Of the key.
    pub path: Vec<String>,
    /// Whether the key or the value is wrong.
    pub part: Part,
    /// What is expected.
    pub message: String,
}

/// A key that nobody asked for.
struct Unknown {
    path: Vec<String>,
    siblings: BTreeSet<&'static str>,
}

/// What [`Reading::finish`] leaves.
pub struct Finished {
    /// In the order in which they were found.
    pub problems: Vec<Found>,
    /// For the log.
    pub warnings: Vec<String>,
    /// Every key with the value that is in force.
    pub effective: Vec<(Vec<String>, Value)>,
    /// Every key that means something here.
    pub asked: BTreeSet<Vec<String>>,
}

impl Reading {
    /// Reads relative paths from `folder` on.
    pub fn new(folder: &Path, secrets: Secrets) -> Self {
        Self { folder: folder.to_owned(), secrets, ..Self::default() }
    }

    /// Notes what works, but should be known.
    pub fn warn(&self, text: impl Into<String>) {
        self.warnings.borrow_mut().push(text.into());
    }

    /// The unknown keys get their hints, now that every known key was asked for.
    pub fn finish(self) -> Finished {
        let effective = self.effective.into_inner();
        let mut problems = self.problems.into_inner();
        for unknown in self.unknown.into_inner() {
            let message = format!("unknown key{}", hint(&unknown, &effective));
            problems.push(Found { path: unknown.path, part: Part::Key, message });
        }
        Finished { problems, warnings: self.warnings.into_inner(), effective, asked: self.asked.into_inner() }
    }
}

/// `; did you mean …?` with a sibling of almost the same name, or the place where this name is known.
fn hint(unknown: &Unknown, effective: &[(Vec<String>, Value)]) -> String {
    let name = unknown.path.last().map(|name| name.to_lowercase().replace('-', "_")).unwrap_or_default();
    if let Some(known) = spelling::nearest(&name, unknown.siblings.iter().copied()) {
        return format!("; did you mean {known}?");
    }
    let elsewhere = effective.iter().find(|(path, _)| path.last() == Some(&name));
    elsewhere.map(|(path, _)| format!("; did you mean {}?", path.join("."))).unwrap_or_default()
}

/// One mapping of the file.
pub struct Fields<'r> {
    reading: &'r Reading,
    path: Vec<String>,
    map: Mapping,
    known: BTreeSet<&'static str>,
}

impl<'r> Fields<'r> {
    /// The mapping at `path`; anything but a mapping is a problem, and reads as an empty one.
    pub fn new(reading: &'r Reading, path: Vec<String>, value: Value) -> Self {
        let map = match value {
            Value::Mapping(map) => map,
            Value::Null => Mapping::new(),
            _ => {
                let message = "expected a mapping, as in `key: value`".to_owned();
                reading.problems.borrow_mut().push(Found { path: path.clone(), part: Part::Value, message });
                Mapping::new()
            }
        };
        Self { reading, path, map, known: BTreeSet::new() }
    }

    /// What is gathered.
    pub fn reading(&self) -> &'r Reading {
        self.reading
    }

    /// The value as it stands; an explicit null counts as absent.
    pub fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.insert(key);
        self.reading.asked.borrow_mut().insert(self.path_to(key));
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// The mapping under `key`, empty where it is absent.
    pub fn section(&mut self, key: &'static str) -> Self {
        let value = self.take(key).unwrap_or(Value::Null);
        Fields::new(self.reading, self.path_to(key), value)
    }

    /// Everything that is left, for mappings whose keys are data: their key and their value.
    pub fn rest(&mut self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.map).into_iter().map(|(key, value)| (key_text(&key), value)).collect()
    }

    /// The mapping of a key that is data.
    pub fn below(&self, key: &str, value: Value) -> Self {
        Fields::new(self.reading, self.path_to(key), value)
    }

    /// Notes a problem with the value of `key`.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        self.found(self.path_to(key), Part::Value, message.into());
    }

    /// Notes that `key` must be there; one whose value is wrong is.
    pub fn missing(&self, key: &str, expected: &str) {
        let path = self.path_to(key);
        if self.reading.problems.borrow().iter().all(|found| found.path != path) {
            self.found(path, Part::Key, format!("is missing: expected {expected}"));
        }
    }

    /// Records the value in force.
    pub fn record(&self, key: &str, value: impl Into<Value>) {
        self.reading.effective.borrow_mut().push((self.path_to(key), value.into()));
    }

    /// `parse`d, or `default`; the value in force is recorded as `show` writes it.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Value) -> Result<T, String>,
        show: impl FnOnce(&T) -> Value,
    ) -> T {
        let given = self.take(key).map(|value| parse(&value));
        let value = match given {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(message)) => {
                self.problem(key, message);
                default
            }
        };
        self.record(key, show(&value));
        value
    }

    /// A text, or a number that is taken as one.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.text_or(key, None)
    }

    /// A text with a default.
    pub fn text_or(&mut self, key: &'static str, default: Option<String>) -> Option<String> {
        self.parsed(key, default, |value| text_of(value).map(Some), |text| shown_option(text.clone()))
    }

    /// `true` or `false`.
    pub fn switch(&mut self, key: &'static str, default: bool) -> bool {
        let parse = |value: &Value| value.as_bool().ok_or_else(|| "expected true or false".to_owned());
        self.parsed(key, default, parse, |value| (*value).into())
    }

    /// A whole number in `range`.
    pub fn number<T: TryFrom<u64> + Into<u64> + Copy>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<u64>,
    ) -> T {
        self.parsed(key, default, |value| number_of(value, range), |value| (*value).into().into())
    }

    /// A number of things in memory.
    pub fn count(&mut self, key: &'static str, default: usize, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.number(key, default as u64, range)).unwrap_or(usize::MAX)
    }

    /// A size in octets, in `range`.
    pub fn octets(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let parse = |value: &Value| within(parse_octets(&text_of(value)?)?, &range, |octets| show_octets(*octets));
        self.parsed(key, default, parse, |octets| show_octets(*octets).into())
    }

    /// A size that is counted in memory.
    pub fn octets_in_memory(&mut self, key: &'static str, default: usize, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.octets(key, default as u64, range)).unwrap_or(usize::MAX)
    }

    /// A span of time, from a millisecond to a hundred years.
    pub fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        self.parsed(key, default, duration_of, |span| show_duration(*span).into())
    }

    /// A span of time, or `off`.
    pub fn duration_or_off(&mut self, key: &'static str, default: Option<Duration>) -> Option<Duration> {
        let parse = |value: &Value| if is_off(value) { Ok(None) } else { duration_of(value).map(Some) };
        self.parsed(key, default, parse, |span| span.map_or_else(|| "off".to_owned(), show_duration).into())
    }

    /// A path; a relative one starts at the folder of the file.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.path_or(key, None)
    }

    /// A path with a default.
    pub fn path_or(&mut self, key: &'static str, default: Option<PathBuf>) -> Option<PathBuf> {
        let folder = &self.reading.folder;
        let parse = |value: &Value| text_of(value).map(|text| Some(folder.join(text).components().collect()));
        self.parsed(key, default, parse, |path| shown_option(path.as_ref().map(|path| path.display().to_string())))
    }

    /// One of a few words; the first of them where there is none.
    pub fn word<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> T {
        let value = self.one_of(key, words);
        self.record(key, name_of(words, &value));
        value
    }

    /// As [`Self::word`], for what is recorded elsewhere.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> T {
        let Some(given) = self.take(key) else { return words[0].1 };
        let known = words.iter().find(|(word, _)| given.as_str() == Some(word)).map(|(_, value)| *value);
        known.unwrap_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problem(key, format!("expected {}", names.join(" or ")));
            words[0].1
        })
    }

    /// One value or a list of them.
    pub fn texts<T: Display>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let parsed = self.list(key, parse).unwrap_or_default();
        self.record(key, shown_list(&parsed));
        parsed
    }

    /// As [`Self::texts`], for what is recorded elsewhere; `None` where the key is absent.
    pub fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let items = self.items(key)?;
        let mut parsed = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match text_of(item).and_then(|text| parse(&text)) {
                Ok(value) => parsed.push(value),
                Err(message) => self.below(key, Value::Null).problem(&index.to_string(), message),
            }
        }
        Some(parsed)
    }

    /// What stands in a list, or alone where a list may stand; `None` where the key is absent.
    pub fn items(&mut self, key: &'static str) -> Option<Vec<Value>> {
        self.take(key).map(|value| match value {
            Value::Sequence(items) => items,
            one => vec![one],
        })
    }

    /// Ends the mapping: what nobody asked for is unknown.
    pub fn done(mut self) {
        for (key, _) in self.rest() {
            let unknown = Unknown { path: self.path_to(&key), siblings: self.known.clone() };
            self.reading.unknown.borrow_mut().push(unknown);
        }
    }

    fn path_to(&self, key: &str) -> Vec<String> {
        self.path.iter().cloned().chain([key.to_owned()]).collect()
    }

    fn found(&self, path: Vec<String>, part: Part, message: String) {
        self.reading.problems.borrow_mut().push(Found { path, part, message });
    }
}

/// A text; numbers and booleans are taken as they were most likely written.
pub fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("expected a text".to_owned()),
    }
}

/// Items as a list of texts.
pub fn shown_list<T: Display>(items: &[T]) -> Value {
    Value::Sequence(items.iter().map(|item| item.to_string().into()).collect())
}

/// The word of a value.
pub fn name_of<T: PartialEq>(words: &[(&'static str, T)], wanted: &T) -> &'static str {
    words.iter().find(|(_, value)| value == wanted).map_or("", |(word, _)| *word)
}

/// A whole number in `range`.
pub fn number_of<T: TryFrom<u64>>(value: &Value, range: RangeInclusive<u64>) -> Result<T, String> {
    let number = value.as_u64().ok_or_else(|| format!("expected a whole number from {} on", range.start()))?;
    let number = within(number, &range, ToString::to_string)?;
    T::try_from(number).map_err(|_| "the number is too large".to_owned())
}

/// `off`, `never`, `none` or `false`: a limit that is not set.
pub fn is_off(value: &Value) -> bool {
    matches!(value.as_str(), Some("off" | "never" | "none")) || value.as_bool() == Some(false)
}

fn duration_of(value: &Value) -> Result<Duration, String> {
    const YEARS_100: Duration = Duration::from_secs(100 * 365 * 86_400);
    let range = Duration::from_millis(1)..=YEARS_100;
    within(parse_duration(&text_of(value)?)?, &range, |span| show_duration(*span))
}

fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>, show: impl Fn(&T) -> String) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("{} is out of range: expected {} to {}", show(&value), show(range.start()), show(range.end())))
}

fn key_text(key: &Value) -> String {
    text_of(key).unwrap_or_else(|_| format!("{key:?}"))
}

fn shown_option(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::String)
}
