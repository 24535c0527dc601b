//! Who wrote it, and what it says: the ordered table of detectors.
//!
//! The first detector that recognises the mail decides. Each knows one format; the last ones know none: they read prose, and keep what
//! nobody could read.

mod delivery_status;
mod feedback;
mod ordinary;
mod prose;
mod sns;
mod unread;
mod wrapped;

use super::mail::Mail;
use super::report::{Kind, Recipient};

/// What a detector found.
pub struct Detected {
    pub kind: Kind,
    /// The detector's name, and how sure it was.
    pub rule: String,
    pub recipients: Vec<Recipient>,
}

/// One format.
struct Detector {
    read: fn(&Mail<'_>) -> Option<Detected>,
    /// Where the format is described, or who sends it.
    #[expect(dead_code, reason = "provenance stands beside each row")]
    origin: &'static str,
}

const DETECTORS: &[Detector] = &[
    Detector { read: feedback::read, origin: "RFC 5965, Hotmail's JMRP, Apple's unsubscribe mail" },
    Detector { read: delivery_status::read, origin: "RFC 3464, RFC 6533" },
    Detector { read: sns::read, origin: "Amazon SES notifications by mail" },
    Detector { read: wrapped::read, origin: "gateways that pass a bounce on inside one of their own" },
    Detector { read: prose::read, origin: "every other sender" },
    Detector { read: unread::read, origin: "notices of any sender that name nobody" },
];

/// Runs the detectors in order.
pub fn run(mail: &Mail<'_>) -> Detected {
    DETECTORS.iter().find_map(|detector| (detector.read)(mail)).unwrap_or_else(|| ordinary::read(mail))
}

/// Runs those that look at the mail itself alone, not at a bounce inside it: this is where wrapping ends.
fn run_inside(mail: &Mail<'_>) -> Option<Detected> {
    [delivery_status::read, prose::read].iter().find_map(|read| read(mail))
}
