//! Host names: what was looked up is kept for a moment.
//!
//! The HTTP library looks a name up for each request, also when a connection is there already, and bounds the time of that by a thread.
//! In a backlog that drains, this would be most of the work.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The system's resolver with a short memory. A failure is not remembered.
#[derive(Debug, Default)]
pub struct Names {
    system: DefaultResolver,
    known: Mutex<HashMap<(Scheme, Authority), Known>>,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    until: Instant,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return self.system.resolve(uri, config, timeout);
        };
        let key = (scheme.clone(), authority.clone());
        if let Some(addresses) = self.recall(&key) {
            return Ok(addresses);
        }
        let addresses = self.system.resolve(uri, config, timeout)?;
        self.remember(key, &addresses);
        Ok(addresses)
    }
}

impl Names {
    fn recall(&self, key: &(Scheme, Authority)) -> Option<ResolvedSocketAddrs> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(key).filter(|known| Instant::now() < known.until)?;
        let mut addresses = self.empty();
        known.addresses.iter().for_each(|address| addresses.push(*address));
        Some(addresses)
    }

    fn remember(&self, key: (Scheme, Authority), addresses: &[SocketAddr]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        known.insert(key, Known { addresses: addresses.to_vec(), until: Instant::now() + NAME_TIME_MAX });
    }
}

/// As long as an idle connection is kept: a platform that moves is followed as quickly as without a memory.
const NAME_TIME_MAX: Duration = super::IDLE_TIME_MAX;

/// Names that are kept; with more, all of them are looked up anew.
const NAMES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(names: &Names, url: &str) -> Vec<SocketAddr> {
        let uri = url.parse().unwrap();
        names.resolve(&uri, &Config::default(), NextTimeout::default()).unwrap().to_vec()
    }

    #[test]
    fn a_name_is_looked_up_again_only_after_a_moment() {
        let names = Names::default();
        let (url, elsewhere) = ("http://127.0.0.1:7001/a", "127.0.0.2:7001".parse().unwrap());
        assert_eq!(resolve(&names, url), ["127.0.0.1:7001".parse().unwrap()]);
        for known in names.known.lock().unwrap().values_mut() {
            known.addresses = vec![elsewhere];
        }
        assert_eq!(resolve(&names, "http://127.0.0.1:7001/b"), [elsewhere]);
        for known in names.known.lock().unwrap().values_mut() {
            known.until = Instant::now();
        }
        assert_eq!(resolve(&names, url), ["127.0.0.1:7001".parse().unwrap()]);
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let names = Names::default();
        for port in 1..1000 {
            resolve(&names, &format!("http://127.0.0.1:{port}/"));
        }
        assert!(names.known.lock().unwrap().len() <= NAMES_MAX);
    }
}
