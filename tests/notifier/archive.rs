//! The mails behind suspensions, as files.

use super::support::platform::Platform;
use super::support::queue::{Harness, MemoryQueue, TurnedClocks, quick, tenant};
use bouncesvc::notify::{ArchiveJob, Settings};
use bouncesvc::types::Address;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn unzipped(path: &Path) -> Vec<u8> {
    let mut mail = Vec::new();
    let file = File::open(path).expect("a file");
    flate2::read::GzDecoder::new(file).read_to_end(&mut mail).expect("a whole gzip file");
    mail
}

#[test]
fn mails_behind_suspensions_are_archived_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let platform = Platform::answering(200);
    let settings = Settings { archive_dir: Some(dir.path().join("archive")), ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    for (id, mail) in [(101, b"one"), (102, b"two")] {
        let address = Address::parse("evil@b.de").unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: mail.to_vec() });
    }
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], settings);
    harness.run_until(|rows| rows.archive.is_empty() && rows.delivered.len() == 1);
    let folder = dir.path().join("archive/ev");
    assert_eq!(unzipped(&folder.join("evil@b.de.gz")), b"one");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
}

#[test]
fn a_file_of_the_archive_that_cannot_be_written_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("ba");
    std::fs::write(&in_the_way, b"").unwrap();
    let settings = Settings { archive_dir: Some(dir.path().to_owned()), ..quick() };
    let queue = MemoryQueue::default();
    for id in 101..130 {
        let address = Address::parse(&format!("{}@b.de", if id == 101 { "bad" } else { "evil" })).unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: vec![u8::try_from(id).unwrap()] });
    }
    let clocks = Arc::new(TurnedClocks::default());
    let mut harness = Harness::start_with(clocks.clone(), queue, Vec::new(), settings);
    harness.run_until(|rows| rows.archive.len() == 1);
    assert_eq!(harness.queue.rows().archive[0].id, 101);
    std::fs::remove_file(in_the_way).unwrap();
    harness.run_turning(&clocks, Duration::from_secs(60), |rows| rows.archive.is_empty());
    assert_eq!(unzipped(&dir.path().join("ba/bad@b.de.gz")), [101]);
}

#[test]
fn an_archive_that_has_no_room_rests_and_is_complete_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    std::fs::write(&archive, b"a file in the way").unwrap();
    let settings = Settings { archive_dir: Some(archive.clone()), ..quick() };
    let queue = MemoryQueue::default();
    for id in 101..300 {
        let address = Address::parse(&format!("a{id}@b.de")).unwrap();
        queue.rows().archive.push(ArchiveJob { id, address, mail: b"x".to_vec() });
    }
    let clocks = Arc::new(TurnedClocks::default());
    let mut harness = Harness::start_with(clocks.clone(), queue, Vec::new(), settings);
    std::fs::remove_file(&archive).unwrap();
    harness.run_turning(&clocks, Duration::from_secs(60), |rows| rows.archive.is_empty());
    assert_eq!(std::fs::read_dir(archive.join("a1")).unwrap().count(), 99);
}

#[test]
fn an_archive_that_cannot_be_written_holds_up_no_notification() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    let platform = Platform::answering(200);
    let settings = Settings { archive_dir: Some(blocked), ..quick() };
    let queue = MemoryQueue::default();
    queue.push("a.de", "evil@b.de");
    let address = Address::parse("evil@b.de").unwrap();
    queue.rows().archive.push(ArchiveJob { id: 101, address, mail: b"one".to_vec() });
    let mut harness = Harness::start(queue, vec![tenant("a.de", &platform.template())], settings);
    harness.run_until(|rows| rows.delivered.len() == 1);
    assert_eq!(harness.queue.rows().archive.len(), 1);
}
