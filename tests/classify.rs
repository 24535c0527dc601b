//! `classify`: which mails it finds in files, mboxes and folders, and what it prints.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bouncesvc::classify::{self, Format};
use bouncesvc::policy;
use serde_json::Value;
use std::path::{Path, PathBuf};

const BOUNCE: &str = "From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\nThe following address failed:\n\n<ada@rcpt.example>: user unknown\n";

#[test]
fn one_json_object_for_each_mail() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "bounce.eml", BOUNCE);
    let lines = json_lines(std::slice::from_ref(&path));
    assert_eq!(lines.len(), 1);
    let object = &lines[0];
    assert_eq!(object["file"], path.to_str().unwrap());
    assert_eq!((object["kind"].as_str(), &object["problems"]), (Some("bounce"), &serde_json::json!([])));
    let recipient = &object["recipients"][0];
    let word = |name: &str| recipient[name].as_str();
    assert_eq!(
        (word("address"), word("class"), word("reason")),
        (Some("ada@rcpt.example"), Some("hard"), Some("user_unknown"))
    );
    assert_eq!((word("action"), recipient["status"].is_null()), (Some("suspend"), true));
    assert!(word("rule").unwrap().contains("user unknown"));
}

#[test]
fn an_mbox_is_split_only_at_real_from_lines() {
    let folder = tempfile::tempdir().unwrap();
    let from = "From MAILER-DAEMON Mon Mar  3 10:00:00 2025\n";
    let text = "\nFrom here on it is text.\n\nFrom Monday 10:00 we are open\nand so on\n\n";
    let path = write(folder.path(), "box", &[from, BOUNCE, text, from, BOUNCE].concat());
    assert_eq!(json_lines(&[path]).len(), 2);
}

#[test]
fn folders_are_walked_in_sorted_order() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    let wanted = ["a.eml", "b/c.eml", "d.eml"].map(|name| write(folder.path(), name, BOUNCE));
    let files: Vec<PathBuf> =
        json_lines(&[folder.path().to_owned()]).iter().map(|line| line["file"].as_str().unwrap().into()).collect();
    assert_eq!(files, wanted);
}

#[test]
fn a_missing_file_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("missing"), write(folder.path(), "bounce.eml", BOUNCE)];
    let mut out = Vec::new();
    let error = classify::run(&paths, Format::Json, &policy::default_action, &mut out).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 1);
}

#[test]
fn what_cannot_be_read_in_a_folder_hides_no_other_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("a\u{1b}[2J")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("b"), rustix::fs::Mode::RWXU).unwrap();
    write(folder.path(), "c.eml", BOUNCE);
    let mut out = Vec::new();
    let error =
        classify::run(&[folder.path().to_owned()], Format::Json, &policy::default_action, &mut out).unwrap_err();
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 1);
    assert!(error.to_string().contains("/a\\u{1b}[2J: "), "{error}");
}

#[test]
fn the_name_of_a_file_does_not_move_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a\u{1b}[2J.eml", BOUNCE);
    let mut out = Vec::new();
    classify::run(&[path], Format::Text, &policy::default_action, &mut out).unwrap();
    assert!(!out.contains(&0x1b));
}

#[test]
fn a_dash_is_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let mail = std::fs::File::open(write(folder.path(), "bounce.eml", BOUNCE)).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bouncesvc"))
        .args(["classify", "-"])
        .stdin(mail)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("-: bounce (") && said.contains("ada@rcpt.example"), "{said}");
}

#[test]
fn the_text_form_explains_the_decision_and_escapes_what_mails_say() {
    let folder = tempfile::tempdir().unwrap();
    let path =
        write(folder.path(), "bounce.eml", &BOUNCE.replace("user unknown", "550 5.1.1 user\u{200b} unknown\u{202e}"));
    let mut out = Vec::new();
    classify::run(&[path], Format::Text, &policy::default_action, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for part in [
        "bounce.eml: bounce",
        "ada@rcpt.example",
        "class     hard",
        "action    suspend",
        "codes     550 5.1.1",
        "rule ",
        "evidence ",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn the_json_form_carries_nothing_that_moves_a_cursor_or_hides_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "odd\u{202e}.eml", BOUNCE);
    let mut out = Vec::new();
    classify::run(std::slice::from_ref(&path), Format::Json, &policy::default_action, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.trim_end().contains(bouncesvc::escape::is_harmful), "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["file"], path.to_str().unwrap());
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn json_lines(paths: &[PathBuf]) -> Vec<Value> {
    let mut out = Vec::new();
    classify::run(paths, Format::Json, &policy::default_action, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_argument_in_another_encoding_is_refused_and_not_guessed() {
    use std::os::unix::ffi::OsStrExt as _;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bouncesvc"))
        .arg("classify")
        .arg(std::ffi::OsStr::from_bytes(b"m\xfcll.eml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "bouncesvc: the argument \"m\u{fffd}ll.eml\" is not valid UTF-8\n"
    );
}
