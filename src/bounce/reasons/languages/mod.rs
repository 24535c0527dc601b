//! What mail systems say in other languages than English: phrases in lower case, as the texts are when they are searched.
//!
//! The rows of one table stand behind those in English of the same meaning. Languages that write without spaces, or bend
//! words at their ends, need stems: so the halves of a phrase are short.

mod message;
mod recipient;

pub(super) use message::{LATE, MESSAGE};
pub(super) use recipient::{DISABLED, DOMAIN, FULL, UNKNOWN};
