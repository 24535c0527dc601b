//! Counters: when an occurrence counts, when it escalates, and how operators look at and change counters.

use super::support::{THRESHOLD, address, at, delivered, domain, failure, hard, mail, parked, soft};
use super::{DAY, collect, fixture};
use bouncesvc::bounce::Class;
use bouncesvc::change::{Batch, Change, Command, CommandResult, Effect, Imported, MailResult, Queued};
use bouncesvc::store::{CounterFilter, Pattern};
use std::time::Duration;

fn counted(count: u32) -> Effect {
    Effect::Counted { count, threshold: THRESHOLD }
}

/// A soft bounce of which only those of these days count.
fn soft_within(days: u64) -> Change {
    let window = Some(Duration::from_secs(days * DAY));
    Change::CountSoft { failure: failure("a@x.example", Class::Soft), threshold: THRESHOLD, window, archive: None }
}

#[test]
fn bounces_lead_to_what_the_rules_say_step_by_step() {
    let steps: Vec<(&str, Change, Effect)> = vec![
        ("first soft", soft("A@x.example"), counted(1)),
        ("another case is the same mailbox", soft("a@x.example"), counted(2)),
        ("another address has its own counter", soft("b@x.example"), counted(1)),
        ("at the threshold", soft("a@x.example"), counted(3)),
        ("above it", soft("a@x.example"), Effect::Escalated(Queued::New(1))),
        ("the counter began anew", soft("a@x.example"), counted(1)),
        ("a hard one joins the pending", hard("A@X.example"), Effect::Suspended(Queued::AlreadyPending(1))),
        ("and cleared the counter", soft("a@x.example"), counted(1)),
        ("a hard one for another address", hard("c@x.example"), Effect::Suspended(Queued::New(2))),
        ("DELIVER 1", soft("z@x.example"), counted(1)),
        ("delivered, so a new one", hard("a@x.example"), Effect::Suspended(Queued::New(3))),
        ("PARK 2", soft("z@x.example"), counted(2)),
        ("parked, so revived", hard("c@x.example"), Effect::Suspended(Queued::Revived(2))),
        ("and pending again", hard("c@x.example"), Effect::Suspended(Queued::AlreadyPending(2))),
    ];
    let mut fixture = fixture();
    for (step, change, effect) in steps {
        match step {
            "DELIVER 1" => fixture.settle(1, delivered()),
            "PARK 2" => fixture.settle(2, parked()),
            _ => {}
        }
        fixture.reopen();
        assert_eq!(fixture.receive(vec![change]), [effect], "{step}");
        fixture.reopen();
    }
}

#[test]
fn changes_of_one_mail_and_mails_of_one_batch_see_each_other() {
    let mut fixture = fixture();
    let four = (1..=4).map(|number| mail(number, vec![soft("a@x.example"), hard("b@x.example")])).collect();
    let committed = fixture.commit(&Batch { mails: four, ..Batch::default() });
    let expected = [
        (counted(1), Queued::New(1)),
        (counted(2), Queued::AlreadyPending(1)),
        (counted(3), Queued::AlreadyPending(1)),
        (Effect::Escalated(Queued::New(2)), Queued::AlreadyPending(1)),
    ];
    for (result, (first, second)) in committed.mails.into_iter().zip(expected) {
        assert_eq!(result, MailResult::Applied(vec![first, Effect::Suspended(second)]));
    }
}

#[test]
fn a_redelivery_counts_once_until_its_sender_was_seen_to_know() {
    let mut fixture = fixture();
    let one = || mail(1, vec![soft("a@x.example")]);
    let batch = |mails, confirmed| Batch { mails, confirmed, ..Batch::default() };

    let twice_in_one_batch = fixture.commit(&batch(vec![one(), one()], vec![]));
    assert_eq!(twice_in_one_batch.mails, [MailResult::Applied(vec![counted(1)]), MailResult::Duplicate]);
    fixture.reopen();
    assert_eq!(fixture.commit(&batch(vec![one()], vec![])).mails, [MailResult::Duplicate]);

    let confirmed_and_sent_anew = fixture.commit(&batch(vec![one()], vec![one().digest]));
    assert_eq!(confirmed_and_sent_anew.mails, [MailResult::Applied(vec![counted(2)])]);
    assert_eq!(fixture.reader().totals().unwrap().digests, 1);
}

#[test]
fn exactly_the_confirmed_mails_count_again_be_they_few_or_many() {
    for confirmed in [1, 2, 50, 99, 100] {
        let mut fixture = fixture();
        let all = || (0..100).map(|number| mail(number, vec![])).collect();
        fixture.commit(&Batch { mails: all(), ..Batch::default() });
        fixture.reopen();

        let known = (0..confirmed).map(|number| mail(number * 7 % 100, vec![]).digest).collect::<Vec<_>>();
        let committed = fixture.commit(&Batch { confirmed: known.clone(), mails: all(), ..Batch::default() });
        for (mail, result) in all().iter().zip(committed.mails) {
            assert_eq!(result == MailResult::Duplicate, !known.contains(&mail.digest), "{confirmed}");
        }
        fixture.commit(&Batch { confirmed: known.clone(), ..Batch::default() });
        assert_eq!(fixture.reader().totals().unwrap().digests, 100 - confirmed);
    }
}

