//! The platforms: which configured domain a bounce belongs to, and where its platform is told.
//!
//! Matching is by labels and in the order of the configuration. Who asks a platform, and how, is elsewhere; nothing
//! here does input or output.

use crate::evidence;
use crate::types::{Address, Domain, Secret};
use std::time::Duration;

/// All configured domains.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    tenants: Vec<Tenant>,
}

/// One configured sending domain.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The domain, which covers its subdomains.
    pub domain: Domain,
    /// Where its platform is told.
    pub endpoint: Endpoint,
    /// Header fields for each POST; the values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// Whether the POST carries a JSON body.
    pub json_body: bool,
    /// HTTP statuses that mean done beside 2xx.
    pub done_statuses: Vec<u16>,
    /// The counter may reach this without an effect.
    pub threshold: u32,
    /// Only soft bounces of this span count.
    pub window: Option<Duration>,
    /// What shows that a bounced mail was ours, and how much of it is asked for.
    pub evidence: evidence::Rules,
}

/// Where a platform is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A URL template.
    Template(UrlTemplate),
    /// GET `base_url`; the JSON object's `email_suspensions_url` is the template.
    Xikolo {
        /// What to GET.
        base_url: String,
        /// Hosts that the template may name beside the host of `base_url`.
        allowed_hosts: Vec<String>,
    },
}

/// A URL with `{address}` in it (RFC 6570 simple expansion).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate(String);

