//! Moving in from the predecessor's SQLite file, with the real binary.
#![cfg(feature = "import-sqlite")]

use bouncesvc::store::{CounterFilter, End, Settings, Store};
use rusqlite::Connection;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const TABLES: &str = "
    CREATE TABLE temporary_bounces (bounced_address TEXT, domain TEXT, counter INTEGER);
    CREATE TABLE permanent_bounces (ts TIMESTAMP, bounced_address TEXT, domain TEXT, status_code INTEGER);";

const CONFIGURATION: &str = "
production:
  handler:
    dbfile: bounces.redb
    temporary_threshold: 3
    domains:
      mydomain.example:
        base_url: http://localhost:7001/emails/{address}/suspend
";

fn folder(rows: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.yml"), CONFIGURATION).expect("a configuration");
    let database = Connection::open(folder.path().join("bounced_emails.db")).expect("a SQLite file");
    database.execute_batch(&format!("{TABLES}{rows}")).expect("the rows fit");
    folder
}

fn import(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("config.yml");
    Command::new(env!("CARGO_BIN_EXE_bouncesvc"))
        .args(["import-sqlite", "--config"])
        .arg(config)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary runs")
}

fn counters(folder: &Path) -> Vec<(String, u32)> {
    let store = open(folder);
    let page = store.reader().counters(&CounterFilter::default(), None, 100).expect("the counters");
    page.rows.iter().map(|row| (format!("{} {}", row.domain, row.address), row.count)).collect()
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("bounces.redb"), Settings::default()).expect("the database opens")
}

#[test]
fn a_file_that_the_predecessor_writes_is_worth_another_try() {
    let folder = folder("");
    let writer = Connection::open(folder.path().join("bounced_emails.db")).expect("a SQLite file");
    writer.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes it");
    let output = import(folder.path(), &["bounced_emails.db"]);
    assert_eq!(output.status.code(), Some(75));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another program writes it at this moment"), "{said}");
}

#[test]
fn rows_are_counted_cut_at_the_threshold_and_imported_once() {
    let folder = folder(
        "INSERT INTO temporary_bounces VALUES
            ('one@x.example', 'mydomain.example', 1),
            ('Two@x.example', 'mydomain.example', 1), ('two@x.example', 'MyDomain.example', 1),
            ('five@x.example', 'mydomain.example', 1), ('five@x.example', 'mydomain.example', 1),
            ('five@x.example', 'mydomain.example', 1), ('five@x.example', 'mydomain.example', 1),
            ('five@x.example', 'mydomain.example', 1),
            ('three@x.example', 'mail.mydomain.example', 1), ('three@x.example', 'mail.mydomain.example', 1),
            ('three@x.example', 'mail.mydomain.example', 1),
            ('x@x.example', 'old.example', 1), ('no address', 'mydomain.example', 1), (NULL, NULL, NULL);",
    );
    let path = folder.path();
    let before = fs::read(path.join("bounced_emails.db")).expect("the SQLite file");
    let dry = import(path, &["--dry-run", "bounced_emails.db"]);
    let said = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(dry.status.success(), "{dry:?}");
    for part in [
        "14 temporary bounces: 4 counters",
        "1 cut to the threshold",
        "2 rows whose",
        "1 row of old.example",
        "--dry-run",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!path.join("bounces.redb").exists());

    for changed in ["Done: 4 rows of", "Done: 0 rows of"] {
        let done = import(path, &["bounced_emails.db"]);
        assert!(String::from_utf8_lossy(&done.stdout).contains(changed), "{done:?}");
        let expected = [("five@x.example", 3), ("one@x.example", 1), ("three@x.example", 3), ("Two@x.example", 2)];
        let expected = expected.map(|(address, count)| (format!("mydomain.example {address}"), count));
        assert_eq!(counters(path), expected);
    }
    assert!(fs::read(path.join("bounced_emails.db")).expect("the SQLite file") == before);
}

