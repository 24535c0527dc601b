use super::*;
use crate::bounce::{EnhancedStatus, Envelope, Returned};
use crate::evidence::{self, Day, Rules};
use crate::samples::{self, recipient};
use std::time::Duration;

fn tenants(domains: &[&str]) -> Tenants {
    Tenants::new(domains.iter().map(|domain| samples::tenant(domain)).collect())
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn report(kind: Kind, recipients: Vec<Recipient>) -> Report {
    let envelope = Envelope { to_mailboxes: vec![address("no-reply@mydomain.de")], ..Envelope::default() };
    Report { envelope, ..samples::report(kind, recipients) }
}

fn decided(report: &Report, actions: &Actions) -> Decision {
    let mail = Arc::new(b"mail".to_vec());
    let received = Received {
        id: MessageId(7),
        sender: "",
        recipients: &[],
        mail: &mail,
        archive: true,
        time: Timestamp::default(),
    };
    decide(&mut report.clone(), &received, &tenants(&["mydomain.de"]), actions)
}

/// What the changes are, one word each.
fn words(decision: &Decision) -> Vec<&'static str> {
    let word = |change: &Change| match change {
        Change::Suspend { .. } => "suspend",
        Change::CountSoft { .. } => "count",
        Change::Quarantine(mail) => mail.cause,
    };
    decision.changes.iter().map(word).collect()
}

fn overriding(reason: Reason, action: Action) -> Actions {
    Actions { overrides: BTreeMap::from([(reason, action)]) }
}

#[test]
fn every_row_says_where_it_comes_from() {
    assert!(DEFAULT_ACTIONS.iter().all(|row| row.origin.len() > 10));
}

#[test]
fn the_table_decides() {
    for (kind, reason, class, action) in [
        (Kind::Bounce, Reason::UserUnknown, Class::Hard, Action::Suspend),
        (Kind::Bounce, Reason::Undefined, Class::Hard, Action::Suspend),
        (Kind::Bounce, Reason::Filtered, Class::Hard, Action::Suspend),
        (Kind::Bounce, Reason::Undefined, Class::Soft, Action::Count),
        (Kind::Bounce, Reason::MailboxFull, Class::Soft, Action::Count),
        (Kind::Bounce, Reason::Blocked, Class::Soft, Action::Alert),
        (Kind::Bounce, Reason::Vacation, Class::Soft, Action::Ignore),
        (Kind::Bounce, Reason::Delivered, Class::Hard, Action::Ignore),
        (Kind::Delay, Reason::Delayed, Class::Soft, Action::Count),
        (Kind::Delay, Reason::UserUnknown, Class::Hard, Action::Count),
        (Kind::Delay, Reason::RateLimited, Class::Soft, Action::Alert),
        (Kind::Feedback, Reason::Complaint, Class::Feedback, Action::Ignore),
        (Kind::AutoReply, Reason::Vacation, Class::Soft, Action::Ignore),
        (Kind::NotBounce, Reason::UserUnknown, Class::Hard, Action::Ignore),
    ] {
        assert_eq!(default_action(kind, reason, class), action, "{kind:?} {reason:?} {class:?}");
    }
}

#[test]
fn a_failure_that_is_ours_touches_no_counter() {
    for &reason in OURS {
        let decision =
            decided(&report(Kind::Bounce, vec![recipient("a@b.de", Class::Soft, reason)]), &Actions::default());
        assert_eq!((words(&decision), decision.findings[0].action), (vec![], Some(Action::Alert)), "{reason:?}");
    }
}

#[test]
fn the_operators_word_comes_first() {
    let blocked = report(Kind::Bounce, vec![recipient("a@b.de", Class::Soft, Reason::Blocked)]);
    assert_eq!(words(&decided(&blocked, &overriding(Reason::Blocked, Action::Count))), ["count"]);
    let complaint = report(Kind::Feedback, vec![recipient("a@b.de", Class::Feedback, Reason::Complaint)]);
    assert_eq!(words(&decided(&complaint, &overriding(Reason::Complaint, Action::Suspend))), ["suspend"]);
    let unknown = report(Kind::Bounce, vec![recipient("a@b.de", Class::Hard, Reason::UserUnknown)]);
    assert!(words(&decided(&unknown, &overriding(Reason::UserUnknown, Action::Ignore))).is_empty());
}

