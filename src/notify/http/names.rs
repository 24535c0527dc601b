//! Host names: what was looked up is kept for a moment.
//!
//! The HTTP library looks a name up for each request, also when a connection is there already. In a backlog that drains, this would be
//! most of the work. Its own resolver leaves a thread behind for each look-up that hangs; hence the `lookups`.

use super::lookups::Lookups;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The system's resolver with a short memory. A failure is not remembered.
#[derive(Debug)]
pub struct Names {
    lookups: Arc<Lookups>,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (host, port) = host_and_port(uri).ok_or_else(|| Error::BadUri(uri.to_string()))?;
        let mut resolved = self.empty();
        let addresses = self.addresses(host, *timeout.after)?;
        addresses.iter().take(ADDRESSES_MAX).for_each(|address| resolved.push(SocketAddr::new(*address, port)));
        if resolved.is_empty() { Err(Error::HostNotFound) } else { Ok(resolved) }
    }
}

impl Names {
    /// Nothing is known yet.
    pub fn new(lookups: Arc<Lookups>) -> Self {
        Self { lookups, known: Mutex::default() }
    }

    fn addresses(&self, host: &str, time_max: Duration) -> Result<Vec<IpAddr>, Error> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![address]);
        }
        if let Some(addresses) = self.recall(host) {
            return Ok(addresses);
        }
        let addresses = self.lookups.addresses(host, time_max).map_err(|error| Error::Io(io::Error::other(error)))?;
        self.remember(host, &addresses);
        Ok(addresses)
    }

    fn recall(&self, host: &str) -> Option<Vec<IpAddr>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).filter(|known| Instant::now() < known.until).map(|known| known.addresses.clone())
    }

    fn remember(&self, host: &str, addresses: &[IpAddr]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        known.insert(host.to_owned(), Known { addresses: addresses.to_vec(), until: Instant::now() + NAME_TIME_MAX });
    }
}

fn host_and_port(uri: &Uri) -> Option<(&str, u16)> {
    let default = match uri.scheme()? {
        scheme if *scheme == Scheme::HTTPS => 443,
        scheme if *scheme == Scheme::HTTP => 80,
        _ => return None,
    };
    Some((uri.host()?, uri.port_u16().unwrap_or(default)))
}

/// As long as an idle connection is kept: a platform that moves is followed as quickly as without a memory.
const NAME_TIME_MAX: Duration = super::IDLE_TIME_MAX;

/// Names that are kept; with more, all of them are looked up anew.
const NAMES_MAX: usize = 256;

/// Addresses of one name that are tried; the HTTP library takes no more.
const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(names: &Names, url: &str) -> Vec<SocketAddr> {
        let uri = url.parse().unwrap();
        names.resolve(&uri, &Config::default(), NextTimeout::default()).unwrap().to_vec()
    }

    fn is_loopback(addresses: &[SocketAddr], port: u16) -> bool {
        !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback() && address.port() == port)
    }

    #[test]
    fn a_name_is_looked_up_again_only_after_a_moment() {
        let names = Names::new(Lookups::new());
        let elsewhere = "127.0.0.2".parse().unwrap();
        assert!(is_loopback(&resolve(&names, "http://localhost:7001/a"), 7001));
        for known in names.known.lock().unwrap().values_mut() {
            known.addresses = vec![elsewhere];
        }
        assert_eq!(resolve(&names, "http://localhost:7002/b"), [SocketAddr::new(elsewhere, 7002)]);
        for known in names.known.lock().unwrap().values_mut() {
            (known.addresses, known.until) = (Vec::new(), Instant::now());
        }
        assert!(is_loopback(&resolve(&names, "https://localhost/c"), 443));
    }

    #[test]
    fn an_address_is_not_looked_up() {
        let names = Names::new(Lookups::new());
        for (url, address) in [
            ("http://127.0.0.1/a", "127.0.0.1:80"),
            ("https://user@127.0.0.1/a", "127.0.0.1:443"),
            ("https://[::1]:8443/", "[::1]:8443"),
        ] {
            assert_eq!(resolve(&names, url), [address.parse().unwrap()]);
        }
        assert!(names.known.lock().unwrap().is_empty());
    }

    #[test]
    fn a_url_that_cannot_be_spoken_to_is_no_panic() {
        let names = Names::new(Lookups::new());
        for url in ["/path", "ftp://127.0.0.1/"] {
            let resolved = names.resolve(&url.parse().unwrap(), &Config::default(), NextTimeout::default());
            assert!(matches!(resolved, Err(Error::BadUri(_))), "{url}");
        }
    }

    #[test]
    fn of_a_name_with_many_addresses_some_are_tried() {
        let names = Names::new(Lookups::new());
        names.remember("many", &[IpAddr::from([127, 0, 0, 1]); 100]);
        assert_eq!(resolve(&names, "http://many/").len(), ADDRESSES_MAX);
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let names = Names::new(Lookups::new());
        for number in 1..1000 {
            names.remember(&format!("{number}.example"), &[]);
        }
        assert!(names.known.lock().unwrap().len() <= NAMES_MAX);
    }
}
