//! The grammar of commands (RFC 5321 §4.1.1, RFC 1870, RFC 6152, RFC 6531, RFC 3207, RFC 2033): a line in, a [`Command`] out.
//!
//! A line that is no command gives the [`Reply`] that says so. Which command may come when is not known here.

use super::path::{ForwardPath, ReversePath};
use super::reply::{self, Reply};

/// The longest name of a client that is taken, in octets.
const CLIENT_NAME_OCTETS_MAX: usize = 255;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// The client says its name.
    Ehlo,
    /// The same without extensions.
    Helo,
    /// The same in LMTP.
    Lhlo,
    /// A mail begins.
    Mail(MailCommand),
    /// Who it is for.
    Rcpt(ForwardPath),
    /// The mail follows.
    Data,
    /// Forget the transaction.
    Rset,
    /// Nothing.
    Noop,
    /// Is there such a mailbox?
    Vrfy,
    /// Who is on this list?
    Expn,
    /// What can you do?
    Help,
    /// Switch to TLS.
    StartTls,
    /// The end.
    Quit,
    /// The first line of an HTTP request: somebody was tricked into talking to us.
    Http,
}

/// `MAIL FROM:` with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MailCommand {
    /// The sender.
    pub(super) sender: ReversePath,
    /// `SIZE=` (RFC 1870), in octets; saturated.
    pub(super) size: Option<u64>,
    /// `SMTPUTF8` (RFC 6531): addresses may be other than ASCII.
    pub(super) smtputf8: bool,
}

impl Command {
    /// Takes a line without its CRLF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Reply> {
        // Without a branch for each octet: nearly every line is plain.
        if line.iter().fold(false, |is_odd, &octet| is_odd | !matches!(octet, b'\t' | b' '..=b'~' | 0x80..)) {
            return Err(reply::LINE_WITH_CONTROLS);
        }
        let line = std::str::from_utf8(line).map_err(|_| reply::LINE_NOT_UTF8)?;
        let line = line.trim_end_matches(is_blank);
        let (verb, argument) = line.split_at(line.find(is_blank).unwrap_or(line.len()));
        let (_, parse) =
            VERBS.iter().find(|(known, _)| known.eq_ignore_ascii_case(verb)).ok_or(reply::UNKNOWN_COMMAND)?;
        parse(argument.trim_start_matches(is_blank))
    }

    /// ```text
    /// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
    /// ```
    /// The world calls itself anything, and it serves nothing here.
    fn with_name(self, name: &str) -> Result<Self, Reply> {
        let fits = !name.is_empty() && name.is_ascii() && name.len() <= CLIENT_NAME_OCTETS_MAX;
        if fits { Ok(self) } else { Err(reply::NAME_MISSING) }
    }

    fn bare(self, argument: &str) -> Result<Self, Reply> {
        if argument.is_empty() { Ok(self) } else { Err(reply::NO_ARGUMENTS) }
    }

    fn with_text(self, argument: &str) -> Result<Self, Reply> {
        if argument.is_empty() { Err(reply::ARGUMENT_MISSING) } else { Ok(self) }
    }
}

/// What a verb makes of its argument.
type Parse = fn(&str) -> Result<Command, Reply>;

/// The verbs, the most frequent ones first.
const VERBS: &[(&str, Parse)] = &[
    ("EHLO", |argument| Command::Ehlo.with_name(argument)),
    ("MAIL", |argument| MailCommand::parse(argument).map(Command::Mail)),
    ("RCPT", |argument| parse_rcpt(argument).map(Command::Rcpt)),
    ("DATA", |argument| Command::Data.bare(argument)),
    ("QUIT", |argument| Command::Quit.bare(argument)),
    ("RSET", |argument| Command::Rset.bare(argument)),
    ("NOOP", |_| Ok(Command::Noop)),
    ("STARTTLS", |argument| Command::StartTls.bare(argument)),
    ("HELO", |argument| Command::Helo.with_name(argument)),
    ("LHLO", |argument| Command::Lhlo.with_name(argument)),
    ("VRFY", |argument| Command::Vrfy.with_text(argument)),
    ("EXPN", |argument| Command::Expn.with_text(argument)),
    ("HELP", |_| Ok(Command::Help)),
    ("GET", |_| Ok(Command::Http)),
    ("HEAD", |_| Ok(Command::Http)),
    ("POST", |_| Ok(Command::Http)),
    ("PUT", |_| Ok(Command::Http)),
    ("DELETE", |_| Ok(Command::Http)),
    ("OPTIONS", |_| Ok(Command::Http)),
    ("CONNECT", |_| Ok(Command::Http)),
    ("PATCH", |_| Ok(Command::Http)),
];

