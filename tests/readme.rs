//! The README is true: each command in it is understood, what it shows of an output is printed, and the files that it names exist.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output};

/// Exit code of a command line that is not understood (sysexits).
const USAGE: i32 = 64;

/// Commands of the README that start with this, without it.
fn commands() -> Vec<(Vec<String>, Vec<String>)> {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let mut commands: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    let mut is_console = false;
    for line in readme.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            is_console = kind == "console";
        } else if let Some(words) = line.strip_prefix("$ ").filter(|_| is_console) {
            commands.push((words.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect(), Vec::new()));
        } else if is_console {
            commands.last_mut().unwrap().1.push(line.to_owned());
        }
    }
    commands.retain(|(words, _)| words[0] == "bouncesvc");
    assert!(commands.len() > 15, "the README shows its commands");
    commands
}

fn run(folder: &Path, words: &[String]) -> Output {
    let config = folder.join("config.yml");
    let text = "production:\n  handler:\n    dbfile: bounces.redb\n    domains:\n      mydomain.de:\n        base_url: http://127.0.0.1:1/{address}\n";
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(config).args(words).output().unwrap()
}

#[test]
fn every_command_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    for (words, _) in commands() {
        // Where it would write outside of its folder.
        let words: Vec<String> = words[1..]
            .iter()
            .map(|word| match word.strip_prefix('/') {
                Some(below) => folder.path().join(below).display().to_string(),
                None => word.clone(),
            })
            .collect();
        let output = run(folder.path(), &words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(USAGE), "{words:?}: {said}");
    }
}

#[test]
fn what_classify_is_shown_to_print_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let shown: Vec<_> = commands().into_iter().filter(|(words, _)| words[1] == "classify").collect();
    assert!(!shown.is_empty());
    for (words, lines) in shown {
        let printed = String::from_utf8(run(folder.path(), &words[1..]).stdout).unwrap();
        for line in lines {
            assert!(printed.lines().any(|other| other == line), "{line:?} is missing in {printed}");
        }
    }
}

#[test]
fn the_files_that_it_names_exist() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let is_ours =
        |word: &&str| ["tests/", "resources/", "src/", "benches/", "examples/"].iter().any(|f| word.starts_with(f));
    let files: Vec<&str> = readme.split(['`', '(', ')', ' ', ':', '\n']).filter(is_ours).collect();
    assert!(files.len() > 10);
    for file in files {
        assert!(Path::new(file).exists(), "{file}");
    }
}
