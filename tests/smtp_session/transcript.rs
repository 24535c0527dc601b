//! What a transcript says is done and expected, in order. The notation, one step a line:
//!
//! ```text
//! ## name          a new transcript
//! = key value      a setting, before anything else
//! G                the greeting, EHLO and its answer, with the default settings
//! C text           a line of the client, CRLF is added
//! R text           octets of the client as they are; both know \r \n \t \0 \\ \xHH and {text*N}
//! S text           a line of the server; {text*N}: N lines
//! E event          an event: mail ..., confirmed, refused ..., starttls, closed. A confirmation depends on what the client sends ahead of
//!                  our answers, so it is looked at step by step alone.
//! A verdict        how the next mail is answered: accepted, again, noroom
//! W seconds        time passes
//! T                TLS has started
//! X                the service shuts down
//! Q                the client's side ends
//! ```

use bouncesvc::smtp::{AcceptedRecipient, BareLineEnds, Protocol, Settings, Verdict};
use bouncesvc::types::MessageId;
use std::collections::VecDeque;
use std::time::Duration;

/// One transcript: what is done and what is expected, in order.
pub struct Transcript {
    pub name: String,
    pub settings: Settings,
    pub steps: Vec<Step>,
    pub verdicts: VecDeque<Verdict>,
}

pub enum Step {
    Send(Vec<u8>),
    Expect(Log),
    Wait(Duration),
    TlsStarted,
    ShutDown,
    End,
}

/// What a session said and asked. Their order against each other is looked at step by step.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub replies: String,
    pub events: Vec<String>,
}

impl Transcript {
    /// Neighbouring sends joined into one, and all that is expected; the longest send.
    pub fn pipelined(&self) -> (Log, usize) {
        let mut all = Log::default();
        for step in &self.steps {
            if let Step::Expect(log) = step {
                all.replies += &log.replies;
                all.events.extend(log.events.iter().filter(|event| *event != "confirmed").cloned());
            }
        }
        let longest = self.joined().iter().map(|(sent, _)| sent.len()).max().unwrap_or(0);
        (all, longest.max(1))
    }

    /// The octets up to each step that is neither a send nor an expectation, and that step.
    pub fn joined(&self) -> Vec<(Vec<u8>, Option<&Step>)> {
        let mut joined = Vec::new();
        let mut sent = Vec::new();
        for step in &self.steps {
            match step {
                Step::Send(octets) => sent.extend_from_slice(octets),
                Step::Expect(_) => {}
                other => joined.push((std::mem::take(&mut sent), Some(other))),
            }
        }
        joined.push((sent, None));
        joined
    }
}

/// All of them.
pub fn transcripts() -> Vec<Transcript> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_transcripts");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let all: Vec<_> = files.iter().flat_map(|file| parse_file(&std::fs::read_to_string(file).unwrap())).collect();
    assert!(!all.is_empty());
    all
}

fn parse_file(text: &str) -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    for block in text.split("\n## ").skip(1) {
        let (name, lines) = block.split_once('\n').unwrap();
        let mut transcript = Transcript {
            name: name.to_owned(),
            settings: Settings { hostname: "mx.example.org".to_owned(), ..Settings::default() },
            steps: Vec::new(),
            verdicts: VecDeque::new(),
        };
        lines.lines().for_each(|line| transcript.parse_line(line));
        transcripts.push(transcript);
    }
    transcripts
}

