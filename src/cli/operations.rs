//! The commands that look at the database or change it: arguments become a request, replies become text.

use super::Failure;
use super::arguments::{
    DumpCounters, FindAddress, ForgetAddress, QuarantineAction, QuarantineDrop, QuarantineExport, QueueAction,
    QueueList, ResetCounter, SetPermanentBouncedAddress, Stats,
};
use super::desk::{Asked, ask};
use super::exit::DATA;
use super::lists::List;
use super::part::Part;
use super::values::{Form, Sort};
use crate::bounce::{self, Class, Reason};
use crate::change::{Command, CommandResult, Failure as AddressFailure, MailPlace, Queued, Selection};
use crate::classify;
use crate::config::{self, Choice, Config};
use crate::escape::Escaped;
use crate::folder;
use crate::operate::{FORGET_MAILS, Reply, Request, columns};
use crate::status::words::count;
use crate::types::{Address, Domain, MessageId};
use serde_json::Value;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// `dump-counters`.
pub fn dump_counters(choice: &Choice, options: &DumpCounters) -> Result<(), Failure> {
    let request = Request::Counters {
        domain: options.domain.as_deref().map(domain).transpose()?,
        address: options.address.clone(),
        count_min: options.min_count,
    };
    let config = config::load(choice)?;
    match options.sort {
        Sort::Address => list(&config, &request, options.format, options.limit),
        Sort::Column(column) => sorted(&config, &request, options, column),
    }
}

/// The rows come in the order of the database: for another one all of them are needed first.
fn sorted(config: &Config, request: &Request, options: &DumpCounters, column: &str) -> Result<(), Failure> {
    let at = columns(request).iter().position(|name| *name == column).unwrap_or(0);
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    ask(config, request, &mut |reply| {
        rows.extend(if let Reply::Row(row) = reply { Some(row) } else { None });
        if rows.len() >= limit.saturating_mul(2).max(SORTED_ROWS) {
            keep_highest(&mut rows, at, limit);
        }
        Ok(())
    })?;
    keep_highest(&mut rows, at, limit);
    let mut list = List::to_stdout(options.format, columns(request));
    rows.iter().try_for_each(|row| list.row(row))?;
    Ok(list.finish()?)
}

/// Sorts by the column `at`, the highest first, and lets go of what is beyond `limit`.
fn keep_highest(rows: &mut Vec<Vec<Value>>, at: usize, limit: usize) {
    // Times are RFC 3339 in UTC, which sort as text.
    let key = |row: &Vec<Value>| row.get(at).map(|value| (value.as_u64(), value.as_str().map(str::to_owned)));
    rows.sort_by_cached_key(|row| std::cmp::Reverse(key(row)));
    rows.truncate(limit);
}

/// Rows that are gathered before the first of them are let go.
const SORTED_ROWS: usize = 10_000;

/// Prints the rows as they come, at most `limit`.
fn list(config: &Config, request: &Request, form: Form, limit: Option<usize>) -> Result<(), Failure> {
    let mut list = List::to_stdout(form, columns(request));
    let mut left = limit.unwrap_or(usize::MAX);
    let mut is_missing = false;
    let asked = ask(config, request, &mut |reply| match reply {
        Reply::Row(_) if left == 0 => Err(enough()),
        Reply::Row(row) => {
            left -= 1;
            Ok(list.row(&row)?)
        }
        _ => {
            is_missing = true;
            Ok(())
        }
    });
    match asked {
        Err(failure) if failure.code != 0 => return Err(failure),
        _ if is_missing => return Err(Failure::new(DATA, "there is none with this id")),
        _ => {}
    }
    Ok(list.finish()?)
}

/// Ends the asking; no failure.
fn enough() -> Failure {
    Failure::new(0, "")
}

/// `find-address`.
pub fn find_address(choice: &Choice, options: &FindAddress) -> Result<(), Failure> {
    list(&config::load(choice)?, &Request::Find { address: options.address.clone() }, options.format, None)
}

/// `set-permanent-bounced-address`.
pub fn suspend(choice: &Choice, options: &SetPermanentBouncedAddress) -> Result<(), Failure> {
    let address = address(&options.bounced_address)?;
    let config = config::load(choice)?;
    let tenant = config.server.tenants.covering(domain(&options.domain)?.as_str()).ok_or_else(|| {
        let known: Vec<&str> = config.server.tenants.iter().map(|tenant| tenant.domain.as_str()).collect();
        let known = known.join(", ");
        Failure::new(DATA, format!("--domain {}: not configured; there are {known}", Escaped(&options.domain)))
    })?;
    let failure = AddressFailure {
        domain: tenant.domain.clone(),
        address,
        class: Class::Hard,
        reason: Reason::Undefined,
        status: None,
        diagnostic: Some("set by an operator".to_owned()),
        message_id: MessageId(0),
    };
    change(&config, Command::Suspend(failure))
}

