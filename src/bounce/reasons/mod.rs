//! Why a delivery failed: from what was said to a [`Reason`].
//!
//! The order of evidence: what a known remote system means by its words, the title of the status in the text, a clear phrase,
//! an exact status, the sense of the nearest text (topics that meet in a sentence), a phrase in a link, a specific status, a
//! weak phrase, a vague sense, a refusal without a cause, the topic of a reply, a vague status, the reply code, the SMTP
//! command that was refused, and that a reply speaks of something else than the recipient. A phrase about time and network
//! yields to the sense of its text and to a status, where they speak of the mailbox. What the first sentence of a reply says
//! of the mailbox wins over side remarks about something else, and the other way round; a weak phrase about something else wins
//! over a status that calls the recipient unknown. The text wins over the code, since codes are chosen carelessly and texts
//! are written for people.
//! All phrases are searched in one pass.

mod about;
mod blocked;
mod codes;
mod content;
mod delivery;
mod disabled;
mod domain;
pub mod fold;
mod foreign;
mod frame;
mod full;
mod languages;
mod misleading;
mod normal;
mod phrases;
mod remote;
mod row;
mod sender;
mod sense;
mod session;
mod topics;
mod unknown;
mod verdict;
mod weak;

pub use normal::normalise;

use super::report::{Class, Kind, Reason};
use super::status::EnhancedStatus;
use about::{is_about_the_recipient, is_of_the_mailbox};
use phrases::Match;
use std::borrow::Cow;
pub use verdict::Verdict;

/// How many of the texts about a recipient are near enough for a weak phrase: further off, notices speak of themselves.
const NEAR_TEXTS: usize = 2;

/// Why the delivery failed.
///
/// `texts` holds what was said about this recipient, best first; a later one is asked for only when the earlier ones
/// hold no clear phrase. Returns the text that decided as well.
pub fn decide<'t>(
    texts: impl Iterator<Item = Cow<'t, str>>,
    status: Option<EnhancedStatus>,
    reply: Option<u16>,
    remote_mta: Option<&str>,
) -> (Verdict, Cow<'t, str>) {
    let exact = status.filter(|code| codes::is_exact(*code)).and_then(codes::verdict);
    let mut found = Found::default();
    for (at, text) in texts.filter(|text| !text.trim().is_empty()).enumerate() {
        let normal = normalise(&text);
        let titled = status.filter(|code| at == 0 && codes::is_titled(*code, &normal)).and_then(codes::verdict);
        let said = Said::read(&normal, remote_mta);
        let is_believed = at == 0 || exact.is_none() && found.senses.clear.is_none();
        let says_more = said.clear.is_some_and(|clear| is_of_the_mailbox(clear.reason));
        let titled = titled.filter(|title| !says_more || is_of_the_mailbox(title.reason));
        if let Some(verdict) = titled.or(said.clear.filter(|_| is_believed)) {
            return (verdict, text);
        }
        found.senses.look(&normal, at == 0, || text.clone());
        if let Some(late) = said.late.filter(|_| is_believed && !found.senses.tell_of_the_mailbox()) {
            let by_code = status.filter(|code| codes::is_of_the_recipient(*code)).and_then(codes::verdict);
            return (by_code.unwrap_or(late), text);
        }
        found.command = found.command.or_else(|| codes::by_command(&normal).map(|verdict| (verdict, text.clone())));
        if at < NEAR_TEXTS {
            found.keep(&said, status, &normal, || text.clone());
        }
        if at == 0 {
            found.nearest = (normal, text);
        }
    }
    let is_temporary = reply.is_some_and(|code| code < 500) || status.is_some_and(|status| status.class == 4);
    let found = if reply.is_some_and(codes::is_of_the_session) { found.of_the_session() } else { found };
    let (verdict, text) = found.decide(exact, status, reply);
    (verdict.for_now(is_temporary), text)
}

