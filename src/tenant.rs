//! The platforms: which configured domain a bounce belongs to, and where its platform is told.

use crate::types::{Address, Domain};
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
}

/// Where a platform is told.
#[derive(Debug, Clone)]
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

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the wire alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl UrlTemplate {
    /// Checks a template; the error says what is expected.
    pub fn parse(_text: &str) -> Result<Self, String> {
        unimplemented!()
    }

    /// The URL for `address`: every octet that is not unreserved (RFC 3986 §2.3) is percent-encoded, once.
    pub fn expand(&self, _address: &Address) -> String {
        unimplemented!()
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tenants {
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
}
