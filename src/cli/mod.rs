//! The command line: [`run`] parses, dispatches, and turns every failure into one text and an exit code.
//!
//! `arguments`, `demands`, `arrange` and `values` read the command line, `exit` ends it. Then one file for each group of commands:
//! `daemon` (with `heap`), `stdin` (with `handover`), `operations`, `backup` and `import` (by way of the `desk`, which asks the daemon or
//! opens the `database`, and `drain`s the queue), `reading`, `configuration` and `sign`. `lists` prints rows, `part` is a file that is
//! written. What a command does to the database goes through [`crate::operate`], so that it is the same with the daemon and without it.

mod arguments;
mod arrange;
mod backup;
mod configuration;
mod daemon;
mod database;
mod demands;
mod desk;
mod drain;
mod exit;
mod handover;
mod heap;
mod import;
mod lists;
mod operations;
mod part;
mod reading;
mod sign;
mod stdin;
mod values;

pub use arguments::Arguments;
pub use exit::Failure;

use crate::config;
use crate::escape::Escaped;
use crate::logging;
use crate::types::Timestamp;
use argh::FromArgs as _;
use arguments::Command;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

/// Runs the command that `arguments` (without the program's name) ask for.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Result<Vec<String>, Failure> = arguments.map(text).collect();
    match arguments.and_then(|arguments| parsed(&arguments)).and_then(|arguments| arguments.map_or(Ok(()), dispatch)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                _ = writeln!(std::io::stderr(), "bouncesvc: {}", failure.message.trim_end());
            }
            failure.code.into()
        }
    }
}

/// Names of files, too: one in another encoding would be read, and worse, written, under another name.
fn text(argument: OsString) -> Result<String, Failure> {
    let refused =
        |argument: OsString| format!("the argument \"{}\" is not valid UTF-8", Escaped(&argument.to_string_lossy()));
    argument.into_string().map_err(|argument| Failure::usage(refused(argument)))
}

/// `None`: help or version was asked for, and is printed.
fn parsed(arguments: &[String]) -> Result<Option<Arguments>, Failure> {
    let arranged = arrange::arrange(arguments)?;
    if arranged.asks_version() {
        writeln!(std::io::stdout(), "bouncesvc {}", version())?;
        return Ok(None);
    }
    match Arguments::from_args(&["bouncesvc"], &arranged.joined()) {
        Ok(arguments) => Ok(Some(arguments)),
        Err(exit) if exit.status.is_ok() => {
            std::io::stdout().write_all(exit.output.as_bytes())?;
            Ok(None)
        }
        Err(exit) => Err(arranged.refused(&values::in_our_words(exit.output.trim_end()))),
    }
}

/// The version, and the commit where it is known.
pub fn version() -> String {
    match env!("BOUNCESVC_COMMIT") {
        "" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { config: file, env: environment, debug, command, .. } = arguments;
    let choice = config::Choice { file, environment };
    if let Command::RunSmtpServer(options) = command {
        return daemon::run(choice, &options, debug);
    }
    // Some mail servers take output of their pipe for a failure, and return a mail that was taken.
    if debug || !matches!(command, Command::Stdin(_)) {
        _ = logging::for_command(debug);
    }
    match command {
        Command::RunSmtpServer(_) => Ok(()),
        Command::Stdin(_) => stdin::run(&choice),
        Command::CheckConfig(_) => configuration::check(&choice),
        Command::PrintConfig(_) => configuration::print(&choice),
        Command::Classify(options) => reading::classify(&options),
        Command::Replay(options) => reading::replay(&choice, &options),
        Command::DumpCounters(options) => operations::dump_counters(&choice, &options),
        Command::FindAddress(options) => operations::find_address(&choice, &options),
        Command::SetPermanentBouncedAddress(options) => operations::suspend(&choice, &options),
        Command::ResetCounter(options) => operations::reset_counter(&choice, &options),
        Command::ForgetAddress(options) => operations::forget_address(&choice, &options),
        Command::Queue(options) => operations::queue(&choice, &options.action),
        Command::Quarantine(options) => operations::quarantine(&choice, &options.action),
        Command::Stats(options) => operations::stats(&choice, &options),
        Command::Tail(_) => operations::tail(&choice),
        Command::Backup(options) => backup::run(&choice, &options),
        Command::Sign(options) => sign::run(&choice, &options),
        Command::ImportSqlite(options) => import::run(&choice, &options),
    }
}

/// The clock, which only the outermost parts read.
fn now() -> Timestamp {
    SystemTime::now().into()
}