/// `reset-counter`.
pub fn reset_counter(choice: &Choice, options: &ResetCounter) -> Result<(), Failure> {
    let domain = options.domain.as_deref().map(domain).transpose()?;
    change(&config::load(choice)?, Command::ResetCounter { address: address(&options.bounced_address)?, domain })
}

/// `forget-address`.
pub fn forget_address(choice: &Choice, options: &ForgetAddress) -> Result<(), Failure> {
    let config = config::load(choice)?;
    let address = address(&options.address)?;
    change(&config, Command::Forget(address))?;
    if let Some(folder) = &config.server.notify.archive_dir {
        writeln!(io::stdout(), "Archived mails are files below {}: remove those by hand.", folder.display())?;
    }
    Ok(())
}

/// `queue`.
pub fn queue(choice: &Choice, action: &QueueAction) -> Result<(), Failure> {
    let config = config::load(choice)?;
    match action {
        QueueAction::List(options) => queue_list(&config, options),
        QueueAction::Show(options) => list(&config, &Request::Notification(options.id), options.format, None),
        QueueAction::Retry(options) => {
            let selection = selection(options.id, options.domain.as_deref(), options.parked, options.all)?;
            change(&config, Command::RetryNotifications(selection))
        }
        QueueAction::Drop(options) => {
            let selection = selection(options.id, options.domain.as_deref(), options.parked, options.all)?;
            change(&config, Command::DropNotifications(selection))
        }
    }
}

fn queue_list(config: &Config, options: &QueueList) -> Result<(), Failure> {
    let parked = match (options.parked, options.pending) {
        (true, true) => return Err(Failure::usage("--parked and --pending exclude each other")),
        (false, false) => None,
        (parked, _) => Some(parked),
    };
    let domain = options.domain.as_deref().map(domain).transpose()?;
    list(config, &Request::Notifications { domain, parked }, options.format, options.limit)
}

/// Exactly one way to say which.
fn selection(id: Option<u64>, of: Option<&str>, parked: bool, all: bool) -> Result<Selection, Failure> {
    match (id, of, parked, all) {
        (Some(id), None, false, false) => Ok(Selection::Id(id)),
        (None, Some(of), false, false) => Ok(Selection::Domain(domain(of)?)),
        (None, None, true, false) => Ok(Selection::Parked),
        (None, None, false, true) => Ok(Selection::All),
        _ => Err(Failure::usage("say which in one way: an id, --domain, --parked or --all")),
    }
}

/// `quarantine`.
pub fn quarantine(choice: &Choice, action: &QuarantineAction) -> Result<(), Failure> {
    let config = config::load(choice)?;
    match action {
        QuarantineAction::List(options) => list(&config, &Request::Quarantine, options.format, options.limit),
        QuarantineAction::Show(options) => show_mail(&config, message_id(&options.id)?),
        QuarantineAction::Export(options) => export(&config, options),
        QuarantineAction::Drop(options) => drop_mails(&config, options),
    }
}

fn drop_mails(config: &Config, options: &QuarantineDrop) -> Result<(), Failure> {
    match (&options.id, &options.exported, options.all) {
        (Some(id), None, false) => change(config, Command::DropQuarantined(Some(message_id(id)?))),
        (None, Some(folder), false) => drop_exported(config, folder),
        (None, None, true) => change(config, Command::DropQuarantined(None)),
        _ => Err(Failure::usage("say which in one way: an id, --exported or --all")),
    }
}

/// What came after the export stays.
fn drop_exported(config: &Config, folder: &Path) -> Result<(), Failure> {
    fs::read_dir(folder).map_err(|error| Failure::try_again(format!("{}: {error}", folder.display())))?;
    let is_exported = |id: &MessageId| exported(folder, *id).is_file();
    let mails: Vec<MailPlace> =
        quarantined(config)?.into_iter().filter(is_exported).map(MailPlace::Quarantine).collect();
    let mut asked = Asked::open(config, false)?;
    let mut dropped = 0;
    for mails in mails.chunks(FORGET_MAILS) {
        asked.ask(&Request::Change(Command::ForgetMails(mails.to_vec())), &mut |reply| {
            dropped += if let Reply::Changed(CommandResult::Rows(rows)) = reply { rows } else { 0 };
            Ok(())
        })?;
    }
    Ok(writeln!(io::stdout(), "{}", words(&CommandResult::Rows(dropped), NOTHING))?)
}

