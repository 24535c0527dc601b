//! What a phrase of a notice is good for.

/// What a mark is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Behind it, on the same line or below, stand the recipients.
    Intro,
    /// A sentence of a failure notice; the recipient may stand anywhere in its line.
    Failure,
    /// Everything behind it is the returned message. Counts at the start of a line only.
    Returned,
    /// The same, if nothing but punctuation and [`super::marks::TITLE_ENDS`] follows on the line: `The original message was received at` is none.
    Title,
    /// The message has arrived; in a notice without a cause it is a receipt.
    Success,
    /// The message waits for its sender to prove that he is one.
    Held,
    /// The message is late, not lost.
    Delay,
    /// Who to turn to: an address on this line, unless introduced in front of it, is help and not a recipient.
    Help,
}

/// A phrase in lower case, its role, and who says so.
pub(super) struct Mark(
    pub(super) &'static str,
    pub(super) Role,
    #[expect(dead_code, reason = "provenance stands beside each row")] pub(super) &'static str,
);
