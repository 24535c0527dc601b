//! `config.template.yml`, which is also the manual page of the keys, shows each key that the parser knows with its real default, and
//! no other key.
#![allow(clippy::unwrap_used, reason = "a test")]

use bouncesvc::config::{self, Config};
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Keys without a default, or whose default depends on the machine: an example is shown.
const EXAMPLES: &[&str] = &[
    "handler.dbfile",
    "handler.permanent_bounced_emails_path",
    "handler.actions",
    "handler.domains.*.base_url",
    "handler.domains.*.url_resolver",
    "handler.domains.*.headers",
    "handler.domains.*.signing_secret",
    "listen",
    "allowed_networks",
    "tls.certificate",
    "tls.key",
    "smtp.hostname",
    "control.path",
    "control.group",
    "status.listen",
];

/// Of the oldest version; it is only warned about.
const IGNORED: &str = "amqp";

/// The template with every key that stands behind a `#`.
fn uncommented() -> String {
    let template = std::fs::read_to_string("config.template.yml").unwrap();
    let lines = template.lines().map(|line| match line.split_once("# ") {
        Some((indent, text)) if indent.trim().is_empty() && is_yaml(text) => format!("{indent}{text}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A key, an item, or what is indented below them. No prose begins like that.
fn is_yaml(text: &str) -> bool {
    let key = text.split_once(':').map_or("", |(key, _)| key);
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_key || text.starts_with("- ") || text.starts_with("  ")
}

fn parsed(text: &str) -> Config {
    config::parse(Path::new("/etc/bouncesvc/config.yml"), text, "develop").unwrap_or_else(|error| panic!("{error}"))
}

/// A path with `*` for what is data: domains, header fields, places in a list. A secret is named alike wherever one is.
fn general(path: &[String]) -> String {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    for at in 1..words.len() {
        if ["domains", "headers", "listen"].contains(&words[at - 1]) {
            words[at] = "*";
        }
    }
    words.join(".").replace("signing_secret.", "headers.*.")
}

/// The paths of all keys below `value`, in [`general`] form, with their values.
fn tree(value: &Value) -> BTreeMap<String, Value> {
    fn collect(path: &mut Vec<String>, value: &Value, found: &mut BTreeMap<String, Value>) {
        let entries: Vec<(String, &Value)> = match value {
            Value::Mapping(map) => map.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value)).collect(),
            Value::Sequence(items) => items.iter().map(|item| ("*".to_owned(), item)).collect(),
            _ => return,
        };
        for (key, value) in entries {
            path.push(key);
            found.entry(general(path)).or_insert_with(|| value.clone());
            collect(path, value, found);
            path.pop();
        }
    }
    let mut found = BTreeMap::new();
    collect(&mut Vec::new(), value, &mut found);
    found
}

fn develop(text: &str) -> Value {
    let mut root: Value = serde_yaml::from_str(text).unwrap();
    root.apply_merge().unwrap();
    root["develop"].clone()
}

#[test]
fn every_key_of_the_parser_is_shown_and_no_other() {
    let text = uncommented();
    // A key that the parser does not know is an error here.
    let known: BTreeSet<String> = parsed(&text).keys().map(general).collect();
    let shown: BTreeSet<String> = tree(&develop(&text)).into_keys().collect();
    assert!(known.len() > 60, "{known:?}");
    let missing: Vec<&String> = known.difference(&shown).filter(|key| *key != IGNORED).collect();
    assert!(missing.is_empty(), "config.template.yml does not show {missing:?}");
}

#[test]
fn the_defaults_that_are_shown_are_the_real_ones() {
    let minimal = "develop: {handler: {dbfile: a, domains: {d.de: {base_url: 'http://h/{address}'}}}}";
    let real = tree(&develop(&parsed(minimal).effective_yaml()));
    let shown = tree(&develop(&parsed(&uncommented()).effective_yaml()));
    let is_example = |key: &str| EXAMPLES.iter().any(|example| key.starts_with(example));
    let mut compared = 0;
    for (key, value) in shown.iter().filter(|(key, value)| !value.is_mapping() && !is_example(key)) {
        assert_eq!(Some(value), real.get(key), "{key}");
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn what_is_shown_as_an_example_is_a_key() {
    let shown = tree(&develop(&uncommented()));
    for example in EXAMPLES {
        assert!(shown.contains_key(*example), "{example}");
    }
}
