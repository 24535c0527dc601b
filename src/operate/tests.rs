//! How often a desk is asked for one request.

use super::*;
use crate::change::Selection;
use crate::store::{Settings, Store};
use std::collections::VecDeque;

/// Each change touches the next of so many rows.
struct Counted {
    reader: Reader,
    rows: VecDeque<u64>,
}

impl Desk for Counted {
    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn change(&mut self, _: Command) -> Result<CommandResult, String> {
        self.rows.pop_front().map(CommandResult::Rows).ok_or_else(|| "asked too often".to_owned())
    }

    fn snapshot(&mut self) -> Result<Snapshot, String> {
        Ok(Snapshot::default())
    }

    fn copy(&mut self) -> Result<u64, String> {
        Ok(0)
    }

    fn next_lines(&mut self) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// The replies of a desk whose changes touch so many rows, one after the other.
fn replies(command: Command, rows: impl Into<VecDeque<u64>>) -> Vec<Reply> {
    let folder = tempfile::tempdir().unwrap();
    let reader = Store::open(&folder.path().join("b.redb"), Settings::default()).unwrap().reader();
    let mut desk = Counted { reader, rows: rows.into() };
    let mut replies = Vec::new();
    let served = serve(Request::Change(command), &mut desk, &mut |reply| {
        replies.push(reply);
        Ok(())
    });
    served.unwrap();
    replies
}

#[test]
fn a_change_is_repeated_until_nothing_is_left_where_that_touches_other_rows() {
    let (address, domain) = (Address::parse("a@b.de").unwrap(), Domain::parse("b.de").unwrap());
    let all = 2 * COMMAND_ROWS_MAX + 3;
    for (command, done) in [
        (Command::Forget(address.clone()), all),
        (Command::RetryNotifications(Selection::All), all),
        (Command::RetryNotifications(Selection::Domain(domain)), all),
        (Command::RetryNotifications(Selection::Parked), all),
        (Command::RetryNotifications(Selection::Id(7)), COMMAND_ROWS_MAX),
        (Command::DropNotifications(Selection::All), all),
        (Command::DropQuarantined(None), all),
        (Command::DropQuarantined(Some(MessageId(7))), COMMAND_ROWS_MAX),
        (Command::ResetCounter { address, domain: None }, COMMAND_ROWS_MAX),
        (Command::Import(Vec::new()), COMMAND_ROWS_MAX),
    ] {
        let replies = replies(command.clone(), [COMMAND_ROWS_MAX, COMMAND_ROWS_MAX, 3]);
        assert_eq!(replies, [Reply::Changed(CommandResult::Rows(done)), Reply::End], "{command:?}");
    }
}

#[test]
fn a_fault_is_the_last_reply() {
    assert_eq!(replies(Command::DropQuarantined(None), []), [Reply::Failed("asked too often".to_owned())]);
}
