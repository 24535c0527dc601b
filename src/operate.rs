//! What an operator looks at and changes, the same with the daemon and without it: a [`Request`] goes in, [`Reply`]s come out.
//!
//! The daemon serves requests on its control socket, a command serves them itself while no daemon runs; both call
//! [`serve`] with a [`Desk`] of their own. Reads come from short read transactions, and none is open while a reply is passed
//! on, so that a slow reader of the replies holds up nobody. How replies are printed is elsewhere.

mod rows;

pub use rows::columns;

use crate::change::{Command, CommandResult, NotificationId, Selection};
use crate::status::Snapshot;
use crate::status::stats::render_stats;
use crate::status::stats_json::stats_json;
use crate::store::{
    COMMAND_ROWS_MAX, Counter, CounterFilter, Cursor, Page, Pattern, Reader, StoreError, Waiting, WaitingFilter,
};
use crate::types::{Address, Domain, MessageId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::thread;
use std::time::Duration;

/// Rows of one slice: what one read transaction collects.
const SLICE_ROWS: usize = 500;

/// After each commit that is seen meanwhile: the rows are read through the cache, and made and printed by the processors, that the
/// mails need. Without commits there is no rest.
const SLICE_REST: Duration = Duration::from_millis(10);

/// Of one piece of a mail: on the control socket each octet is a number.
const PIECE_OCTETS: usize = 64 << 10;

/// Mails that one transaction erases; each may be a megabyte.
pub const FORGET_MAILS: usize = 64;

/// What is asked for; one JSON object on the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Soft counters, by domain and address.
    Counters {
        /// Of this sending domain.
        domain: Option<Domain>,
        /// `*` stands for any text.
        address: Option<String>,
        /// That stand at least at this.
        count_min: u32,
    },
    /// All that is known of matching addresses: counters, notifications, history.
    Find {
        /// `*` stands for any text.
        address: String,
    },
    /// Notifications, in the order in which they were queued.
    Notifications {
        /// Of this sending domain.
        domain: Option<Domain>,
        /// Only parked, or only pending ones.
        parked: Option<bool>,
    },
    /// One notification with all that is known of it.
    Notification(NotificationId),
    /// The quarantine, the newest first.
    Quarantine,
    /// One mail of the quarantine, as it came.
    QuarantinedMail(MessageId),
    /// One screen about the whole service.
    Stats {
        /// As one JSON object.
        json: bool,
    },
    /// A consistent copy of the database, into the file that comes with the request.
    Backup,
    /// The log's lines from now on, until the client leaves or the log is over; only a running daemon has them.
    Tail,
    /// A change.
    Change(Command),
}

/// A part of the answer; one JSON object a line on the control socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The values of [`columns`], in this order.
    Row(Vec<serde_json::Value>),
    /// Text for a person.
    Text(String),
    /// The next piece of a mail as it came; the first one is empty, as the mail may be.
    Octets(Vec<u8>),
    /// What the change did.
    Changed(CommandResult),
    /// How many rows the copy has.
    Copied(u64),
    /// It could not be answered.
    Failed(String),
    /// There is no such thing.
    NotFound,
    /// That was all.
    End,
}

/// Who serves requests: the daemon, or a command without it.
pub trait Desk {
    /// The database.
    fn reader(&self) -> &Reader;

    /// One change, durable on return.
    fn change(&mut self, command: Command) -> Result<CommandResult, String>;

    /// The state of the whole service.
    fn snapshot(&mut self) -> Result<Snapshot, String>;

    /// A copy of the database into the file that came with the request; how many rows it has.
    fn copy(&mut self) -> Result<u64, String>;

    /// The next lines of the log, as they come; `None` at its end.
    fn next_lines(&mut self) -> Result<Option<String>, String>;
}

