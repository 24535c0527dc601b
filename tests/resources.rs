//! Man pages and completions are made from the command line's own description and from `config.template.yml`, and kept true here.
//! `BOUNCESVC_UPDATE=1 cargo test --test resources` writes them anew.
#![allow(clippy::unwrap_used, reason = "a test")]

use argh::{ArgsInfo as _, CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};
use bouncesvc::cli::Arguments;
use std::fmt::Write as _;
use std::path::Path;

const DATE: &str = "2026-11-21";

/// Compares a file with what it should be, or writes it.
fn hold(file: &str, text: &str) {
    let path = Path::new("resources").join(file);
    if std::env::var_os("BOUNCESVC_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{file} is out of date: BOUNCESVC_UPDATE=1 cargo test --test resources");
}

/// A command with its full name, such as `queue list`.
type Named<'a> = (String, &'a CommandInfoWithArgs);

/// All commands that do something, in order.
fn leaves<'a>(prefix: &str, command: &'a CommandInfoWithArgs) -> Vec<Named<'a>> {
    let below = command.commands.iter().flat_map(|sub| {
        let name = format!("{prefix} {}", sub.name).trim().to_owned();
        if sub.command.commands.is_empty() { vec![(name, &sub.command)] } else { leaves(&name, &sub.command) }
    });
    below.collect()
}

fn options(command: &CommandInfoWithArgs) -> impl Iterator<Item = &FlagInfo<'static>> {
    command.flags.iter().filter(|flag| !flag.hidden)
}

