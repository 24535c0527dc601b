//! The commands and their options. The texts are what `--help` shows.

use super::values::{Form, LogFormat, Sort, number, port};
use crate::classify;
use argh::{ArgsInfo, FromArgs};
use std::path::PathBuf;

/// Receives undeliverable mail, counts temporary failures, and tells the platform about permanent ones.
///
/// Without --config, ./config.yml or /etc/bouncesvc/config.yml is read.
#[derive(FromArgs, ArgsInfo, Debug)]
pub struct Arguments {
    /// the configuration file
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,

    /// the section of the configuration file; default: production
    #[argh(option, arg_name = "name", default = "\"production\".to_owned()")]
    pub env: String,

    /// log more, also what each mail says of itself
    #[argh(switch)]
    pub debug: bool,

    /// show the version
    #[argh(switch)]
    pub version: bool,

    /// what to do
    #[argh(subcommand)]
    pub command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
pub enum Command {
    RunSmtpServer(RunSmtpServer),
    Stdin(Stdin),
    CheckConfig(CheckConfig),
    PrintConfig(PrintConfig),
    Classify(Classify),
    Replay(Replay),
    DumpCounters(DumpCounters),
    FindAddress(FindAddress),
    SetPermanentBouncedAddress(SetPermanentBouncedAddress),
    ResetCounter(ResetCounter),
    ForgetAddress(ForgetAddress),
    Queue(Queue),
    Quarantine(Quarantine),
    Stats(Stats),
    Tail(Tail),
    Backup(Backup),
    Sign(Sign),
    ImportSqlite(ImportSqlite),
}

/// Run the daemon: receive mail over SMTP until SIGTERM.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "run-smtpserver")]
pub struct RunSmtpServer {
    /// listen on this address alone; default: what the configuration says, else 0.0.0.0
    #[argh(option, arg_name = "address")]
    pub host: Option<String>,

    /// listen on this port alone; default: what the configuration says, else 2525
    #[argh(option, arg_name = "number", from_str_fn(port))]
    pub port: Option<u16>,

    /// text, journal or json; default: journal where systemd reads the log, else text
    #[argh(option, arg_name = "form")]
    pub log_format: Option<LogFormat>,
}

/// Take one mail from standard input, as an alias pipes it. Exit code 0, or 75: the mail server tries again later.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "stdin")]
pub struct Stdin {}

/// Check the configuration, and say all that is wrong with it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "check-config")]
pub struct CheckConfig {}

/// Print the configuration in force with every default; secrets are masked.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "print-config")]
pub struct PrintConfig {}

/// Sign an address: print what the platform adds to a mail, so that its bounce proves where it comes from.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "sign")]
pub struct Sign {
    /// who the mail is for
    #[argh(option, arg_name = "address")]
    pub address: String,

    /// the configured domain that sends it
    #[argh(option, arg_name = "domain")]
    pub domain: String,

    /// what the envelope sender begins with; default: bounce
    #[argh(option, arg_name = "word", default = "\"bounce\".to_owned()")]
    pub prefix: String,
}

/// Take over the counters and the history of the Python service from its SQLite file. Doing it again changes nothing.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "import-sqlite")]
pub struct ImportSqlite {
    /// the SQLite file, as a rule bounced_emails.db
    #[argh(positional)]
    pub file: PathBuf,

    /// only say what would be taken over
    #[argh(switch)]
    pub dry_run: bool,
}

/// Say what each mail is, and why. Files are single mails or mboxes, folders are walked; no configuration is needed.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "classify")]
pub struct Classify {
    /// text (default), or json: one object a line
    #[argh(option, arg_name = "form", default = "classify::Format::Text")]
    pub format: classify::Format,

    /// files and folders; - is standard input
    #[argh(positional)]
    pub files: Vec<PathBuf>,
}

/// Say what a heap of stored bounces would do under this configuration: totals per action and reason. Changes nothing.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "replay")]
pub struct Replay {
    /// must be given: nothing else is offered
    #[argh(switch)]
    pub dry_run: bool,

    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,

    /// files, mboxes and folders; - is standard input
    #[argh(positional)]
    pub files: Vec<PathBuf>,
}

/// List the soft counters.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "dump-counters")]
pub struct DumpCounters {
    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,

    /// only of this sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: Option<String>,

    /// only of matching addresses; * stands for any text
    #[argh(option, arg_name = "pattern")]
    pub address: Option<String>,

    /// only those that stand at least at this
    #[argh(option, arg_name = "number", default = "0", from_str_fn(number))]
    pub min_count: u32,

    /// address (default), count, first-seen or last-seen; the latter three with the highest first
    #[argh(option, arg_name = "column", default = "Sort::Address")]
    pub sort: Sort,

