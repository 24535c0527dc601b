//! Rows that cannot be decoded: each costs no more than itself, whatever is done, and what sums up others is made anew.

use super::filled::{filled, look_at_all, write_all};
use super::support::{Fixture, address, at, delivered, domain, hard, parked, quarantined, settled, soft};
use super::{DAY, fixture, meddling};
use bouncesvc::change::{Batch, Command, CommandResult, Effect, Queued, Selection};
use bouncesvc::notify::Queue;
use bouncesvc::store::{CounterFilter, Settings};
use bouncesvc::types::MessageId;
use std::path::Path;

/// All tables whose rows are values.
const TABLES: [&str; 12] = [
    "meta",
    "counters",
    "journal",
    "notifications",
    "notifications_by_address",
    "domains",
    "archives",
    "history",
    "digests",
    "quarantine",
    "sums_by_minute",
    "sums_by_hour",
];

/// Works on the file of the database, which is closed meanwhile.
fn closed(fixture: &mut Fixture, work: impl FnOnce(&Path)) {
    fixture.close();
    work(&fixture.path());
    fixture.reopen();
}

fn damage(fixture: &mut Fixture, table: &str, pick: impl Fn(&[u8]) -> bool) {
    closed(fixture, |path| meddling::damage(path, table, pick));
}

/// The key of a notification, an archive job or a mail in the quarantine.
fn is_id(id: u64) -> impl Fn(&[u8]) -> bool {
    move |key| key == id.to_be_bytes()
}

#[test]
fn a_table_of_damaged_rows_stops_no_look_no_batch_no_housekeeping_and_no_command() {
    for table in TABLES {
        let mut fixture = filled();
        damage(&mut fixture, table, |key| key != b"format");
        look_at_all(&mut fixture);
        write_all(&mut fixture);
        look_at_all(&mut fixture);
        fixture.seconds = 1000 * DAY;
        fixture.tidy();
        for command in [
            Command::ResetCounter { address: address("a@x.example"), domain: None },
            Command::Forget(address("c@x.example")),
            Command::DropNotifications(Selection::All),
            Command::DropQuarantined(None),
        ] {
            fixture.command(command);
        }
        let totals = fixture.reader().totals().unwrap();
        let left = (totals.notifications, totals.quarantine_mails, totals.quarantine_octets);
        assert_eq!(left, (0, 0, 0), "{table}");
    }
}

#[test]
fn the_other_attempts_of_a_batch_are_settled() {
    let mut fixture = fixture();
    fixture.receive((0..3).map(|number| hard(&format!("{number}@x.example"))).collect());
    damage(&mut fixture, "notifications", is_id(2));
    let settled = (1..=3).map(|id| settled(id, 5, delivered())).collect();
    fixture.commit(&Batch { settled, ..Batch::default() });
    let past = fixture.reader().history(None, None, 10).unwrap().rows;
    assert_eq!(past.iter().map(|past| past.id).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn a_damaged_notification_is_passed_over_until_it_is_dropped() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example"), hard("b@x.example")]);
    damage(&mut fixture, "notifications", is_id(1));
    let due = fixture.reader().due(&domain("mydomain.example"), at(0), &|_| false, 1).unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [2]);
    let again = fixture.receive(vec![hard("a@x.example")]);
    assert_eq!(again, [Effect::Suspended(Queued::New(3))], "its address gets another one");
    assert_eq!(fixture.command(Command::DropNotifications(Selection::Id(1))), CommandResult::Rows(1));
    let queue = fixture.reader().domain_queues().unwrap().remove(0);
    assert_eq!((queue.pending, fixture.reader().totals().unwrap().notifications), (2, 2));
    fixture.settle(2, delivered());
    fixture.settle(3, delivered());
    assert_eq!(fixture.reader().domains().unwrap(), [], "no index names it any more");
}

#[test]
fn a_damaged_parked_notification_is_counted_no_longer_once_it_is_dropped() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    fixture.settle(1, parked());
    damage(&mut fixture, "notifications", is_id(1));
    assert_eq!(fixture.command(Command::DropNotifications(Selection::Id(1))), CommandResult::Rows(1));
    assert_eq!(fixture.reader().domain_queues().unwrap()[0].parked, 0);
}