fn value(flag: &FlagInfo<'static>) -> Option<&'static str> {
    match flag.kind {
        FlagInfoKind::Switch => None,
        FlagInfoKind::Option { arg_name } => Some(arg_name),
    }
}

fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

fn roff_options(page: &mut String, command: &CommandInfoWithArgs) {
    for flag in options(command).filter(|flag| flag.long != "--help") {
        let value = value(flag).map(|name| format!(" \\fI{}\\fR", roff(name))).unwrap_or_default();
        write!(page, ".TP\n\\fB{}\\fR{value}\n{}\n", roff(flag.long), roff(flag.description)).unwrap();
    }
}

/// As it stands on a command line.
fn written(flag: &FlagInfo<'static>) -> String {
    value(flag).map_or_else(|| flag.long.to_owned(), |value| format!("{} {}", flag.long, value.to_uppercase()))
}

fn positional(word: &PositionalInfo<'static>) -> String {
    let name = word.name.to_uppercase();
    match word.optionality {
        Optionality::Required => name,
        Optionality::Optional => format!("[{name}]"),
        Optionality::Repeating | Optionality::Greedy => format!("{name}..."),
    }
}

fn manual() -> String {
    let program = Arguments::get_args_info();
    let mut page =
        format!(".TH BOUNCESVC 1 {DATE} bouncesvc\n.SH NAME\nbouncesvc \\- receive bounces and tell the platforms\n");
    page.push_str(
        ".SH SYNOPSIS\n.B bouncesvc\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n.SH DESCRIPTION\n",
    );
    writeln!(page, "{}", roff(program.description)).unwrap();
    page.push_str(
        ".PP\nOptions stand before or after the command, as \\-\\-option value or \\-\\-option=value. All but\n\
         tail work while the daemon runs and while it does not.\n.SH OPTIONS\n",
    );
    roff_options(&mut page, &program);
    page.push_str(".SH COMMANDS\n");
    for (name, command) in leaves("", &program) {
        let needed = options(command).filter(|flag| matches!(flag.optionality, Optionality::Required)).map(written);
        let words: Vec<String> = needed.chain(command.positionals.iter().map(positional)).collect();
        let head = [name.as_str(), &words.join(" ")].join(" ");
        write!(page, ".SS {}\n{}\n", roff(head.trim()), roff(command.description)).unwrap();
        for word in command.positionals {
            write!(page, ".TP\n\\fI{}\\fR\n{}\n", roff(&positional(word)), roff(word.description)).unwrap();
        }
        roff_options(&mut page, command);
    }
    page.push_str(".SH EXIT STATUS\n0 done, 64 usage, 65 data, 75 try again, 78 configuration (sysexits).\n");
    page.push_str(ENVIRONMENT);
    page.push_str(SIGNALS);
    page.push_str(FILES);
    page.push_str(".SH SEE ALSO\n.BR bouncesvc\\-config (5)\n");
    page
}

/// Names of mail servers, which are not ours to choose.
const ENVIRONMENT: &str = ".SH ENVIRONMENT\n.TP\nSENDER, ORIGINAL_RECIPIENT, RECIPIENT, LOCAL_PART, DOMAIN\nThe envelope of the mail \
    that stdin takes, as the pipes of Postfix and Exim set them. Without them it is\nthat of a bounce to postmaster.\n";

/// What the daemon listens to beside its sockets.
const SIGNALS: &str = ".SH SIGNALS\n.TP\nSIGHUP\nRead the configuration anew, also the secrets and certificates that it names; \
    with a mistake in it\nthe old one stays in force.\n.TP\nSIGTERM, SIGINT\nTake no new mail, finish what is under way, and end \
    with 0.\n";

/// A line that begins with a dot would be a request: `\\&` in front of it is nothing, but not a dot.
const FILES: &str = ".SH FILES\n.TP\n\\&./config.yml, /etc/bouncesvc/config.yml\nThe configuration, the first of them that is \
    there.\n.TP\n\\fIdbfile\\fR\nThe database, as the configuration names it.\n.TP\n\\fIdbfile\\fR.sock\nThe socket through \
    which commands reach the daemon; control.sock in $RUNTIME_DIRECTORY where systemd\nmade one.\n";

/// The template is the documentation of the keys: its comments say unit, default and reason.
fn config_manual() -> String {
    let template = std::fs::read_to_string("config.template.yml").unwrap();
    let mut page = format!(
        ".TH BOUNCESVC\\-CONFIG 5 {DATE} bouncesvc\n.SH NAME\nbouncesvc\\-config \\- configuration of bouncesvc\n"
    );
    page.push_str(".SH DESCRIPTION\nThe template, with every key; what stands behind a # shows a default.\n.PP\n.nf\n");
    for line in template.lines() {
        writeln!(page, "{}", roff(line)).unwrap();
    }
    page.push_str(".fi\n.SH SEE ALSO\n.BR bouncesvc (1)\n");
    page
}

/// The words that may follow: `(path of the command, words)`.
fn words() -> Vec<(String, Vec<String>)> {
    fn collect(name: &str, command: &CommandInfoWithArgs, global: &[String], found: &mut Vec<(String, Vec<String>)>) {
        let subcommands = command.commands.iter().map(|sub| sub.name.to_owned());
        let own = options(command).map(|flag| flag.long.to_owned());
        let mut words: Vec<String> = subcommands.chain(own).chain(global.iter().cloned()).collect();
        words.dedup();
        found.push((name.to_owned(), words));
        for sub in &command.commands {
            collect(format!("{name} {}", sub.name).trim(), &sub.command, global, found);
        }
    }
    let program = Arguments::get_args_info();
    let global: Vec<String> =
        options(&program).map(|flag| flag.long.to_owned()).filter(|name| name != "--help").collect();
    let mut found = Vec::new();
    collect("", &program, &global, &mut found);
    for (_, words) in &mut found {
        let mut seen = std::collections::HashSet::new();
        words.retain(|word| seen.insert(word.clone()));
    }
    found
}

fn bash() -> String {
    let mut script = "# bash completion of bouncesvc\n_bouncesvc() {\n    local word command= words\n    \
        for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n        [[ $word == -* ]] || command=\"${command:+$command }$word\"\n    done\n    \
        case \" $command \" in\n"
        .to_owned();
    // The longest first, so that `queue list` is not taken for `queue`; whole words, so that `classify design.eml` is not `sign`.
    for (name, words) in words().into_iter().rev().filter(|(name, _)| !name.is_empty()) {
        writeln!(script, "        *\" {name} \"*) words=\"{}\" ;;", words.join(" ")).unwrap();
    }
    writeln!(script, "        *) words=\"{}\" ;;", words()[0].1.join(" ")).unwrap();
    script.push_str("    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _bouncesvc bouncesvc\n");
    script
}

fn zsh() -> String {
    let mut script = "#compdef bouncesvc\n# zsh completion of bouncesvc\nlocal command=\"${(j: :)${words[2,CURRENT-1]:#-*}}\"\ncase \" $command \" in\n".to_owned();
    for (name, words) in words().into_iter().rev().filter(|(name, _)| !name.is_empty()) {
        writeln!(script, "  *\" {name} \"*) compadd -- {} ;;", words.join(" ")).unwrap();
    }
    writeln!(script, "  *) compadd -- {} ;;\nesac\n_files", words()[0].1.join(" ")).unwrap();
    script
}

fn fish() -> String {
    let mut script = "# fish completion of bouncesvc\n".to_owned();
    fish_command(&mut script, &Arguments::get_args_info(), &[]);
    script
}

/// What may follow the words of `path`: options and subcommands, and what follows those.
fn fish_command(script: &mut String, command: &CommandInfoWithArgs, path: &[&str]) {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let seen: Vec<String> = path.iter().map(|word| format!("__fish_seen_subcommand_from {word}")).collect();
    for flag in options(command).filter(|flag| path.is_empty() || flag.long != "--help") {
        let (name, about) = (flag.long.trim_start_matches('-'), quote(flag.description));
        let when = if seen.is_empty() { String::new() } else { format!(" -n '{}'", seen.join("; and ")) };
        let needs = if value(flag).is_some() { " -r" } else { "" };
        writeln!(script, "complete -c bouncesvc{when} -l {name}{needs} -d '{about}'").unwrap();
    }
    // Not "no word yet", since the value of an option is one.
    let names: Vec<&str> = command.commands.iter().map(|sub| sub.name).collect();
    let none = format!("not __fish_seen_subcommand_from {}", names.join(" "));
    let when = seen.into_iter().chain([none]).collect::<Vec<_>>().join("; and ");
    for sub in &command.commands {
        let about = quote(sub.command.description);
        writeln!(script, "complete -c bouncesvc -f -n '{when}' -a {} -d '{about}'", sub.name).unwrap();
    }
    for sub in &command.commands {
        fish_command(script, &sub.command, &[path, &[sub.name]].concat());
    }
}

#[test]
fn the_man_pages_say_what_the_program_takes() {
    hold("bouncesvc.1", &manual());
    hold("bouncesvc-config.5", &config_manual());
}

#[test]
fn the_completions_offer_what_the_program_takes() {
    hold("completions/bouncesvc.bash", &bash());
    hold("completions/_bouncesvc", &zsh());
    hold("completions/bouncesvc.fish", &fish());
}

#[test]
fn the_packaged_configuration_is_correct() {
    let program = env!("CARGO_BIN_EXE_bouncesvc");
    let output = std::process::Command::new(program)
        .args(["--config", "resources/config.yml", "check-config"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
