//! A session that lives through a transcript.

use super::CLIENT;
use super::transcript::{Log, Step, Transcript};
use bouncesvc::smtp::{Event, Mail, Session, Verdict};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// What a session says and asks in all, when octets are sent in pieces of these sizes.
pub fn replay(transcript: &Transcript, mut size: impl FnMut(usize) -> usize) -> Log {
    let mut run = Run::new(transcript);
    for (sent, step) in transcript.joined() {
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

/// A session under replay.
pub struct Run {
    session: Session,
    now: Instant,
    verdicts: VecDeque<Verdict>,
    log: Log,
    closed: bool,
    /// What was sent last.
    pub last: String,
}

impl Run {
    pub fn new(transcript: &Transcript) -> Self {
        let now = Instant::now();
        let session = Session::new(Arc::new(transcript.settings.clone()), CLIENT, now);
        let verdicts = transcript.verdicts.clone();
        let mut run = Self { session, now, verdicts, log: Log::default(), closed: false, last: "start".to_owned() };
        run.collect();
        run
    }

    pub fn step(&mut self, step: &Step, size: usize) {
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

    pub fn take_log(&mut self) -> Log {
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
    let Mail { sender, recipients, head, octets, bare_line_ends } = mail;
    let mut text = format!("mail from <{sender}> to ");
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
