//! From what was found about one address to a [`Recipient`].

use super::line::excerpt;
use super::reasons;
use super::report::{DIAGNOSTIC_OCTETS_MAX, DsnAction, Kind, Reason, Recipient};
use super::status::{self, EnhancedStatus};
use crate::types::Address;
use std::borrow::Cow;

/// What a detector found about one recipient, before anybody judged it.
#[derive(Debug, Clone)]
pub struct Finding<'t> {
    pub address: Address,
    pub final_recipient: Option<Address>,
    pub action: Option<DsnAction>,
    /// As the report states it.
    pub status: Option<EnhancedStatus>,
    pub remote_mta: Option<String>,
    /// What was said about this recipient.
    pub diagnostic: Cow<'t, str>,
    /// The rule that found it.
    pub rule: Cow<'t, str>,
}

impl<'t> Finding<'t> {
    /// A finding of which only the address and the text are known.
    pub fn new(address: Address, diagnostic: impl Into<Cow<'t, str>>, rule: impl Into<Cow<'t, str>>) -> Self {
        let (diagnostic, rule) = (diagnostic.into(), rule.into());
        Self { address, final_recipient: None, action: None, status: None, remote_mta: None, diagnostic, rule }
    }

    /// Judges it. `more` gives further texts about it, best first, asked for only as needed.
    pub fn judge(self, kind: Kind, more: impl Iterator<Item = Cow<'t, str>>) -> Recipient {
        let reply = status::find_reply(&self.diagnostic);
        let status = better_status(self.status, &self.diagnostic, reply);
        let texts = std::iter::once(Cow::Borrowed(&*self.diagnostic)).chain(more.map(|text: Cow<'_, str>| text));
        let kind = if self.action == Some(DsnAction::Delayed) { Kind::Delay } else { kind };
        let (verdict, text) = reasons::decide(texts, status, reply, self.remote_mta.as_deref());
        let reason =
            if kind == Kind::Delay && verdict.reason == Reason::Undefined { Reason::Delayed } else { verdict.reason };
        let diagnostic = excerpt(&self.diagnostic, DIAGNOSTIC_OCTETS_MAX);
        let evidence = match &*text {
            "" => verdict.detail.to_owned(),
            text if text == self.diagnostic => diagnostic.clone(),
            text => excerpt(text, DIAGNOSTIC_OCTETS_MAX),
        };
        Recipient {
            address: self.address,
            final_recipient: self.final_recipient,
            class: reasons::class(kind, reason, status, reply),
            reason,
            action: self.action,
            status,
            reply,
            remote_mta: self.remote_mta,
            diagnostic: (!diagnostic.is_empty()).then_some(diagnostic),
            rule: rule_name(&self.rule, &verdict),
            evidence,
        }
    }
}

/// `dsn, phrase "mailbox full" (Exim)`.
fn rule_name(found_by: &str, verdict: &reasons::Verdict) -> String {
    match verdict.by {
        "none" => [found_by, ", no reason given"].concat(),
        by if matches!(verdict.origin, "" | "various") => [found_by, ", ", by, " \"", verdict.detail, "\""].concat(),
        by => [found_by, ", ", by, " \"", verdict.detail, "\" (", verdict.origin, ")"].concat(),
    }
}

/// The report's status, unless it is bare and the text holds one that says more.
///
/// A gateway often writes 5.0.0 or 4.4.7 itself and quotes the real code; one that contradicts the reply is not taken.
fn better_status(stated: Option<EnhancedStatus>, text: &str, reply: Option<u16>) -> Option<EnhancedStatus> {
    let vague = |status: EnhancedStatus| status.is_bare() || (status.subject, status.detail) == (4, 7);
    match stated {
        Some(stated) if !vague(stated) => Some(stated),
        stated => {
            let fits = |found: &EnhancedStatus| {
                found.class != 2 && !found.is_bare() && reply.is_none_or(|code| code / 100 == u16::from(found.class))
            };
            EnhancedStatus::find_all(text).find(fits).or(stated).or_else(|| EnhancedStatus::find(text))
        }
    }
}