impl MailCommand {
    /// ```text
    /// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
    /// ```
    fn parse(argument: &str) -> Result<Self, Reply> {
        let path = strip_keyword(argument, "FROM:").ok_or(reply::MAIL_SYNTAX)?;
        let (sender, parameters) = ReversePath::parse(path).ok_or(reply::BAD_SENDER)?;
        let mut command = Self { sender, size: None, smtputf8: false };
        let mut seen = Vec::new();
        for parameter in parameters.split(is_blank).filter(|parameter| !parameter.is_empty()) {
            let keyword = command.set(parameter)?;
            if seen.contains(&keyword) {
                return Err(reply::PARAMETER_TWICE);
            }
            seen.push(keyword);
        }
        command.check_encoding()
    }

    /// Sets one parameter; returns its keyword.
    fn set(&mut self, parameter: &str) -> Result<&'static str, Reply> {
        let (keyword, value) = match parameter.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (parameter, None),
        };
        match (keyword.to_ascii_uppercase().as_str(), value) {
            ("SIZE", Some(value)) => {
                self.size = Some(parse_size(value).ok_or(reply::BAD_PARAMETER)?);
                Ok("SIZE")
            }
            ("BODY", Some(value)) if is_body(value) => Ok("BODY"),
            ("SMTPUTF8", None) => {
                self.smtputf8 = true;
                Ok("SMTPUTF8")
            }
            ("SIZE" | "BODY" | "SMTPUTF8", _) => Err(reply::BAD_PARAMETER),
            _ => Err(reply::UNKNOWN_PARAMETER),
        }
    }

    fn check_encoding(self) -> Result<Self, Reply> {
        match &self.sender {
            ReversePath::Path(mailbox) if !mailbox.is_ascii() && !self.smtputf8 => Err(reply::NEEDS_SMTPUTF8),
            ReversePath::Path(_) | ReversePath::NullSender => Ok(self),
        }
    }
}

/// ```text
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
/// ```
/// No extension that is offered has a parameter here.
fn parse_rcpt(argument: &str) -> Result<ForwardPath, Reply> {
    let path = strip_keyword(argument, "TO:").ok_or(reply::RCPT_SYNTAX)?;
    let (recipient, parameters) = ForwardPath::parse(path).ok_or(reply::BAD_RECIPIENT)?;
    if parameters.is_empty() { Ok(recipient) } else { Err(reply::UNKNOWN_PARAMETER) }
}

/// ```text
/// size-value ::= 1*20DIGIT
/// ```
fn parse_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// RFC 6152 §2.
fn is_body(value: &str) -> bool {
    value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME")
}

