//! What is kept for a time: it leaves then, in slices, whatever the clock does.

use super::support::{Fixture, address, at, delivered, domain, hard, mail, parked, retry, settled, soft};
use super::{DAY, fixture};
use bouncesvc::bounce::Reason;
use bouncesvc::change::{Batch, Change, Command, MailResult, Outcome, Selection, Series};
use bouncesvc::notify::Queue;
use bouncesvc::store::{End, Settings};
use bouncesvc::types::Timestamp;
use std::time::Duration;

#[test]
fn an_unconfirmed_digest_leaves_when_no_sender_would_try_any_more() {
    let mut fixture = fixture();
    let batch = Batch { mails: vec![mail(1, vec![])], ..Batch::default() };
    fixture.commit(&batch);
    // Each time that it comes, it may come again.
    for (day, result) in [(6, MailResult::Duplicate), (12, MailResult::Duplicate), (20, MailResult::Applied(vec![]))] {
        fixture.seconds = day * DAY;
        fixture.tidy();
        assert_eq!(fixture.commit(&batch).mails, [result]);
    }
}

#[test]
fn a_client_that_never_waits_for_answers_cannot_fill_the_database_with_digests() {
    let mut fixture = Fixture::new(Settings { digests_max: 100, ..Settings::default() });
    fixture.commit(&Batch { mails: (0..2500).map(|number| mail(number, vec![])).collect(), ..Batch::default() });
    fixture.tidy();
    assert_eq!(fixture.reader().totals().unwrap().digests, 100);
}

#[test]
fn what_the_platform_answered_is_found_by_address_until_it_is_too_old() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("A@x.example"), hard("b@x.example")]);
    fixture.seconds = 5;
    fixture.settle(1, Outcome::Delivered { status: 204, body: "gone".to_owned() });
    fixture.command(Command::DropNotifications(Selection::Id(2)));
    fixture.reopen();

    let found = fixture.reader().history(Some(&address("a@x.example")), None, 10).unwrap().rows;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].ended, found[0].attempts, found[0].reason), (at(5), 1, Reason::UserUnknown));
    assert_eq!(found[0].end, End::Delivered { status: 204, body: "gone".to_owned() });
    let all = fixture.reader().history(None, None, 10).unwrap().rows;
    assert_eq!(all.iter().map(|past| &past.end).collect::<Vec<_>>(), [&End::Dropped, &found[0].end]);

    fixture.seconds = 366 * DAY;
    fixture.tidy();
    assert_eq!(fixture.reader().history(None, None, 10).unwrap().rows, []);
    assert_eq!(fixture.reader().history(Some(&address("a@x.example")), None, 10).unwrap().rows, []);
    assert!(!fixture.holds("a@x.example"), "also in no index");
}

#[test]
fn a_parked_notification_stays_unless_the_configuration_says_how_long() {
    for (parked_age_max, left) in [(None, 1), (Some(Duration::from_secs(30 * DAY)), 0)] {
        let mut fixture = Fixture::new(Settings { parked_age_max, ..Settings::default() });
        fixture.receive(vec![hard("a@x.example")]);
        fixture.seconds = 8 * DAY;
        fixture.settle(1, parked());
        fixture.seconds = 37 * DAY;
        fixture.tidy();
        assert_eq!(fixture.reader().totals().unwrap().notifications, 1, "not yet");
        fixture.seconds = 300 * DAY;
        fixture.tidy();
        assert_eq!(fixture.reader().totals().unwrap().notifications, left);
        let history = fixture.reader().history(None, None, 10).unwrap().rows;
        assert_eq!(history.iter().filter(|past| past.end == End::Expired).count() as u64, 1 - left);
    }
}

#[test]
fn counters_leave_only_if_the_configuration_says_how_long() {
    for (counter_age_max, left) in [(None, 3000), (Some(Duration::from_secs(90 * DAY)), 1)] {
        let mut fixture = Fixture::new(Settings { counter_age_max, ..Settings::default() });
        fixture.receive((0..3000).map(|number| soft(&format!("{number}@x.example"))).collect());
        fixture.seconds = 80 * DAY;
        fixture.receive(vec![soft("7@x.example")]);
        fixture.seconds = 91 * DAY;
        fixture.tidy();
        assert_eq!(fixture.reader().totals().unwrap().counters, left);
    }
}

