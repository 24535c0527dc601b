//! Counters that changed and are not in their table yet: seen by all who look, kept in a copy, forgotten when they have to be.

use super::meddling::{damage, meddle, turn_into_format_one, turn_into_format_two};
use super::support::{Fixture, address, hard, mail, soft};
use super::{DAY, collect, fixture};
use bouncesvc::change::{Batch, Change, Command, CommandResult, Effect};
use bouncesvc::store::{CounterFilter, Reader, Settings, Store};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Each transaction moves counters to their table.
fn moving() -> Settings {
    Settings { journal_octets_max: 0, ..Settings::default() }
}

fn user(number: u64) -> String {
    format!("{number:03}@x.example")
}

/// Without an end.
fn count(number: u64) -> Change {
    match soft(&user(number)) {
        Change::CountSoft { failure, window, archive, .. } => {
            Change::CountSoft { failure, threshold: u32::MAX, window, archive }
        }
        other => other,
    }
}

fn counts(reader: &Reader) -> BTreeMap<String, u32> {
    let rows = collect(|cursor| reader.counters(&CounterFilter::default(), cursor, 7).unwrap());
    rows.into_iter().map(|counter| (counter.address.to_string(), counter.count)).collect()
}

fn rows_in_the_journal(fixture: &mut Fixture) -> usize {
    fixture.close();
    let mut rows = 0;
    meddle(&fixture.path(), "journal", |table| {
        rows = redb::ReadableTable::iter(table).unwrap().count();
    });
    fixture.reopen();
    rows
}

#[test]
fn counts_are_right_wherever_a_counter_is() {
    for settings in [Settings::default(), moving()] {
        let mut fixture = Fixture::new(settings);
        let mut expected = BTreeMap::new();
        for round in 0..60 {
            let numbers = || (0..10).map(|number| (round * number) % 40);
            fixture.receive(numbers().map(count).collect());
            numbers().for_each(|number| *expected.entry(user(number)).or_default() += 1);
            assert_eq!(counts(&fixture.reader()), expected, "round {round}");
            if round % 7 == 0 {
                fixture.reopen();
                assert_eq!(counts(&fixture.reader()), expected, "round {round}, opened again");
            }
        }
        let found = fixture.reader().counters_of(&address(&user(0))).unwrap();
        assert_eq!(found.iter().map(|counter| counter.count).collect::<Vec<_>>(), [expected[&user(0)]]);
    }
}

#[test]
fn a_counter_that_was_removed_begins_anew_though_the_journal_knew_it() {
    for removal in [hard(&user(1)), soft(&user(1))] {
        let mut fixture = fixture();
        fixture.receive(vec![count(1), count(1), count(2), count(2)]);
        fixture.receive(vec![count(1), count(2)]);
        // Above its threshold the soft one removes the counter as well.
        fixture.receive(vec![removal]);
        assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(2), 3)]));
        assert_eq!(fixture.reader().counters_of(&address(&user(1))).unwrap(), []);
        fixture.receive(vec![count(1)]);
        for _ in 0..2 {
            assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(1), 1), (user(2), 3)]));
            fixture.reopen();
        }
        assert_eq!(fixture.receive(vec![count(1)]), [Effect::Counted { count: 2, threshold: u32::MAX }]);
    }
}

#[test]
fn the_journal_does_not_grow_without_end() {
    let mut fixture = Fixture::new(moving());
    fixture.receive((0..50).map(count).collect());
    for round in 0..300 {
        fixture.receive(vec![count(round % 50)]);
    }
    let rows = rows_in_the_journal(&mut fixture);
    assert!(rows > 0 && rows < 20, "{rows}");
    assert!(counts(&fixture.reader()).values().all(|count| *count == 7));
}

#[test]
fn who_looks_while_counters_move_sees_no_count_twice_and_none_go_down() {
    const COUNTERS: u64 = 60;
    let mut fixture = Fixture::new(moving());
    fixture.receive((0..COUNTERS).map(count).collect());
    let (reader, is_over) = (fixture.reader(), AtomicBool::new(false));
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let (mut seen, mut looks) = (counts(&reader), 0);
            while !is_over.load(Ordering::Relaxed) || looks == 0 {
                let now = counts(&reader);
                assert_eq!(now.len(), seen.len());
                assert!(now.iter().all(|(address, count)| *count >= seen[address]), "{seen:?} {now:?}");
                (seen, looks) = (now, looks + 1);
            }
        });
        for round in 0..150 {
            fixture.receive(vec![count(round * 7 % COUNTERS), count(round * 11 % COUNTERS)]);
        }
        is_over.store(true, Ordering::Relaxed);
        looking.join().unwrap();
    });
}