    /// at most so many
    #[argh(option, arg_name = "number", from_str_fn(number))]
    pub limit: Option<usize>,
}

/// Show all that is known of an address: counters, notifications and what became of past ones.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "find-address")]
pub struct FindAddress {
    /// the address; * stands for any text
    #[argh(option, arg_name = "pattern")]
    pub address: String,

    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,
}

/// Treat an address as permanently failed: its platform is told.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "set-permanent-bounced-address")]
pub struct SetPermanentBouncedAddress {
    /// the address
    #[argh(option, arg_name = "address")]
    pub bounced_address: String,

    /// the configured sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: String,
}

/// Remove the soft counter of an address.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "reset-counter")]
pub struct ResetCounter {
    /// the address
    #[argh(option, arg_name = "address")]
    pub bounced_address: String,

    /// only of this sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: Option<String>,
}

/// Erase an address from the database: its counters, notifications and history, and mails in the quarantine that name it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "forget-address")]
pub struct ForgetAddress {
    /// the address
    #[argh(option, arg_name = "address")]
    pub address: String,
}

/// Look at and change the queue of notifications.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "queue")]
pub struct Queue {
    /// what to do
    #[argh(subcommand)]
    pub action: QueueAction,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
pub enum QueueAction {
    List(QueueList),
    Show(QueueShow),
    Retry(QueueRetry),
    Drop(QueueDrop),
}

/// List pending and parked notifications.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "list")]
pub struct QueueList {
    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,

    /// only of this sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: Option<String>,

    /// only the parked ones
    #[argh(switch)]
    pub parked: bool,

    /// only the pending ones
    #[argh(switch)]
    pub pending: bool,

    /// at most so many
    #[argh(option, arg_name = "number", from_str_fn(number))]
    pub limit: Option<usize>,
}

/// Show all of one notification.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "show")]
pub struct QueueShow {
    /// its id
    #[argh(positional, from_str_fn(number))]
    pub id: u64,

    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,
}

/// Try notifications now; parked ones become pending again.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "retry")]
pub struct QueueRetry {
    /// the one with this id
    #[argh(positional, from_str_fn(number))]
    pub id: Option<u64>,

    /// those of this sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: Option<String>,

    /// all that are parked
    #[argh(switch)]
    pub parked: bool,

    /// all
    #[argh(switch)]
    pub all: bool,
}

/// Drop notifications for good; the history remembers that.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "drop")]
pub struct QueueDrop {
    /// the one with this id
    #[argh(positional, from_str_fn(number))]
    pub id: Option<u64>,

    /// those of this sending domain
    #[argh(option, arg_name = "domain")]
    pub domain: Option<String>,

    /// all that are parked
    #[argh(switch)]
    pub parked: bool,

    /// all
    #[argh(switch)]
    pub all: bool,
}

/// Look at the bounces that nobody could read, no domain claims, or that lack the evidence.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "quarantine")]
pub struct Quarantine {
    /// what to do
    #[argh(subcommand)]
    pub action: QuarantineAction,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
pub enum QuarantineAction {
    List(QuarantineList),
    Show(QuarantineShow),
    Export(QuarantineExport),
    Drop(QuarantineDrop),
}

/// List the mails, the newest first.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "list")]
pub struct QuarantineList {
    /// table (default), json or csv
    #[argh(option, arg_name = "form", default = "Form::Table")]
    pub format: Form,

    /// at most so many
    #[argh(option, arg_name = "number", from_str_fn(number))]
    pub limit: Option<usize>,
}

/// Show one mail, and what the reader makes of it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "show")]
pub struct QuarantineShow {
    /// its id
    #[argh(positional)]
    pub id: String,
}

/// Write what is kept of each mail, as it came, to ID.eml in a folder.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "export")]
pub struct QuarantineExport {
    /// the folder
    #[argh(positional)]
    pub folder: PathBuf,
}

/// Drop one mail, those that were exported, or all of them, also those that came since you looked.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "drop")]
pub struct QuarantineDrop {
    /// its id
    #[argh(positional)]
    pub id: Option<String>,

    /// those whose ID.eml is in this folder
    #[argh(option, arg_name = "folder")]
    pub exported: Option<PathBuf>,

    /// all
    #[argh(switch)]
    pub all: bool,
}

/// One screen about the service: rates, classes, reasons, queues, commit times, memory.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "stats")]
pub struct Stats {
    /// text (default), or json: one object
    #[argh(option, arg_name = "form", default = "classify::Format::Text")]
    pub format: classify::Format,
}

/// Follow the running daemon's log, from now on.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "tail")]
pub struct Tail {}

/// Write a consistent copy of the database to a file, also while the daemon runs. To restore it, copy it back while none runs.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "backup")]
pub struct Backup {
    /// the file to write; an older copy there is replaced
    #[argh(positional)]
    pub file: PathBuf,
}