#[test]
fn a_running_daemon_takes_the_rows_over_in_slices() {
    let folder = folder(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3000)
            INSERT INTO temporary_bounces
            SELECT 'user' || n || hex(zeroblob(100)) || '@x.example', 'mydomain.example', 1 FROM number;
        INSERT INTO permanent_bounces VALUES (1582979400, '\"\\\"\\\"@x.example', 'mydomain.example', 404);",
    );
    let path = folder.path();
    let daemon = Daemon::start(path);
    for changed in ["Done: 3,001 rows of", "0 rows of"] {
        let done = import(path, &["bounced_emails.db"]);
        assert!(String::from_utf8_lossy(&done.stdout).contains(changed), "{done:?}");
    }
    drop(daemon);
    let store = open(path);
    let totals = store.reader().totals().expect("the totals");
    assert_eq!((totals.counters, totals.history), (3000, 1));
}

/// Ended when it goes.
struct Daemon(Child);

impl Daemon {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.args(["run-smtpserver", "--host=127.0.0.1", "--port=0", "--config"]).arg(folder.join("config.yml"));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the daemon starts");
        let log = BufReader::new(child.stdout.take().expect("its log"));
        let daemon = Self(child);
        assert!(log.lines().map_while(Result::ok).any(|line| line.ends_with("ready")));
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().expect("a kill");
        self.0.wait().expect("its end");
    }
}

#[test]
fn past_suspensions_are_found_with_the_platforms_answer() {
    let folder = folder(
        "INSERT INTO permanent_bounces VALUES
            ('2020-02-29 12:30:00.123456', 'a@x.example', 'mydomain.example', 200),
            (1582979400, 'b@x.example', 'mydomain.example', 404),
            (1582979400.9, 'd@x.example', 'mydomain.example', '410'), ('yesterday', 'c@x.example', 'mydomain.example', 200);",
    );
    for changed in ["3 rows of", "0 rows of"] {
        let done = import(folder.path(), &["bounced_emails.db"]);
        assert!(String::from_utf8_lossy(&done.stdout).contains(changed), "{done:?}");
    }
    let past = open(folder.path()).reader().history(None, None, 10).expect("the history").rows;
    let mut seen: Vec<_> = past.iter().map(|past| (past.address.as_str(), past.ended.to_string(), &past.end)).collect();
    seen.sort_by_key(|(address, ..)| *address);
    let answer = |status| End::Delivered { status, body: String::new() };
    let time = || "2020-02-29T12:30:00Z".to_owned();
    let expected = [("a@x.example", 200), ("b@x.example", 404), ("d@x.example", 410)];
    let expected = expected.map(|(address, status)| (address, time(), answer(status)));
    assert!(seen.iter().map(|(address, at, end)| (*address, at.clone(), (*end).clone())).eq(expected), "{seen:?}");
}

/// SQLite reads around a page that is damaged: the rows of it would be missing without a word.
#[test]
fn of_a_damaged_file_nothing_is_taken_over() {
    let folder = folder(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 3000)
            INSERT INTO temporary_bounces SELECT 'user' || n || '@x.example', 'mydomain.example', 1 FROM number;",
    );
    let path = folder.path().join("bounced_emails.db");
    let whole = fs::read(&path).expect("the SQLite file");
    // SQLite's file format, 1.6: the number of cells stands in octets 3 and 4 of a page.
    let mut fewer_rows = whole.clone();
    let page = fewer_rows.chunks_exact_mut(4096).next_back().expect("a page");
    page[3..5].copy_from_slice(&[0, 1]);
    for damaged in [fewer_rows, whole[..whole.len() / 2].to_vec()] {
        fs::write(&path, damaged).expect("a file");
        let refused = import(folder.path(), &["bounced_emails.db"]);
        assert_eq!(refused.status.code(), Some(65), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("bounced_emails.db: ") && said.lines().count() == 1, "{said}");
        assert!(!folder.path().join("bounces.redb").exists());
    }
}

#[test]
fn another_file_is_refused_with_a_reason() {
    let folder = folder("DROP TABLE temporary_bounces; DROP TABLE permanent_bounces;");
    fs::write(folder.path().join("text.db"), "some text").expect("a file");
    for (file, reason) in [
        ("bounced_emails.db", "no table temporary_bounces"),
        ("text.db", "not a database"),
        ("missing.db", "No such file"),
        (".", "Is a directory"),
    ] {
        let refused = import(folder.path(), &[file]);
        assert_eq!(refused.status.code(), Some(65), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(&format!("{file}: ")) && said.contains(reason), "{said}");
    }
    assert!(!folder.path().join("missing.db").exists());
}