#[test]
fn a_delay_warning_never_suspends() {
    let delay = report(Kind::Delay, vec![recipient("a@b.de", Class::Soft, Reason::MailboxFull)]);
    assert_eq!(words(&decided(&delay, &overriding(Reason::MailboxFull, Action::Suspend))), ["count"]);
}

#[test]
fn each_recipient_gets_its_own_change() {
    let recipients = vec![
        recipient("a@b.de", Class::Hard, Reason::UserUnknown),
        recipient("c@b.de", Class::Soft, Reason::SpamDetected),
        recipient("d@b.de", Class::Soft, Reason::MailboxFull),
    ];
    let decision = decided(&report(Kind::Bounce, recipients), &Actions::default());
    assert_eq!(words(&decision), ["suspend", "count"]);
    let links: Vec<_> = decision.findings.iter().map(|finding| (finding.recipient, finding.change)).collect();
    assert_eq!(links, [(Some(0), Some(0)), (Some(1), None), (Some(2), Some(1))]);
    let Change::CountSoft { failure, threshold, archive, .. } = &decision.changes[1] else { panic!() };
    assert_eq!((failure.address.as_str(), failure.message_id, *threshold), ("d@b.de", MessageId(7), 3));
    assert_eq!(archive.as_deref().map(Vec::as_slice), Some(&b"mail"[..]));
}

#[test]
fn mail_without_a_bounce_changes_nothing() {
    for (kind, note) in [(Kind::AutoReply, "auto_reply"), (Kind::NotBounce, "not_bounce")] {
        let decision = decided(&report(kind, Vec::new()), &Actions::default());
        assert_eq!((words(&decision), decision.findings[0].note), (vec![], Some(note)));
    }
}

#[test]
fn a_bounce_that_nobody_can_read_is_kept() {
    for kind in [Kind::Bounce, Kind::Delay] {
        assert_eq!(words(&decided(&report(kind, Vec::new()), &Actions::default())), ["unreadable"]);
    }
    let complaint = report(Kind::Feedback, Vec::new());
    assert!(words(&decided(&complaint, &Actions::default())).is_empty());
    assert_eq!(words(&decided(&complaint, &overriding(Reason::Complaint, Action::Count))), ["unreadable"]);
}

#[test]
fn a_bounce_of_nobodys_domain_is_kept_once() {
    let mut foreign = report(
        Kind::Bounce,
        vec![
            recipient("a@b.de", Class::Hard, Reason::UserUnknown),
            recipient("c@b.de", Class::Soft, Reason::Blocked),
            recipient("d@b.de", Class::Soft, Reason::Vacation),
        ],
    );
    foreign.envelope.to_mailboxes = vec![address("x@evil-mydomain.de")];
    let decision = decided(&foreign, &Actions::default());
    assert_eq!(words(&decision), ["no_domain"]);
    let notes: Vec<_> = decision.findings.iter().map(|finding| (finding.note, finding.change)).collect();
    assert_eq!(notes, [(Some("no_domain"), Some(0)), (Some("no_domain"), Some(0)), (None, None)]);
}

