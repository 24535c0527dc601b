//! What a command asks for, and whether it got it: [`problem`]. argh would refuse the same, in words that do not name the command.
//! What is asked for is read from argh's own description; whether a value fits is seen when argh reads it.

use super::arrange::Arranged;
use crate::escape::Escaped;
use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

/// What is missing or too much, in one sentence; `None`: nothing is.
pub fn problem(command: &CommandInfoWithArgs, given: &Arranged) -> Option<String> {
    let problem = missing_command(command)
        .or_else(|| missing_option(command, given))
        .or_else(|| missing_word(command, given))
        .or_else(|| foreign_option(command, given))
        .or_else(|| unexpected_word(command, given))?;
    let name = given.command.join(" ");
    Some(if name.is_empty() { problem } else { format!("{name}: {problem}") })
}

/// What an option that takes a value lacks.
pub fn missing_value(flag: &FlagInfo<'_>) -> String {
    format!("{} is without its value", shown(flag))
}

fn missing_command(command: &CommandInfoWithArgs) -> Option<String> {
    let names: Vec<&str> = command.commands.iter().map(|sub| sub.name).collect();
    (!names.is_empty()).then(|| format!("a command is missing, one of {}", names.join(", ")))
}

fn missing_option(command: &CommandInfoWithArgs, given: &Arranged) -> Option<String> {
    let is_missing =
        |flag: &&FlagInfo<'_>| matches!(flag.optionality, Optionality::Required) && !given.own.has(flag.long);
    command.flags.iter().find(is_missing).map(|flag| format!("{} is missing", shown(flag)))
}

fn missing_word(command: &CommandInfoWithArgs, given: &Arranged) -> Option<String> {
    let required = command.positionals.iter().filter(|word| matches!(word.optionality, Optionality::Required));
    required.skip(given.others.len()).map(|word| format!("{} is missing", word.name.to_uppercase())).next()
}

fn foreign_option(command: &CommandInfoWithArgs, given: &Arranged) -> Option<String> {
    let is_own = |name: &str| command.flags.iter().any(|flag| flag.long == name);
    given.own.names.iter().find(|name| !is_own(name)).map(|name| format!("there is no option {name}"))
}

fn unexpected_word(command: &CommandInfoWithArgs, given: &Arranged) -> Option<String> {
    let takes_many = |optionality: &Optionality| matches!(optionality, Optionality::Repeating | Optionality::Greedy);
    if command.positionals.iter().any(|word| takes_many(&word.optionality)) {
        return None;
    }
    given.others.get(command.positionals.len()).map(|word| format!("unexpected argument {}", Escaped(word)))
}

/// `--name VALUE`.
fn shown(flag: &FlagInfo<'_>) -> String {
    match flag.kind {
        FlagInfoKind::Option { arg_name } => format!("{} {}", flag.long, arg_name.to_uppercase()),
        FlagInfoKind::Switch => flag.long.to_owned(),
    }
}
