//! Every test, file and fuzz target that SECURITY.md names is there.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

#[test]
fn what_the_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let sources = all_text(&["src", "tests"].map(|folder| root.join(folder)));
    let mut tests = 0;
    for name in document.split('`').skip(1).step_by(2).filter(|name| !name.contains([' ', '\n'])) {
        let is_path = name.starts_with("tests/") || name.starts_with("fuzz/");
        let is_function = name.matches('_').count() >= 3;
        tests += usize::from(is_function);
        let exists = match () {
            () if is_path => root.join(name).exists(),
            () if name.starts_with("smtp_") || name == "bounce_read" => {
                root.join(format!("fuzz/fuzz_targets/{name}.rs")).exists()
            }
            () if is_function => {
                ["", "    "].iter().any(|indent| sources.contains(&format!("#[test]\n{indent}fn {name}()")))
            }
            () => true,
        };
        assert!(exists, "{name}");
    }
    assert!(tests > 20, "the search found only {tests} names");
}

#[test]
fn the_table_of_fuzzing_has_each_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (_, table) = document.split_once("\n## Fuzzing\n").unwrap();
    let named = table.lines().filter_map(|row| row.strip_prefix("| `")?.split_once('`'));
    let mut named: Vec<String> = named.map(|(name, _)| format!("{name}.rs")).collect();
    let there = fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap();
    let mut there: Vec<String> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    named.sort();
    there.sort();
    assert_eq!(named, there);
}

fn all_text(folders: &[std::path::PathBuf]) -> String {
    let mut text = String::new();
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &all_text(&[path]);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}
