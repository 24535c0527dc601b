//! Addresses made unrecognisable, for pages that anybody may see. The domain is kept: it says who refuses the mail.

use std::borrow::Cow;

/// What stands for what is not shown.
const HIDDEN: char = '…';

/// An address without its local part.
pub fn hide_address(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    format!("{HIDDEN}@{domain}")
}

/// A text in one line without each word that could hold an address, plain or in a URL.
pub fn hide_addresses(text: &str) -> Cow<'_, str> {
    if !holds_address(text) {
        return Cow::Borrowed(text);
    }
    let shown = |word| if holds_address(word) { Cow::Owned(HIDDEN.to_string()) } else { Cow::Borrowed(word) };
    Cow::Owned(text.split_whitespace().map(shown).collect::<Vec<_>>().join(" "))
}

fn holds_address(text: &str) -> bool {
    text.contains(['@', '\u{ff20}']) || text.contains("%40")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_an_address_is_kept() {
        assert_eq!(hide_address("evil@some-provider.example"), "…@some-provider.example");
        assert_eq!(hide_address("\"a@b\"@c.example"), "…@c.example");
        assert_eq!(hide_address("nothing"), "…@");
    }

    #[test]
    fn words_with_addresses_leave_a_text() {
        for (text, shown) in [
            ("the platform answered 404", "the platform answered 404"),
            ("no route to http://x.example/emails/evil%40y.example/suspend found", "no route to … found"),
            ("user <evil@y.example>: unknown", "user … unknown"),
        ] {
            assert_eq!(hide_addresses(text), shown);
        }
    }
}
