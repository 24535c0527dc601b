//! The README is true: each command in it is understood, and the files that it names exist. What it shows of outputs is held by
//! `readme_transcripts`.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/readme.rs"]
mod readme;

use bouncesvc::bounce::{Class, Kind, Reason};
use bouncesvc::policy::Actions;
use std::path::Path;
use std::process::Command;

/// Exit code of a command line that is not understood (sysexits).
const USAGE: i32 = 64;

#[test]
fn every_command_beside_the_transcripts_is_understood() {
    let text = std::fs::read_to_string("README.md").unwrap();
    let blocks = readme::blocks(&text);
    let commands = blocks.iter().flatten().filter_map(|step| step.command.strip_prefix("bouncesvc "));
    let mut understood = 0;
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| !["|", ">", "<"].contains(word)).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_bouncesvc"))
            .args(["--config", "/nowhere/config.yml"])
            .args(words.iter().map(|word| word.trim_matches('\'')))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() != Some(USAGE) || said.contains("without import-sqlite"), "{words:?}: {said}");
        understood += 1;
    }
    assert!(understood > 20, "the README shows its commands");
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

/// A row of the table of reasons: its words, its class, and its default action.
fn row(line: &str) -> Option<(Vec<&str>, Class, &str)> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
    let &[reasons, class, action] = cells.as_slice() else { return None };
    let class = [Class::Hard, Class::Soft, Class::Feedback].into_iter().find(|known| known.name() == class)?;
    let words = reasons.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    Some((words.collect(), class, action.split('`').nth(1)?))
}

#[test]
fn each_reason_is_listed_with_its_default_action() {
    let text = std::fs::read_to_string("README.md").unwrap();
    let rows: Vec<_> = text.lines().filter_map(row).collect();
    // No rule says the first, and the others speak of no failure.
    let unlisted = [Reason::MailLoop, Reason::Vacation, Reason::Delivered];
    for reason in Reason::ALL {
        let listed: Vec<_> = rows.iter().filter(|(words, ..)| words.contains(&reason.name())).collect();
        assert_eq!(listed.is_empty(), unlisted.contains(reason), "{}", reason.name());
        for (_, class, action) in listed {
            let kind = if *class == Class::Feedback { Kind::Feedback } else { Kind::Bounce };
            assert_eq!(Actions::default().action(kind, *reason, *class).name(), *action, "{}", reason.name());
        }
    }
}

#[test]
fn the_program_is_put_where_the_unit_starts_it() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let unit = std::fs::read_to_string("resources/bouncesvc.service").unwrap();
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let folder = started.split("bouncesvc ").next().unwrap();
    assert!(readme.contains(&format!("target/release/bouncesvc {folder}\n")), "{folder}");
}