impl UrlTemplate {
    /// Checks a template; the error says what is expected.
    ///
    /// `{address}` must stand behind the host (a failed address shall not choose whom we call) and not in a fragment,
    /// which is never sent. The other expressions of RFC 6570 are refused rather than sent as they stand.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = behind_host(text)?;
        if !rest.contains(PLACE) {
            return Err("expected {address} in the path or the query".to_owned());
        }
        if rest.replace(PLACE, "").contains(['{', '}']) {
            return Err(
                "expected no braces but those of {address}: other RFC 6570 expressions are not supported".to_owned()
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL for `address`: every octet that is not unreserved (RFC 3986 §2.3) is percent-encoded, once.
    pub fn expand(&self, address: &Address) -> String {
        self.0.replace(PLACE, &percent_encoded(address.as_str()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands behind the host of a URL that can be asked; the error says what is expected.
pub fn behind_host(url: &str) -> Result<&str, String> {
    let authority = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let authority = authority.ok_or("expected a URL that begins with http:// or https://")?;
    let host_end = authority.find(['/', '?']).unwrap_or(authority.len());
    let (host, rest) = authority.split_at(host_end);
    if host.is_empty() || host.starts_with(':') || host.contains(['{', '}']) {
        return Err("expected a fixed host behind http:// or https://".to_owned());
    }
    if host.contains('@') {
        return Err("expected a URL without credentials: give them as `headers`".to_owned());
    }
    if !has_fit_port(host) {
        return Err("expected a port from 1 to 65535 behind the host; an IPv6 address stands in brackets".to_owned());
    }
    if !url.bytes().all(|octet| octet.is_ascii_graphic()) || url.contains('#') {
        return Err("expected a URL without white space, '#' and non-ASCII characters (percent-encode them)".to_owned());
    }
    Ok(rest)
}

/// Also one without a port. The colons of an IPv6 address stand in brackets (RFC 3986 §3.2.2).
fn has_fit_port(host: &str) -> bool {
    let behind_brackets = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    let port = behind_brackets.split_once(':').map(|(_, port)| port);
    port.is_none_or(|port| {
        port.bytes().all(|octet| octet.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// What [`UrlTemplate::expand`] replaces.
const PLACE: &str = "{address}";

/// RFC 6570 §3.2.2: all but ALPHA / DIGIT / "-" / "." / "_" / "~" as `%XX`, octet by octet of the UTF-8 form.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len() + 8);
    for octet in text.bytes() {
        match octet {
            b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            octet if octet.is_ascii_alphanumeric() => encoded.push(char::from(octet)),
            octet => _ = write!(encoded, "%{octet:02X}"),
        }
    }
    encoded
}

impl Tenant {
    /// Whether the platform is told at the same place in the same way.
    fn is_told_like(&self, other: &Self) -> bool {
        let way = |tenant: &Self| (tenant.endpoint.clone(), tenant.headers.clone(), tenant.json_body);
        way(self) == way(other) && self.done_statuses == other.done_statuses
    }
}

impl Tenants {
    /// The domains whose platform was told otherwise `before`.
    pub fn told_otherwise<'t>(&'t self, before: &'t Self) -> impl Iterator<Item = &'t Domain> {
        let is_changed = |new: &&Tenant| before.get(&new.domain).is_some_and(|old| !new.is_told_like(old));
        self.tenants.iter().filter(is_changed).map(|tenant| &tenant.domain)
    }

    /// In the order of the configuration.
    pub fn new(tenants: Vec<Tenant>) -> Self {
        Self { tenants }
    }

    /// The tenant of exactly this domain.
    pub fn get(&self, domain: &Domain) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| &tenant.domain == domain)
    }

    /// The first configured tenant whose domain is equal to, or a parent of, `name`.
    pub fn covering(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.domain.covers(name))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.iter()
    }

    /// The first configured tenant that covers any of `names`: the order of the configuration decides, not that of
    /// the names.
    pub fn covering_any<'n>(&self, names: impl Iterator<Item = &'n str>) -> Option<&Tenant> {
        let names: Vec<&str> = names.collect();
        self.tenants.iter().find(|tenant| names.iter().any(|name| tenant.domain.covers(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn expanded(template: &str, address: &str) -> String {
        UrlTemplate::parse(template).unwrap().expand(&Address::parse(address).unwrap())
    }

    #[test]
    fn an_address_is_encoded_exactly_once() {
        for (address, encoded) in [
            ("evil@example.com", "evil%40example.com"),
            ("a+tag=x@example.com", "a%2Btag%3Dx%40example.com"),
            ("a%40b@example.com", "a%2540b%40example.com"),
            ("{address}@example.com", "%7Baddress%7D%40example.com"),
            ("../x?y#z&a@example.com", "..%2Fx%3Fy%23z%26a%40example.com"),
            ("a.b_c~d-e@example.com", "a.b_c~d-e%40example.com"),
            ("jürgen@müller.example", "j%C3%BCrgen%40m%C3%BCller.example"),
        ] {
            assert_eq!(expanded("http://h/{address}/suspend", address), format!("http://h/{encoded}/suspend"));
        }
    }

    #[test]
    fn a_platform_is_told_otherwise_when_anything_of_the_way_is_new() {
        let tenant = samples::tenant("mydomain.de");
        let before = Tenants::new(vec![tenant.clone()]);
        let elsewhere = UrlTemplate::parse("http://other/{address}").unwrap();
        for (new, is_told_otherwise) in [
            (tenant.clone(), false),
            (Tenant { threshold: 4, ..tenant.clone() }, false),
            (Tenant { domain: Domain::parse("new.de").unwrap(), ..tenant.clone() }, false),
            (Tenant { endpoint: Endpoint::Template(elsewhere), ..tenant.clone() }, true),
            (Tenant { headers: vec![("A".to_owned(), Secret::new("b".to_owned()))], ..tenant.clone() }, true),
            (Tenant { json_body: true, ..tenant.clone() }, true),
            (Tenant { done_statuses: vec![404], ..tenant.clone() }, true),
        ] {
            let after = Tenants::new(vec![new]);
            assert_eq!(after.told_otherwise(&before).count() == 1, is_told_otherwise, "{after:?}");
        }
    }

    #[test]
    fn the_place_may_stand_in_the_query_and_more_than_once() {
        assert_eq!(expanded("https://h:1?a={address}&b={address}", "a@b"), "https://h:1?a=a%40b&b=a%40b");
    }

    #[test]
    fn a_bad_template_says_what_is_expected() {
        for (template, expected) in [
            ("", "http://"),
            ("ftp://h/{address}", "http://"),
            ("http://h/", "{address}"),
            ("http://h/{adress}", "{address}"),
            ("http:///{address}", "host"),
            ("http://{address}/", "host"),
            ("http://x{address}.h/{address}", "host"),
            ("http://:80/{address}", "host"),
            ("http://h:70010/{address}", "port"),
            ("http://h:0/{address}", "port"),
            ("http://h:/{address}", "port"),
            ("http://[::1]:http/{address}", "port"),
            ("http://2001:db8::1/{address}", "brackets"),
            ("http://user:secret@h/{address}", "credentials"),
            ("http://h/#{address}", "'#'"),
            ("http://h/{address} ", "white space"),
            ("http://h/\r\nX: {address}", "white space"),
            ("http://h/ü/{address}", "non-ASCII"),
            ("http://h/{+address}/{address}", "RFC 6570"),
            ("http://h/{address}/{?q*}", "RFC 6570"),
            ("http://h/{address}}", "RFC 6570"),
            ("http://h/{address}{", "RFC 6570"),
        ] {
            let error = UrlTemplate::parse(template).unwrap_err();
            assert!(error.contains(expected), "{template:?}: {error}");
        }
    }
}
