//! The queue of notifications: what is due, and what operators do to it.

use super::support::{Fixture, at, delivered, domain, hard, parked, retry, settled};
use super::{DAY, collect, fixture};
use bouncesvc::bounce::Class;
use bouncesvc::change::{Batch, Command, CommandResult, Outcome, Selection};
use bouncesvc::notify::Queue;
use bouncesvc::store::{COMMAND_ROWS_MAX, WaitingFilter};

#[test]
fn a_retry_moves_the_due_time_and_keeps_the_key() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    let mine = domain("mydomain.example");
    let due = |fixture: &mut Fixture| fixture.reader().due(&mine, at(fixture.seconds), &|_| false, 10).unwrap();
    let first = due(&mut fixture).remove(0);
    assert_eq!((first.attempts, first.created, first.class), (0, at(0), Class::Hard));

    fixture.settle(first.id, retry(60));
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
fn a_command_that_selects_very_many_rows_is_repeated_until_none_is_left() {
    let mut fixture = fixture();
    fixture.receive((0..11_000).map(|number| hard(&format!("{number}@x.example"))).collect());
    let mine = || Selection::Domain(domain("mydomain.example"));
    fixture.seconds = 10;
    // Half of them given up, half of them put off: each half alone is more than a command touches.
    let outcome = |id: u64| if id.is_multiple_of(2) { parked() } else { retry(1000) };
    let settled = (1..=11_000).map(|id| settled(id, 10, outcome(id))).collect();
    fixture.commit(&Batch { settled, ..Batch::default() });
    for rows in [COMMAND_ROWS_MAX, COMMAND_ROWS_MAX, 1000, 0] {
        assert_eq!(fixture.command(Command::RetryNotifications(mine())), CommandResult::Rows(rows));
    }
    for rows in [COMMAND_ROWS_MAX, COMMAND_ROWS_MAX, 1000, 0] {
        assert_eq!(fixture.command(Command::DropNotifications(mine())), CommandResult::Rows(rows));
    }
}

#[test]
fn operators_retry_and_drop_what_they_select() {
    let mut fixture = fixture();
    fixture.receive((0..6).map(|number| hard(&format!("{number}@x.example"))).collect());
    for id in [1, 2] {
        fixture.settle(id, parked());
    }
    fixture.settle(3, retry(3600));
    let ours = || domain("mydomain.example");
    fixture.seconds = 10;
    let steps = [
        (Command::RetryNotifications(Selection::Domain(domain("other.example"))), 0),
        (Command::RetryNotifications(Selection::Id(1)), 1),
        (Command::RetryNotifications(Selection::Id(99)), 0),
        (Command::RetryNotifications(Selection::Parked), 1),
        (Command::RetryNotifications(Selection::All), 1),
        (Command::RetryNotifications(Selection::Domain(ours())), 0),
        (Command::RetryNotifications(Selection::Pending(ours())), 0),
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
fn the_pending_ones_of_a_domain_are_retried_and_its_parked_ones_stay() {
    let mut fixture = fixture();
    fixture.receive((0..3).map(|number| hard(&format!("{number}@x.example"))).collect());
    fixture.settle(1, parked());
    fixture.settle(2, retry(3600));
    let ours = || Selection::Pending(domain("mydomain.example"));
    fixture.seconds = 10;
    assert_eq!(fixture.command(Command::RetryNotifications(ours())), CommandResult::Rows(1));
    let due = fixture.reader().due(&domain("mydomain.example"), at(10), &|_| false, 10).unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(fixture.command(Command::DropNotifications(ours())), CommandResult::Rows(2));
    assert!(fixture.reader().notification(1).unwrap().unwrap().parked);
}

#[test]
fn a_restarted_notification_is_tried_for_the_whole_time_again() {
    let mut fixture = fixture();
    fixture.receive(vec![hard("a@x.example")]);
    fixture.settle(1, parked());
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
    fixture.settle(1, retry(500));
    fixture.settle(2, parked());
    fixture.reopen();
    let queue = fixture.reader().domain_queues().unwrap().remove(0);
    assert_eq!((queue.pending, queue.parked), (2, 1));
    assert_eq!((queue.oldest, queue.next_attempt), (Some(at(0)), Some(at(20))));
    assert_eq!(queue.last_error, Some((at(20), "HTTP 400".to_owned())));
    fixture.settle(3, delivered());
    assert_eq!(fixture.reader().domain_queues().unwrap()[0].last_error, None);
}

#[test]
fn notifications_and_history_are_listed_in_slices_with_filters() {
    let mut fixture = fixture();
    fixture.receive((0..20).map(|number| hard(&format!("{number}@x.example"))).collect());
    for id in 1..=5 {
        fixture.settle(id, parked());
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
