//! What waits for a transaction, and what is counted once it is there.

use super::*;
use crate::change::Outcome;
use crate::smtp::Mail;
use std::net::{IpAddr, Ipv4Addr};

const TAKES: Duration = Duration::from_millis(5);

fn arrived(connection: ConnectionId, bare_line_ends: u32) -> Arrived {
    let mail = Mail {
        sender: String::new(),
        recipients: vec!["no-reply@mydomain.de".to_owned()],
        head: format!("Message-ID: <{connection}@mydomain.de>\r\n\r\nhello\r\n").into_bytes(),
        octets: 40,
        bare_line_ends,
    };
    Arrived { connection, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), mail }
}

/// A ledger that has seen transactions which take their time, with these mails read.
fn ledger_of(mails: impl IntoIterator<Item = Arrived>) -> Ledger {
    let mut ledger = Ledger::new(DigestKey::new([[0; 8]; 4]), MessageId(1));
    (0..100).for_each(|_| ledger.gathering.committed(TAKES, Duration::ZERO, 0));
    ledger.extend(mails);
    read_all(&mut ledger);
    ledger
}

/// One reading is bounded by time, which a busy machine takes from it.
fn read_all(ledger: &mut Ledger) {
    while ledger.has_unread(usize::MAX) {
        ledger.read(&Config::default(), Timestamp::default());
    }
}

/// Writes what waits, with this result, and books it.
fn write(ledger: &mut Ledger, metrics: &mut Metrics, result: Result<Committed, StoreError>) {
    commit(ledger, metrics, result);
    ledger.book(metrics, Instant::now());
}

/// Writes what waits, with this result.
fn commit(ledger: &mut Ledger, metrics: &mut Metrics, result: Result<Committed, StoreError>) {
    let now = Instant::now();
    let batch = ledger.open(now, Timestamp::default()).unwrap();
    let written = Written { batch, result, took: TAKES, waited: Duration::ZERO };
    ledger.close(written, metrics, now, Timestamp::default());
}

#[test]
fn a_full_transaction_waits_for_nobody() {
    let now = Instant::now();
    let mut ledger = ledger_of([arrived(1, 0), arrived(2, 0)]);
    assert!(ledger.gather(now, true, 1, 3), "there is room for the mail of the third");
    assert!(!ledger.gather(now, true, 1, 2));
    assert_eq!(ledger.patience(), Some(Duration::ZERO));
}

#[test]
fn a_transaction_waits_neither_for_unread_mails_nor_without_mails() {
    let now = Instant::now();
    assert!(!ledger_of([]).gather(now, true, 1, 3));
    let mut ledger = ledger_of([arrived(1, 0)]);
    ledger.extend([arrived(2, 0)]);
    assert!(!ledger.gather(now, true, 1, 3), "what could not be read in this turn makes it due");
}

#[test]
fn the_octets_of_a_mail_are_in_memory_until_its_transaction_ends() {
    let (mut ledger, now) = (ledger_of([arrived(1, 0)]), Instant::now());
    let octets = ledger.octets_waiting();
    assert!(octets > 0);
    let batch = ledger.open(now, Timestamp::default()).unwrap();
    assert_eq!(ledger.octets_waiting(), octets);
    ledger.extend([arrived(2, 0)]);
    assert_eq!(ledger.octets_waiting(), 2 * octets);
    let result = Err(StoreError::Failed("broken".to_owned()));
    let written = Written { batch, result, took: TAKES, waited: Duration::ZERO };
    ledger.close(written, &mut Metrics::new(Timestamp::default()), now, Timestamp::default());
    assert_eq!(ledger.octets_waiting(), octets);
}