/// Where the sending domain stands, in the order in which it is looked for.
#[test]
fn the_most_direct_sign_of_the_sending_domain_wins() {
    let tenants = tenants(&["to.de", "rcpt.de", "delivered.de", "from.de", "path.de"]);
    let mail = Arc::new(b"".to_vec());
    let (to, rcpt) = (address("prvs=1a2b=no-reply@mail.to.de"), "bounces+x=y.example@RCPT.de".to_owned());
    let returned = Returned {
        from: vec![address("no-reply@from.de")],
        return_path: Some(address("x@path.de")),
        ..Returned::default()
    };
    for (keeps, expected) in [(5, "to.de"), (4, "rcpt.de"), (3, "delivered.de"), (2, "from.de"), (1, "path.de")] {
        let mut report = report(Kind::Bounce, vec![recipient("a@b.de", Class::Hard, Reason::UserUnknown)]);
        report.envelope.to_mailboxes = (keeps >= 5).then(|| to.clone()).into_iter().collect();
        report.envelope.delivered_to = (keeps >= 3).then(|| address("x@delivered.de")).into_iter().collect();
        report.returned =
            Some(Returned { from: if keeps >= 2 { returned.from.clone() } else { vec![] }, ..returned.clone() });
        let recipients = if keeps >= 4 { vec!["postmaster".to_owned(), rcpt.clone()] } else { vec![] };
        let received = Received {
            id: MessageId(1),
            sender: "",
            recipients: &recipients,
            mail: &mail,
            archive: false,
            time: Timestamp::default(),
        };
        let decision = decide(&mut report.clone(), &received, &tenants, &Actions::default());
        assert_eq!(decision.findings[0].domain.as_ref().map(Domain::as_str), Some(expected));
    }
}

#[test]
fn of_several_configured_domains_the_first_one_decides() {
    let mail = Arc::new(b"".to_vec());
    let received = Received {
        id: MessageId(1),
        sender: "",
        recipients: &[],
        mail: &mail,
        archive: false,
        time: Timestamp::default(),
    };
    let mut bounce = report(Kind::Bounce, vec![recipient("a@b.de", Class::Hard, Reason::UserUnknown)]);
    bounce.envelope.to_mailboxes = vec![address("x@b.parent.de"), address("x@first.de")];
    for (domains, expected) in [
        (["first.de", "parent.de"], "first.de"),
        (["parent.de", "first.de"], "parent.de"),
        (["parent.de", "b.parent.de"], "parent.de"),
        (["b.parent.de", "parent.de"], "b.parent.de"),
    ] {
        let decision = decide(&mut bounce.clone(), &received, &tenants(&domains), &Actions::default());
        assert_eq!(decision.findings[0].domain.as_ref().map(Domain::as_str), Some(expected), "{domains:?}");
    }
}

#[test]
fn without_the_evidence_that_is_asked_for_nothing_counts_or_suspends() {
    let named = || Some(Returned { from: vec![address("news@mydomain.de")], ..Returned::default() });
    for (required, returned, expected) in [
        (Strength::None, None, "suspend"),
        (Strength::Weak, None, "no_evidence"),
        (Strength::Weak, named(), "suspend"),
        (Strength::Strong, named(), "no_evidence"),
    ] {
        let rules = Rules { required, ..Rules::default() };
        let report =
            Report { returned, ..report(Kind::Bounce, vec![recipient("a@b.de", Class::Hard, Reason::UserUnknown)]) };
        assert_eq!(words(&decided_by(&report, &[], rules)), [expected], "{required:?}");
    }
    let soft = report(Kind::Bounce, vec![recipient("a@b.de", Class::Soft, Reason::MailboxFull)]);
    let weak = Rules { required: Strength::Weak, ..Rules::default() };
    assert_eq!(words(&decided_by(&soft, &[], weak.clone())), ["no_evidence"]);
    let ours = report(Kind::Bounce, vec![recipient("a@b.de", Class::Soft, Reason::Blocked)]);
    assert!(words(&decided_by(&ours, &[], weak)).is_empty(), "an alert needs no evidence");
}

