//! Where a platform is told, if it says so itself: [`Resolver`], the `xikolo` convention.
//!
//! GET `base_url` gives a JSON object whose `email_suspensions_url` is the URL template. It is kept as long as `Cache-Control` says. The
//! answer comes from the network: a template that leaves the platform's own host (or those the operator allows), or that falls from
//! https to http, is an error. All errors are faults of the platform as a whole, and are tried again.

use super::http::{Client, scheme_and_host};
use crate::tenant::UrlTemplate;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Resolves and remembers. One entry for each configured `base_url`.
#[derive(Debug, Default)]
pub struct Resolver {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    template: UrlTemplate,
    until: Instant,
}

impl Resolver {
    /// The template of the platform at `base_url`. The error is one line for the log.
    pub fn template(
        &self,
        client: &Client,
        base_url: &str,
        allowed_hosts: &[String],
        now: Instant,
    ) -> Result<UrlTemplate, String> {
        if let Some(template) = self.known(base_url, now) {
            return Ok(template);
        }
        let answer = client.get(base_url, BODY_OCTETS_MAX).map_err(|error| format!("{base_url}: {error}"))?;
        if answer.status != 200 {
            return Err(format!("{base_url}: expected status 200, got {}", answer.status));
        }
        let template = read_template(&answer.body, base_url, allowed_hosts)?;
        let until = now + cache_time(answer.cache_control.as_deref());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(base_url.to_owned(), Known { template: template.clone(), until });
        Ok(template)
    }

    fn known(&self, base_url: &str, now: Instant) -> Option<UrlTemplate> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(base_url).filter(|known| now < known.until).map(|known| known.template.clone())
    }
}

fn read_template(body: &[u8], base_url: &str, allowed_hosts: &[String]) -> Result<UrlTemplate, String> {
    let object: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| format!("{base_url}: expected a JSON object: {error}"))?;
    let url = object
        .get("email_suspensions_url")
        .and_then(serde_json::Value::as_str)
        .ok_or_else(|| format!("{base_url}: expected a string `email_suspensions_url` in the JSON object"))?;
    let template =
        UrlTemplate::parse(url).map_err(|error| format!("{base_url}: email_suspensions_url {url:?}: {error}"))?;
    check_target(url, base_url, allowed_hosts).map_err(|error| format!("{base_url}: email_suspensions_url {error}"))?;
    Ok(template)
}

fn check_target(url: &str, base_url: &str, allowed_hosts: &[String]) -> Result<(), String> {
    let address_free = url.replace("{address}", "x");
    let (scheme, host) = scheme_and_host(&address_free).ok_or_else(|| format!("{url:?} is no URL"))?;
    let (base_scheme, base_host) = scheme_and_host(base_url).ok_or("stands beside a base_url that is no URL")?;
    if !matches!(scheme.as_str(), "http" | "https") || (base_scheme == "https" && scheme == "http") {
        return Err(format!("has the scheme {scheme}, expected {base_scheme}"));
    }
    let is_allowed = host == base_host || allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host));
    is_allowed.then_some(()).ok_or_else(|| format!("names the host {host:?}, which is not in allowed_hosts"))
}

/// RFC 9111 §5.2.2: `max-age`, unless it may not be stored or used without asking.
fn cache_time(cache_control: Option<&str>) -> Duration {
    let directives = || cache_control.unwrap_or_default().split(',').map(|text| text.trim().to_ascii_lowercase());
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Duration::ZERO;
    }
    directives()
        .find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok())
        .map_or(CACHE_TIME_DEFAULT, Duration::from_secs)
        .min(CACHE_TIME_MAX)
}

const CACHE_TIME_DEFAULT: Duration = Duration::from_secs(300);

/// So that a mistaken header field does not outlive a day.
const CACHE_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

const BODY_OCTETS_MAX: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_time_is_what_the_platform_says_within_bounds() {
        for (cache_control, seconds) in [
            (None, 300),
            (Some("public"), 300),
            (Some("max-age=60"), 60),
            (Some("public, Max-Age=60, s-maxage=7"), 60),
            (Some("max-age=\"60\""), 60),
            (Some("max-age=never"), 300),
            (Some("max-age=99999999999"), 86400),
            (Some("max-age=60, no-store"), 0),
            (Some("no-cache"), 0),
        ] {
            assert_eq!(cache_time(cache_control).as_secs(), seconds, "{cache_control:?}");
        }
    }

    #[test]
    fn a_template_stays_on_the_platform() {
        let allowed = ["other.example".to_owned()];
        for (url, base_url, is_right) in [
            ("https://a.example/{address}", "https://a.example/", true),
            ("https://A.example:8443/{address}", "https://a.example/", true),
            ("https://a.example/{address}", "http://a.example/", true),
            ("https://other.example/{address}", "https://a.example/", true),
            ("http://a.example/{address}", "https://a.example/", false),
            ("https://evil.example/{address}", "https://a.example/", false),
            ("https://a.example@evil.example/{address}", "https://a.example/", false),
            ("https://a.example.evil.example/{address}", "https://a.example/", false),
            ("ftp://a.example/{address}", "https://a.example/", false),
        ] {
            assert_eq!(check_target(url, base_url, &allowed).is_ok(), is_right, "{url}");
        }
    }

    #[test]
    fn what_is_no_such_object_is_said_to_be_none() {
        for body in
            ["", "[]", "{}", "{\"email_suspensions_url\": 7}", "{\"email_suspensions_url\": \"nowhere\"}", "<html>"]
        {
            let error = read_template(body.as_bytes(), "http://a.example/", &[]).unwrap_err();
            assert!(error.starts_with("http://a.example/: "), "{error}");
        }
    }
}
