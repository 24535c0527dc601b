//! The database as a file: locked, foreign, damaged, copied, shrunk.

use super::fixture;
use super::support::{Fixture, Random, hard, quarantined, soft};
use bouncesvc::change::{Batch, Command};
use bouncesvc::store::{OpenError, Settings, Store};
use std::fs;

#[test]
fn what_a_heap_that_went_away_leaves_behind_is_given_back_when_the_store_opens() {
    let mut fixture = fixture();
    for id in 1..=40 {
        fixture.receive(vec![quarantined(id, vec![b'x'; 1 << 20]), soft(&format!("{id}@x.example"))]);
    }
    fixture.command(Command::DropQuarantined(None));
    let octets = |fixture: &mut Fixture| fixture.reader().totals().unwrap().file_octets;
    assert!(octets(&mut fixture) > 40 << 20);
    fixture.reopen();
    assert!(octets(&mut fixture) < 4 << 20, "{}", octets(&mut fixture));
    assert_eq!(fixture.reader().totals().unwrap().counters, 40);
}

#[test]
fn a_backup_is_a_database_while_the_original_goes_on() {
    let mut fixture = fixture();
    fixture.receive((0..100).map(|number| soft(&format!("{number}@x.example"))).collect());
    fixture.receive(vec![hard("a@x.example")]);
    let key = fixture.reader().notification(1).unwrap().unwrap().notification.idempotency_key;
    let target = fixture.folder.path().join("copy.redb");
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&target).unwrap();
    fixture.reader().copy_to(file).unwrap();
    fixture.receive(vec![hard("b@x.example")]);

    let copy = Store::open(&target, Settings::default()).unwrap().reader();
    let totals = copy.totals().unwrap();
    assert_eq!((totals.counters, totals.notifications), (100, 1));
    assert_eq!(copy.notification(1).unwrap().unwrap().notification.idempotency_key, key);
}

#[test]
fn an_empty_batch_writes_nothing() {
    let mut fixture = fixture();
    let before = fs::read(fixture.path()).unwrap();
    assert_eq!(fixture.commit(&Batch::default()).mails, []);
    assert_eq!(fs::read(fixture.path()).unwrap(), before);
}

#[test]
fn a_database_that_somebody_holds_is_locked_until_they_let_go() {
    let mut fixture = fixture();
    assert!(matches!(fixture.try_open(), Err(OpenError::Locked(_))));
    let (path, settings) = (fixture.path(), Settings::default());
    let refused = Store::open_waiting(&path, &settings, || false);
    assert!(matches!(refused, Err(OpenError::Locked(_))));
    let mut pauses = 0;
    let opened = Store::open_waiting(&path, &settings, || {
        pauses += 1;
        if pauses == 3 {
            fixture.close();
        }
        true
    });
    assert!(opened.is_ok());
    assert_eq!(pauses, 3);
}

#[test]
fn a_foreign_or_damaged_file_is_refused_and_left_alone() {
    let ours = {
        let mut fixture = fixture();
        fixture.receive(vec![soft("a@x.example")]);
        fixture.close();
        fs::read(fixture.path()).unwrap()
    };
    let mut sqlite = b"SQLite format 3\0".to_vec();
    sqlite.resize(8192, 0);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("sqlite", sqlite),
        ("text", b"handler:\n  dbfile: x\n".to_vec()),
        ("one octet", vec![0]),
        ("zeros", vec![0; 1 << 20]),
        ("cut short", ours[..ours.len() / 2].to_vec()),
        ("only its header", ours[..320].to_vec()),
    ];
    for (name, octets) in files {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bounces.redb");
        fs::write(&path, &octets).unwrap();
        let error = Store::open(&path, Settings::default()).err();
        assert!(matches!(error, Some(OpenError::Foreign(..))), "{name}: {error:?}");
        assert!(fs::read(&path).unwrap() == octets, "{name} was overwritten");
    }
}

#[test]
fn a_database_with_flipped_bits_is_used_whole_or_refused_untouched() {
    let mut fixture = fixture();
    for number in 0..10 {
        let addresses = (0..60).map(|user| soft(&format!("user{user}-{number}@x.example")));
        fixture.receive(addresses.chain([hard(&format!("{number}@x.example"))]).collect());
    }
    let after_a_crash = fs::read(fixture.path()).unwrap();
    fixture.close();
    let after_an_orderly_end = fs::read(fixture.path()).unwrap();
    let mut random = Random(4);
    let mut refused = 0;
    for round in 0..60 {
        let mut octets = if round % 2 == 0 { after_a_crash.clone() } else { after_an_orderly_end.clone() };
        let region = if round % 3 == 0 { 4096 } else { octets.len() as u64 };
        for _ in 0..4 {
            octets[usize::try_from(random.below(region)).unwrap()] ^= 1 << random.below(8);
        }
        fs::write(fixture.path(), &octets).unwrap();
        match fixture.try_open() {
            Ok(store) => assert_eq!(store.reader().totals().unwrap().counters, 600, "round {round}"),
            Err(OpenError::Foreign(..)) => {
                refused += 1;
                assert!(fs::read(fixture.path()).unwrap() == octets, "round {round} was overwritten");
            }
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    assert!(refused > 10, "{refused} of 60 were refused");
}

#[test]
fn a_crash_while_the_database_is_made_leaves_nothing_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bounces.redb");
    let left = folder.path().join(format!("bounces.redb.new-{}", std::process::id()));
    fs::write(left, vec![0; 4096]).unwrap();
    drop(Store::open(&path, Settings::default()).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_address_of_the_database_that_cannot_be_made_is_an_error_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let opened = Store::open(&folder.path().join("file/bounces.redb"), Settings::default());
    assert!(matches!(opened, Err(OpenError::Io(..))));
}