#[test]
fn a_backup_has_what_is_in_the_journal() {
    let mut fixture = fixture();
    fixture.receive((0..20).chain(5..15).map(count).collect());
    let copy = fixture.folder.path().join("copy.redb");
    let file = File::options().read(true).write(true).create_new(true).open(&copy).unwrap();
    fixture.reader().copy_to(file).unwrap();
    let restored = Store::open(&copy, Settings::default()).unwrap();
    assert_eq!(counts(&restored.reader()), counts(&fixture.reader()));
}

#[test]
fn an_address_that_is_forgotten_or_too_old_is_in_no_row_of_the_journal() {
    let age = Duration::from_secs(30 * DAY);
    for is_forgotten in [true, false] {
        let mut fixture = Fixture::new(Settings { counter_age_max: Some(age), ..Settings::default() });
        fixture.receive(vec![count(1), count(2)]);
        fixture.receive(vec![count(1), count(2)]);
        fixture.seconds = 31 * DAY;
        fixture.receive(vec![count(2)]);
        assert!(fixture.holds(&user(1)));
        if is_forgotten {
            assert_eq!(fixture.command(Command::Forget(address(&user(1)))), CommandResult::Rows(1));
        } else {
            fixture.tidy();
        }
        assert!(!fixture.holds(&user(1)));
        for _ in 0..2 {
            assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(2), 3)]));
            fixture.reopen();
        }
    }
}

#[test]
fn a_counter_that_was_removed_stays_so_when_another_of_its_row_is_forgotten() {
    let mut fixture = Fixture::new(moving());
    fixture.receive(vec![count(1), count(2)]);
    fixture.receive(vec![count(3)]);
    // From here on the table knows the first two, and the journal that they are gone.
    fixture.settings = Settings::default();
    fixture.reopen();
    fixture.receive(vec![hard(&user(1)), hard(&user(2))]);
    fixture.command(Command::Forget(address(&user(2))));
    for _ in 0..2 {
        assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(3), 1)]));
        assert_eq!(fixture.reader().totals().unwrap().counters, 1);
        fixture.reopen();
    }
}

#[test]
fn what_is_counted_and_forgotten_in_one_transaction_is_gone() {
    for counted in [1, 2] {
        let mut fixture = Fixture::new(moving());
        fixture.receive(vec![count(1), count(1), count(2), count(2)]);
        let (mails, commands) = (vec![mail(100, vec![count(counted)])], vec![Command::Forget(address(&user(1)))]);
        fixture.commit(&Batch { mails, commands, ..Batch::default() });
        assert!(!fixture.holds(&user(1)));
        assert_eq!(counts(&fixture.reader()).keys().collect::<Vec<_>>(), [&user(2)]);
    }
}

#[test]
fn an_import_lifts_a_counter_that_is_in_the_journal() {
    let mut fixture = fixture();
    fixture.receive(vec![count(1), count(1), count(1)]);
    let lift = |count| bouncesvc::change::Imported::Counter {
        domain: super::support::domain("mydomain.example"),
        address: address(&user(1)),
        count,
    };
    assert_eq!(fixture.command(Command::Import(vec![lift(2)])), CommandResult::Rows(0));
    assert_eq!(fixture.command(Command::Import(vec![lift(9)])), CommandResult::Rows(1));
    fixture.reopen();
    assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(1), 9)]));
}

#[test]
fn a_damaged_row_of_the_journal_costs_no_more_than_itself() {
    let mut fixture = fixture();
    fixture.receive(vec![count(1), count(2)]);
    fixture.receive(vec![count(1), hard(&user(2))]);
    fixture.receive(vec![count(1), count(3)]);
    fixture.close();
    damage(&fixture.path(), "journal", |key| key.ends_with(&[3]));
    fixture.reopen();
    assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(1), 2)]));
    assert_eq!(fixture.reader().totals().unwrap().counters, 1);
    assert_eq!(fixture.receive(vec![count(1)]), [Effect::Counted { count: 3, threshold: u32::MAX }]);
    fixture.reopen();
    assert_eq!(counts(&fixture.reader()), BTreeMap::from([(user(1), 3)]));
}

#[test]
fn a_counter_that_the_table_still_has_is_not_counted_behind_a_damaged_row() {
    let mut fixture = Fixture::new(moving());
    fixture.receive(vec![count(1), count(2)]);
    fixture.receive(vec![count(3)]);
    // From here on the table knows the first two, and the journal that one of them is gone.
    fixture.settings = Settings::default();
    fixture.reopen();
    fixture.receive(vec![hard(&user(1))]);
    fixture.receive(vec![count(4)]);
    fixture.close();
    damage(&fixture.path(), "journal", |key| key.ends_with(&[4]));
    fixture.reopen();
    assert_eq!(counts(&fixture.reader()).into_keys().collect::<Vec<_>>(), [user(2), user(3)]);
    assert_eq!(fixture.reader().totals().unwrap().counters, 2);
}

