//! The configuration: YAML → raw mappings → typed settings, with every mistake that can be found at once.
//!
//! [`load`] is the way in. The result is plain data for the other parts; which key means what stands in `keys`.
//! Secrets are read here, from files or the environment, and are never shown; but only by [`load_complete`] and
//! [`Config::complete`], for those who use them, so that everybody else needs no right to read them. Deliberately absent: any
//! effect. A configuration can be checked on a machine that does not run the service.

mod endpoints;
mod errors;
mod fields;
mod keys;
mod locate;
mod platforms;
#[cfg(test)]
mod tests;
mod units;

pub use errors::{ConfigError, Problem};
pub use units::{parse_duration, show_duration, show_octets};

use crate::{server, store};
use fields::{Fields, Finished, Found, Reading, Secrets};
use serde_yaml::{Mapping, Value};
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The largest configuration file, in octets.
pub const FILE_OCTETS_MAX: u64 = 1 << 20;

/// Where a configuration is looked for when none is named.
pub const SEARCHED: &[&str] = &["./config.yml", "/etc/bouncesvc/config.yml"];

/// Which configuration is wanted.
#[derive(Debug, Clone)]
pub struct Choice {
    /// `None`: the first of [`SEARCHED`] that exists.
    pub file: Option<PathBuf>,
    /// The section of the file.
    pub environment: String,
}

/// A checked configuration. Header fields and signing secrets whose value stands elsewhere are left out: they are only in
/// the [`Complete`] one.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file.
    pub file: PathBuf,
    /// The section.
    pub environment: String,
    /// The database file.
    pub database: PathBuf,
    /// How the database is kept.
    pub store: store::Settings,
    /// The server, the platforms, the actions, the notifier.
    pub server: server::Config,
    /// What works, but should be known, of the file.
    warnings: Vec<String>,
    /// Every key with the value in force, secrets masked.
    effective: Vec<(Vec<String>, Value)>,
    asked: BTreeSet<Vec<String>>,
}

/// A configuration with the secrets that it names: what a platform is told with, and what decides on evidence.
#[derive(Debug, Clone)]
pub struct Complete(Config);

/// Reads and checks all but the secrets.
pub fn load(choice: &Choice) -> Result<Config, ConfigError> {
    let file = find(choice)?;
    parse(&file, &read(&file)?, &choice.environment)
}

/// Reads and checks all, also the secrets and the files of TLS.
pub fn load_complete(choice: &Choice) -> Result<Complete, ConfigError> {
    let file = find(choice)?;
    parse_complete(&file, &read(&file)?, &choice.environment)
}

impl Deref for Complete {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0
    }
}

impl Complete {
    /// For who moves it on.
    pub fn into_inner(self) -> Config {
        self.0
    }
}

impl Config {
    /// The same with its secrets, read now.
    pub fn complete(&self) -> Result<Complete, ConfigError> {
        load_complete(&Choice { file: Some(self.file.clone()), environment: self.environment.clone() })
    }

    /// Each key whose value differs from that in `before`, as `key: old -> new`; secrets are masked.
    pub fn differences(&self, before: &Self) -> Vec<String> {
        let known: HashMap<&[String], &Value> = before.values().collect();
        let now: HashMap<&[String], &Value> = self.values().collect();
        let changed = self.values().filter(|(path, value)| known.get(path) != Some(value));
        let gone = before.values().filter(|(path, _)| !now.contains_key(path));
        let told = changed.map(|(path, value)| (path, known.get(path).copied(), Some(value)));
        let told = told.chain(gone.map(|(path, value)| (path, Some(value), None)));
        told.map(|(path, old, new)| format!("{}: {} -> {}", path.join("."), shown(old), shown(new))).collect()
    }

    /// What works, but should be known; for the log.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.warnings.iter().cloned().chain(self.openness())
    }

    /// The listener that serves everybody, if one does. Looked for when it is asked for, since the command line may name others.
    fn openness(&self) -> Option<String> {
        let settings = &self.server.settings;
        let is_public = |listener: &&server::Listener| match &listener.endpoint {
            server::Endpoint::Tcp(address) => !address.ip().is_loopback(),
            server::Endpoint::Unix(_) => false,
        };
        let listener = settings.listeners.iter().find(is_public).filter(|_| settings.allowed_networks.is_empty())?;
        let place = endpoints::shown_endpoint(&listener.endpoint);
        Some(format!("everybody may connect to {place}: name the networks of your mail servers in allowed_networks"))
    }

    fn values(&self) -> impl Iterator<Item = (&[String], &Value)> {
        self.effective.iter().map(|(path, value)| (path.as_slice(), value))
    }

    /// The configuration in force as YAML, every default written out, secrets masked.
    pub fn effective_yaml(&self) -> String {
        let mut root = Value::Mapping(Mapping::new());
        for (path, value) in &self.effective {
            insert(&mut root, path, value.clone());
        }
        serde_yaml::to_string(&root).unwrap_or_default()
    }

    /// Every key that the parser knows where this configuration has a place for it, without the environment.
    pub fn keys(&self) -> impl Iterator<Item = &[String]> {
        self.asked.iter().filter_map(|path| path.get(1..))
    }
}

