//! Reads a bounce: bytes in, [`Report`] out. Never fails, never panics; odd mail gives findings and [`Problem`]s.
//!
//! The only part that names mailparse. It reads no clock, no socket and no file.

mod report;
mod status;

pub use report::{
    Class, DIAGNOSTIC_OCTETS_MAX, DsnAction, Envelope, Kind, Problem, Reason, Recipient, Report, Returned,
};
pub use status::EnhancedStatus;

/// Reads one mail.
pub fn read(_mail: &[u8]) -> Report {
    Report {
        kind: Kind::NotBounce,
        recipients: Vec::new(),
        rule: String::new(),
        envelope: Envelope::default(),
        returned: None,
        problems: Vec::new(),
    }
}