#[test]
fn a_key_that_names_no_domain_hides_none_behind_it() {
    for (table, prefix) in [("notifications_by_time", "p"), ("notifications_by_domain", "p"), ("counters", "")] {
        let mut fixture = fixture();
        fixture.receive(vec![hard("a@x.example"), soft("b@x.example")]);
        closed(&mut fixture, |path| {
            meddling::meddle(path, table, |table| {
                for key in ["", "\0", "a..b\0x", "b"] {
                    table.insert(format!("{prefix}{key}").as_bytes(), &[][..]).unwrap();
                }
            });
        });
        assert_eq!(fixture.reader().domains().unwrap(), [(domain("mydomain.example"), at(0))], "{table}");
        assert_eq!(fixture.reader().counters_of(&address("b@x.example")).unwrap().len(), 1, "{table}");
        fixture.tidy();
        let drop = Command::DropNotifications(Selection::Domain(domain("mydomain.example")));
        assert_eq!(fixture.command(drop), CommandResult::Rows(1), "{table}");
    }
}

#[test]
fn a_damaged_counter_begins_anew() {
    let mut fixture = Fixture::new(Settings { journal_octets_max: 0, ..Settings::default() });
    fixture.receive(vec![soft("a@x.example"), soft("b@x.example")]);
    // They move to the table.
    fixture.receive(vec![soft("c@x.example")]);
    damage(&mut fixture, "counters", |key| key.ends_with(b"a@x.example"));
    damage(&mut fixture, "journal", |key| key.ends_with(&[1]));
    let listed = |fixture: &mut Fixture| {
        let rows = fixture.reader().counters(&CounterFilter::default(), None, 10).unwrap().rows;
        rows.iter().map(|counter| counter.address.local().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut fixture), ["b", "c"]);
    let effects = fixture.receive(vec![soft("a@x.example"), soft("b@x.example")]);
    assert_eq!(effects, [1, 2].map(|count| Effect::Counted { count, threshold: super::support::THRESHOLD }));
    assert_eq!(listed(&mut fixture), ["a", "b", "c"]);
    assert_eq!(fixture.reader().totals().unwrap().counters, 3);
}

#[test]
fn the_quarantine_stays_bounded_and_its_mails_can_be_erased() {
    let mut fixture = Fixture::new(Settings { quarantine_mails_max: 2, ..Settings::default() });
    fixture.receive(vec![quarantined(1, "to a@x.example"), quarantined(2, "other")]);
    damage(&mut fixture, "quarantine", |_| true);
    let named = fixture.reader().mails_naming(&address("a@x.example")).unwrap();
    assert_eq!(fixture.command(Command::ForgetMails(named)), CommandResult::Rows(1));
    let effects = fixture.receive(vec![quarantined(3, "x"), quarantined(4, "y")]);
    assert_eq!(effects, [0, 1].map(|evicted| Effect::Quarantined { evicted }));
    let rows = fixture.reader().quarantine(None, 10).unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [MessageId(4), MessageId(3)]);
    assert_eq!(fixture.reader().totals().unwrap().quarantine_octets, 2);
}

#[test]
fn sums_of_a_damaged_database_are_made_anew() {
    let mut fixture = filled();
    let before = (fixture.reader().totals().unwrap(), fixture.reader().domain_queues().unwrap());
    let key = |fixture: &mut Fixture| fixture.reader().notification(1).unwrap().unwrap().notification.idempotency_key;
    let old_key = key(&mut fixture);
    for table in ["meta", "domains"] {
        damage(&mut fixture, table, |key| key != b"format");
    }
    let mut after = (fixture.reader().totals().unwrap(), fixture.reader().domain_queues().unwrap());
    after.1[0].last_error.clone_from(&before.1[0].last_error);
    after.0.file_octets = before.0.file_octets;
    assert_eq!(after, before);
    assert_ne!(key(&mut fixture), old_key, "the old id of the database is lost");
    assert_eq!(
        fixture.receive(vec![hard("new@x.example")]),
        [Effect::Suspended(Queued::New(8))],
        "no id is given twice"
    );
}
