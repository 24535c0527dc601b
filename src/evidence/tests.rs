use super::*;
use crate::samples;

const TODAY: Day = Day(20_778);

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn domain() -> Domain {
    Domain::parse("mydomain.de").unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn with_inquiry<T>(paths: &[String], ask: impl FnOnce(Inquiry<'_>) -> T) -> T {
    let secrets = vec![secret("new secret of ours"), secret("old secret of ours")];
    let rules = Rules { secrets, ..Rules::default() };
    ask(Inquiry { domain: &domain(), rules: &rules, paths, today: TODAY })
}

fn report(mailboxes: &[&str], returned: Option<Returned>) -> Report {
    let recipients = mailboxes.iter().map(|mailbox| unread(address(mailbox))).collect();
    Report { returned, ..samples::report(Kind::Bounce, recipients) }
}

fn with_token(token: String) -> Report {
    report(&["a@b.de"], Some(Returned { bounce_token: Some(token), ..Returned::default() }))
}

fn strength_of(report: &Report, paths: &[String]) -> Strength {
    with_inquiry(paths, |inquiry| inquiry.strength(&report.recipients[0].address, report))
}

/// The MAC was computed with Python's hmac and base64 modules.
#[test]
fn a_signature_is_what_the_recipe_says() {
    let signature = sign(&secret("0123456789abcdef"), &address("Evil.Address@Some-Provider.com"), &domain(), TODAY);
    assert_eq!(signature, "20778.6ps5wouf7yffap6m");
}

#[test]
fn a_token_is_strong_for_its_address_domain_and_time_alone() {
    let signed = |by: &str, mailbox: &str, day: u32| sign(&secret(by), &address(mailbox), &domain(), Day(day));
    for (token, expected) in [
        (signed("new secret of ours", "a@b.de", 20_778), Strength::Strong),
        (signed("old secret of ours", "a@b.de", 20_778), Strength::Strong),
        (signed("new secret of ours", "A@B.de", 20_778), Strength::Strong),
        (signed("new secret of ours", "a@b.de", 20_748), Strength::Strong),
        (signed("new secret of ours", "a@b.de", 20_779), Strength::Strong),
        (signed("new secret of ours", "a@b.de", 20_747), Strength::None),
        (signed("new secret of ours", "a@b.de", 20_780), Strength::None),
        (signed("new secret of ours", "victim@b.de", 20_778), Strength::None),
        (signed("somebody's secret", "a@b.de", 20_778), Strength::None),
        (
            sign(&secret("new secret of ours"), &address("a@b.de"), &Domain::parse("other.de").unwrap(), TODAY),
            Strength::None,
        ),
        (String::new(), Strength::None),
        ("20778".to_owned(), Strength::None),
        ("20778.".to_owned(), Strength::None),
        ("20778.aaaaaaaaaaaaaaaa".to_owned(), Strength::None),
        ("99999999999.aaaaaaaaaaaaaaaa".to_owned(), Strength::None),
        (signed("new secret of ours", "a@b.de", 20_778)[..14].to_owned(), Strength::None),
        (signed("new secret of ours", "a@b.de", 20_778) + "a", Strength::None),
        (format!(" {} ", signed("new secret of ours", "a@b.de", 20_778).to_uppercase()), Strength::Strong),
    ] {
        assert_eq!(strength_of(&with_token(token.clone()), &[]), expected, "{token:?}");
    }
}

#[test]
fn a_signed_envelope_sender_is_strong_for_the_address_in_it() {
    let path = |mailbox: &str| {
        let signature = sign(&secret("new secret of ours"), &address(mailbox), &domain(), TODAY);
        verp("bounce", &address(mailbox), &domain(), &signature).unwrap()
    };
    let elsewhere = path("a@b.de").replace("@mydomain.de", "@evil-mydomain.de");
    let below = path("a@b.de").replace("@mydomain.de", "@bounces.mydomain.de");
    for (path, expected) in [
        (path("a@b.de"), Strength::Strong),
        (path("a@b.de").to_lowercase(), Strength::Strong),
        (format!("prvs=123456789a={}", path("a@b.de")), Strength::Strong),
        (below, Strength::Strong),
        (elsewhere, Strength::None),
        (path("victim@b.de"), Strength::None),
        (path("victim@b.de").replace("victim", "a"), Strength::None),
        ("bounce+a=b.de+20778.aaaaaaaaaaaaaaaa@mydomain.de".to_owned(), Strength::None),
        ("bounce@mydomain.de".to_owned(), Strength::None),
    ] {
        assert_eq!(strength_of(&report(&["a@b.de"], None), std::slice::from_ref(&path)), expected, "{path}");
    }
}

#[test]
fn a_signed_envelope_sender_is_found_wherever_it_came_back() {
    let signature = sign(&secret("new secret of ours"), &address("a+tag=x@b.de"), &domain(), TODAY);
    let path = address(&verp("bounce", &address("a+tag=x@b.de"), &domain(), &signature).unwrap());
    let mut to = report(&["a+tag=x@b.de"], None);
    to.envelope.to_mailboxes = vec![address("x@y.de"), path.clone()];
    let mut delivered_to = report(&["a+tag=x@b.de"], None);
    delivered_to.envelope.delivered_to = vec![path.clone()];
    let returned = Returned { return_path: Some(path), ..Returned::default() };
    for report in [to, delivered_to, report(&["a+tag=x@b.de"], Some(returned))] {
        assert_eq!(strength_of(&report, &[]), Strength::Strong, "{report:?}");
    }
}

#[test]
fn our_name_alone_is_weak() {
    let empty = Returned::default;
    for (returned, expected) in [
        (Returned { from: vec![address("news@mydomain.de")], ..empty() }, Strength::Weak),
        (Returned { return_path: Some(address("b@mail.mydomain.de")), ..empty() }, Strength::Weak),
        (Returned { message_id: Some("<1.2@mydomain.de>".to_owned()), ..empty() }, Strength::Weak),
        (Returned { dkim_domains: vec!["mydomain.de".to_owned()], ..empty() }, Strength::Weak),
        (Returned { from: vec![address("news@evil-mydomain.de")], ..empty() }, Strength::None),
        (Returned { message_id: Some("<mydomain.de>".to_owned()), ..empty() }, Strength::None),
        (empty(), Strength::None),
    ] {
        assert_eq!(strength_of(&report(&["a@b.de"], Some(returned.clone())), &[]), expected, "{returned:?}");
    }
    assert_eq!(strength_of(&report(&["a@b.de"], None), &[]), Strength::None);
}

#[test]
fn a_tag_of_batv_that_is_not_over_is_weak() {
    for (path, expected) in [
        ("prvs=0785abcdef=bounce@mydomain.de", Strength::Weak),
        ("PRVS=0778ABCDEF=bounce+x@mail.mydomain.de", Strength::Weak),
        ("prvs=0777abcdef=bounce@mydomain.de", Strength::None),
        ("prvs=0792abcdef=bounce@mydomain.de", Strength::Weak),
        ("prvs=0793abcdef=bounce@mydomain.de", Strength::None),
        ("prvs=0785abcdef=bounce@evil-mydomain.de", Strength::None),
        ("prvs=0785abcde=bounce@mydomain.de", Strength::None),
        ("prvs=a785abcdef=bounce@mydomain.de", Strength::None),
        ("prvs=0785abcdeg=bounce@mydomain.de", Strength::None),
        ("prvs=0785abcdef@mydomain.de", Strength::None),
        ("xprvs=0785abcdef=bounce@mydomain.de", Strength::None),
        ("prvs=\u{fc}785abcde=bounce@mydomain.de", Strength::None),
        ("bounce@mydomain.de", Strength::None),
    ] {
        let sent_to = report(&["a@b.de"], None);
        assert_eq!(strength_of(&sent_to, &[path.to_owned()]), expected, "{path}");
    }
    let mut header = report(&["a@b.de"], None);
    header.envelope.to_mailboxes = vec![address("prvs=0785abcdef=bounce@mydomain.de")];
    assert_eq!(strength_of(&header, &[]), Strength::Weak);
    let at_the_turn = |path: &str| is_tagged(path, &domain(), Day(20_998));
    assert!(at_the_turn("prvs=0003abcdef=bounce@mydomain.de") && !at_the_turn("prvs=0900abcdef=bounce@mydomain.de"));
}

#[test]
fn a_signed_envelope_sender_names_the_address_that_was_written_to() {
    let signature = sign(&secret("new secret of ours"), &address("a@b.de"), &domain(), TODAY);
    let path = verp("bounce", &address("a@b.de"), &domain(), &signature).unwrap();
    let forged = path.replace("a=b.de", "victim=b.de");
    for (before, path, after) in [
        (&["forwarded@c.de"][..], &path, &["a@b.de"][..]),
        (&["A@b.de"], &path, &["A@b.de"]),
        (&[], &path, &["a@b.de"]),
        (&["x@c.de", "y@c.de"], &path, &["x@c.de", "y@c.de"]),
        (&["forwarded@c.de"], &forged, &["forwarded@c.de"]),
        (&[], &forged, &[]),
    ] {
        let mut report = report(before, None);
        with_inquiry(std::slice::from_ref(path), |inquiry| inquiry.settle_address(&mut report));
        let found: Vec<_> = report.recipients.iter().map(|recipient| recipient.address.as_str()).collect();
        assert_eq!(found, after, "{before:?}");
    }
}

#[test]
fn the_reported_address_is_kept_beside_the_one_that_was_written_to() {
    let signature = sign(&secret("new secret of ours"), &address("a@b.de"), &domain(), TODAY);
    let path = verp("bounce", &address("a@b.de"), &domain(), &signature).unwrap();
    let mut report = report(&["forwarded@c.de"], None);
    with_inquiry(&[path], |inquiry| inquiry.settle_address(&mut report));
    assert_eq!(report.recipients[0].final_recipient, Some(address("forwarded@c.de")));
}

#[test]
fn what_nobody_could_read_counts_and_does_not_suspend() {
    let signature = sign(&secret("new secret of ours"), &address("a@b.de"), &domain(), TODAY);
    let path = verp("bounce", &address("a@b.de"), &domain(), &signature).unwrap();
    let mut auto_reply = Report { kind: Kind::AutoReply, ..report(&[], None) };
    with_inquiry(std::slice::from_ref(&path), |inquiry| inquiry.settle_address(&mut auto_reply));
    assert!(auto_reply.recipients.is_empty());
    let mut unreadable = report(&[], None);
    with_inquiry(&[path], |inquiry| inquiry.settle_address(&mut unreadable));
    assert_eq!((unreadable.recipients[0].class, unreadable.recipients[0].reason), (Class::Soft, Reason::Undefined));
}

#[test]
fn an_address_that_does_not_fit_gets_no_envelope_sender() {
    assert_eq!(verp("bounce", &address("\"a b\"@c.de"), &domain(), "1.a"), None);
    assert_eq!(verp("two+parts", &address("a@c.de"), &domain(), "1.a"), None);
}
