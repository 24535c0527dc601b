//! Invariant: any octets are no request yet, one request, or one refusal, whatever the chunks in which they come; nothing of
//! them gets into the head of the answer; and what a web page elsewhere may have sent is never answered to it.

#![no_main]

use bouncesvc::status::http::{HEAD_OCTETS_MAX, Parsed, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for is_loopback in [false, true] {
        let whole = parse(input, is_loopback);
        let first =
            (0..=input.len()).map(|end| parse(&input[..end], is_loopback)).find(|parsed| *parsed != Parsed::Partial);
        assert_eq!(first.unwrap_or(Parsed::Partial), whole);
        assert!(whole != Parsed::Partial || input.len() < HEAD_OCTETS_MAX);
        if let Parsed::Refused(answer, is_head) = whole {
            let octets = answer.octets(is_head);
            let text = std::str::from_utf8(&octets).expect("answers are text");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 505"));
            assert_eq!(head.lines().count(), if answer.status == 405 { 12 } else { 11 }, "{head}");
            assert!(body.len() < 60 && (body.is_empty() || !is_head));
        }
    }
    let rebound = [b"GET / HTTP/1.1\r\nHost: rebound.example\r\n".as_slice(), input].concat();
    assert!(!matches!(parse(&rebound, true), Parsed::Request(_)));
});
