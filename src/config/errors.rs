//! What is wrong with a configuration, as a compiler would say it: file, line, column, the key's path, what is expected.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

/// Why there is no configuration. The operator's mistake: exit code 78.
#[derive(Debug)]
pub enum ConfigError {
    /// None of these files exists.
    NotFound(Vec<PathBuf>),
    /// The file could not be read.
    Unreadable(PathBuf, io::Error),
    /// Larger than [`super::FILE_OCTETS_MAX`].
    TooLong(PathBuf),
    /// No YAML: line and column where the parser knows them, and its word.
    NotYaml(PathBuf, Option<(usize, usize)>, String),
    /// The file has no section of this name; those that it has.
    NoEnvironment(PathBuf, String, Vec<String>),
    /// Everything that could be found at once, in the order of the file.
    Problems(PathBuf, Vec<Problem>),
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line and column, counted from 1, where the parser gives them.
    pub location: Option<(usize, usize)>,
    /// The path of the key, `develop.handler.dbfile`.
    pub key: String,
    /// What is wrong, and what is expected.
    pub message: String,
}

impl ConfigError {
    /// What the YAML parser says about `text`.
    pub fn not_yaml(file: &Path, text: &str, error: &serde_yaml::Error) -> Self {
        let location = error.location().map(|location| (location.line(), location.column()));
        let place = location.map(|(line, column)| format!(" at line {line} column {column}")).unwrap_or_default();
        let line = location.and_then(|(line, _)| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
        let mut message = error.to_string().replacen(&place, "", 1);
        for (word, ours) in WORDS {
            message = message.replacen(word, ours, 1);
        }
        // YAML 1.2 §6.1; the parser's own word on it is "found character that cannot start any token", as a rule.
        if line.trim_start_matches(' ').starts_with('\t') {
            message += "; lines are indented with spaces, not tabs";
        }
        Self::NotYaml(file.to_owned(), location, message)
    }

    /// Another encoding, told with the place of the first octet that does not fit.
    pub fn not_text(file: &Path, error: &FromUtf8Error) -> Self {
        let fitting = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let fitting = String::from_utf8_lossy(fitting);
        let (lines, last) = (fitting.split('\n').count(), fitting.rsplit('\n').next().unwrap_or_default());
        let location = Some((lines, last.chars().count() + 1));
        Self::NotYaml(file.to_owned(), location, "this is not UTF-8: save the file in that encoding".to_owned())
    }
}

/// Words of the YAML parser that name no way out, and those that do.
const WORDS: &[(&str, &str)] = &[
    ("duplicate entry with key", "the same key more than once, keep one:"),
    ("recursion limit exceeded", "nested too deeply, or an alias inside of what it stands for"),
    (
        "deserializing from YAML containing more than one document is not supported",
        "a line `---` begins a second document: expected one",
    ),
    (
        "unknown anchor",
        "an alias (*NAME) of which no anchor (&NAME) stands before it; a text that begins with * needs quotes",
    ),
    (
        "did not find expected alphabetic or numeric character",
        "a name is missing behind * or &; a text that begins with either needs quotes",
    ),
    (
        "mapping values are not allowed in this context",
        "a second `: ` in a line: quotes around the value, or a new line, are missing",
    ),
    (
        "expected a mapping or list of mappings for merging, but found",
        "`<<` takes a mapping or a list of them, this is a",
    ),
];

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(tried) => {
                let tried: Vec<_> = tried.iter().map(|file| file.display().to_string()).collect();
                write!(f, "no configuration file: looked for {}; name one with --config FILE", tried.join(" and "))
            }
            Self::Unreadable(file, error) => write!(f, "{}: cannot be read: {error}", file.display()),
            Self::TooLong(file) => {
                write!(f, "{}: longer than {} octets", file.display(), super::FILE_OCTETS_MAX)
            }
            Self::NotYaml(file, location, message) => {
                write_place(f, file, *location)?;
                write!(f, " not valid YAML: {message}")
            }
            Self::NoEnvironment(file, wanted, there) => {
                write!(f, "{}: no section {wanted:?} for --env; ", file.display())?;
                if there.is_empty() {
                    return write!(f, "there are none: expected `{wanted}:` with `handler:` indented below it");
                }
                write!(f, "there are: {}", there.join(", "))
            }
            Self::Problems(file, problems) => write_problems(f, file, problems),
        }
    }
}

impl std::error::Error for ConfigError {}

fn write_problems(f: &mut fmt::Formatter<'_>, file: &Path, problems: &[Problem]) -> fmt::Result {
    for (index, problem) in problems.iter().enumerate() {
        let new_line = if index == 0 { "" } else { "\n" };
        f.write_str(new_line)?;
        write_place(f, file, problem.location)?;
        write!(f, " {}: {}", problem.key, problem.message)?;
    }
    Ok(())
}

/// `FILE:` or `FILE:LINE:COLUMN:`, as editors jump to it.
fn write_place(f: &mut fmt::Formatter<'_>, file: &Path, location: Option<(usize, usize)>) -> fmt::Result {
    write!(f, "{}:", file.display())?;
    location.map_or(Ok(()), |(line, column)| write!(f, "{line}:{column}:"))
}
