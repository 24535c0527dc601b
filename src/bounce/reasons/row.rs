//! A row of a table of phrases.

use crate::bounce::report::Reason;

/// A phrase in lower case, with `@` for any address; the reason; who says so.
///
/// ` .. ` stands for at most [`super::phrases::GAP_OCTETS_MAX`] octets of anything.
pub(super) struct Row(pub(super) &'static str, pub(super) Reason, pub(super) &'static str);