#[test]
fn only_the_soft_bounces_of_the_window_count() {
    let mut fixture = fixture();
    for (day, count) in [(0, 1), (10, 2), (20, 3), (31, 3), (70, 1), (71, 2), (72, 3)] {
        fixture.seconds = day * DAY;
        assert_eq!(fixture.receive(vec![soft_within(30)]), [counted(count)], "day {day}");
        fixture.reopen();
    }
    assert_eq!(fixture.receive(vec![soft_within(30)]), [Effect::Escalated(Queued::New(1))]);
}

#[test]
fn bounces_of_a_clock_that_was_ahead_leave_the_window_one_day() {
    let mut fixture = fixture();
    for (day, count) in [(3650, 1), (0, 2), (10, 3), (35, 2), (80, 1)] {
        fixture.seconds = day * DAY;
        assert_eq!(fixture.receive(vec![soft_within(30)]), [counted(count)], "day {day}");
    }
}

#[test]
fn a_clock_that_jumps_ahead_costs_the_window_nothing() {
    let mut fixture = fixture();
    // The clock on the wall, and the time by which things are old.
    for (number, wall, sober) in [(1, 0, 0), (2, 1, 1), (3, 3650, 2), (4, 3, 3)] {
        fixture.seconds = wall * DAY;
        let mails = vec![mail(u64::from(number), vec![soft_within(30)])];
        let committed = fixture.commit(&Batch { mails, sober: Some(at(sober * DAY)), ..Batch::default() });
        let MailResult::Applied(effects) = &committed.mails[0] else { panic!("{committed:?}") };
        let expected = if number > THRESHOLD { Effect::Escalated(Queued::New(1)) } else { counted(number) };
        assert_eq!(effects[..], [expected]);
    }
}

#[test]
fn a_window_that_is_new_counts_the_known_times_of_older_counters() {
    let mut fixture = fixture();
    for day in [0, 40, 41] {
        fixture.seconds = day * DAY;
        fixture.receive(vec![soft("a@x.example")]);
    }
    assert_eq!(fixture.receive(vec![soft_within(30)]), [counted(2)]);
}

#[test]
fn counters_are_reset_in_one_domain_or_in_all() {
    let mut fixture = fixture();
    let in_domain = |name: &str| {
        let mut failure = failure("a@x.example", Class::Soft);
        failure.domain = domain(name);
        Change::CountSoft { failure, threshold: THRESHOLD, window: None, archive: None }
    };
    fixture.receive(vec![in_domain("one.example"), in_domain("two.example"), in_domain("three.example")]);
    let reset = |of| Command::ResetCounter { address: address("A@x.example"), domain: of };
    assert_eq!(fixture.reader().counters_of(&address("a@X.example")).unwrap().len(), 3);
    assert_eq!(fixture.command(reset(Some(domain("two.example")))), CommandResult::Rows(1));
    assert_eq!(fixture.command(reset(None)), CommandResult::Rows(2));
    assert_eq!(fixture.command(reset(None)), CommandResult::Rows(0));
}

#[test]
fn an_import_lifts_counters_and_is_idempotent() {
    let mut fixture = fixture();
    fixture.receive(vec![soft("a@x.example"), soft("a@x.example")]);
    let row = |count| Imported::Counter { domain: domain("mydomain.example"), address: address("A@x.example"), count };
    let import = |count| Command::Import(vec![row(1), row(count)]);
    for (count, changed, stands) in [(1, 0, 2), (3, 1, 3), (3, 0, 3)] {
        assert_eq!(fixture.command(import(count)), CommandResult::Rows(changed));
        assert_eq!(fixture.reader().counters_of(&address("a@x.example")).unwrap()[0].count, stands);
    }
    assert_eq!(fixture.receive(vec![soft("a@x.example")]), [Effect::Escalated(Queued::New(1))]);
}

#[test]
fn counters_are_listed_in_slices_with_filters() {
    let mut fixture = fixture();
    fixture.receive((0..5000).map(|number| soft(&format!("User{number:04}@x.example"))).collect());
    fixture.receive(vec![soft("User4999@x.example")]);
    let reader = fixture.reader();
    let all = collect(|cursor| reader.counters(&CounterFilter::default(), cursor, 700).unwrap());
    assert_eq!(all.len(), 5000);
    assert_eq!(all[0].address, address("User0000@x.example"), "as it was written");
    let twice = CounterFilter { count_min: 2, ..CounterFilter::default() };
    assert_eq!(collect(|cursor| reader.counters(&twice, cursor, 10).unwrap()).len(), 1);
    let some = CounterFilter { address: Some(Pattern::new("user12*")), ..CounterFilter::default() };
    assert_eq!(collect(|cursor| reader.counters(&some, cursor, 7).unwrap()).len(), 100);
    let nobody = CounterFilter { address: Some(Pattern::new("nobody")), ..CounterFilter::default() };
    let slice = reader.counters(&nobody, None, 10).unwrap();
    assert!(slice.rows.is_empty() && slice.next.is_some(), "one look ends before all rows were looked at");
    let none = CounterFilter { domain: Some(domain("other.example")), ..CounterFilter::default() };
    assert_eq!(collect(|cursor| reader.counters(&none, cursor, 10).unwrap()).len(), 0);
}