/// What the texts hold beside clear phrases, each with the text that it stands in.
#[derive(Default)]
struct Found<'t> {
    senses: Senses<'t>,
    faint: Option<(Verdict, Cow<'t, str>)>,
    weak: Option<(Verdict, Cow<'t, str>)>,
    refused: Option<(Verdict, Cow<'t, str>)>,
    /// The first text, in normal form and as it was.
    nearest: (String, Cow<'t, str>),
    command: Option<(Verdict, Cow<'t, str>)>,
}

impl<'t> Found<'t> {
    /// Keeps what a text says less clearly, unless an earlier one said so.
    fn keep(&mut self, said: &Said, status: Option<EnhancedStatus>, normal: &str, text: impl Fn() -> Cow<'t, str>) {
        let of_a_service = |reason| reason == Reason::MailboxDisabled && sense::speaks_of_a_service(normal);
        let believed = |verdict: &Verdict| believes_weak(verdict, status) && !of_a_service(verdict.reason);
        for (slot, verdict) in [
            (&mut self.faint, said.faint),
            (&mut self.weak, said.weak.filter(believed)),
            (&mut self.refused, said.refused.filter(believed)),
        ] {
            if slot.is_none() {
                *slot = verdict.map(|verdict| (verdict, text()));
            }
        }
    }

    /// What is left of it for a reply that is never given for a recipient: `500 Unknown verb`.
    fn of_the_session(mut self) -> Self {
        let of_a_recipient = |found: &mut (Verdict, Cow<'t, str>)| is_about_the_recipient(found.0.reason);
        self.senses.clear.take_if(of_a_recipient);
        self.weak.take_if(of_a_recipient);
        self
    }

    /// The best of it, and of what the codes say.
    fn decide(
        self,
        exact: Option<Verdict>,
        status: Option<EnhancedStatus>,
        reply: Option<u16>,
    ) -> (Verdict, Cow<'t, str>) {
        let (normal, nearest) = self.nearest;
        let without_text = |verdict: Verdict| (verdict, Cow::Borrowed(""));
        // A report that says no more than 5.0.0 may quote the code for people.
        let quoted = || frame::split(&normal).0.and_then(EnhancedStatus::find);
        let status = status.filter(|code| !code.is_bare()).or_else(quoted);
        let by_status = || {
            status
                .filter(|code| !codes::is_vague(*code) && !codes::is_general(*code))
                .and_then(codes::verdict)
                .filter(|code| !self.weak.as_ref().is_some_and(|(weak, _)| belies(weak, code)))
                .map(without_text)
        };
        let by_vague_status = || status.and_then(codes::verdict).map(without_text);
        let by_hint = || sense::hint(&normal).map(|topic| (topic.verdict("hint", topic.reason), nearest.clone()));
        let by_reply = || codes::by_reply(reply?, &normal).map(without_text);
        let of_something_else = || foreign::verdict(&normal).map(|verdict| (verdict, nearest.clone()));
        let is_rcpt = self.command.as_ref().is_some_and(|(command, _)| is_about_the_recipient(command.reason));
        let (at_rcpt, command) = if is_rcpt { (self.command, None) } else { (None, self.command) };
        (exact.map(without_text))
            .or(self.senses.clear)
            .or(self.faint)
            .or_else(by_status)
            .or(self.weak)
            .or(self.senses.vague)
            .or(self.refused)
            .or_else(by_hint)
            .or_else(by_vague_status)
            .or_else(by_reply)
            .or(command)
            .or_else(of_something_else)
            .or(at_rcpt)
            .unwrap_or_else(|| without_text(Verdict::NOTHING))
    }
}

/// What may be otherwise tomorrow is no unknown user, if nothing but a weak phrase says so; nor is one whom the server
/// refused for the sake of security. `4.7.1 Try again` is no trouble of a system.
fn believes_weak(verdict: &Verdict, status: Option<EnhancedStatus>) -> bool {
    let is_temporary = status.is_some_and(|code| code.class == 4);
    let is_security = status.is_some_and(codes::is_vague);
    let says_no_more = is_temporary && is_security && verdict.reason == Reason::SystemError;
    !(is_temporary && is_about_the_recipient(verdict.reason) || is_security && verdict.by == "rcpt" || says_no_more)
}

/// `5.1.1 over your quota` names no unknown user: codes are copied, texts are written.
const fn belies(weak: &Verdict, code: &Verdict) -> bool {
    is_about_the_recipient(code.reason) && !is_about_the_recipient(weak.reason)
}

/// What the topics of the texts say together.
#[derive(Default)]
struct Senses<'t> {
    /// More than a code.
    clear: Option<(Verdict, Cow<'t, str>)>,
    /// Less than a code: vague, or not said of this recipient alone.
    vague: Option<(Verdict, Cow<'t, str>)>,
}

impl<'t> Senses<'t> {
    /// Whether the nearest text says clearly what is wrong with the mailbox: the reason for which it waited in vain.
    fn tell_of_the_mailbox(&self) -> bool {
        self.clear.as_ref().is_some_and(|(verdict, _)| {
            matches!(
                verdict.reason,
                Reason::MailboxFull | Reason::Suspended | Reason::MailboxDisabled | Reason::HasMoved
            )
        })
    }

    fn look(&mut self, normal: &str, is_nearest: bool, text: impl FnOnce() -> Cow<'t, str>) {
        if self.clear.is_some() || self.vague.is_some() {
            return;
        }
        let Some(found) = sense::find(normal) else { return };
        let reason = by_stage(found.reason, normal, "sense");
        let verdict = found.verdict("sense", reason);
        let slot = if is_nearest && !found.is_vague() { &mut self.clear } else { &mut self.vague };
        *slot = Some((verdict, text()));
    }
}

fn verdict_of(found: Match, by: &'static str, normal: &str) -> Verdict {
    Verdict { reason: by_stage(found.reason(), normal, by), by, detail: found.text(), origin: found.origin() }
}

/// The verdicts on one text, by their strength.
#[derive(Default)]
struct Said {
    clear: Option<Verdict>,
    late: Option<Verdict>,
    faint: Option<Verdict>,
    weak: Option<Verdict>,
    refused: Option<Verdict>,
}

impl Said {
    fn read(normal: &str, remote_mta: Option<&str>) -> Self {
        if let Some(row) = remote::find(normal, remote_mta) {
            let verdict = Verdict { reason: row.reason, by: "remote", detail: row.text, origin: row.origin };
            return Self { clear: Some(verdict), ..Self::default() };
        }
        let found = phrases::search(normal);
        let weak = |found: Match| verdict_of(found, if found.is_at_rcpt() { "rcpt" } else { "weak" }, normal);
        Self {
            clear: opening(normal, &found).or(found.clear.map(|found| verdict_of(found, "phrase", normal))),
            late: found.late.map(|found| verdict_of(found, "phrase", normal)),
            faint: found.faint.map(|found| verdict_of(found, "phrase", normal)),
            weak: found.weak.map(weak),
            refused: found.refused.map(weak),
        }
    }
}

/// What the first sentence of a reply tells of the mailbox in words that no phrase foresaw, where the phrases behind it
/// speak of something else: `nobody has that address. Abuse of spam filters: …`.
fn opening(normal: &str, found: &phrases::Matches) -> Option<Verdict> {
    let of_others = |found: Match| !found.is_of_a_whole_reply() && !is_of_the_mailbox(found.reason());
    found.clear.filter(|clear| found.first.is_none() && of_others(*clear))?;
    let sense = sense::find(normal.get(frame::first_sentence(normal))?)?;
    (!sense.is_vague() && is_of_the_mailbox(sense.reason))
        .then(|| sense.verdict("sense", by_stage(sense.reason, normal, "sense")))
}

/// Whether a text names a cause clearly: used to tell a failure's sentence from small talk.
///
/// What is on hold may still arrive.
pub fn names_a_cause(text: &str) -> bool {
    names_one(&normalise(text))
}

fn names_one(normal: &str) -> bool {
    let found = phrases::search(normal);
    found.clear.or(found.late).is_some_and(|found| found.reason() != Reason::OnHold)
}

/// Whether a mail system's text names a cause, in whatever words.
pub fn suggests_a_cause(text: &str) -> bool {
    let normal = normalise(text);
    names_one(&normal) || sense::find(&normal).is_some_and(|found| !found.is_vague())
}

/// Whether a mail system's mail tells that a delivery failed, in whatever words.
pub fn tells_a_failure(subject: &str, text: &str) -> bool {
    let normal = normalise(text);
    sense::tells_a_failure(&normalise(subject))
        || sense::tells_a_failure_of_an_address(&normal)
        || names_one(&normal) && sense::tells_a_failure(&normal)
}

/// An unknown name in answer to MAIL FROM is our sender's, not the recipient's; in answer to the data, if it says no more.
fn by_stage(reason: Reason, normal: &str, by: &str) -> Reason {
    const ABOUT_SENDER: &[&str] = &["after mail from", "to mail from", "[mail_from]", "from command"];
    let about_sender = || ABOUT_SENDER.iter().any(|mark| normal.contains(mark));
    let after_data = || normal.contains("after end of data");
    match reason {
        Reason::HostUnknown if about_sender() || after_data() => Reason::Rejected,
        Reason::UserUnknown if about_sender() || matches!(by, "weak" | "rcpt") && after_data() => Reason::Rejected,
        reason => reason,
    }
}

/// Hard or soft: (kind, reason, status) → class, ordered; the first row that fits decides.
///
/// Everything that is neither named here nor undefined is soft.
const CLASSES: &[ClassRow] = &[
    ClassRow { kind: Some(Kind::Feedback), reasons: &[], temporary: None, class: Class::Feedback },
    ClassRow { kind: Some(Kind::Delay), reasons: &[], temporary: None, class: Class::Soft },
    ClassRow {
        kind: None,
        reasons: &[
            Reason::UserUnknown,
            Reason::HostUnknown,
            Reason::HasMoved,
            Reason::NotAccept,
            Reason::MailboxDisabled,
        ],
        temporary: None,
        class: Class::Hard,
    },
    ClassRow { kind: None, reasons: &[Reason::Undefined], temporary: Some(true), class: Class::Soft },
    ClassRow { kind: None, reasons: &[Reason::Undefined], temporary: None, class: Class::Hard },
];

struct ClassRow {
    kind: Option<Kind>,
    reasons: &'static [Reason],
    /// Whether the code starts with 4.
    temporary: Option<bool>,
    class: Class,
}

/// The class of a finding.
pub fn class(kind: Kind, reason: Reason, status: Option<EnhancedStatus>, reply: Option<u16>) -> Class {
    let temporary = reply.is_some_and(|code| code < 500) || status.is_some_and(|status| status.class == 4);
    let fits = |row: &&ClassRow| {
        row.kind.is_none_or(|k| k == kind)
            && (row.reasons.is_empty() || row.reasons.contains(&reason))
            && row.temporary.is_none_or(|t| t == temporary)
    };
    CLASSES.iter().find(fits).map_or(Class::Soft, |row| row.class)
}
