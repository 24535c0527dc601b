//! A platform that says itself where it is told.

use super::support::platform::{Answer, Platform};
use super::support::queue::{Harness, MemoryQueue, quick, tenant};
use super::{outcome_of, retry_error};
use bouncesvc::change::Outcome;
use bouncesvc::tenant::{Endpoint, Tenant};

/// A platform that says itself where it is told, with this `Cache-Control`.
fn xikolo(platform: &Platform, template: &str, cache_control: &str) -> Tenant {
    let object = format!("{{\"email_suspensions_url\": {template:?}}}");
    let cache_control = cache_control.to_owned();
    platform.set_script(move |request| match request.method.as_str() {
        "GET" => Answer::json(&object).with_header("Cache-Control", &cache_control),
        _ => Answer::status(200),
    });
    let endpoint = Endpoint::Xikolo { base_url: format!("{}/", platform.url()), allowed_hosts: Vec::new() };
    Tenant { endpoint, ..tenant("a.de", &platform.template()) }
}

fn gets(platform: &Platform) -> usize {
    platform.requests().iter().filter(|request| request.method == "GET").count()
}

#[test]
fn a_xikolo_platform_is_asked_where_it_is_told_and_the_answer_is_kept() {
    for (cache_control, expected_gets) in [("max-age=600", 1), ("public", 1), ("no-store", 3), ("max-age=0", 3)] {
        let platform = Platform::answering(200);
        let tenant = xikolo(&platform, &format!("{}/told/{{address}}", platform.url()), cache_control);
        let mut harness = Harness::start(MemoryQueue::default(), vec![tenant], quick());
        for n in 0..3 {
            harness.push("a.de", &format!("a{n}@b.de"));
            assert!(matches!(harness.step(), Outcome::Delivered { .. }));
        }
        assert_eq!(gets(&platform), expected_gets, "{cache_control}");
        let posts = platform.requests().into_iter().filter(|request| request.method == "POST");
        assert!(posts.into_iter().all(|request| request.target.starts_with("/told/a")));
    }
}

#[test]
fn a_xikolo_platform_cannot_send_us_elsewhere_unless_the_operator_allows_it() {
    let platform = Platform::answering(200);
    let mut tenant = xikolo(&platform, "http://localhost:1/{address}", "");
    assert!(retry_error(outcome_of(tenant.clone())).contains("allowed_hosts"));
    let Endpoint::Xikolo { allowed_hosts, .. } = &mut tenant.endpoint else { unreachable!() };
    *allowed_hosts = vec!["LOCALHOST".to_owned()];
    assert!(retry_error(outcome_of(tenant)).contains("refused"));
}

#[test]
fn a_xikolo_platform_with_a_broken_answer_is_tried_again() {
    let object = r#"{"email_suspensions_url": "http://127.0.0.1:1/{address}"}"#;
    for answer in [
        Answer::status(500),
        Answer::status(302).with_body(object),
        Answer::status(203).with_body(object),
        Answer::json("{}"),
        Answer::json("<html>"),
        Answer::Endless,
    ] {
        let platform = Platform::answering(200);
        let tenant = xikolo(&platform, "unused", "");
        platform.set_script(move |_| answer.clone());
        let error = retry_error(outcome_of(tenant));
        assert!(error.starts_with(&platform.url()), "{error}");
    }
}
