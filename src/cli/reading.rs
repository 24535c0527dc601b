//! The commands that read mails from files: `classify` and `replay`.

use super::Failure;
use super::arguments::{Classify, Replay};
use super::exit::DATA;
use super::lists::List;
use crate::bounce;
use crate::classify;
use crate::config::{self, Choice};
use crate::policy::{self, Actions, Decision, Received};
use crate::types::{MessageId, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

/// What `replay` counts by.
const REPLAY_COLUMNS: &[&str] = &["domain", "action", "class", "reason", "recipients"];

/// `classify`: needs no configuration, so the defaults of the action table are shown.
pub fn classify(options: &Classify) -> Result<(), Failure> {
    if options.files.is_empty() {
        return Err(Failure::usage("classify: name files or folders"));
    }
    let actions = Actions::default();
    let mut out = BufWriter::new(io::stdout().lock());
    let action = |kind, reason, class| actions.action(kind, reason, class);
    classify::run(&options.files, options.format, &action, &mut out).map_err(unreadable)?;
    Ok(out.flush()?)
}

/// Another try does not help a file that is not there.
fn unreadable(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(DATA, error.to_string()),
        _ => error.into(),
    }
}

/// `replay --dry-run`: what the mails would do under this configuration. Counters start empty and are not carried from
/// mail to mail: what is counted would be counted, whether or not that reaches a threshold.
pub fn replay(choice: &Choice, options: &Replay) -> Result<(), Failure> {
    if !options.dry_run || options.files.is_empty() {
        return Err(Failure::usage("replay: give --dry-run, and name files or folders"));
    }
    let config = config::load_complete(choice)?;
    let mut totals: BTreeMap<[String; 4], u64> = BTreeMap::new();
    let read = classify::mails(&options.files, &mut |_, mail| {
        let mail = Arc::new(mail.to_vec());
        let mut report = bounce::read(&mail);
        let received = Received {
            id: MessageId(0),
            sender: "",
            recipients: &[],
            mail: &mail,
            archive: false,
            time: Timestamp::default(),
        };
        let decision = policy::decide(&mut report, &received, &config.server.tenants, &config.server.actions);
        count(&mut totals, &report, &decision);
        Ok(())
    });
    let mut list = List::to_stdout(options.format, REPLAY_COLUMNS);
    for ([domain, action, class, reason], number) in totals {
        list.row(&[json!(domain), json!(action), json!(class), json!(reason), json!(number)])?;
    }
    list.finish()?;
    read.map_err(unreadable)
}

/// A mail without recipients counts as one.
fn count(totals: &mut BTreeMap<[String; 4], u64>, report: &bounce::Report, decision: &Decision) {
    for finding in &decision.findings {
        let recipient = finding.recipient.and_then(|index| report.recipients.get(index));
        let domain = finding.domain.as_ref().map_or("-", |domain| domain.as_str());
        let action = finding.action.map_or_else(|| finding.note.unwrap_or(report.kind.name()), policy::Action::name);
        let class = recipient.map_or("-", |recipient| recipient.class.name());
        let reason = recipient.map_or("-", |recipient| recipient.reason.name());
        *totals.entry([domain, action, class, reason].map(str::to_owned)).or_default() += 1;
    }
}
