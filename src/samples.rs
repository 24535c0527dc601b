//! What unit tests of several modules are about: a recipient, a report and a platform with nothing special to them.

use crate::bounce::{Class, Envelope, Kind, Reason, Recipient, Report};
use crate::evidence::Rules;
use crate::tenant::{Endpoint, Tenant, UrlTemplate};
use crate::types::{Address, Domain};

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
