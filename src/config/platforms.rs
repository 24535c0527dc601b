//! The key `domains`: which platform is told about which sending domain, and with which credentials.
//!
//! A secret that is only named, not read, is left out of the settings.

use super::fields::{Fields, Secrets, text_of};
use crate::evidence::{self, Strength};
use crate::store::WINDOW_THRESHOLD_MAX;
use crate::tenant::{Endpoint, Tenant, Tenants, UrlTemplate, behind_host};
use crate::types::{Domain, Secret};
use serde_yaml::Value;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// What `temporary_threshold` may be.
pub const THRESHOLDS: RangeInclusive<u64> = 0..=1_000_000;

/// The largest secret that is read from a file, in octets.
const SECRET_OCTETS_MAX: u64 = 16 << 10;

/// The shortest secret that signs, in octets.
const SIGNING_SECRET_OCTETS_MIN: usize = 16;

/// A second one of these would break each request.
const OF_THE_REQUEST: [&str; 4] = ["Connection", "Content-Length", "Idempotency-Key", "Transfer-Encoding"];

/// What holds for every domain that does not say otherwise.
pub struct Defaults {
    /// `temporary_threshold`.
    pub threshold: u32,
    /// `temporary_window`.
    pub window: Option<Duration>,
}

/// The platforms, in the order of the file.
pub fn tenants(handler: &mut Fields<'_>, defaults: &Defaults) -> Tenants {
    let mut domains = handler.section("domains");
    let entries = domains.rest();
    if entries.is_empty() {
        handler.missing("domains", "at least one sending domain with its base_url");
    }
    let mut known: Vec<Domain> = Vec::new();
    let read = |(name, value): (String, Value)| {
        let domain = Domain::parse(&name).or_else(|| {
            domains.problem(&name, "expected a domain name, as in mydomain.de");
            None
        });
        if let Some(domain) = &domain {
            look_behind(&domains, &name, domain, &known);
            look_for_other_scripts(&domains, &name);
            known.push(domain.clone());
        }
        tenant(domains.below(&name, value), domain?, defaults)
    };
    Tenants::new(entries.into_iter().filter_map(read).collect())
}

/// The first domain that covers a mail's is the one: what stands behind another that covers it is never reached.
fn look_behind(domains: &Fields<'_>, name: &str, domain: &Domain, known: &[Domain]) {
    if known.contains(domain) {
        domains.problem(name, "stands here twice: upper and lower case are the same");
    } else if let Some(above) = known.iter().find(|above| above.covers(domain.as_str())) {
        domains
            .reading()
            .warn(format!("domains.{name} is never reached: {above} above it covers it; put {name} first"));
    }
}

/// Mail names such a domain in ASCII as a rule (RFC 5890 §2.3.2.1), and names are compared as they stand.
fn look_for_other_scripts(domains: &Fields<'_>, name: &str) {
    if !name.is_ascii() {
        let warning =
            format!("domains.{name} fits only mail that names it so: most mail has the form xn--…, so name that, too");
        domains.reading().warn(warning);
    }
}

fn tenant(mut fields: Fields<'_>, domain: Domain, defaults: &Defaults) -> Option<Tenant> {
    let endpoint = endpoint(&mut fields);
    let threshold = fields.number("temporary_threshold", defaults.threshold, THRESHOLDS);
    let window = fields.duration_or_off("temporary_window", defaults.window);
    if window.is_some() && threshold > WINDOW_THRESHOLD_MAX {
        fields.problem(
            "temporary_window",
            format!("needs a temporary_threshold of at most {WINDOW_THRESHOLD_MAX}, as no more times are kept"),
        );
    }
    let headers = headers(&mut fields);
    let json_body = fields.switch("json_body", false);
    let done_statuses = fields.texts("done_statuses", |text| {
        let status = text.parse().ok().filter(|status| (300..=599).contains(status));
        status.ok_or_else(|| "expected an HTTP status from 300 to 599".to_owned())
    });
    let evidence = evidence(&mut fields);
    fields.done();
    Some(Tenant { domain, endpoint: endpoint?, headers, json_body, done_statuses, threshold, window, evidence })
}

fn endpoint(fields: &mut Fields<'_>) -> Option<Endpoint> {
    let base_url = fields.text("base_url");
    let resolver = fields.text("url_resolver");
    let allowed_hosts = fields.texts("allowed_hosts", host);
    let Some(base_url) = base_url else {
        fields.missing("base_url", "the URL of the platform, as in https://platform.example/emails/{address}/suspend");
        return None;
    };
    match resolver.as_deref() {
        None => UrlTemplate::parse(&base_url)
            .map(Endpoint::Template)
            .map_err(|message| fields.problem("base_url", message))
            .ok(),
        Some("xikolo") => xikolo(fields, base_url, allowed_hosts),
        Some(_) => {
            fields.problem("url_resolver", "expected xikolo, or no resolver at all");
            None
        }
    }
}

/// As a URL has it, but for its port, which is not compared.
fn host(text: &str) -> Result<String, String> {
    let v6 = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let is_address = v6.map_or_else(|| text.parse::<Ipv4Addr>().is_ok(), |text| text.parse::<Ipv6Addr>().is_ok());
    let is_host = is_address || Domain::parse(text).is_some();
    is_host
        .then(|| text.to_owned())
        .ok_or_else(|| "expected a host without scheme and port, as in api.example.com".to_owned())
}

fn xikolo(fields: &Fields<'_>, base_url: String, allowed_hosts: Vec<String>) -> Option<Endpoint> {
    if let Err(message) = behind_host(&base_url) {
        fields.problem("base_url", message);
        return None;
    }
    if base_url.contains(['{', '}']) {
        fields.problem("base_url", "expected a URL without {address}: the resolver brings the template");
        return None;
    }
    Some(Endpoint::Xikolo { base_url, allowed_hosts })
}