/// A value in one line; `-` where there is none.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match value.as_sequence() {
        Some(list) => format!("[{}]", list.iter().map(|value| shown(Some(value))).collect::<Vec<_>>().join(", ")),
        None => serde_yaml::to_string(value).unwrap_or_default().trim_end().replace('\n', " "),
    }
}

fn find(choice: &Choice) -> Result<PathBuf, ConfigError> {
    if let Some(file) = &choice.file {
        return Ok(file.clone());
    }
    let searched = SEARCHED.iter().map(PathBuf::from);
    searched.clone().find(|file| file.exists()).ok_or_else(|| ConfigError::NotFound(searched.collect()))
}

fn read(file: &Path) -> Result<String, ConfigError> {
    use std::io::Read as _;
    let unreadable = |error| ConfigError::Unreadable(file.to_owned(), error);
    let mut octets = Vec::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets).map_err(unreadable)?;
    if octets.len() as u64 > FILE_OCTETS_MAX {
        return Err(ConfigError::TooLong(file.to_owned()));
    }
    String::from_utf8(octets).map_err(|error| ConfigError::not_text(file, &error))
}

/// The section `environment` of `text`, without secrets; relative paths start at the folder of `file`.
pub fn parse(file: &Path, text: &str, environment: &str) -> Result<Config, ConfigError> {
    parse_with(Secrets::Named, file, text, environment)
}

/// As [`parse`], with the secrets.
pub fn parse_complete(file: &Path, text: &str, environment: &str) -> Result<Complete, ConfigError> {
    parse_with(Secrets::Read, file, text, environment).map(Complete)
}

fn parse_with(secrets: Secrets, file: &Path, text: &str, environment: &str) -> Result<Config, ConfigError> {
    // Some editors put a byte order mark there, which YAML allows (1.2 §5.2) and its parser does not.
    let text = text.trim_start_matches('\u{feff}');
    let not_yaml = |error: serde_yaml::Error| ConfigError::not_yaml(file, text, &error);
    let mut root: Value = serde_yaml::from_str(text).map_err(not_yaml)?;
    root.apply_merge().map_err(not_yaml)?;
    let section = root.get(environment).cloned().ok_or_else(|| no_environment(file, environment, &root))?;

    let folder = std::path::absolute(file).ok().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default();
    let reading = Reading::new(&folder, secrets);
    let settings = keys::read(Fields::new(&reading, vec![environment.to_owned()], section));
    let Finished { problems, warnings, effective, asked } = reading.finish();
    let Some(settings) = settings.filter(|_| problems.is_empty()) else {
        return Err(ConfigError::Problems(file.to_owned(), located(text, problems)));
    };
    let keys::Settings { database, store, server } = settings;
    let (file, environment) = (file.to_owned(), environment.to_owned());
    Ok(Config { file, environment, database, store, server, warnings, effective, asked })
}

fn no_environment(file: &Path, wanted: &str, root: &Value) -> ConfigError {
    let sections = root.as_mapping().into_iter().flat_map(Mapping::keys);
    let there = sections.filter_map(Value::as_str).map(str::to_owned).collect();
    ConfigError::NoEnvironment(file.to_owned(), wanted.to_owned(), there)
}

fn located(text: &str, problems: Vec<Found>) -> Vec<Problem> {
    let place = |found: Found| Problem {
        location: locate::locate(text, &found.path, found.part),
        key: found.path.join("."),
        message: found.message,
    };
    let mut problems: Vec<Problem> = problems.into_iter().map(place).collect();
    problems.sort_unstable();
    problems
}

fn insert(parent: &mut Value, path: &[String], value: Value) {
    let (Some(map), Some((key, rest))) = (parent.as_mapping_mut(), path.split_first()) else { return };
    if rest.is_empty() {
        map.insert(key.as_str().into(), value);
    } else {
        let child = map.entry(key.as_str().into()).or_insert_with(|| Value::Mapping(Mapping::new()));
        insert(child, rest, value);
    }
}
