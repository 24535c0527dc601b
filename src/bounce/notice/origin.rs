//! Does the header say that a mail system wrote this? Weighed before the text is believed.

use super::{languages, replies};
use crate::bounce::envelope::Outer;
use crate::bounce::reasons::fold;
use crate::needles::Needles;
use std::sync::LazyLock;

/// From this weight on, the text's words about a failed delivery are believed.
pub const ENOUGH: i32 = 3;

/// Local parts that mail systems write under, without punctuation.
const DAEMONS: &[&str] = &[
    "daemon",
    "mdaemon",
    "mailerdeamon",
    "maildeliverysystem",
    "maildeliverysubsystem",
    "mailsystem",
    "bounce",
    "bounces",
    "mmdf",
    "uucp",
    "returnedmail",
    "imss",
    "inetgw",
    "mailmarshal",
    "mailscanner",
    "antivirus",
    "virusalert",
    "mailgw",
    "mailrobot",
    "mta",
    "ndn",
];

/// Names that mail systems sign with.
const NAMES: &[&str] = &[
    "mail delivery",
    "mail deliver system",
    "delivery subsystem",
    "delivery system",
    "mailer daemon",
    "mailer-daemon",
    "mailerdaemon",
    "system administrator",
    "systemadministrator",
    "administrador del sistema",
    "administrateur syst\u{e8}me",
    "interscan",
    "internet mail delivery",
    "mail administrator",
    "mail system",
    "microsoft outlook",
    "postmaster",
    "mail router",
    "mailsweeper",
    "e-mail gateway",
    "mail gateway",
];

/// Subjects of notices, in lower case.
const SUBJECTS: &[&str] = &[
    "undeliver",
    "undelivered",
    "returned mail",
    "returned email",
    "returned to sender",
    "returning message to sender",
    "returning to sender",
    "return to sender",
    "failure notice",
    "failure delivery",
    "failed mail",
    "failed delivery",
    "delivery fail",
    "delivery failure",
    "delivery failed",
    "delivery has failed",
    "delivery status",
    "delivery notification",
    "delivery problem",
    "delivery report",
    "delivery error",
    "delivery warning",
    "delivery delay",
    "delivery incomplete",
    "delivery unsuccessful",
    "non delivery",
    "non-delivery",
    "nondeliver",
    "not delivered",
    "not be delivered",
    "not deliverable",
    "mail failure",
    "mail failed",
    "mail error",
    "mail system error",
    "message failure",
    "message delivery",
    "message status",
    "user unknown",
    "unknown user",
    "mail could not be",
    "delayed mail",
    "still being retried",
    "warning: message",
    "warning: could not send",
    "could not send message",
    "error sending your mail",
    "error sending",
    "automatically rejected",
    "rejected mail",
    "message rejected",
    "mail rejected",
    "mail returned",
    "message undeliverable",
    "bounced mail",
    "bounce notification",
    "nameserver error report",
    "non remis",
    "non remise",
    "\u{e9}chec de la remise",
    "non recens\u{e9}",
    "unzustellbar",
    "nicht zustellbar",
    "nicht zugestellt",
    "zustellung fehlgeschlagen",
    "fehler bei der nachrichten",
    "no se puede entregar",
    "no entregado",
    "no se ha podido entregar",
    "correo devuelto",
    "error de entrega",
    "n\u{e3}o entregue",
    "n\u{e3}o entreg",
    "falha na entrega",
    "falha no envio",
    "mancato recapito",
    "non recapitabile",
    "impossibile recapitare",
    "onbestelbaar",
    "niet bezorgd",
    "kan niet worden bezorgd",
    "nie dostarczono",
    "niedostarczalna",
    "niedor\u{119}czon",
    "\u{43d}\u{435} \u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}\u{43b}\u{435}\u{43d}\u{43e}",
    "\u{43d}\u{435}\u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}",
    "\u{9000}\u{4fe1}",
    "\u{6295}\u{9012}\u{5931}\u{8d25}",
    "\u{672a}\u{9001}\u{9054}",
    "\u{672a}\u{9001}\u{8fbe}",
    "\u{65e0}\u{6cd5}\u{6295}\u{9012}",
    "\u{7121}\u{6cd5}\u{50b3}\u{9001}",
    "\u{914d}\u{4fe1}\u{4e0d}\u{80fd}",
    "\u{914d}\u{4fe1}\u{3067}\u{304d}",
    "\u{914d}\u{4fe1}\u{30a8}\u{30e9}\u{30fc}",
    "\u{9001}\u{4fe1}\u{30a8}\u{30e9}\u{30fc}",
    "\u{ba54}\u{c77c} \u{c804}\u{c1a1} \u{c2e4}\u{d328}",
    "\u{bc1c}\u{c1a1} \u{c2e4}\u{d328}",
];

