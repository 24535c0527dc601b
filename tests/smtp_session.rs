//! Replays the transcripts of `tests/smtp_transcripts`: step by step, whole, at every chunk size, and at random cuts.
//!
//! Replies and events must be the same however the client's octets are cut. The notation, one step a line:
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

#![allow(clippy::unwrap_used, reason = "a transcript that cannot be read is a failure of the test")]

use bouncesvc::smtp::{AcceptedRecipient, BareLineEnds, Event, Mail, Protocol, Session, Settings, Verdict};
use bouncesvc::types::MessageId;
use random::Random;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "support/random.rs"]
mod random;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// What is sent in one go is replayed at every chunk size up to this length, and beyond it at these sizes.
const SHORT: usize = 2000;
const SIZES: &[usize] = &[1, 2, 3, 511, 1460, 65_536];
const RANDOM_CUTS: u64 = 20;

#[test]
fn transcripts_step_by_step() {
    for transcript in transcripts() {
        let mut run = Run::new(&transcript);
        for step in &transcript.steps {
            run.step(step, usize::MAX);
            if let Step::Expect(expected) = step {
                assert_eq!(&run.take_log(), expected, "{} at {}", transcript.name, run.last);
            }
        }
    }
}

#[test]
fn transcripts_at_every_chunk_size() {
    for transcript in transcripts() {
        let (expected, longest) = transcript.pipelined();
        let sizes = if longest <= SHORT { (1..=longest).collect() } else { [SIZES, &[longest]].concat() };
        for size in sizes {
            assert_eq!(transcript.replay(|_| size), expected, "{} by {size}", transcript.name);
        }
    }
}

#[test]
fn transcripts_at_random_cuts() {
    for transcript in transcripts() {
        let (expected, longest) = transcript.pipelined();
        for seed in 1..=RANDOM_CUTS {
            let mut random = Random::new(seed);
            let found = transcript.replay(|_| random.below(longest.min(1 << (seed % 16))) + 1);
            assert_eq!(found, expected, "{} with seed {seed}", transcript.name);
        }
    }
}

/// A thousand clients that sent commands and read nothing once took a megabyte each.
#[test]
fn replies_that_nobody_reads_stop_the_input() {
    let commands = b"EHLO client\r\n".repeat(10_000);
    let mut session = Session::new(Arc::default(), CLIENT, Instant::now());
    let (mut rest, mut rounds, mut replies) = (&commands[..], 0, 0);
    while !rest.is_empty() {
        assert!(session.wants_input());
        rest = &rest[session.receive(rest, Instant::now())..];
        let output = std::mem::take(session.output());
        assert!(output.len() < 5 << 10, "{}", output.len());
        replies += output.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"250 ")).count();
        rounds += 1;
    }
    assert!(replies == 10_000 && rounds > 50, "{replies} replies in {rounds} rounds");
}

/// One transcript: what is done and what is expected, in order.
struct Transcript {
    name: String,
    settings: Settings,
    steps: Vec<Step>,
    verdicts: VecDeque<Verdict>,
}

enum Step {
    Send(Vec<u8>),
    Expect(Log),
    Wait(Duration),
    TlsStarted,
    ShutDown,
    End,
}

/// What a session said and asked. Their order against each other is looked at step by step.
#[derive(Debug, Default, PartialEq, Eq)]
struct Log {
    replies: String,
    events: Vec<String>,
}

impl Transcript {
    /// Neighbouring sends joined into one, and all that is expected; the longest send.
    fn pipelined(&self) -> (Log, usize) {
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
    fn joined(&self) -> Vec<(Vec<u8>, Option<&Step>)> {
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

    fn replay(&self, mut size: impl FnMut(usize) -> usize) -> Log {
        let mut run = Run::new(self);
        for (sent, step) in self.joined() {
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(size(rest.len()).min(rest.len()));
                run.send(piece);
                rest = behind;
            }
            if let Some(step) = step {
                run.step(step, usize::MAX);
            }
        }
        let mut log = run.take_log();
        log.events.retain(|event| event != "confirmed");
        log
    }
}

/// A session under replay.
struct Run {
    session: Session,
    now: Instant,
    verdicts: VecDeque<Verdict>,
    log: Log,
    closed: bool,
    last: String,
}

impl Run {
    fn new(transcript: &Transcript) -> Self {
        let now = Instant::now();
        let session = Session::new(Arc::new(transcript.settings.clone()), CLIENT, now);
        let verdicts = transcript.verdicts.clone();
        let mut run = Self { session, now, verdicts, log: Log::default(), closed: false, last: "start".to_owned() };
        run.collect();
        run
    }

    fn step(&mut self, step: &Step, size: usize) {
        match step {
            Step::Send(octets) => {
                self.last = octets.escape_ascii().take(200).map(char::from).collect();
                octets.chunks(size).for_each(|piece| self.send(piece));
            }
            Step::Expect(_) => {}
            Step::Wait(span) => {
                self.now += *span;
                self.session.handle_timeout(self.now);
            }
            Step::TlsStarted => self.session.tls_started(self.now),
            Step::ShutDown => self.session.shut_down(),
            Step::End => self.session.input_ended(),
        }
        self.collect();
    }

    /// As an owner does: what is not wanted now is offered again once it is; behind STARTTLS it is dropped.
    fn send(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() && self.session.wants_input() {
            let taken = self.session.receive(rest, self.now);
            rest = &rest[taken..];
            self.collect();
        }
    }

    fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.log.events.push(describe(&event));
            if let Event::Mail(_) = event {
                assert!(!self.session.wants_input());
                let verdict = self.verdicts.pop_front().expect("a verdict for each mail");
                self.session.answer(verdict, self.now);
            }
        }
        let output = std::mem::take(self.session.output());
        self.log.replies += &String::from_utf8(output).expect("replies are UTF-8").replace("\r\n", "\n");
        if self.session.is_closed() && !self.closed {
            self.closed = true;
            self.log.events.push("closed".to_owned());
            assert_eq!(self.session.poll_timeout(), None);
        }
    }

    fn take_log(&mut self) -> Log {
        std::mem::take(&mut self.log)
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Confirmed => "confirmed".to_owned(),
        Event::Refused(refusal) => format!("refused {}", refusal.name()),
        Event::StartTls => "starttls".to_owned(),
        Event::Mail(mail) => describe_mail(mail),
    }
}

/// Long recipient lists and heads by their number alone.
fn describe_mail(mail: &Mail) -> String {
    let Mail { sender, recipients, head, octets, bare_line_ends, helo } = mail;
    let mut text = format!("mail from <{sender}> by {helo} to ");
    match recipients.len() {
        0..=5 => text += &recipients.join(","),
        many => write!(text, "{many}").unwrap(),
    }
    write!(text, " octets {octets}").unwrap();
    if *bare_line_ends > 0 {
        write!(text, " bare {bare_line_ends}").unwrap();
    }
    match head.len() {
        0..=200 => write!(text, " head {}", head.escape_ascii()).unwrap(),
        long => write!(text, " head of {long}").unwrap(),
    }
    text
}

fn transcripts() -> Vec<Transcript> {
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
