//! Invariant: whoever does not know the secret gets nobody counted or switched off where strong evidence is asked for, whatever the
//! mail and its envelope say; and a signed envelope sender is read back as what it was made of.
//!
//! Of the input the first line is the envelope recipient, the rest is the mail.

#![no_main]

use bouncesvc::bounce;
use bouncesvc::change::Change;
use bouncesvc::evidence::{self, Inquiry, Rules, Strength};
use bouncesvc::policy::{self, Actions, Received};
use bouncesvc::tenant::{Tenant, Tenants};
use bouncesvc::types::{Address, MessageId, Secret, Timestamp};
use bouncesvc_fuzz::platform;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static TENANTS: LazyLock<Tenants> = LazyLock::new(|| Tenants::new(vec![tenant()]));

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|octet| *octet == b'\n').unwrap_or(0);
    let (path, mail) = input.split_at(end);
    let path = String::from_utf8_lossy(path).into_owned();
    no_forgery_has_an_effect(&path, mail);
    if let Some(address) = Address::parse(&path) {
        a_signature_is_read_back(&address);
    }
});

fn no_forgery_has_an_effect(path: &str, mail: &[u8]) {
    let mut report = bounce::read(mail);
    let (recipients, mail) = ([path.to_owned()], Arc::new(mail.to_vec()));
    let time = today();
    let received =
        Received { id: MessageId(1), sender: "", recipients: &recipients, mail: &mail, archive: false, time };
    let decision = policy::decide(&mut report, &received, &TENANTS, &Actions::default());
    assert!(decision.changes.iter().all(|change| matches!(change, Change::Quarantine(_))));
    assert!(decision.changes.len() <= 1);
}

fn a_signature_is_read_back(address: &Address) {
    let (tenant, day) = (tenant(), today().into());
    let signature = evidence::sign(&tenant.evidence.secrets[0], address, &tenant.domain, day);
    let Some(path) = evidence::verp("bounce", address, &tenant.domain, &signature) else { return };
    let mut report = bounce::read(b"Subject: Undelivered Mail Returned to Sender\r\n\r\nIt failed.\r\n");
    report.kind = bounce::Kind::Bounce;
    report.recipients.clear();
    let paths = [path];
    let inquiry = Inquiry { domain: &tenant.domain, rules: &tenant.evidence, paths: &paths, today: day };
    inquiry.settle_address(&mut report);
    assert_eq!(report.recipients[0].address, *address);
    assert_eq!(inquiry.strength(address, &report), Strength::Strong);
}

fn today() -> Timestamp {
    Timestamp::default().after(Duration::from_secs(20_778 * 86_400))
}

/// Strong evidence is asked for, and each failure would do.
fn tenant() -> Tenant {
    let secrets = vec![Secret::new("a secret that no input knows".to_owned())];
    let evidence = Rules { required: Strength::Strong, secrets, days_max: 30 };
    Tenant { threshold: 0, evidence, ..platform::tenant() }
}
