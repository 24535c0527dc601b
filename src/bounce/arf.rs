//! The fields of a feedback report (RFC 5965 §3).

use super::address;
use crate::types::Address;

/// The most recipients of one report.
const RECIPIENTS_MAX: usize = 500;

/// What a report says.
#[derive(Debug, Default)]
pub struct FeedbackReport {
    /// `Feedback-Type`, in lower case.
    pub kind: Option<String>,
    /// `Original-Rcpt-To` and the names that older reports use.
    pub recipients: Vec<Address>,
}

impl FeedbackReport {
    /// Whether somebody complains: `not-spam` says the contrary, authentication reports (RFC 6591) speak of us.
    pub fn is_complaint(&self) -> bool {
        !matches!(self.kind.as_deref(), Some("not-spam" | "auth-failure" | "dmarc" | "authentication-failure"))
    }
}

/// Reads the fields.
pub fn read(text: &str) -> FeedbackReport {
    let mut report = FeedbackReport::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "feedback-type" => report.kind = Some(value.trim().to_ascii_lowercase()),
            "original-rcpt-to" | "original-recipient" | "removal-recipient" | "redacted-address" => {
                add(&mut report.recipients, value);
            }
            _ => {}
        }
    }
    report
}

fn add(recipients: &mut Vec<Address>, value: &str) {
    if let Some(address) = address::parse_recipient_field(value).filter(|address| !recipients.contains(address))
        && recipients.len() < RECIPIENTS_MAX
    {
        recipients.push(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_other_reports() {
        let report = read(
            "Feedback-Type: abuse\nOriginal-Rcpt-To: <a@example.com>\nOriginal-Rcpt-To: b@example.com\nOriginal-Rcpt-To: a@example.com\n",
        );
        assert!(report.is_complaint());
        assert_eq!(report.recipients.len(), 2);
        for kind in ["not-spam", "auth-failure"] {
            assert!(!read(&format!("Feedback-Type: {kind}\n")).is_complaint());
        }
    }
}
