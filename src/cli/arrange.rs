//! Puts arguments into the order that argh takes: options before or after the command, `--opt value` or `--opt=value`,
//! `-` or `_` inside of names. Which option takes a value, and where it belongs, is read from argh's own description.

use super::arguments::Arguments;
use super::demands;
use super::exit::Failure;
use crate::escape::Escaped;
use crate::spelling;
use argh::{ArgsInfo as _, CommandInfoWithArgs, FlagInfo, FlagInfoKind};
use std::iter::Peekable;
use std::slice;

/// Arguments by where argh wants them.
#[derive(Debug, Default)]
pub struct Arranged {
    /// Those of the program itself.
    pub global: Options,
    /// The command, and the one below it.
    pub command: Vec<String>,
    /// Those of the command.
    pub own: Options,
    /// Everything else.
    pub others: Vec<String>,
}

/// Options that were given. A value may look like a name.
#[derive(Debug, Default)]
pub struct Options {
    /// Each name, and its value if it takes one.
    pub words: Vec<String>,
    /// The names alone.
    pub names: Vec<String>,
}

/// What is left of the arguments.
type Words<'a> = Peekable<slice::Iter<'a, String>>;

/// Takes the arguments apart; the failure says what is missing or too much.
pub fn arrange(given: &[String]) -> Result<Arranged, Failure> {
    let program = Arguments::get_args_info();
    let mut arranged = Arranged::default();
    let mut command = &program;
    let mut rest = given.iter().peekable();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            arranged.others.extend(rest.by_ref().cloned());
        } else if let Some(option) = Dashed::parse(argument) {
            option.take(&program, &mut arranged, &mut rest)?;
        } else if let Some(next) = subcommand(command, argument) {
            arranged.command.push(next.name.to_owned());
            command = next;
        } else if argument == "help" && !command.commands.is_empty() {
            arranged.own.add(HELP);
        } else if !command.commands.is_empty() {
            return Err(unknown(command, &arranged, argument));
        } else {
            arranged.others.push(argument.clone());
        }
    }
    match demands::problem(command, &arranged) {
        Some(problem) if !arranged.own.has(HELP) && !arranged.asks_version() => Err(arranged.refused(&problem)),
        _ => Ok(arranged),
    }
}

const HELP: &str = "--help";
const VERSION: &str = "--version";

impl Arranged {
    /// Whether the version is asked for.
    pub fn asks_version(&self) -> bool {
        self.global.has(VERSION)
    }

    /// A mistake, and where help is.
    pub fn refused(&self, problem: &str) -> Failure {
        let command: String = self.command.iter().flat_map(|name| [" ", name]).collect();
        Failure::usage(format!("{problem}\nSee bouncesvc{command} --help."))
    }

    /// As argh wants them: global options, the command, its options, `--`, everything else.
    pub fn joined(&self) -> Vec<&str> {
        let separator = (!self.others.is_empty()).then_some("--");
        let before = self.global.words.iter().chain(&self.command).chain(&self.own.words).map(String::as_str);
        before.chain(separator).chain(self.others.iter().map(String::as_str)).collect()
    }
}

impl Options {
    /// Whether this one is there.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|given| given == name)
    }

    fn add(&mut self, name: &str) {
        self.words.push(name.to_owned());
        self.names.push(name.to_owned());
    }
}

/// `--name`, `--name=value`, `-h` or `-V`.
struct Dashed<'a> {
    written: &'a str,
    name: String,
    value: Option<&'a str>,
}

impl<'a> Dashed<'a> {
    /// `None` for what is no option: a word, or `-` alone, which stands for standard input.
    fn parse(argument: &'a str) -> Option<Self> {
        let (written, value) = argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)));
        let name = match written {
            "-h" => "help",
            "-V" => "version",
            _ => written.strip_prefix("--").or_else(|| written.strip_prefix('-').filter(|name| !name.is_empty()))?,
        };
        Some(Self { written, name: format!("--{}", name.replace('_', "-")), value })
    }

    fn take(self, program: &CommandInfoWithArgs, arranged: &mut Arranged, rest: &mut Words<'a>) -> Result<(), Failure> {
        let Self { written, name, value } = self;
        let flag = option(program, &name).ok_or_else(|| unknown_option(program, arranged, written, &name))?;
        let is_global = program.flags.iter().any(|flag| flag.long == name);
        // The help of the command, not of the program, when there is one.
        let place = if is_global && name != HELP { &mut arranged.global } else { &mut arranged.own };
        let is_new = !place.has(&name);
        place.add(&name);
        match (takes_value(flag), value.or_else(|| takes_value(flag).then(|| value_behind(program, rest))?)) {
            (true, Some(_)) if !is_new => return Err(arranged.refused(&format!("{name} is there more than once"))),
            (true, Some(value)) if !value.is_empty() => place.words.push(value.to_owned()),
            (true, _) => return Err(arranged.refused(&demands::missing_value(flag))),
            (false, Some(_)) => return Err(arranged.refused(&format!("{name} takes no value"))),
            (false, None) => {}
        }
        Ok(())
    }
}

/// The next word, unless it is an option itself: whoever means it as a value writes it behind a `=`.
fn value_behind<'a>(program: &CommandInfoWithArgs, rest: &mut Words<'a>) -> Option<&'a str> {
    let is_option = |word: &str| Dashed::parse(word).is_some_and(|dashed| option(program, &dashed.name).is_some());
    rest.next_if(|word| !is_option(word)).map(String::as_str)
}

fn subcommand<'c>(command: &'c CommandInfoWithArgs, word: &str) -> Option<&'c CommandInfoWithArgs> {
    let name = word.replace('_', "-");
    command.commands.iter().find(|sub| sub.name == name).map(|sub| &sub.command)
}