/// A mail as a terminal may show it, behind what the reader makes of it.
fn show_mail(config: &Config, id: MessageId) -> Result<(), Failure> {
    let mail = fetch(config, id)?.ok_or_else(|| Failure::new(DATA, format!("{id} is not in the quarantine")))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let action = |kind, reason, class| config.server.actions.action(kind, reason, class);
    classify::print(Path::new(&id.to_string()), &bounce::read(&mail), classify::Format::Text, &action, &mut out)?;
    writeln!(out)?;
    for line in String::from_utf8_lossy(&mail).lines() {
        writeln!(out, "{}", Escaped(line))?;
    }
    Ok(out.flush()?)
}

/// `None`: it is not there.
fn fetch(config: &Config, id: MessageId) -> Result<Option<Vec<u8>>, Failure> {
    let mut mail: Option<Vec<u8>> = None;
    ask(config, &Request::QuarantinedMail(id), &mut |reply| {
        if let Reply::Octets(piece) = reply {
            mail.get_or_insert_default().extend(piece);
        }
        Ok(())
    })?;
    Ok(mail)
}

/// Mails that left the quarantine meanwhile are left out. Those that are told of are on the disk: whoever drops them next loses none.
fn export(config: &Config, options: &QuarantineExport) -> Result<(), Failure> {
    let ids = quarantined(config)?;
    let unmade = |error| Failure::try_again(format!("{}: {error}", options.folder.display()));
    folder::make(&options.folder, 0o777).map_err(unmade)?;
    let mut written = 0;
    for id in ids {
        let Some(mail) = fetch(config, id)? else { continue };
        let mut part = Part::beside(&exported(&options.folder, id))?;
        part.write(&mail)?;
        part.put_in_place()?;
        written += 1;
    }
    folder::sync(&options.folder).map_err(unmade)?;
    Ok(writeln!(io::stdout(), "{}: {}.", options.folder.display(), count(written, "mail"))?)
}

/// The mails that are there, the newest first.
fn quarantined(config: &Config) -> Result<Vec<MessageId>, Failure> {
    let mut ids = Vec::new();
    ask(config, &Request::Quarantine, &mut |reply| {
        if let Reply::Row(row) = reply {
            ids.extend(row.first().and_then(Value::as_str).and_then(MessageId::parse));
        }
        Ok(())
    })?;
    Ok(ids)
}

/// Where a mail is exported to.
fn exported(folder: &Path, id: MessageId) -> PathBuf {
    folder.join(format!("{id}.eml"))
}

/// `stats`.
pub fn stats(choice: &Choice, options: &Stats) -> Result<(), Failure> {
    text(choice, &Request::Stats { json: options.format == classify::Format::Json })
}

/// `tail`: the log, until the daemon says that it is over.
pub fn tail(choice: &Choice) -> Result<(), Failure> {
    text(choice, &Request::Tail)?;
    log::warn!("the daemon has stopped");
    Ok(())
}

/// `stats` and `tail`: the answer is text.
pub fn text(choice: &Choice, request: &Request) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    ask(&config::load(choice)?, request, &mut |reply| {
        if let Reply::Text(text) = reply {
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
        Ok(())
    })
}

/// Asks for a change and says what it did.
fn change(config: &Config, command: Command) -> Result<(), Failure> {
    // What is due already needs no change to be tried.
    let nothing = match command {
        Command::RetryNotifications(Selection::Domain(_) | Selection::All) => {
            "None was parked or put off. What is pending is tried now."
        }
        _ => NOTHING,
    };
    ask(config, &Request::Change(command), &mut |reply| {
        let Reply::Changed(result) = reply else { return Ok(()) };
        Ok(writeln!(io::stdout(), "{}", words(&result, nothing))?)
    })
}

const NOTHING: &str = "There was nothing to change.";

fn words(result: &CommandResult, nothing: &str) -> String {
    match result {
        CommandResult::Rows(0) => nothing.to_owned(),
        CommandResult::Rows(rows) => format!("Done: {}.", count(*rows, "row")),
        CommandResult::Queued(Queued::New(id)) => format!("Notification {id} is queued."),
        CommandResult::Queued(Queued::AlreadyPending(id)) => format!("Notification {id} was queued already."),
        CommandResult::Queued(Queued::Revived(id)) => format!("Notification {id}, which was parked, is queued again."),
    }
}

fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text.trim()).ok_or_else(|| Failure::new(DATA, format!("not a mail address: {}", Escaped(text))))
}

fn domain(text: &str) -> Result<Domain, Failure> {
    Domain::parse(text).ok_or_else(|| Failure::new(DATA, format!("not a domain: {}", Escaped(text))))
}

fn message_id(text: &str) -> Result<MessageId, Failure> {
    MessageId::parse(text).ok_or_else(|| Failure::new(DATA, format!("not an id: {}", Escaped(text))))
}