#[test]
fn what_no_mail_waits_for_is_written_before_long() {
    let now = Instant::now();
    let mut ledger = ledger_of([]);
    ledger.settle([], now);
    ledger.confirm(&mut vec![], now);
    assert_eq!(ledger.flush_at(), None);
    ledger.confirm(&mut vec![[7; 32]], now);
    assert_eq!(ledger.flush_at(), Some(now + FLUSH_TIME_MAX));
    let share_time = 2 * ledger.gathering.transaction_time();
    assert!(share_time > SETTLED_TIME_MAX);
    ledger.settle([settled()], now);
    assert_eq!(ledger.flush_at(), Some(now + share_time), "on a slow disk");
    let mut ledger = Ledger::new(DigestKey::new([[0; 8]; 4]), MessageId(1));
    ledger.settle([settled()], now);
    assert_eq!(ledger.flush_at(), Some(now + SETTLED_TIME_MAX), "on a fast one");
}

#[test]
fn an_attempt_that_ends_after_a_fault_does_not_shorten_the_pause() {
    let mut ledger = ledger_of([arrived(1, 0)]);
    write(&mut ledger, &mut Metrics::new(Timestamp::default()), Err(StoreError::Failed("broken".to_owned())));
    let pause_end = ledger.flush_at().unwrap();
    ledger.settle([settled()], pause_end.checked_sub(FLUSH_TIME_MAX).unwrap());
    assert_eq!(ledger.flush_at(), Some(pause_end));
}

#[test]
fn what_a_command_queues_is_told_to_the_notifier_once_it_is_durable() {
    let (mut metrics, now) = (Metrics::new(Timestamp::default()), Instant::now());
    let rows = || Committed { mails: Vec::new(), commands: vec![CommandResult::Rows(1)] };
    for (result, is_durable) in [(Err(StoreError::Failed("broken".to_owned())), false), (Ok(rows()), true)] {
        let mut ledger = ledger_of([]);
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        ledger.command(Command::RetryNotifications(Selection::Id(1)), answer);
        let sober = Timestamp::from_millis(7);
        let batch = ledger.open(now, sober).unwrap();
        assert_eq!(batch.sober, Some(sober));
        let written = Written { batch, result, took: TAKES, waited: Duration::ZERO };
        let closed = ledger.close(written, &mut metrics, now, Timestamp::default());
        assert_eq!(metrics.writes_fail, !is_durable);
        assert_eq!((closed.has_queued, closed.retried.len()), (is_durable, usize::from(is_durable)));
        assert_eq!(answered.recv().unwrap().is_ok(), is_durable);
    }
}

#[test]
fn the_notifier_is_told_of_what_is_new_or_parked_no_longer() {
    for (queued, is_news) in [(Queued::New(1), true), (Queued::Revived(1), true), (Queued::AlreadyPending(1), false)] {
        for effect in [Effect::Escalated(queued), Effect::Suspended(queued)] {
            assert_eq!(queues(&MailResult::Applied(vec![Effect::Counted { count: 1, threshold: 3 }, effect])), is_news);
        }
    }
    assert!(!queues(&MailResult::Duplicate));
}

#[test]
fn mails_are_read_on_while_there_is_room_for_them() {
    let mut ledger = ledger_of([arrived(1, 0)]);
    assert!(!ledger.has_unread(2));
    ledger.extend([arrived(2, 0)]);
    assert!(ledger.has_unread(2));
    assert!(!ledger.has_unread(1), "it would be looked for again and again");
}

#[test]
fn a_mail_with_bare_line_ends_counts_once_however_often_it_is_put_off() {
    let mut metrics = Metrics::new(Timestamp::default());
    let done = |result| Ok(Committed { mails: vec![result], commands: Vec::new() });
    for result in [Err(StoreError::Failed("broken".to_owned())), done(MailResult::Applied(Vec::new()))] {
        write(&mut ledger_of([arrived(1, 2)]), &mut metrics, result);
    }
    write(&mut ledger_of([arrived(2, 0)]), &mut metrics, done(MailResult::Applied(Vec::new())));
    assert_eq!((metrics.bare_line_ends, metrics.deferred[&451]), (1, 1));
}