#[test]
fn housekeeping_goes_on_after_the_clock_was_ahead() {
    let mut fixture = fixture();
    let years_ahead = 10 * 365 * DAY;
    fixture.seconds = years_ahead;
    fixture.receive(vec![hard("a@x.example"), hard("b@x.example")]);
    fixture.settle(1, delivered());
    fixture.settle(2, retry(years_ahead + 60));
    fixture.tidy();
    fixture.seconds = 0;
    fixture.receive(vec![hard("c@x.example")]);
    fixture.settle(3, delivered());
    fixture.tidy();
    let due = fixture.reader().due(&domain("mydomain.example"), at(0), &|_| false, 10).unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [2], "due now, not in ten years");
    fixture.seconds = 366 * DAY;
    fixture.tidy();
    let kept = fixture.reader().history(None, None, 10).unwrap().rows;
    assert_eq!(kept.iter().map(|past| past.id).collect::<Vec<_>>(), [1], "3 is too old, though 1 stands before it");
}

#[test]
fn housekeeping_of_a_heap_takes_many_short_transactions() {
    const ROWS: u64 = 2500;
    let age = Duration::from_secs(DAY);
    let settings =
        Settings { history_age_max: age, counter_age_max: Some(age), digest_age_max: age, ..Settings::default() };
    let mut fixture = Fixture::new(settings);
    let mails = |of: fn(&str) -> Change, first: u64| {
        let change = |number: u64| of(&format!("{number}@x.example"));
        let mails = (first..first + ROWS).map(|number| mail(number, vec![change(number)])).collect();
        Batch { mails, ..Batch::default() }
    };
    fixture.commit(&mails(hard, 1));
    fixture.commit(&mails(soft, 1 + ROWS));
    let settled = (1..=ROWS).map(|id| settled(id, 0, delivered())).collect();
    fixture.commit(&Batch { settled, ..Batch::default() });
    fixture.seconds = 3 * DAY;
    let (now, mut slices) = (fixture.now(), 0);
    let rows = |fixture: &mut Fixture| {
        let totals = fixture.reader().totals().unwrap();
        [totals.history, totals.counters, totals.digests]
    };
    let mut before = rows(&mut fixture);
    assert_eq!(before, [ROWS, ROWS, 2 * ROWS]);
    loop {
        let has_more = fixture.store().tidy(now, now).unwrap();
        let after = rows(&mut fixture);
        assert!(before.iter().zip(after).all(|(before, after)| before - after <= 1000), "{before:?} to {after:?}");
        (before, slices) = (after, slices + 1);
        if !has_more {
            break;
        }
    }
    assert_eq!((before, slices >= 5), ([0, 0, 0], true));
}

#[test]
fn a_heap_of_digests_leaves_in_slices_one_after_the_other() {
    let mut fixture = Fixture::new(Settings { digests_max: 100, ..Settings::default() });
    fixture.commit(&Batch { mails: (0..2101).map(|number| mail(number, vec![])).collect(), ..Batch::default() });
    let now = fixture.now();
    for (left, has_more) in [(1101, true), (101, true), (100, false)] {
        assert_eq!(fixture.store().tidy(now, now).unwrap(), has_more, "{left}");
        assert_eq!(fixture.reader().totals().unwrap().digests, left);
    }
}

#[test]
fn a_walk_through_what_stays_goes_on_to_its_end_and_then_rests() {
    for change in [None, Some(soft as fn(&str) -> Change)] {
        let age = Duration::from_secs(30 * DAY);
        let counter_age_max = change.map(|_| age);
        let mut fixture = Fixture::new(Settings { counter_age_max, ..Settings::default() });
        let changes = |number| change.iter().map(|change| change(&format!("{number}@x.example"))).collect();
        let mails: Vec<_> = (0..1500).map(|number| mail(number, changes(number))).collect();
        let known = mails.iter().map(|mail| mail.digest).collect::<Vec<_>>();
        fixture.commit(&Batch { mails, ..Batch::default() });
        if change.is_some() {
            fixture.commit(&Batch { confirmed: known, ..Batch::default() });
        }
        for (seconds, has_more) in [(0, true), (0, false), (60, false), (3700, true), (3700, false)] {
            fixture.seconds = seconds;
            let now = fixture.now();
            assert_eq!(fixture.store().tidy(now, now).unwrap(), has_more, "{seconds}");
        }
    }
}

