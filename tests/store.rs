//! What the store promises, each step on a database that was closed and opened in between.

#[path = "support/store.rs"]
mod support;

use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{
    Batch, Change, Command, CommandResult, Effect, Imported, MailResult, Outcome, Quarantined, Queued, Selection,
    Series,
};
use bouncesvc::notify::Queue;
use bouncesvc::store::{
    COMMAND_ROWS_MAX, CounterFilter, End, OpenError, Page, Pattern, Settings, Store, WaitingFilter,
};
use bouncesvc::types::{MessageId, Timestamp};
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use support::{Fixture, Random, THRESHOLD, address, at, delivered, domain, failure, hard, mail, settled, soft};

const DAY: u64 = 24 * 3600;

fn counted(count: u32) -> Effect {
    Effect::Counted { count, threshold: THRESHOLD }
}

fn fixture() -> Fixture {
    Fixture::new(Settings::default())
}

#[test]
fn bounces_lead_to_what_the_rules_say_step_by_step() {
    let parked = || Outcome::Parked { error: "HTTP 400".to_owned() };
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
fn an_unconfirmed_digest_leaves_when_no_sender_would_try_any_more() {
    let mut fixture = fixture();
    let batch = Batch { mails: vec![mail(1, vec![])], ..Batch::default() };
    fixture.commit(&batch);
    fixture.seconds = 6 * DAY;
    fixture.tidy();
    assert_eq!(fixture.commit(&batch).mails, [MailResult::Duplicate]);
    fixture.seconds = 14 * DAY;
    fixture.tidy();
    assert_eq!(fixture.commit(&batch).mails, [MailResult::Applied(vec![])]);
}

#[test]
fn a_client_that_never_waits_for_answers_cannot_fill_the_database_with_digests() {
    let mut fixture = Fixture::new(Settings { digests_max: 100, ..Settings::default() });
    fixture.commit(&Batch { mails: (0..2500).map(|number| mail(number, vec![])).collect(), ..Batch::default() });
    fixture.tidy();
    assert_eq!(fixture.reader().totals().unwrap().digests, 100);
}

#[test]
fn a_command_that_selects_very_many_rows_is_repeated_until_none_is_left() {
    let mut fixture = fixture();
    fixture.receive((0..11_000).map(|number| hard(&format!("{number}@x.example"))).collect());
    let mine = || Selection::Domain(domain("mydomain.example"));
    fixture.seconds = 10;
    let settled = (1..=11_000).map(|id| settled(id, 10, Outcome::Parked { error: "HTTP 400".to_owned() })).collect();
    fixture.commit(&Batch { settled, ..Batch::default() });
    for rows in [COMMAND_ROWS_MAX, COMMAND_ROWS_MAX, 1000, 0] {
        assert_eq!(fixture.command(Command::RetryNotifications(mine())), CommandResult::Rows(rows));
    }
    for rows in [COMMAND_ROWS_MAX, COMMAND_ROWS_MAX, 1000, 0] {
        assert_eq!(fixture.command(Command::DropNotifications(mine())), CommandResult::Rows(rows));
    }
}

#[test]
fn only_the_soft_bounces_of_the_window_count() {
    let window = |days| Change::CountSoft {
        failure: failure("a@x.example", Class::Soft),
        threshold: THRESHOLD,
        window: Some(Duration::from_secs(days * DAY)),
        archive: None,
    };
    let mut fixture = fixture();
    for (day, count) in [(0, 1), (10, 2), (20, 3), (31, 3), (70, 1), (71, 2), (72, 3)] {
        fixture.seconds = day * DAY;
        assert_eq!(fixture.receive(vec![window(30)]), [counted(count)], "day {day}");
        fixture.reopen();
    }
    assert_eq!(fixture.receive(vec![window(30)]), [Effect::Escalated(Queued::New(1))]);
}

#[test]
fn bounces_of_a_clock_that_was_ahead_leave_the_window_one_day() {
    let window = || Change::CountSoft {
        failure: failure("a@x.example", Class::Soft),
        threshold: THRESHOLD,
        window: Some(Duration::from_secs(30 * DAY)),
        archive: None,
    };
    let mut fixture = fixture();
    for (day, count) in [(3650, 1), (0, 2), (10, 3), (35, 2), (80, 1)] {
        fixture.seconds = day * DAY;
        assert_eq!(fixture.receive(vec![window()]), [counted(count)], "day {day}");
    }
}

#[test]
fn a_window_that_is_new_counts_the_known_times_of_older_counters() {
    let mut fixture = fixture();
    for day in [0, 40, 41] {
        fixture.seconds = day * DAY;
        fixture.receive(vec![soft("a@x.example")]);
    }
    let Change::CountSoft { failure, threshold, archive, .. } = soft("a@x.example") else { unreachable!() };
    let change = Change::CountSoft { failure, threshold, archive, window: Some(Duration::from_secs(30 * DAY)) };
    assert_eq!(fixture.receive(vec![change]), [counted(2)]);
}

#[test]
fn a_retry_moves_the_due_time_and_keeps_the_key() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    let mine = domain("mydomain.example");
    let due = |fixture: &mut Fixture| fixture.reader().due(&mine, at(fixture.seconds), &|_| false, 10).unwrap();
    let first = due(&mut fixture).remove(0);
    assert_eq!((first.attempts, first.created, first.class), (0, at(0), Class::Hard));

    fixture.settle(first.id, Outcome::Retry { next_attempt: at(60), error: "refused".to_owned() });
    assert_eq!(due(&mut fixture), []);
    assert_eq!(fixture.reader().domains().unwrap(), [(mine.clone(), at(60))]);
    fixture.seconds = 60;
    fixture.reopen();
    let second = due(&mut fixture).remove(0);
    assert_eq!((second.attempts, second.last_error.as_deref()), (1, Some("refused")));
    assert_eq!((second.idempotency_key, second.tried_since), (first.idempotency_key, at(0)));
    assert_eq!(fixture.reader().due(&mine, at(60), &|id| id == first.id, 10).unwrap(), []);
}

