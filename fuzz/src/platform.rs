//! A platform with nothing special to it.

use bouncesvc::evidence::Rules;
use bouncesvc::tenant::{Endpoint, Tenant, UrlTemplate};
use bouncesvc::types::Domain;

/// Of `mydomain.de`, with threshold 3, which asks for no evidence.
pub fn tenant() -> Tenant {
    Tenant {
        domain: Domain::parse("mydomain.de").expect("a domain"),
        endpoint: Endpoint::Template(UrlTemplate::parse("http://localhost/{address}").expect("a template")),
        headers: Vec::new(),
        json_body: false,
        done_statuses: Vec::new(),
        threshold: 3,
        window: None,
        evidence: Rules::default(),
    }
}
