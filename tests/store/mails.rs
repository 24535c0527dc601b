//! Mails in the database: the quarantine and those that wait for the archive.

use super::support::{Fixture, address, at, delivered, failure, hard, quarantined, soft};
use super::{DAY, fixture};
use bouncesvc::bounce::Class;
use bouncesvc::change::{Change, Command, CommandResult, Effect, Outcome};
use bouncesvc::notify::Queue;
use bouncesvc::store::Settings;
use bouncesvc::types::MessageId;
use std::sync::Arc;

#[test]
fn the_quarantine_is_bounded_in_mails_and_octets() {
    let settings = Settings { quarantine_mails_max: 3, quarantine_octets_max: 100, ..Settings::default() };
    let mut fixture = Fixture::new(settings);
    let mut put = |id: u64, octets: usize| {
        let effects = fixture.receive(vec![quarantined(id, vec![b'x'; octets])]);
        fixture.reopen();
        let rows = fixture.reader().quarantine(None, 10).unwrap().rows;
        let total = fixture.reader().totals().unwrap();
        assert_eq!(total.quarantine_octets, rows.iter().map(|row| row.octets).sum::<u64>());
        let Effect::Quarantined { evicted } = effects[0] else { panic!("{effects:?}") };
        (evicted, rows.iter().map(|row| row.id.0).collect::<Vec<_>>())
    };
    assert_eq!(put(1, 10), (0, vec![1]));
    assert_eq!(put(2, 10), (0, vec![2, 1]));
    assert_eq!(put(3, 10), (0, vec![3, 2, 1]));
    assert_eq!(put(4, 10), (1, vec![4, 3, 2]), "one mail too many");
    assert_eq!(put(5, 85), (2, vec![5, 4]), "too many octets");
    assert_eq!(put(6, 101), (3, vec![]), "larger than the whole quarantine");
    assert_eq!(put(7, 10), (0, vec![7]));
    let (row, mail) = fixture.reader().quarantined(MessageId(7)).unwrap().unwrap();
    assert_eq!((row.subject.as_str(), mail.len()), ("mail 7", 10));
    assert_eq!(fixture.command(Command::DropQuarantined(None)), CommandResult::Rows(1));
    assert_eq!(fixture.reader().totals().unwrap().quarantine_octets, 0);
}

#[test]
fn mails_that_come_after_a_clock_that_was_ahead_leave_after_the_others() {
    let settings = Settings { quarantine_mails_max: 2, ..Settings::default() };
    let mut fixture = Fixture::new(settings);
    for seconds in [0, 10 * 365 * DAY, 10, 20] {
        fixture.seconds = seconds;
        let id = fixture.reader().first_id(at(seconds)).unwrap();
        assert!(id >= MessageId::first(at(seconds)));
        fixture.receive(vec![quarantined(id.0, seconds.to_string())]);
    }
    let left = fixture.reader().quarantine(None, 10).unwrap().rows;
    assert_eq!(left.iter().map(|row| row.received).collect::<Vec<_>>(), [at(20), at(10)]);
}

#[test]
fn the_mails_behind_a_suspension_wait_for_the_archive() {
    let mut fixture = fixture();
    let with_archive = |text: &[u8]| Change::Suspend {
        failure: failure("a@x.example", Class::Hard),
        archive: Some(Arc::new(text.to_vec())),
    };
    fixture.receive(vec![with_archive(b"one"), with_archive(b"two")]);
    fixture.reopen();
    let jobs = fixture.reader().archive_jobs(&|_| false, 10).unwrap();
    assert_eq!(jobs.iter().map(|job| job.mail.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);

    fixture.settle(1, delivered());
    fixture.settle(jobs[0].id, Outcome::Archived);
    fixture.reopen();
    assert_eq!(fixture.reader().archive_jobs(&|_| false, 10).unwrap(), jobs[1..], "the other one still waits");
    assert_eq!(fixture.reader().archive_jobs(&|id| id == jobs[1].id, 10).unwrap(), []);
    fixture.settle(jobs[1].id, Outcome::Archived);
    assert_eq!(fixture.reader().totals().unwrap().archive_octets, 0);
}

#[test]
fn mails_that_wait_for_the_archive_are_bounded() {
    let mut fixture = Fixture::new(Settings { archive_octets_max: 1000, ..Settings::default() });
    let archived = |name: u64| Change::Suspend {
        failure: failure(&format!("{name}@x.example"), Class::Hard),
        archive: Some(Arc::new(b"the mail".to_vec())),
    };
    fixture.receive(vec![archived(0); 100]);
    assert_eq!(fixture.reader().archive_jobs(&|_| false, 1000).unwrap().len(), 8, "for one notification");
    fixture.receive((1..1000).map(archived).collect());
    let totals = fixture.reader().totals().unwrap();
    assert!(totals.archive_octets > 900 && totals.archive_octets <= 1000, "{totals:?}");
    assert_eq!(totals.notifications, 1000, "the notification itself is never left out");
}

#[test]
fn forgetting_an_address_leaves_no_trace_of_it() {
    let mut fixture = fixture();
    let archived =
        Change::Suspend { failure: failure("A@x.example", Class::Hard), archive: Some(Arc::new(b"mail".to_vec())) };
    fixture.receive(vec![hard("A@x.example"), soft("b@x.example")]);
    fixture.settle(1, delivered());
    fixture.receive(vec![archived, soft("a@X.example"), quarantined(8, "to a@x.EXAMPLE"), quarantined(9, "other")]);
    let mails = fixture.reader().mails_naming(&address("a@x.example")).unwrap();
    assert_eq!(fixture.command(Command::Forget(address("a@x.example"))), CommandResult::Rows(3));
    assert_eq!(fixture.command(Command::ForgetMails(mails.clone())), CommandResult::Rows(2));
    assert_eq!(fixture.command(Command::ForgetMails(mails)), CommandResult::Rows(0));
    let totals = fixture.reader().totals().unwrap();
    assert_eq!((totals.quarantine_octets, totals.archive_octets), (5, 0));
    fixture.reopen();
    let reader = fixture.reader();
    let of = address("a@x.example");
    assert_eq!(reader.counters_of(&of).unwrap(), []);
    assert_eq!(reader.notifications_of(&of).unwrap(), []);
    assert_eq!(reader.history(Some(&of), None, 10).unwrap().rows, []);
    assert_eq!(reader.archive_jobs(&|_| false, 10).unwrap(), []);
    assert_eq!(reader.quarantine(None, 10).unwrap().rows.len(), 1);
    assert_eq!(reader.counters_of(&address("b@x.example")).unwrap().len(), 1, "the others stay");
    assert!(fixture.holds("b@x.example") && !fixture.holds("a@x.example"), "also in no index");
}

#[test]
fn a_mail_with_an_id_that_is_taken_replaces_the_one_before() {
    let mut fixture = fixture();
    for octets in [100, 7] {
        fixture.receive(vec![quarantined(1, vec![b'x'; octets])]);
    }
    let totals = fixture.reader().totals().unwrap();
    assert_eq!((totals.quarantine_mails, totals.quarantine_octets), (1, 7));
    assert_eq!(fixture.reader().quarantined(MessageId(1)).unwrap().unwrap().1, [b'x'; 7]);
}
