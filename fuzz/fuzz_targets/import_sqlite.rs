//! Invariant: whatever file is said to be the predecessor's database, it is read to its end or refused with one line that names it; it is
//! not changed; and what is taken over belongs to a configured domain and fits into the daemon's requests.
//!
//! An input is a whole file, or, behind an octet that no SQLite file begins with, damage to one that the predecessor could have written:
//! three octets each for the place and what stands there.

#![no_main]

use bouncesvc::change::Imported;
use bouncesvc::import::plan;
use bouncesvc::tenant::Tenants;
use bouncesvc_fuzz::platform::tenant;
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

static TENANTS: LazyLock<Tenants> = LazyLock::new(|| Tenants::new(vec![tenant()]));
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| good(&FOLDER.path().join("good.db")));

fuzz_target!(|input: &[u8]| {
    let octets = match input.split_first() {
        Some((b'!', damage)) => damaged(damage),
        _ => input.to_vec(),
    };
    let file = FOLDER.path().join("bounced_emails.db");
    fs::write(&file, &octets).expect("a file");
    match plan(&file, &TENANTS) {
        Ok(plan) => {
            plan.slices().for_each(check);
            assert!(plan.to_string().lines().count() < 30);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with(&format!("{}: ", file.display())) && !text.contains('\n'), "{text}");
        }
    }
    assert!(fs::read(&file).expect("the file") == octets);
});

fn damaged(damage: &[u8]) -> Vec<u8> {
    let mut octets = GOOD.clone();
    for change in damage.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % octets.len();
        octets[at] = change[2];
    }
    octets
}

fn check(slice: &[Imported]) {
    for row in slice {
        let (Imported::Counter { domain, address, .. } | Imported::Past { domain, address, .. }) = row;
        assert_eq!(domain.as_str(), "mydomain.de");
        assert!(!address.as_str().contains(['\r', '\n', '\0']));
        assert!(!matches!(row, Imported::Counter { count, .. } if *count > 3));
    }
    assert!(serde_json::to_vec(slice).expect("a request").len() < 64 << 10);
}

/// Several pages for each table, and values of every kind.
fn good(file: &Path) -> Vec<u8> {
    let database = Connection::open(file).expect("a SQLite file");
    let rows = "PRAGMA page_size = 512;
        CREATE TABLE temporary_bounces (bounced_address TEXT, domain TEXT, counter INTEGER);
        CREATE TABLE permanent_bounces (ts TIMESTAMP, bounced_address TEXT, domain TEXT, status_code INTEGER);
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 60)
            INSERT INTO temporary_bounces SELECT 'user' || n % 40 || '@some-provider.com', 'mydomain.de', 1 FROM number;
        INSERT INTO temporary_bounces VALUES (x'ff40', 'sold.de', NULL), (zeroblob(900), NULL, 1.5);
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 40)
            INSERT INTO permanent_bounces
            SELECT '2020-02-29 12:30:00', 'gone' || n || '@some-provider.com', 'mydomain.de', 200 FROM number;
        INSERT INTO permanent_bounces VALUES (1582979400, 'a@b.de', 'mydomain.de', '404'), (1e300, 'c@d.de', 'mydomain.de', -1);";
    database.execute_batch(rows).expect("the rows fit");
    drop(database);
    fs::read(file).expect("the file")
}
