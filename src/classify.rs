//! What each mail of some files is, and why: touches no database and needs no configuration.
//!
//! Files are single messages or mboxes, folders are walked in sorted order. How arguments are parsed is elsewhere.

use crate::bounce::{self, Class, Kind, Reason, Recipient, Report};
use crate::escape::{Escaped, JsonDocument};
use crate::policy::Action;
use std::fs;
use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};

/// The head of a mail that is looked at, in octets: what the daemon keeps, too.
pub const MAIL_OCTETS_MAX: usize = 1024 * 1024;
/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// How deep folders are walked; also what ends a circle of links.
const FOLDER_DEPTH_MAX: usize = 32;

/// How the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: evidence, rule, and what would be done.
    Text,
    /// One JSON object a line.
    Json,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json".to_owned()),
        }
    }
}

/// What would be done about a finding.
pub type Actions<'a> = &'a dyn Fn(Kind, Reason, Class) -> Action;

/// Reads every mail of `paths` and prints what it is. A path that cannot be read is an error, after the others were printed.
pub fn run(paths: &[PathBuf], format: Format, actions: Actions<'_>, out: &mut dyn Write) -> io::Result<()> {
    mails(paths, &mut |path, mail| print(path, &bounce::read(mail), format, actions, out))
}

/// Calls `each` with every mail of `paths` and the file it is from; an error as for [`run`].
pub fn mails(paths: &[PathBuf], each: &mut dyn FnMut(&Path, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut failed = None;
    let mut one_file = |file: &Path| each_mail(&mut *opened(file)?, &mut |mail| each(file, mail));
    for path in paths {
        walk(path, 0, &mut one_file, &mut failed)?;
    }
    failed.map_or(Ok(()), Err)
}

fn opened(file: &Path) -> io::Result<Box<dyn BufRead>> {
    if file == Path::new(STANDARD_INPUT) {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(io::BufReader::new(fs::File::open(file)?)))
}

/// Calls `each` with a file, or with every file of a folder in sorted order. What cannot be read is passed over, and the first such
/// error kept; the error that is returned ends everything: nobody reads the output any more.
fn walk(
    path: &Path,
    depth: usize,
    each: &mut dyn FnMut(&Path) -> io::Result<()>,
    failed: &mut Option<io::Error>,
) -> io::Result<()> {
    let visited = match entries(path, depth) {
        Ok(Some(entries)) => return entries.iter().try_for_each(|entry| walk(entry, depth + 1, each, failed)),
        Ok(None) => each(path),
        Err(error) => Err(error),
    };
    match visited {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let named = || format!("{}: {error}", Escaped(&path.to_string_lossy()));
            failed.get_or_insert_with(|| io::Error::new(error.kind(), named()));
            Ok(())
        }
        visited => visited,
    }
}

/// What is in a folder, in order; `None`: it is a file. Within a folder, what is neither (a pipe, a device) is left alone.
fn entries(path: &Path, depth: usize) -> io::Result<Option<Vec<PathBuf>>> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(None);
    }
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_dir() {
        return Ok((!kind.is_file() && depth > 0).then(Vec::new));
    }
    if depth >= FOLDER_DEPTH_MAX {
        return Ok(Some(Vec::new()));
    }
    let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable();
    Ok(Some(entries))
}

/// Prints what one mail is.
pub fn print(
    path: &Path,
    report: &Report,
    format: Format,
    actions: Actions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => print_json(path, report, actions, out),
        Format::Text => print_text(path, report, actions, out),
    }
}

/// Splits an mbox: a new message starts behind an empty line with a `From ` line that ends in a date and has a field below.
///
/// Anything else that starts with `From ` is text. Of a long message only the head is kept.
fn each_mail(input: &mut dyn BufRead, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut mail = Vec::new();
    let mut pending: Option<Vec<u8>> = None;
    let mut after_blank = true;
    loop {
        let mut line = Vec::new();
        // A file without line ends is taken in pieces.
        if input.take(MAIL_OCTETS_MAX as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if let Some(from_line) = pending.take() {
            if is_field(&line) && !mail.is_empty() {
                each(&mail)?;
                mail.clear();
            }
            keep(&mut mail, &from_line);
        }
        let blank = line.trim_ascii().is_empty();
        if after_blank && is_from_line(&line) {
            pending = Some(line);
        } else {
            keep(&mut mail, &line);
        }
        after_blank = blank;
    }
    keep(&mut mail, &pending.unwrap_or_default());
    each(&mail)
}

fn keep(mail: &mut Vec<u8>, line: &[u8]) {
    let room = MAIL_OCTETS_MAX.saturating_sub(mail.len());
    mail.extend_from_slice(line.get(..line.len().min(room)).unwrap_or(line));
}

/// `From address date` (RFC 4155): a time of day in the text tells it from prose.
fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let text = String::from_utf8_lossy(rest);
    let words: Vec<&str> = text.split_whitespace().take(12).collect();
    let is_time = |word: &&str| {
        word.split(':').count() >= 2 && word.split(':').all(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
    };
    words.len() >= 5 && words.iter().any(is_time)
}

fn is_field(line: &[u8]) -> bool {
    let colon = line.iter().position(|c| *c == b':');
    colon.is_some_and(|colon| colon > 0 && line.iter().take(colon).all(|c| matches!(c, 33..=57 | 59..=126)))
}

fn print_json(path: &Path, report: &Report, actions: Actions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let recipients = report.recipients.iter().map(|recipient| {
        serde_json::json!({
            "address": recipient.address.as_str(),
            "class": recipient.class.name(),
            "status": recipient.status.map(|status| status.to_string()),
            "reason": recipient.reason.name(),
            "action": actions(report.kind, recipient.reason, recipient.class).name(),
            "rule": recipient.rule,
        })
    });
    let recipients = recipients.collect::<Vec<_>>();
    let problems: Vec<&str> = report.problems.iter().map(|problem| problem.0.as_str()).collect();
    let line = serde_json::json!({ "file": path.to_string_lossy(), "kind": report.kind.name(), "recipients": recipients, "problems": problems });
    writeln!(out, "{}", JsonDocument(&line.to_string()))
}

fn print_text(path: &Path, report: &Report, actions: Actions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let path = path.to_string_lossy();
    writeln!(out, "{}: {} (rule: {})", Escaped(&path), report.kind.name(), report.rule)?;
    for recipient in &report.recipients {
        print_recipient(recipient, actions(report.kind, recipient.reason, recipient.class), out)?;
    }
    for problem in &report.problems {
        writeln!(out, "  problem: {}", Escaped(&problem.0))?;
    }
    Ok(())
}

fn print_recipient(recipient: &Recipient, action: Action, out: &mut dyn Write) -> io::Result<()> {
    let codes: Vec<String> =
        [recipient.reply.map(|code| code.to_string()), recipient.status.map(|status| status.to_string())]
            .into_iter()
            .flatten()
            .collect();
    writeln!(out, "  {}", Escaped(recipient.address.as_str()))?;
    let rows = [
        ("class", recipient.class.name().to_owned()),
        ("reason", recipient.reason.name().to_owned()),
        ("action", action.name().to_owned()),
        ("reported", recipient.action.map(|action| action.name().to_owned()).unwrap_or_default()),
        ("codes", codes.join(" ")),
        ("remote", recipient.remote_mta.clone().unwrap_or_default()),
        ("said", recipient.diagnostic.clone().unwrap_or_default()),
        ("rule", recipient.rule.clone()),
        ("evidence", recipient.evidence.clone()),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "    {name:<9} {}", Escaped(value))?;
    }
    Ok(())
}