#[test]
fn a_signed_envelope_sender_proves_its_recipient_and_replaces_a_forwarded_one() {
    let secret = crate::types::Secret::new("a secret of sixteen".to_owned());
    let domain = Domain::parse("mydomain.de").unwrap();
    let signature = evidence::sign(&secret, &address("user@b.de"), &domain, Day::from(Timestamp::default()));
    let path = evidence::verp("bounce", &address("user@b.de"), &domain, &signature).unwrap();
    let rules = Rules { required: Strength::Strong, secrets: vec![secret], days_max: 30 };
    let forwarded = report(Kind::Bounce, vec![recipient("other@c.de", Class::Hard, Reason::UserUnknown)]);
    let decision = decided_by(&forwarded, &[path], rules.clone());
    let Change::Suspend { failure, .. } = &decision.changes[0] else { panic!("{decision:?}") };
    assert_eq!(failure.address.as_str(), "user@b.de");
    assert_eq!(words(&decided_by(&forwarded, &["bounce@mydomain.de".to_owned()], rules)), ["no_evidence"]);
}

fn decided_by(report: &Report, recipients: &[String], rules: Rules) -> Decision {
    let mail = Arc::new(b"mail".to_vec());
    let time = Timestamp::default();
    let received = Received { id: MessageId(7), sender: "", recipients, mail: &mail, archive: false, time };
    let tenant = Tenant { evidence: rules, ..tenants(&["mydomain.de"]).iter().next().unwrap().clone() };
    decide(&mut report.clone(), &received, &Tenants::new(vec![tenant]), &Actions::default())
}

/// What the store, the platform and the operator get to know of a failure.
#[test]
fn a_change_carries_what_was_found_and_what_is_configured() {
    let full = Recipient {
        status: EnhancedStatus::find("5.2.2"),
        diagnostic: Some("552 mailbox full".to_owned()),
        ..recipient("full@b.de", Class::Soft, Reason::MailboxFull)
    };
    let failure = Failure {
        domain: Domain::parse("mydomain.de").unwrap(),
        address: address("full@b.de"),
        class: Class::Soft,
        reason: Reason::MailboxFull,
        status: full.status,
        diagnostic: full.diagnostic.clone(),
        message_id: MessageId(7),
    };
    let (threshold, window) = (5, Some(Duration::from_secs(3600)));
    let tenant = Tenant { threshold, window, ..tenants(&["mydomain.de"]).iter().next().unwrap().clone() };
    let mail = Arc::new(b"mail".to_vec());
    let mut report = report(Kind::Bounce, vec![full]);
    for archive in [false, true] {
        let received = Received {
            id: MessageId(7),
            sender: "",
            recipients: &[],
            mail: &mail,
            archive,
            time: Timestamp::default(),
        };
        let decision = decide(&mut report, &received, &Tenants::new(vec![tenant.clone()]), &Actions::default());
        let archive = archive.then(|| Arc::clone(&mail));
        assert_eq!(decision.changes, [Change::CountSoft { failure: failure.clone(), threshold, window, archive }]);
    }
}

#[test]
fn the_quarantine_knows_where_a_mail_came_from() {
    let mut report = report(Kind::Bounce, Vec::new());
    report.envelope.subject = "Undelivered".to_owned();
    let (mail, recipients) = (Arc::new(b"mail".to_vec()), vec!["no-reply@mydomain.de".to_owned()]);
    let (id, sender, time) = (MessageId(7), "relay@mydomain.de", Timestamp::default());
    let received = Received { id, sender, recipients: &recipients, mail: &mail, archive: false, time };
    let decision = decide(&mut report, &received, &tenants(&["mydomain.de"]), &Actions::default());
    let kept = Quarantined {
        id,
        cause: "unreadable",
        sender: sender.to_owned(),
        recipients: recipients.clone(),
        subject: "Undelivered".to_owned(),
        mail: Arc::clone(&mail),
    };
    assert_eq!(decision.changes, [Change::Quarantine(kept)]);
}

/// RFC 5321 §4.1.2: a quoted local part may hold an `@`.
#[test]
fn the_domain_of_an_envelope_recipient_stands_behind_the_last_at() {
    for (path, domain) in [("\"a@b\"@mydomain.de", "mydomain.de"), ("a@mydomain.de", "mydomain.de"), ("postmaster", "")]
    {
        assert_eq!(domain_of(path), domain);
    }
}