static MACHINE_NAMES: LazyLock<Needles> = LazyLock::new(|| Needles::new(NAMES));

static NOTICE_SUBJECTS: LazyLock<Needles> =
    LazyLock::new(|| Needles::new(SUBJECTS.iter().chain(languages::SUBJECTS).flat_map(|words| fold::spellings(words))));

/// How much the header speaks for a mail system as author.
pub fn weigh(outer: &Outer, content_type: &str) -> i32 {
    let from = outer.envelope.from.to_lowercase();
    let can_be_answered = outer.return_path.as_deref().is_some_and(is_answered_path);
    let is_daemon = is_machine(&from) || !can_be_answered && has_machine_name(&from);
    let mut weight = 0;
    if is_daemon {
        weight += 3;
    }
    if is_notice_subject(&outer.envelope.subject) {
        weight += 2;
    }
    if !outer.failed_recipients.is_empty() {
        weight += 3;
    }
    if content_type.starts_with("multipart/report") && !content_type.contains("feedback-report") {
        weight += if content_type.contains("disposition-notification") { 0 } else { 2 };
    }
    if outer.return_path.as_deref().is_some_and(|path| path.trim() == "<>") {
        weight += 1;
    }
    if !is_daemon {
        weight += personal_weight(outer, &from, can_be_answered);
    }
    weight
}

/// Whether a subject is one of a failure notice.
pub fn is_notice_subject(subject: &str) -> bool {
    NOTICE_SUBJECTS.is_in(fold::plain(&subject.to_lowercase().replace("e-mail", "email")).as_bytes())
}

/// What speaks for a person or a list as author, and for a machine without a known name.
fn personal_weight(outer: &Outer, from: &str, can_be_answered: bool) -> i32 {
    // Who sends to many has a path for bounces of its own.
    let sends_to_many = outer.return_path.as_deref().is_some_and(is_bounce_path);
    let mut weight = -i32::from(can_be_answered) - i32::from(sends_to_many);
    if outer.is_reply {
        weight -= 1;
    }
    let lists = ["list-id: ", "list-unsubscribe: ", "precedence: list", "x-cron-env: "];
    if outer.marks.iter().any(|mark| lists.iter().any(|list| mark.starts_with(list))) {
        weight -= 2;
    }
    if ["root@", "nagios@", "monitor@", "logwatch@"].iter().any(|local| from.contains(local)) {
        weight -= 2;
    }
    if outer.envelope.subject.starts_with('[') {
        weight -= 1;
    }
    if is_passed_on(&outer.envelope.subject.to_lowercase()) {
        weight -= 2;
    }
    if ["no-reply@", "noreply@", "no_reply@", "donotreply@"].iter().any(|local| from.contains(local)) {
        // What else than notices such a machine sends can bounce itself.
        weight += if can_be_answered { -1 } else { 1 };
    }
    if replies::is_reply_subject(&outer.envelope.subject) {
        weight -= 4;
    }
    weight
}

/// A subject that a person passes on, or that a ticket system numbered.
fn is_passed_on(subject: &str) -> bool {
    const STARTS: &[&str] = &["fw:", "fwd:", "wg:", "tr:", "rv:", "vs:", "[ticket", "[case", "ticket#"];
    STARTS.iter().any(|start| subject.trim_start().starts_with(start))
}

/// Notices go out with a null sender, or one where nobody reads; what people and their newsletters send can bounce itself.
fn is_answered_path(path: &str) -> bool {
    path.contains('@') && (is_bounce_path(path) || !is_machine(&path.to_lowercase()))
}

fn is_bounce_path(path: &str) -> bool {
    path.trim_start_matches('<').get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bounce"))
}

/// Whether a mail system stands in `From`, by its address or by its name.
pub fn is_daemon(from: &str) -> bool {
    is_machine(from) || has_machine_name(from)
}

fn has_machine_name(from: &str) -> bool {
    let display = from.split('<').next().unwrap_or("");
    MACHINE_NAMES.is_in(display.as_bytes())
}

/// A sender without an address is a null sender: people always have one.
fn is_machine(from: &str) -> bool {
    // In the old form the name stands behind, as a comment: `root@example.com (Cron Daemon)`.
    let address = from.split(" (").next().filter(|address| address.contains('@')).unwrap_or(from);
    let local = address.rsplit(['<', ' ']).next().unwrap_or("").split('@').next().unwrap_or("");
    let plain: String = local.chars().filter(char::is_ascii_alphabetic).collect();
    let null = from.ends_with("<>") || !from.contains('@') && from.contains("daemon");
    let is_known = ["mailerdaemon", "maildaemon", "mailgateway", "postmaster"].iter().any(|end| plain.ends_with(end));
    null || is_known || DAEMONS.contains(&plain.as_str())
}