#[test]
fn a_clock_that_jumps_ahead_for_a_while_costs_nothing_that_is_kept_for_a_time() {
    const YEARS: u64 = 10 * 365 * DAY;
    let age = Some(Duration::from_secs(30 * DAY));
    let mut fixture = Fixture::new(Settings { parked_age_max: age, counter_age_max: age, ..Settings::default() });
    fixture.receive(vec![hard("a@x.example"), hard("b@x.example"), soft("c@x.example")]);
    fixture.settle(1, delivered());
    fixture.settle(2, parked());
    fixture.commit(&Batch { mails: vec![mail(99, vec![])], ..Batch::default() });
    while fixture.store().tidy(at(YEARS), at(0)).unwrap() {}
    let totals = fixture.reader().totals().unwrap();
    assert_eq!((totals.history, totals.notifications, totals.counters, totals.digests), (1, 1, 1, 1));
    while fixture.store().tidy(at(2 * YEARS), at(YEARS)).unwrap() {}
    let totals = fixture.reader().totals().unwrap();
    // The end of the parked one is the only history.
    assert_eq!((totals.history, totals.notifications, totals.counters, totals.digests), (1, 0, 0, 0));
}

#[test]
fn sums_survive_and_move_from_minutes_to_hours() {
    let mut fixture = fixture();
    let add = |fixture: &mut Fixture, seconds, count| {
        fixture.seconds = seconds;
        fixture.commit(&Batch { sums: vec![(Series::Received, count)], ..Batch::default() });
    };
    add(&mut fixture, 0, 1);
    add(&mut fixture, 59, 2);
    add(&mut fixture, 60, 4);
    add(&mut fixture, 3600, 8);
    fixture.reopen();
    let minutes = |fixture: &mut Fixture| {
        let sums = fixture.reader().sums_by_minute(at(0)).unwrap();
        sums.iter().map(|sum| (sum.start, sum.series[&Series::Received])).collect::<Vec<_>>()
    };
    let hours = |fixture: &mut Fixture| {
        let sums = fixture.reader().sums_by_hour(at(0)).unwrap();
        sums.iter().map(|sum| (sum.start, sum.series[&Series::Received])).collect::<Vec<_>>()
    };
    assert_eq!(minutes(&mut fixture), [(at(0), 3), (at(60), 4), (at(3600), 8)]);
    assert_eq!(hours(&mut fixture), [(at(0), 7), (at(3600), 8)]);
    fixture.seconds = 2 * DAY + 60;
    fixture.tidy();
    assert_eq!(minutes(&mut fixture), [(at(60), 4), (at(3600), 8)]);
    assert_eq!(hours(&mut fixture), [(at(0), 7), (at(3600), 8)], "no sum changes when minutes leave");
    fixture.seconds = 91 * DAY;
    fixture.tidy();
    fixture.tidy();
    assert_eq!((minutes(&mut fixture), hours(&mut fixture)), (vec![], vec![]));
}

#[test]
fn times_before_the_epoch_are_no_trouble() {
    let mut fixture = fixture();
    let now = Timestamp::from_millis(0);
    let batch = Batch {
        mails: vec![mail(1, vec![hard("a@x.example"), soft("b@x.example")])],
        settled: vec![settled(1, 0, delivered())],
        sums: vec![(Series::Received, 1)],
        ..Batch::default()
    };
    fixture.store().commit(&batch, now).unwrap();
    while fixture.store().tidy(now, now).unwrap() {}
    assert_eq!(fixture.reader().totals().unwrap().counters, 1);
}
