//! What unit tests of several modules are about: a recipient, a report, a notification and a platform with nothing special to them.

use crate::bounce::{Class, Envelope, Kind, Reason, Recipient, Report};
use crate::change::Notification;
use crate::evidence::Rules;
use crate::tenant::{Endpoint, Tenant, UrlTemplate};
use crate::types::{Address, Domain, MessageId, Timestamp};

pub fn recipient(mailbox: &str, class: Class, reason: Reason) -> Recipient {
    Recipient {
        address: Address::parse(mailbox).unwrap(),
        final_recipient: None,
        class,
        reason,
        action: None,
        status: None,
        reply: None,
        remote_mta: None,
        diagnostic: None,
        rule: String::new(),
        evidence: String::new(),
    }
}

pub fn report(kind: Kind, recipients: Vec<Recipient>) -> Report {
    Report {
        kind,
        recipients,
        rule: String::new(),
        envelope: Envelope::default(),
        returned: None,
        problems: Vec::new(),
    }
}

/// One that was never tried, due since ever.
pub fn notification(domain: &Domain) -> Notification {
    Notification {
        id: 0,
        idempotency_key: String::new(),
        domain: domain.clone(),
        address: Address::parse("gone@some-provider.com").unwrap(),
        class: Class::Hard,
        reason: Reason::UserUnknown,
        status: None,
        diagnostic: None,
        count: 0,
        message_id: MessageId(0),
        created: Timestamp::default(),
        tried_since: Timestamp::default(),
        attempts: 0,
        next_attempt: Timestamp::default(),
        last_error: None,
    }
}

pub fn tenant(domain: &str) -> Tenant {
    Tenant {
        domain: Domain::parse(domain).unwrap(),
        endpoint: Endpoint::Template(UrlTemplate::parse("http://h/{address}").unwrap()),
        headers: Vec::new(),
        json_body: false,
        done_statuses: Vec::new(),
        threshold: 3,
        window: None,
        evidence: Rules::default(),
    }
}