fn strip_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then_some(rest)
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null_sender(size: Option<u64>, smtputf8: bool) -> Command {
        Command::Mail(MailCommand { sender: ReversePath::NullSender, size, smtputf8 })
    }

    #[test]
    fn lines_that_are_commands() {
        let sender = |mailbox: &str| {
            let sender = ReversePath::Path(mailbox.to_owned());
            Command::Mail(MailCommand { sender, size: None, smtputf8: false })
        };
        let recipient = |mailbox: &str| Command::Rcpt(ForwardPath::Path(mailbox.to_owned()));
        for (line, command) in [
            ("EHLO mail.example.com", Command::Ehlo),
            ("ehlo [192.0.2.1]", Command::Ehlo),
            ("Helo two words ", Command::Helo),
            ("LHLO x", Command::Lhlo),
            ("MAIL FROM:<>", null_sender(None, false)),
            ("mail from: <> ", null_sender(None, false)),
            ("MAIL FROM:<> SIZE=12 BODY=8bitmime SMTPUTF8", null_sender(Some(12), true)),
            ("MAIL FROM:<>  body=7BIT", null_sender(None, false)),
            ("MAIL FROM:<> SIZE=99999999999999999999", null_sender(Some(u64::MAX), false)),
            ("MAIL FROM:a@b.de", sender("a@b.de")),
            ("MAIL  FROM:<a@b.de>", sender("a@b.de")),
            ("RCPT TO:<a@b.de>", recipient("a@b.de")),
            ("rcpt to: a@b.de", recipient("a@b.de")),
            ("RCPT TO:<Postmaster>", Command::Rcpt(ForwardPath::Postmaster)),
            ("RCPT TO:<ü@b.de>", recipient("ü@b.de")),
            ("data", Command::Data),
            ("RSET ", Command::Rset),
            ("NOOP anything", Command::Noop),
            ("VRFY a", Command::Vrfy),
            ("EXPN a", Command::Expn),
            ("HELP", Command::Help),
            ("HELP MAIL", Command::Help),
            ("STARTTLS", Command::StartTls),
            ("quit\t", Command::Quit),
            ("GET / HTTP/1.1", Command::Http),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        let long_name = [b"EHLO ".to_vec(), vec![b'a'; 256]].concat();
        for (line, reply) in [
            (&b""[..], reply::UNKNOWN_COMMAND),
            (b" EHLO a", reply::UNKNOWN_COMMAND),
            (b"MAILFROM:<>", reply::UNKNOWN_COMMAND),
            (b"AUTH PLAIN", reply::UNKNOWN_COMMAND),
            (b"BDAT 3 LAST", reply::UNKNOWN_COMMAND),
            (b"EHLO\0a", reply::LINE_WITH_CONTROLS),
            (b"NOOP \x1b[2J", reply::LINE_WITH_CONTROLS),
            (b"NOOP a\rb", reply::LINE_WITH_CONTROLS),
            (b"NOOP \xff", reply::LINE_NOT_UTF8),
            (b"EHLO", reply::NAME_MISSING),
            (b"EHLO \xc3\xbc", reply::NAME_MISSING),
            (&long_name, reply::NAME_MISSING),
            (b"MAIL", reply::MAIL_SYNTAX),
            (b"MAIL FROM <a@b.de>", reply::MAIL_SYNTAX),
            (b"MAIL TO:<a@b.de>", reply::MAIL_SYNTAX),
            (b"MAIL FROM:", reply::BAD_SENDER),
            (b"MAIL FROM:<a@b.de>SIZE=1", reply::BAD_SENDER),
            (b"MAIL FROM:<\xc3\xbc@b.de>", reply::NEEDS_SMTPUTF8),
            (b"MAIL FROM:<> SIZE", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> SIZE=", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> SIZE=-1", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> SIZE=999999999999999999999", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> BODY=BINARYMIME", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> SMTPUTF8=1", reply::BAD_PARAMETER),
            (b"MAIL FROM:<> SIZE=1 SIZE=1", reply::PARAMETER_TWICE),
            (b"MAIL FROM:<> RET=HDRS", reply::UNKNOWN_PARAMETER),
            (b"MAIL FROM:<> AUTH=<>", reply::UNKNOWN_PARAMETER),
            (b"RCPT", reply::RCPT_SYNTAX),
            (b"RCPT TO:<>", reply::BAD_RECIPIENT),
            (b"RCPT TO:<a@b.de> NOTIFY=NEVER", reply::UNKNOWN_PARAMETER),
            (b"DATA now", reply::NO_ARGUMENTS),
            (b"QUIT now", reply::NO_ARGUMENTS),
            (b"VRFY", reply::ARGUMENT_MISSING),
        ] {
            assert_eq!(Command::parse(line), Err(reply), "{}", line.escape_ascii());
        }
    }
}
