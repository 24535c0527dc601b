//! Invariant: any text: nothing harmful is shown, JSON says what was there, and an address is in its URL once, and nowhere else.

#![no_main]

use bouncesvc::escape::{Escaped, JsonString, is_harmful};
use bouncesvc::tenant::UrlTemplate;
use bouncesvc::types::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert!(!Escaped(text).to_string().contains(is_harmful));
    let json = JsonString(text).to_string();
    assert!(!json.contains(is_harmful));
    assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    let Some(address) = Address::parse(text) else { return };
    assert_eq!(Address::parse(address.as_str()).as_ref(), Some(&address));
    let template = UrlTemplate::parse("http://localhost/{address}/suspend").expect("a template");
    let url = template.expand(&address);
    let place = url.strip_prefix("http://localhost/").and_then(|rest| rest.strip_suffix("/suspend"));
    let place = place.expect("what is around the address stays");
    assert!(place.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~%".contains(&octet)), "{place}");
    assert_eq!(decoded(place), address.as_str().as_bytes());
});

/// What a platform makes of it.
fn decoded(place: &str) -> Vec<u8> {
    let mut pieces = place.split('%');
    let mut octets = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        octets.push(u8::from_str_radix(&piece[..2], 16).expect("two digits"));
        octets.extend_from_slice(&piece.as_bytes()[2..]);
    }
    octets
}