#[test]
fn a_retry_of_ours_is_repeated_after_a_fault_and_until_no_row_is_left() {
    let domain = Domain::parse("mydomain.de").unwrap();
    let mut ledger = Ledger::new(DigestKey::new([[0; 8]; 4]), MessageId(1));
    let mut now = Instant::now();
    ledger.retry([domain.clone()], now);
    let rows = |count| Ok(Committed { mails: Vec::new(), commands: vec![CommandResult::Rows(count)] });
    for result in [Err(StoreError::Failed("broken".to_owned())), rows(COMMAND_ROWS_MAX), rows(3)] {
        let batch = ledger.open(now, Timestamp::default()).unwrap();
        assert_eq!(batch.commands, [Command::RetryNotifications(Selection::Pending(domain.clone()))]);
        let is_fault = result.is_err();
        let written = Written { batch, result, took: TAKES, waited: Duration::ZERO };
        ledger.close(written, &mut Metrics::new(Timestamp::default()), now, Timestamp::default());
        assert!(
            !is_fault || ledger.open(now, Timestamp::default()).is_none(),
            "a broken database is not asked without a pause"
        );
        now += FLUSH_TIME_MAX;
    }
    assert!(ledger.open(now, Timestamp::default()).is_none());
}

#[test]
fn a_transaction_holds_no_more_mails_than_configured() {
    let mut config = Config::default();
    config.settings.mails_per_commit_max = 2;
    let now = Instant::now();
    let mut ledger = ledger_of([]);
    ledger.extend((1..=3).map(|connection| arrived(connection, 0)));
    for mails in [2, 1] {
        // One call may end early on a busy machine.
        (0..3).for_each(|_| ledger.read(&config, Timestamp::default()));
        assert_eq!(ledger.open(now, Timestamp::default()).unwrap().mails.len(), mails);
    }
    assert!(!ledger.has_mails());
}

#[test]
fn the_mails_of_two_transactions_in_one_turn_are_both_counted() {
    let mut metrics = Metrics::new(Timestamp::default());
    let mut ledger = ledger_of([arrived(1, 2)]);
    for connection in [2, 3] {
        let applied = Committed { mails: vec![MailResult::Applied(Vec::new())], commands: Vec::new() };
        commit(&mut ledger, &mut metrics, Ok(applied));
        ledger.extend([arrived(connection, 2)]);
        read_all(&mut ledger);
    }
    assert_eq!(metrics.bare_line_ends, 0, "the clients come first");
    ledger.book(&mut metrics, Instant::now());
    ledger.book(&mut metrics, Instant::now());
    assert_eq!(metrics.bare_line_ends, 2);
}

#[test]
fn sums_whose_transaction_failed_come_with_a_later_one() {
    let mut metrics = Metrics::new(Timestamp::default());
    let mut ledger = ledger_of([arrived(1, 0)]);
    let applied = Committed { mails: vec![MailResult::Applied(Vec::new())], commands: Vec::new() };
    write(&mut ledger, &mut metrics, Ok(applied));
    let mut now = ledger.flush_at().unwrap();
    let batch = ledger.open(now, Timestamp::default()).unwrap();
    let sums = batch.sums.clone();
    assert!(!sums.is_empty());
    let result = Err(StoreError::Failed("broken".to_owned()));
    let written = Written { batch, result, took: TAKES, waited: Duration::ZERO };
    ledger.close(written, &mut metrics, now, Timestamp::default());
    now += FLUSH_TIME_MAX;
    assert_eq!(ledger.open(now, Timestamp::default()).unwrap().sums, sums);
}

#[test]
fn what_no_mail_waits_for_is_written_at_the_end() {
    let now = Instant::now();
    let mut ledger = ledger_of([]);
    ledger.confirm(&mut vec![[7; 32]], now);
    ledger.tally.settled(&settled(), now);
    assert!(ledger.open(now, Timestamp::default()).is_none());
    ledger.make_rest_due(now);
    let batch = ledger.open(now, Timestamp::default()).unwrap();
    assert_eq!((batch.confirmed.len(), batch.sums.len()), (1, 1));
}

fn settled() -> Settled {
    let outcome = Outcome::Delivered { status: 200, body: String::new() };
    Settled { id: 1, at: Timestamp::default(), outcome }
}
