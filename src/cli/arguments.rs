//! The commands and their options. The texts are what `--help` shows.

use crate::logging::Format;
use argh::{ArgsInfo, FromArgs};
use std::path::PathBuf;
use std::str::FromStr;

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
    #[argh(option, arg_name = "number")]
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

/// How the daemon's log looks.
#[derive(Debug, Clone, Copy)]
pub struct LogFormat(pub Format);

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self(Format::Text)),
            "journal" => Ok(Self(Format::Journal)),
            "json" => Ok(Self(Format::Json)),
            _ => Err("expected text, journal or json".to_owned()),
        }
    }
}