#[test]
fn a_damaged_row_of_the_journal_leaves_in_its_turn() {
    let mut fixture = Fixture::new(Settings::default());
    (0..5).for_each(|number| drop(fixture.receive(vec![count(number)])));
    fixture.close();
    let first = 1_u64.to_be_bytes();
    damage(&fixture.path(), "journal", |key| key == first);
    fixture.settings = moving();
    fixture.reopen();
    (0..20).for_each(|round| drop(fixture.receive(vec![count(round)])));
    let rows = rows_in_the_journal(&mut fixture);
    assert!(rows < 5, "{rows}");
    fixture.close();
    let mut is_left = true;
    meddle(&fixture.path(), "journal", |table| {
        is_left = redb::ReadableTable::get(table, &first[..]).unwrap().is_some();
    });
    assert!(!is_left);
}

/// Such as come behind all others, or have the number of another one at their end.
#[test]
fn a_row_of_the_journal_whose_key_is_no_number_of_one_is_left_out() {
    for key in [&[0xff; 8][..], b"more than a number\0\0\0\0\0\0\0\x01", b"less"] {
        let mut fixture = Fixture::new(moving());
        fixture.receive(vec![count(1), count(2)]);
        fixture.close();
        meddle(&fixture.path(), "journal", |table| {
            let row = [&[0][..], b"\x01\x02"].concat();
            table.insert(key, row.as_slice()).unwrap();
        });
        for round in 2..6 {
            fixture.reopen();
            fixture.receive(vec![count(1), count(2)]);
            fixture.receive(vec![count(3)]);
            assert_eq!(counts(&fixture.reader())[&user(1)], round, "{key:?}");
            assert_eq!(fixture.reader().totals().unwrap().counters, 3, "{key:?}");
        }
    }
}

/// Counters that are new, went up, were removed, came back, and came back and were removed again.
fn with_a_past(settings: Settings) -> Fixture {
    let mut fixture = Fixture::new(settings);
    fixture.receive((0..20).map(count).collect());
    fixture.receive((0..15).map(count).collect());
    fixture.receive((5..15).map(|number| hard(&user(number))).collect());
    fixture.receive((8..15).map(count).collect());
    fixture.receive((10..15).map(|number| hard(&user(number))).collect());
    fixture.receive((30..32).map(count).collect());
    fixture
}

#[test]
fn a_database_of_an_older_format_goes_on() {
    for turn_back in [turn_into_format_one, turn_into_format_two] {
        for settings in [Settings::default(), moving()] {
            let mut fixture = with_a_past(settings);
            let mut expected = counts(&fixture.reader());
            assert_eq!(expected.len(), 14);
            fixture.close();
            turn_back(&fixture.path());
            for _ in 0..40 {
                fixture.reopen();
                assert_eq!(counts(&fixture.reader()), expected);
                assert_eq!(fixture.reader().totals().unwrap().counters, expected.len() as u64);
                fixture.receive(vec![count(1), count(9), count(12), hard(&user(31))]);
                for number in [1, 9, 12] {
                    *expected.entry(user(number)).or_default() += 1;
                }
                expected.remove(&user(31));
            }
        }
    }
}

#[test]
fn the_number_of_counters_is_right_wherever_they_are() {
    for settings in [Settings::default(), moving()] {
        let mut fixture = with_a_past(settings);
        for command in [
            Command::Forget(address(&user(1))),
            Command::ResetCounter { address: address(&user(2)), domain: None },
            Command::ResetCounter { address: address(&user(2)), domain: None },
            Command::Forget(address(&user(12))),
            Command::Forget(address(&user(77))),
        ] {
            fixture.command(command);
            for _ in 0..2 {
                let listed = counts(&fixture.reader()).len() as u64;
                assert_eq!(fixture.reader().totals().unwrap().counters, listed);
                fixture.reopen();
            }
        }
        assert_eq!(counts(&fixture.reader()).len(), 12);
    }
}

#[test]
fn who_looks_while_counters_are_removed_sees_none_of_them_again() {
    const COUNTERS: u64 = 60;
    let mut fixture = Fixture::new(moving());
    for _ in 0..3 {
        fixture.receive((0..COUNTERS).map(count).collect());
    }
    let (reader, removed) = (fixture.reader(), AtomicU64::new(0));
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            while removed.load(Ordering::SeqCst) < COUNTERS {
                let gone = removed.load(Ordering::SeqCst);
                let seen = counts(&reader);
                // One more may be under way.
                let left = removed.load(Ordering::SeqCst) + 1;
                assert!((0..gone).all(|number| !seen.contains_key(&user(number))), "{gone} {seen:?}");
                assert!((left..COUNTERS).all(|number| seen[&user(number)] == 3), "{left} {seen:?}");
            }
        });
        for number in 0..COUNTERS {
            if number % 3 == 0 {
                fixture.command(Command::Forget(address(&user(number))));
            } else {
                fixture.receive(vec![hard(&user(number))]);
            }
            removed.store(number + 1, Ordering::SeqCst);
        }
        looking.join().unwrap();
    });
    assert_eq!(counts(&fixture.reader()), BTreeMap::new());
}
