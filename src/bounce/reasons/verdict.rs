//! What was decided about a failure.

use crate::bounce::report::Reason;

/// What was decided, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub reason: Reason,
    /// The kind of evidence, for the rule's name: `remote`, `phrase`, `sense`, `status`, `weak`, `rcpt`, `hint`, `reply`, `command`, `none`.
    pub by: &'static str,
    /// The phrase, the code or the sender that decided.
    pub detail: &'static str,
    /// Who uses it.
    pub origin: &'static str,
}

impl Verdict {
    pub(super) const NOTHING: Self = Self { reason: Reason::Undefined, by: "none", detail: "", origin: "" };

    /// What is closed for now is only locked, unless a known phrase says otherwise.
    pub(super) fn for_now(self, is_temporary: bool) -> Self {
        let is_closed = self.reason == Reason::MailboxDisabled && matches!(self.by, "sense" | "hint" | "weak");
        Self { reason: if is_temporary && is_closed { Reason::Suspended } else { self.reason }, ..self }
    }
}