impl Transcript {
    fn parse_line(&mut self, line: &str) {
        let (mark, text) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "" | "#" => {}
            "=" => self.set(text),
            "G" => {
                self.expect_reply("220 mx.example.org ESMTP bouncesvc");
                self.send(b"EHLO client.example.com\r\n".to_vec());
                let offer = "PIPELINING SIZE_52428800 8BITMIME ENHANCEDSTATUSCODES SMTPUTF8";
                let lines = std::iter::once("mx.example.org_greets_[192.0.2.7]").chain(offer.split(' '));
                for line in lines {
                    let mark = if line == "SMTPUTF8" { ' ' } else { '-' };
                    self.expect_reply(&format!("250{mark}{}", line.replace('_', " ")));
                }
            }
            "C" => self.send([&unescape(text)[..], b"\r\n"].concat()),
            "R" => self.send(unescape(text)),
            "S" => self.expect_replies(text),
            "E" => self.expected().events.push(text.to_owned()),
            "A" => self.verdicts.push_back(match text {
                "accepted" => Verdict::Accepted(MessageId(self.verdicts.len() as u64 + 1)),
                "again" => Verdict::TryAgain,
                "noroom" => Verdict::NoRoom,
                other => panic!("verdict {other}"),
            }),
            "W" => self.steps.push(Step::Wait(Duration::from_secs(text.parse().unwrap()))),
            "T" => self.steps.push(Step::TlsStarted),
            "X" => self.steps.push(Step::ShutDown),
            "Q" => self.steps.push(Step::End),
            _ => panic!("{}: {line}", self.name),
        }
    }

    /// Neighbouring sends are one group of pipelined commands.
    fn send(&mut self, octets: Vec<u8>) {
        if let Some(Step::Send(sent)) = self.steps.last_mut() {
            return sent.extend(octets);
        }
        self.expected();
        self.steps.push(Step::Send(octets));
    }

    /// `{line*N}` is a line, N times.
    fn expect_replies(&mut self, text: &str) {
        let repeated = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')?.rsplit_once('*'));
        let (line, times) = repeated.map_or((text, 1), |(line, times)| (line, times.parse().unwrap()));
        (0..times).for_each(|_| self.expect_reply(&line.replace("\\n", "\n")));
    }

    fn expect_reply(&mut self, line: &str) {
        let log = self.expected();
        log.replies += line;
        log.replies.push('\n');
    }

    /// The expectation behind the last step; there is one behind each, so that nothing unexpected goes unseen.
    fn expected(&mut self) -> &mut Log {
        if !matches!(self.steps.last(), Some(Step::Expect(_))) {
            self.steps.push(Step::Expect(Log::default()));
        }
        let Some(Step::Expect(log)) = self.steps.last_mut() else { unreachable!() };
        log
    }

    fn set(&mut self, setting: &str) {
        let settings = &mut self.settings;
        let (key, value) = setting.split_once(' ').unwrap();
        let seconds = || Duration::from_secs(value.parse().unwrap());
        match key {
            "protocol" => settings.protocol = if value == "lmtp" { Protocol::Lmtp } else { Protocol::Smtp },
            "starttls" => settings.starttls = value == "true",
            "require_tls" => settings.require_tls = value == "true",
            "bare_line_ends" => settings.bare_line_ends = BareLineEnds::Reject,
            "accepted_recipients" => {
                let rules = value.split(' ').map(|rule| AcceptedRecipient::parse(rule).unwrap());
                settings.accepted_recipients = rules.collect();
            }
            "message_octets_max" => settings.message_octets_max = value.parse().unwrap(),
            "head_octets_max" => settings.head_octets_max = value.parse().unwrap(),
            "command_octets_max" => settings.command_octets_max = value.parse().unwrap(),
            "recipients_max" => settings.recipients_max = value.parse().unwrap(),
            "errors_max" => settings.errors_max = value.parse().unwrap(),
            "mails_per_session_max" => settings.mails_per_session_max = value.parse().unwrap(),
            "data_octets_per_second_min" => settings.data_octets_per_second_min = value.parse().unwrap(),
            "command_time_max" => settings.command_time_max = seconds(),
            "data_time_max" => settings.data_time_max = seconds(),
            "session_time_max" => settings.session_time_max = seconds(),
            other => panic!("setting {other}"),
        }
    }
}

/// `{text*N}` is text, N times; backslashes as in Rust.
fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = unescape_one(rest, &mut octets),
            '{' => {
                let (inner, behind) = rest.split_once('}').unwrap();
                let (repeated, times) = inner.rsplit_once('*').unwrap();
                octets.extend(unescape(repeated).repeat(times.parse().unwrap()));
                rest = behind;
            }
            c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    octets
}

fn unescape_one<'a>(rest: &'a str, octets: &mut Vec<u8>) -> &'a str {
    let simple = match rest.as_bytes()[0] {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'0' => 0,
        b'\\' => b'\\',
        b'x' => {
            octets.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
            return &rest[3..];
        }
        other => panic!("escape {}", char::from(other)),
    };
    octets.push(simple);
    &rest[1..]
}