fn unknown(command: &CommandInfoWithArgs, arranged: &Arranged, word: &str) -> Failure {
    let known = command.commands.iter().map(|sub| sub.name);
    let hint = spelling::nearest(&word.replace('_', "-"), known).map(|name| format!("; did you mean {name}?"));
    arranged.refused(&format!("unknown command {}{}", Escaped(word), hint.unwrap_or_default()))
}

fn unknown_option(program: &CommandInfoWithArgs, arranged: &Arranged, written: &str, name: &str) -> Failure {
    let hint = spelling::nearest(name, all_options(program)).map(|name| format!("; did you mean {name}?"));
    arranged.refused(&format!("unknown option {}{}", Escaped(written), hint.unwrap_or_default()))
}

fn all_options(command: &CommandInfoWithArgs) -> Vec<&str> {
    let below = command.commands.iter().flat_map(|sub| all_options(&sub.command));
    command.flags.iter().map(|flag| flag.long).chain(below).collect()
}

/// The option of this name, in whichever command it is: no name is a switch in one and takes a value in another.
fn option<'c>(command: &'c CommandInfoWithArgs, name: &str) -> Option<&'c FlagInfo<'static>> {
    let own = command.flags.iter().find(|flag| flag.long == name);
    own.or_else(|| command.commands.iter().find_map(|sub| option(&sub.command, name)))
}

fn takes_value(flag: &FlagInfo<'_>) -> bool {
    matches!(flag.kind, FlagInfoKind::Option { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        arrange(&words).map_or_else(|failure| failure.message, |arranged| arranged.joined().join(" "))
    }

    #[test]
    fn options_stand_anywhere_and_are_written_either_way() {
        for (given, expected) in [
            ("run-smtpserver --env develop", "--env develop run-smtpserver"),
            ("--env=develop --debug run_smtpserver", "--env develop --debug run-smtpserver"),
            ("--port 25 run-smtpserver --host=::", "run-smtpserver --port 25 --host ::"),
            ("check-config --config=a=b", "--config a=b check-config"),
            ("check-config --config=--help --env=--config", "--config --help --env --config check-config"),
            ("--env run-smtpserver check-config", "--env run-smtpserver check-config"),
            ("run-smtpserver --help", "run-smtpserver --help"),
            ("--help run-smtpserver", "run-smtpserver --help"),
            ("-h", "--help"),
            ("--version", "--version"),
            ("nonsense --env x", "unknown command nonsense\nSee bouncesvc --help."),
            ("dump_counter", "unknown command dump_counter; did you mean dump-counters?\nSee bouncesvc --help."),
            ("help", "--help"),
            ("help queue list", "queue list --help"),
            ("queue help", "queue --help"),
            ("queue lsit", "unknown command lsit; did you mean list?\nSee bouncesvc queue --help."),
            ("classify help", "classify -- help"),
            ("run-smtpserver --nonsense", "unknown option --nonsense\nSee bouncesvc run-smtpserver --help."),
            ("stats --fromat=json", "unknown option --fromat; did you mean --format?\nSee bouncesvc stats --help."),
            ("--debug=1 stdin", "--debug takes no value\nSee bouncesvc --help."),
            ("stats -x=y", "unknown option -x\nSee bouncesvc stats --help."),
        ] {
            assert_eq!(arranged(given), expected, "{given}");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_named_with_its_command() {
        for (given, problem, command) in [
            ("--env x", "a command is missing, one of run-smtpserver, stdin, ", ""),
            ("queue", "queue: a command is missing, one of list, show, retry, drop", " queue"),
            ("tail --format json", "tail: there is no option --format", " tail"),
            ("run-smtpserver --port", "--port NUMBER is without its value", " run-smtpserver"),
            ("--config= stdin", "--config FILE is without its value", ""),
            ("--config --version", "--config FILE is without its value", ""),
            ("check-config --config -h", "--config FILE is without its value", " check-config"),
            ("stats --format --config x", "--format FORM is without its value", " stats"),
            ("find-address a@b.de", "find-address: --address PATTERN is missing", " find-address"),
            ("queue show", "queue show: ID is missing", " queue show"),
            ("queue show 1 2", "queue show: unexpected argument 2", " queue show"),
            ("dump-counters x", "dump-counters: unexpected argument x", " dump-counters"),
            ("stats --format json --format text", "--format is there more than once", " stats"),
        ] {
            let message = arranged(given);
            assert!(message.starts_with(problem), "{given}: {message}");
            assert!(message.ends_with(&format!("\nSee bouncesvc{command} --help.")), "{given}: {message}");
        }
        for given in [
            "queue help",
            "queue --help",
            "queue show --help",
            "--version",
            "classify",
            "classify a b c",
            "--debug --debug stdin",
        ] {
            assert!(!arranged(given).contains("See "), "{given}");
        }
    }

    #[test]
    fn no_name_is_a_switch_here_and_takes_a_value_there() {
        fn flags(command: &CommandInfoWithArgs, found: &mut Vec<(String, bool)>) {
            let kind = |flag: &FlagInfo<'_>| (flag.long.to_owned(), matches!(flag.kind, FlagInfoKind::Option { .. }));
            found.extend(command.flags.iter().map(kind));
            command.commands.iter().for_each(|sub| flags(&sub.command, found));
        }
        let mut found = Vec::new();
        flags(&Arguments::get_args_info(), &mut found);
        for (name, takes_value) in &found {
            assert!(!found.contains(&(name.clone(), !takes_value)), "{name}");
        }
    }
}