#[test]
fn due_rows_come_the_longest_due_first_and_bounded() {
    let mut fixture = fixture();
    for (seconds, name) in [(3, "c"), (1, "a"), (2, "b")] {
        fixture.seconds = seconds;
        fixture.receive(vec![hard(&format!("{name}@x.example"))]);
    }
    let due = fixture.reader().due(&domain("mydomain.example"), at(3), &|_| false, 2).unwrap();
    assert_eq!(due.iter().map(|row| row.address.local()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn databases_make_different_idempotency_keys() {
    let key = || {
        let mut fixture = fixture();
        fixture.receive(vec![hard("a@x.example")]);
        fixture.reader().notification(1).unwrap().unwrap().notification.idempotency_key
    };
    assert_ne!(key(), key());
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
}

#[test]
fn a_parked_notification_stays_unless_the_configuration_says_how_long() {
    for (parked_age_max, left) in [(None, 1), (Some(Duration::from_secs(30 * DAY)), 0)] {
        let mut fixture = Fixture::new(Settings { parked_age_max, ..Settings::default() });
        fixture.receive(vec![hard("a@x.example")]);
        fixture.seconds = 8 * DAY;
        fixture.settle(1, Outcome::Parked { error: "HTTP 400".to_owned() });
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
    fixture.settle(2, Outcome::Retry { next_attempt: at(years_ahead + 60), error: "refused".to_owned() });
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
    let settled = (1..=ROWS).map(|id| support::settled(id, 0, delivered())).collect();
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
fn a_clock_that_jumps_ahead_for_a_while_costs_nothing_that_is_kept_for_a_time() {
    const YEARS: u64 = 10 * 365 * DAY;
    let age = Some(Duration::from_secs(30 * DAY));
    let mut fixture = Fixture::new(Settings { parked_age_max: age, counter_age_max: age, ..Settings::default() });
    fixture.receive(vec![hard("a@x.example"), hard("b@x.example"), soft("c@x.example")]);
    fixture.settle(1, delivered());
    fixture.settle(2, Outcome::Parked { error: "HTTP 400".to_owned() });
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
fn the_quarantine_is_bounded_in_mails_and_octets() {
    let settings = Settings { quarantine_mails_max: 3, quarantine_octets_max: 100, ..Settings::default() };
    let mut fixture = Fixture::new(settings);
    let mut put = |id: u64, octets: usize| {
        let quarantined = Quarantined {
            id: MessageId(id),
            cause: "unreadable",
            sender: String::new(),
            recipients: vec!["no-reply@mydomain.example".to_owned()],
            subject: format!("mail {id}"),
            mail: Arc::from(vec![b'x'; octets]),
        };
        let effects = fixture.receive(vec![Change::Quarantine(quarantined)]);
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
fn the_mails_behind_a_suspension_wait_for_the_archive() {
    let mut fixture = fixture();
    let with_archive =
        |text: &[u8]| Change::Suspend { failure: failure("a@x.example", Class::Hard), archive: Some(Arc::from(text)) };
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
        archive: Some(Arc::from(&b"the mail"[..])),
    };
    fixture.receive(vec![archived(0); 100]);
    assert_eq!(fixture.reader().archive_jobs(&|_| false, 1000).unwrap().len(), 8, "for one notification");
    fixture.receive((1..1000).map(archived).collect());
    let totals = fixture.reader().totals().unwrap();
    assert!(totals.archive_octets > 900 && totals.archive_octets <= 1000, "{totals:?}");
    assert_eq!(totals.notifications, 1000, "the notification itself is never left out");
}

#[test]
fn operators_retry_and_drop_what_they_select() {
    let mut fixture = fixture();
    fixture.receive((0..6).map(|number| hard(&format!("{number}@x.example"))).collect());
    for id in [1, 2] {
        fixture.settle(id, Outcome::Parked { error: "HTTP 400".to_owned() });
    }
    fixture.settle(3, Outcome::Retry { next_attempt: at(3600), error: "refused".to_owned() });
    let ours = || domain("mydomain.example");
    fixture.seconds = 10;
    let steps = [
        (Command::RetryNotifications(Selection::Domain(domain("other.example"))), 0),
        (Command::RetryNotifications(Selection::Id(1)), 1),
        (Command::RetryNotifications(Selection::Id(99)), 0),
        (Command::RetryNotifications(Selection::Parked), 1),
        (Command::RetryNotifications(Selection::All), 1),
        (Command::RetryNotifications(Selection::Domain(ours())), 0),
        (Command::DropNotifications(Selection::Id(4)), 1),
        (Command::DropNotifications(Selection::Parked), 0),
        (Command::DropNotifications(Selection::Domain(ours())), 5),
        (Command::DropNotifications(Selection::All), 0),
    ];
    for (command, rows) in steps {
        assert_eq!(fixture.command(command.clone()), CommandResult::Rows(rows), "{command:?}");
        fixture.reopen();
    }
    let queue = fixture.reader().domain_queues().unwrap().remove(0);
    assert_eq!((queue.pending, queue.parked, queue.oldest), (0, 0, None));
}

#[test]
fn a_restarted_notification_is_tried_for_the_whole_time_again() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    fixture.settle(1, Outcome::Parked { error: "HTTP 400".to_owned() });
    fixture.seconds = 8 * DAY;
    fixture.command(Command::RetryNotifications(Selection::Parked));
    let waiting = fixture.reader().notification(1).unwrap().unwrap();
    let notification = waiting.notification;
    assert!(!waiting.parked);
    assert_eq!((notification.tried_since, notification.created), (at(8 * DAY), at(0)));
    assert_eq!((notification.attempts, notification.next_attempt), (0, at(8 * DAY)));
}

#[test]
fn an_outcome_for_what_is_gone_changes_nothing() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    fixture.command(Command::DropNotifications(Selection::All));
    for outcome in [delivered(), Outcome::Archived, Outcome::Parked { error: String::new() }] {
        fixture.settle(1, outcome);
    }
    assert_eq!(fixture.reader().history(None, None, 10).unwrap().rows.len(), 1);
    assert_eq!(fixture.reader().domain_queues().unwrap()[0].pending, 0);
}

#[test]
fn the_queue_of_a_domain_tells_its_length_age_and_last_error() {
    let mut fixture = fixture();
    for (seconds, name) in [(0, "a"), (10, "b"), (20, "c")] {
        fixture.seconds = seconds;
        fixture.receive(vec![hard(&format!("{name}@x.example"))]);
    }
    fixture.settle(1, Outcome::Retry { next_attempt: at(500), error: "refused".to_owned() });
    fixture.settle(2, Outcome::Parked { error: "HTTP 400".to_owned() });
    fixture.reopen();
    let queue = fixture.reader().domain_queues().unwrap().remove(0);
    assert_eq!((queue.pending, queue.parked), (2, 1));
    assert_eq!((queue.oldest, queue.next_attempt), (Some(at(0)), Some(at(20))));
    assert_eq!(queue.last_error, Some((at(20), "HTTP 400".to_owned())));
    fixture.settle(3, delivered());
    assert_eq!(fixture.reader().domain_queues().unwrap()[0].last_error, None);
}

#[test]
fn forgetting_an_address_leaves_no_trace_of_it() {
    let mut fixture = fixture();
    let quarantined = |id, text: &str| {
        Change::Quarantine(Quarantined {
            id: MessageId(id),
            cause: "no_domain",
            sender: String::new(),
            recipients: vec![],
            subject: String::new(),
            mail: Arc::from(text.as_bytes()),
        })
    };
    let archived =
        Change::Suspend { failure: failure("A@x.example", Class::Hard), archive: Some(Arc::from(&b"mail"[..])) };
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
    let none = CounterFilter { domain: Some(domain("other.example")), ..CounterFilter::default() };
    assert_eq!(collect(|cursor| reader.counters(&none, cursor, 10).unwrap()).len(), 0);
}

#[test]
fn notifications_and_history_are_listed_in_slices_with_filters() {
    let mut fixture = fixture();
    fixture.receive((0..20).map(|number| hard(&format!("{number}@x.example"))).collect());
    for id in 1..=5 {
        fixture.settle(id, Outcome::Parked { error: "HTTP 400".to_owned() });
    }
    let reader = fixture.reader();
    let list = |parked| {
        let filter = WaitingFilter { parked, ..WaitingFilter::default() };
        collect(|cursor| reader.notifications(&filter, cursor, 3).unwrap()).len()
    };
    assert_eq!((list(None), list(Some(true)), list(Some(false))), (20, 5, 15));
    fixture.command(Command::DropNotifications(Selection::All));
    let past = collect(|cursor| fixture.reader().history(None, cursor, 3).unwrap());
    assert_eq!(past.iter().map(|past| past.id).collect::<Vec<_>>(), (1..=20).rev().collect::<Vec<_>>());
}

fn collect<T>(mut slice: impl FnMut(Option<&bouncesvc::store::Cursor>) -> Page<T>) -> Vec<T> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = slice(cursor.as_ref());
        rows.extend(page.rows);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return rows,
        }
    }
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
fn what_a_heap_that_went_away_leaves_behind_is_given_back_when_the_store_opens() {
    let mut fixture = fixture();
    for id in 1..=40 {
        let quarantined = Quarantined {
            id: MessageId(id),
            cause: "unreadable",
            sender: String::new(),
            recipients: vec![],
            subject: String::new(),
            mail: Arc::from(vec![b'x'; 1 << 20]),
        };
        fixture.receive(vec![Change::Quarantine(quarantined), soft(&format!("{id}@x.example"))]);
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

    let copy = Store::open(&target, Settings::default(), at(0)).unwrap().reader();
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
    let refused = Store::open_waiting(&path, &settings, || at(0), || false);
    assert!(matches!(refused, Err(OpenError::Locked(_))));
    let mut pauses = 0;
    let opened = Store::open_waiting(
        &path,
        &settings,
        || at(0),
        || {
            pauses += 1;
            if pauses == 3 {
                fixture.close();
            }
            true
        },
    );
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
        let error = Store::open(&path, Settings::default(), at(0)).err();
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
    drop(Store::open(&path, Settings::default(), at(0)).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_address_of_the_database_that_cannot_be_made_is_an_error_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let opened = Store::open(&folder.path().join("file/bounces.redb"), Settings::default(), at(0));
    assert!(matches!(opened, Err(OpenError::Io(..))));
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
