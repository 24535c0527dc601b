//! Puts arguments into the order that argh takes: options before or after the command, `--opt value` or `--opt=value`,
//! `-` or `_` inside of names. Which option takes a value, and where it belongs, is read from argh's own description.

use super::arguments::Arguments;
use super::exit::Failure;
use crate::escape::Escaped;
use crate::spelling;
use argh::{ArgsInfo as _, CommandInfoWithArgs, FlagInfo, FlagInfoKind};

/// Arguments as argh wants them: global options, the command, its options, `--`, everything else.
pub fn arrange(given: &[String]) -> Result<Vec<String>, Failure> {
    let program = Arguments::get_args_info();
    let mut arranged = Arranged::default();
    let mut command = &program;
    let mut rest = given.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            arranged.others.extend(rest.by_ref().cloned());
        } else if let Some(option) = Dashed::parse(argument) {
            option.take(&program, &mut arranged, &mut rest)?;
        } else if let Some(next) = subcommand(command, argument) {
            arranged.command.push(next.name.to_owned());
            command = next;
        } else if argument == "help" && !command.commands.is_empty() {
            arranged.options.push("--help".to_owned());
        } else if !command.commands.is_empty() {
            return Err(unknown(command, argument));
        } else {
            arranged.others.push(argument.clone());
        }
    }
    Ok(arranged.joined())
}

#[derive(Default)]
struct Arranged {
    global: Vec<String>,
    command: Vec<String>,
    options: Vec<String>,
    others: Vec<String>,
}

impl Arranged {
    fn joined(self) -> Vec<String> {
        let Self { global, mut command, options, others } = self;
        // Without a command argh itself says that one is missing.
        if command.is_empty() {
            return [global, others, options].concat();
        }
        command.extend(options);
        if !others.is_empty() {
            command.push("--".to_owned());
        }
        [global, command, others].concat()
    }
}

/// `--name`, `--name=value`, `-h` or `-V`.
struct Dashed {
    name: String,
    value: Option<String>,
}

impl Dashed {
    /// `None` for what is no option: a word, or `-` alone, which stands for standard input.
    fn parse(argument: &str) -> Option<Self> {
        let name = match argument {
            "-h" => "help",
            "-V" => "version",
            _ => argument.strip_prefix("--").or_else(|| argument.strip_prefix('-').filter(|name| !name.is_empty()))?,
        };
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        Some(Self { name: format!("--{}", name.replace('_', "-")), value: value.map(str::to_owned) })
    }

    fn take<'a>(
        self,
        program: &CommandInfoWithArgs,
        arranged: &mut Arranged,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        let is_global = program.flags.iter().any(|flag| flag.long == self.name);
        let takes_value = takes_value(program, &self.name).ok_or_else(|| unknown_option(program, &self.name))?;
        // The help of the command, not of the program, when there is one.
        let place = if is_global && self.name != "--help" { &mut arranged.global } else { &mut arranged.options };
        place.push(self.name.clone());
        match (takes_value, self.value) {
            (true, Some(value)) => place.push(value),
            (true, None) => place.extend(rest.next().cloned()),
            (false, Some(_)) => return Err(Failure::usage(format!("{} takes no value", self.name))),
            (false, None) => {}
        }
        Ok(())
    }
}

fn subcommand<'c>(command: &'c CommandInfoWithArgs, word: &str) -> Option<&'c CommandInfoWithArgs> {
    let name = word.replace('_', "-");
    command.commands.iter().find(|sub| sub.name == name).map(|sub| &sub.command)
}

fn unknown(command: &CommandInfoWithArgs, word: &str) -> Failure {
    let known = command.commands.iter().map(|sub| sub.name);
    let hint = spelling::nearest(&word.replace('_', "-"), known).map(|name| format!("; did you mean {name}?"));
    Failure::usage(format!("unknown command {}{}\nSee bouncesvc --help.", Escaped(word), hint.unwrap_or_default()))
}

fn unknown_option(program: &CommandInfoWithArgs, name: &str) -> Failure {
    let hint = spelling::nearest(name, all_options(program)).map(|name| format!("; did you mean {name}?"));
    Failure::usage(format!("unknown option {}{}\nSee bouncesvc --help.", Escaped(name), hint.unwrap_or_default()))
}

fn all_options(command: &CommandInfoWithArgs) -> Vec<&str> {
    let below = command.commands.iter().flat_map(|sub| all_options(&sub.command));
    command.flags.iter().map(|flag| flag.long).chain(below).collect()
}

/// Whether an option of this name takes a value, in whichever command it is: no name is a switch in one and takes a value in
/// another. `None`: there is none of this name.
fn takes_value(command: &CommandInfoWithArgs, name: &str) -> Option<bool> {
    let own = command.flags.iter().find(|flag| flag.long == name);
    let takes = |flag: &FlagInfo<'_>| matches!(flag.kind, FlagInfoKind::Option { .. });
    own.map(takes).or_else(|| command.commands.iter().find_map(|sub| takes_value(&sub.command, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        arrange(&words).map_or_else(|failure| failure.message, |words| words.join(" "))
    }

    #[test]
    fn options_stand_anywhere_and_are_written_either_way() {
        for (given, expected) in [
            ("run-smtpserver --env develop", "--env develop run-smtpserver"),
            ("--env=develop --debug run_smtpserver", "--env develop --debug run-smtpserver"),
            ("--port 25 run-smtpserver --host=::", "run-smtpserver --port 25 --host ::"),
            ("check-config --config=a=b", "--config a=b check-config"),
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
            ("queue lsit", "unknown command lsit; did you mean list?\nSee bouncesvc --help."),
            ("classify help", "classify -- help"),
            ("run-smtpserver --nonsense", "unknown option --nonsense\nSee bouncesvc --help."),
            ("stats --fromat=json", "unknown option --fromat; did you mean --format?\nSee bouncesvc --help."),
            ("tail --format json", "tail --format json"),
            ("run-smtpserver --port", "run-smtpserver --port"),
            ("--debug=1 stdin", "--debug takes no value"),
        ] {
            assert_eq!(arranged(given), expected, "{given}");
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
