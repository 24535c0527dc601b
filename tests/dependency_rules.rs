//! Who may know whom (see the crate documentation): the sources are read as text, and a part that names what it may not fails here.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// A crate or a part, and the only places that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("mio::", &["server/"]),
    ("redb::", &["store/", "store.rs"]),
    ("ureq::", &["notify/http.rs", "notify/http/"]),
    ("mailparse::", &["bounce/"]),
    ("argh::", &["cli.rs", "cli/", "main.rs"]),
    ("serde_yaml::", &["config.rs", "config/"]),
    ("rusqlite::", &["import.rs", "import/"]),
    ("aho_corasick::", &["needles.rs"]),
];

/// A part, and what it must not name.
const NEVER_IN: &[(&str, &[&str])] = &[
    (
        "smtp/",
        &["std::net::Tcp", "std::fs", "Instant::now", "SystemTime", "crate::store", "crate::server", "crate::bounce"],
    ),
    (
        "bounce/",
        &["std::net::Tcp", "std::fs", "Instant::now", "SystemTime", "crate::store", "crate::server", "crate::smtp"],
    ),
    ("policy", &["std::net", "std::fs", "Instant::now", "SystemTime", "crate::store", "crate::server", "crate::smtp"]),
    (
        "evidence",
        &["std::net", "std::fs", "Instant::now", "SystemTime", "crate::tenant", "crate::policy", "crate::config"],
    ),
    (
        "tenant",
        &["std::net", "std::fs", "Instant::now", "SystemTime", "crate::policy", "crate::bounce", "crate::config"],
    ),
    ("store/", &["crate::smtp", "crate::server", "crate::policy", "crate::config", "crate::tenant"]),
    ("notify/", &["crate::smtp", "crate::server", "crate::policy", "crate::config", "crate::store"]),
    ("server/", &["crate::cli", "crate::config"]),
    ("operate", &["std::net", "std::fs", "Instant::now", "SystemTime", "crate::server", "crate::cli", "crate::config"]),
    (
        "status/",
        &["std::net::Tcp", "std::fs", "Instant::now", "SystemTime", "crate::smtp", "crate::server", "crate::config"],
    ),
    (
        "metrics",
        &["std::net", "std::fs", "Instant::now", "SystemTime", "crate::store", "crate::server", "crate::status"],
    ),
];

#[test]
fn crates_are_named_only_by_their_part() {
    let mut found = Vec::new();
    for (name, places) in ONLY_IN {
        let allowed = |file: &str| places.iter().any(|place| file.starts_with(place));
        found.extend(hits(name).into_iter().filter(|(file, _)| !allowed(file)));
    }
    assert!(found.is_empty(), "named outside their part: {found:#?}");
}

#[test]
fn parts_name_nothing_they_must_not_know() {
    let mut found = Vec::new();
    for (part, names) in NEVER_IN {
        for name in *names {
            found.extend(hits(name).into_iter().filter(|(file, _)| file.starts_with(part)));
        }
    }
    assert!(found.is_empty(), "named where it must not be: {found:#?}");
}

#[test]
fn the_rules_can_fail() {
    assert!(hits("serde::").iter().any(|(file, _)| file == "change.rs"), "the search finds nothing at all");
}

/// Each line of code in `src` that names `name`, as (file below `src`, line with its number).
fn hits(name: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut hits = Vec::new();
    for file in sources(&root) {
        let text = fs::read_to_string(&file).unwrap();
        let short = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let named = code.filter(|(_, line)| names(line, name));
        hits.extend(named.map(|(number, line)| (short.clone(), format!("{}: {line}", number + 1))));
    }
    hits
}

/// Whether `line` has `name` as a word of its own: `notredb::` does not name `redb::`.
fn names(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(is_word))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}
