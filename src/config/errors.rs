//! What is wrong with a configuration, as a compiler would say it: file, line, column, the key's path, what is expected.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