/// Why serving ended before the end.
#[derive(Debug)]
enum ServeError {
    /// Whoever asked has gone.
    Gone(std::io::Error),
    /// The database, or the daemon, says why.
    Failed(String),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => error.fmt(f),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl From<std::io::Error> for ServeError {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<StoreError> for ServeError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for ServeError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Takes each reply as it is ready; may block as long as it likes.
pub type Sink<'a> = &'a mut dyn FnMut(Reply) -> std::io::Result<()>;

/// Answers one request, with [`Reply::End`] or [`Reply::Failed`] last.
pub fn serve(request: Request, desk: &mut dyn Desk, sink: Sink<'_>) -> std::io::Result<()> {
    match answer(request, desk, sink) {
        Ok(()) => sink(Reply::End),
        Err(ServeError::Failed(why)) => sink(Reply::Failed(why)),
        Err(ServeError::Gone(error)) => Err(error),
    }
}

fn answer(request: Request, desk: &mut dyn Desk, sink: Sink<'_>) -> Result<(), ServeError> {
    let reader = desk.reader().clone();
    match request {
        Request::Counters { domain, address, count_min } => {
            let filter = CounterFilter { domain, address: address.as_deref().map(Pattern::new), count_min };
            counters(&reader, &filter, rows::counter, sink)
        }
        Request::Find { address } => find(&reader, &address, sink),
        Request::Notifications { domain, parked } => {
            let filter = WaitingFilter { domain, parked, address: None };
            notifications(&reader, &filter, rows::notification, sink)
        }
        Request::Notification(id) => match reader.notification(id)? {
            Some(waiting) => rows::details(&waiting).into_iter().try_for_each(|row| Ok(sink(row)?)),
            None => Ok(sink(Reply::NotFound)?),
        },
        Request::Quarantine => {
            slices(&reader, |cursor| reader.quarantine(cursor, SLICE_ROWS), |mail| sink(rows::quarantined(&mail)))
        }
        Request::QuarantinedMail(id) => {
            let Some((_, octets)) = reader.quarantined(id)? else { return Ok(sink(Reply::NotFound)?) };
            sink(Reply::Octets(Vec::new()))?;
            octets.chunks(PIECE_OCTETS).try_for_each(|piece| Ok(sink(Reply::Octets(piece.to_vec()))?))
        }
        Request::Stats { json } => {
            let snapshot = desk.snapshot()?;
            let text = if json { stats_json(&snapshot) } else { render_stats(&snapshot) };
            Ok(sink(Reply::Text(text))?)
        }
        Request::Backup => Ok(sink(Reply::Copied(desk.copy()?))?),
        Request::Tail => tail(desk, sink),
        Request::Change(Command::Forget(address)) => forget(desk, address, sink),
        Request::Change(command) => Ok(sink(Reply::Changed(change(desk, &command)?))?),
    }
}

fn counters(
    reader: &Reader,
    filter: &CounterFilter,
    row: fn(&Counter) -> Reply,
    sink: Sink<'_>,
) -> Result<(), ServeError> {
    slices(reader, |cursor| reader.counters(filter, cursor, SLICE_ROWS), |counter| sink(row(&counter)))
}

fn notifications(
    reader: &Reader,
    filter: &WaitingFilter,
    row: fn(&Waiting) -> Reply,
    sink: Sink<'_>,
) -> Result<(), ServeError> {
    slices(reader, |cursor| reader.notifications(filter, cursor, SLICE_ROWS), |waiting| sink(row(&waiting)))
}

/// Passes on slice after slice, each read before its first row is passed on. While somebody writes, it rests between them.
fn slices<T>(
    reader: &Reader,
    mut read: impl FnMut(Option<&Cursor>) -> Result<Page<T>, StoreError>,
    mut pass: impl FnMut(T) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    let (mut cursor, mut commits) = (None, reader.commits());
    loop {
        let page = read(cursor.as_ref())?;
        page.rows.into_iter().try_for_each(&mut pass)?;
        if page.next.is_none() {
            return Ok(());
        }
        cursor = page.next;
        if reader.commits() != commits {
            thread::sleep(SLICE_REST);
            commits = reader.commits();
        }
    }
}

fn find(reader: &Reader, text: &str, sink: Sink<'_>) -> Result<(), ServeError> {
    if let Some(address) = Address::parse(text).filter(|_| !text.contains('*')) {
        return find_one(reader, &address, sink);
    }
    let pattern = Pattern::new(text);
    let of_counters = CounterFilter { address: Some(pattern.clone()), ..CounterFilter::default() };
    counters(reader, &of_counters, rows::found_counter, sink)?;
    let of_notifications = WaitingFilter { address: Some(pattern.clone()), ..WaitingFilter::default() };
    notifications(reader, &of_notifications, rows::found_notification, sink)?;
    slices(
        reader,
        |cursor| reader.history(None, cursor, SLICE_ROWS),
        |past| if pattern.matches(past.address.as_str()) { sink(rows::found_past(&past)) } else { Ok(()) },
    )
}

fn find_one(reader: &Reader, address: &Address, sink: Sink<'_>) -> Result<(), ServeError> {
    reader.counters_of(address)?.iter().try_for_each(|row| sink(rows::found_counter(row)))?;
    reader.notifications_of(address)?.iter().try_for_each(|row| sink(rows::found_notification(row)))?;
    slices(reader, |cursor| reader.history(Some(address), cursor, SLICE_ROWS), |row| sink(rows::found_past(&row)))
}

fn tail(desk: &mut dyn Desk, sink: Sink<'_>) -> Result<(), ServeError> {
    while let Some(lines) = desk.next_lines()? {
        sink(Reply::Text(lines))?;
    }
    Ok(())
}

/// A command touches a bounded number of rows: it is repeated until all are done.
fn change(desk: &mut dyn Desk, command: &Command) -> Result<CommandResult, ServeError> {
    let mut total = 0;
    loop {
        match desk.change(command.clone())? {
            CommandResult::Rows(rows) => {
                total += rows;
                if rows < COMMAND_ROWS_MAX || !is_repeatable(command) {
                    return Ok(CommandResult::Rows(total));
                }
            }
            queued @ CommandResult::Queued(_) => return Ok(queued),
        }
    }
}

/// The mails are looked for here, beside the loop, and erased a few at a time.
fn forget(desk: &mut dyn Desk, address: Address, sink: Sink<'_>) -> Result<(), ServeError> {
    let reader = desk.reader().clone();
    let mails = reader.mails_naming(&address)?;
    let commands = mails.chunks(FORGET_MAILS).map(|mails| Command::ForgetMails(mails.to_vec()));
    let mut total = 0;
    for command in [Command::Forget(address)].into_iter().chain(commands) {
        let CommandResult::Rows(rows) = change(desk, &command)? else { continue };
        total += rows;
    }
    Ok(sink(Reply::Changed(CommandResult::Rows(total)))?)
}

/// Whether doing it again touches other rows.
fn is_repeatable(command: &Command) -> bool {
    match command {
        Command::Forget(_) | Command::DropNotifications(_) | Command::DropQuarantined(None) => true,
        // What was not due is due after the first time.
        Command::RetryNotifications(selection) => !matches!(selection, Selection::Id(_)),
        Command::Suspend(_)
        | Command::ResetCounter { .. }
        | Command::ForgetMails(_)
        | Command::DropQuarantined(Some(_))
        | Command::Import(_) => false,
    }
}

#[cfg(test)]
mod tests;