fn evidence(fields: &mut Fields<'_>) -> evidence::Rules {
    let default = evidence::Rules::default();
    let parse = |value: &Value| {
        let strength = value.as_str().and_then(Strength::from_name);
        strength.ok_or_else(|| "expected none, weak or strong".to_owned())
    };
    let required = fields.parsed("require_evidence", default.required, parse, |required| required.name().into());
    let (named, secrets) = signing_secrets(fields);
    if required == Strength::Strong && named == 0 {
        fields.problem("require_evidence", "strong needs signing_secret beside it");
    }
    let days_max = fields.number("signature_days_max", default.days_max, 1..=3650);
    evidence::Rules { required, secrets, days_max }
}

/// `{ file: … }` or `{ env: … }`, or a list of them: the first one signs, all of them verify. How many are named, and those
/// that were read.
fn signing_secrets(fields: &mut Fields<'_>) -> (usize, Vec<Secret>) {
    let sources = fields.items("signing_secret").unwrap_or_default();
    let named = sources.len();
    let mut secrets = Vec::new();
    for source in sources {
        let mut source = fields.below("signing_secret", source);
        let read = secret(&mut source).and_then(long_enough);
        source.done();
        match read {
            Ok(secret) => secrets.extend(secret),
            Err(message) => fields.problem("signing_secret", message),
        }
    }
    fields.record("signing_secret", vec![Value::from("***"); named]);
    (named, secrets)
}

fn long_enough(secret: Option<Secret>) -> Result<Option<Secret>, String> {
    let is_short = |secret: &Secret| secret.reveal().len() < SIGNING_SECRET_OCTETS_MIN;
    if secret.as_ref().is_some_and(is_short) {
        return Err(format!("expected a secret of at least {SIGNING_SECRET_OCTETS_MIN} octets"));
    }
    Ok(secret)
}

/// Names of header fields (RFC 9110 §5.1) with their values.
fn headers(fields: &mut Fields<'_>) -> Vec<(String, Secret)> {
    let mut section = fields.section("headers");
    let (mut headers, mut shown) = (Vec::new(), serde_yaml::Mapping::new());
    for (name, value) in section.rest() {
        if !is_token(&name) {
            section.problem(&name, "expected the name of an HTTP header field");
            continue;
        }
        if OF_THE_REQUEST.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
            section.problem(&name, "is a field that each request has already");
            continue;
        }
        shown.insert(name.as_str().into(), "***".into());
        match header_value(&section, &name, value) {
            Ok(secret) => headers.extend(secret.map(|secret| (name, secret))),
            Err(message) => section.problem(&name, message),
        }
    }
    fields.record("headers", shown);
    headers
}

/// A fixed text, or `{ file: …, prefix: … }`, or `{ env: …, prefix: … }`.
fn header_value(section: &Fields<'_>, name: &str, value: Value) -> Result<Option<Secret>, String> {
    if value.is_mapping() {
        let mut source = section.below(name, value);
        let secret = secret(&mut source);
        source.done();
        return secret;
    }
    if ["authorization", "cookie", "proxy-authorization"].contains(&name.to_lowercase().as_str()) {
        return Err(
            "a secret does not belong here: expected `{ prefix: \"Bearer \", file: PATH }` or `env: NAME`".to_owned()
        );
    }
    checked_value(text_of(&value)?).map(Some)
}

/// What `{ file: …, prefix: … }` or `{ env: …, prefix: … }` names, where secrets are read.
fn secret(source: &mut Fields<'_>) -> Result<Option<Secret>, String> {
    let reading = source.reading();
    let prefix = source.take("prefix").map(|value| text_of(&value)).transpose()?.unwrap_or_default();
    let file = source.take("file").map(|value| text_of(&value)).transpose()?;
    let variable = source.take("env").map(|value| text_of(&value)).transpose()?;
    let value = match (file, variable, reading.secrets) {
        (Some(_), Some(_), _) | (None, None, _) => {
            return Err("expected either `file: PATH` or `env: NAME`".to_owned());
        }
        (_, _, Secrets::Named) => return Ok(None),
        (Some(file), None, Secrets::Read) => secret_file(&reading.folder, &file)?,
        (None, Some(name), Secrets::Read) => {
            std::env::var(&name).map_err(|_| format!("the environment variable {name} is not set"))?
        }
    };
    checked_value(format!("{prefix}{}", value.trim())).map(Some)
}

/// The file beside the configuration, or the service manager's credential of this name.
fn secret_file(folder: &Path, file: &str) -> Result<String, String> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(file));
    let path = credentials.filter(|path| path.exists()).unwrap_or_else(|| folder.join(file));
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(SECRET_OCTETS_MAX + 1).read_to_string(&mut text));
    let octets = read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if octets as u64 > SECRET_OCTETS_MAX {
        return Err(format!("{} is longer than {SECRET_OCTETS_MAX} octets", path.display()));
    }
    Ok(text)
}

/// RFC 9110 §5.5: no control characters, which would end the field; the value itself is not repeated in the error.
fn checked_value(value: String) -> Result<Secret, String> {
    let harmless = !value.is_empty() && !value.chars().any(char::is_control);
    harmless.then(|| Secret::new(value)).ok_or_else(|| "expected a value of one line".to_owned())
}

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anything else was taken once, and fitted no template.
    #[test]
    fn a_host_has_no_scheme_and_no_port() {
        for text in ["api.example.com", "localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(host(text), Ok(text.to_owned()));
        }
        for text in
            ["", "https://api.example.com", "api.example.com:8080", "api.example.com/", "::1", "[::1]:80", "a b"]
        {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
