//! Look-ups of host names, each on a thread of its own: [`Lookups`]. The system's resolver takes as long as it likes, for ever at worst,
//! and cannot be broken off; who waits for it can. All who want the same name wait for the same look-up, so that a name which nobody
//! answers for holds a few threads, however often it is asked for. The configuration bounds how many names there are.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is under way; shared by all clients, also those of an older configuration.
pub struct Lookups {
    system: Box<System>,
    /// By name, the youngest last.
    under_way: Mutex<HashMap<String, Vec<Arc<Lookup>>>>,
}

type System = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The error is one line for the log.
type Answer = Result<Vec<IpAddr>, String>;

struct Lookup {
    started: Instant,
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

impl Lookups {
    /// By the system's resolver, getaddrinfo(3).
    pub fn new() -> Arc<Self> {
        Self::by(|host| Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }

    fn by(system: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { system: Box::new(system), under_way: Mutex::default() })
    }

    /// The addresses of `host`; waits at most `time_max`.
    pub fn addresses(self: &Arc<Self>, host: &str, time_max: Duration) -> Answer {
        let lookup = self.join(host).map_err(|error| format!("no thread to look up {host}: {error}"))?;
        let answer = lookup.answered.wait_timeout_while(lock(&lookup.answer), time_max, |answer| answer.is_none());
        let (answer, _) = answer.unwrap_or_else(PoisonError::into_inner);
        answer.clone().unwrap_or_else(|| Err(format!("the name {host} was not looked up in time")))
    }

    /// The look-up of `host` that is under way. One that hangs is given up after a while, but only so many are left behind.
    fn join(self: &Arc<Self>, host: &str) -> io::Result<Arc<Lookup>> {
        let mut under_way = lock(&self.under_way);
        let known = under_way.get(host).map(Vec::as_slice).unwrap_or_default();
        let is_full = known.len() >= PER_NAME_MAX;
        if let Some(last) = known.last().filter(|last| is_full || last.started.elapsed() < PATIENCE) {
            return Ok(Arc::clone(last));
        }
        let lookup = Arc::new(Lookup { started: Instant::now(), answer: Mutex::default(), answered: Condvar::new() });
        let (all, own, name) = (Arc::clone(self), Arc::clone(&lookup), host.to_owned());
        thread::Builder::new().name("look-up".to_owned()).spawn(move || all.perform(&name, &own))?;
        under_way.entry(host.to_owned()).or_default().push(Arc::clone(&lookup));
        Ok(lookup)
    }

    fn perform(&self, host: &str, lookup: &Arc<Lookup>) {
        let answer = (self.system)(host).map_err(|error| error.to_string());
        let mut under_way = lock(&self.under_way);
        if let Some(known) = under_way.get_mut(host) {
            known.retain(|other| !Arc::ptr_eq(other, lookup));
            if known.is_empty() {
                under_way.remove(host);
            }
        }
        drop(under_way);
        *lock(&lookup.answer) = Some(answer);
        lookup.answered.notify_all();
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// After this time the resolver itself may have been cured: another look-up is worth a try.
const PATIENCE: Duration = Duration::from_secs(60);

/// Threads that wait for the same name.
const PER_NAME_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};

    const LONG: Duration = Duration::from_secs(60);

    /// A resolver that answers for `good`, and for every other name only once it is let go; how often it was asked for those.
    fn hanging() -> (Arc<Lookups>, Sender<()>, Arc<AtomicUsize>) {
        let (release, held) = channel::<()>();
        let (held, asked) = (Mutex::new(held), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let lookups = Lookups::by(move |host| {
            if host != "good" {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = lock(&held).recv();
            }
            Ok(vec![Ipv4Addr::LOCALHOST.into()])
        });
        (lookups, release, asked)
    }

    /// As if `time` had passed for all that is under way.
    fn age(lookups: &Lookups, time: Duration) {
        for lookup in lock(&lookups.under_way).values_mut().flatten() {
            let started = lookup.started.checked_sub(time).unwrap();
            *lookup = Arc::new(Lookup { started, answer: Mutex::default(), answered: Condvar::new() });
        }
    }

    #[test]
    fn a_name_that_hangs_holds_few_threads_and_no_other_name() {
        let (lookups, _release, asked) = hanging();
        for round in 0..20 {
            for _ in 0..5 {
                let error = lookups.addresses("bad", Duration::from_millis(1)).unwrap_err();
                assert_eq!(error, "the name bad was not looked up in time");
            }
            assert_eq!(lookups.addresses("good", LONG).unwrap().len(), 1);
            assert_eq!(lock(&lookups.under_way)["bad"].len(), (round + 1).min(PER_NAME_MAX));
            age(&lookups, PATIENCE);
        }
        assert!(asked.load(Ordering::SeqCst) <= PER_NAME_MAX);
        assert_eq!(lock(&lookups.under_way).len(), 1);
    }

    #[test]
    fn all_who_want_a_name_share_its_look_up_and_the_next_one_is_new() {
        let (lookups, release, asked) = hanging();
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let lookups = Arc::clone(&lookups);
                thread::spawn(move || lookups.addresses("bad", LONG))
            })
            .collect();
        // The map, its thread and all eight.
        let holders = || lock(&lookups.under_way).get("bad").map_or(0, |known| Arc::strong_count(&known[0]));
        while holders() < 10 {
            thread::yield_now();
        }
        release.send(()).unwrap();
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), Ok(vec![Ipv4Addr::LOCALHOST.into()]));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(lock(&lookups.under_way).is_empty());
        drop(release);
        assert!(lookups.addresses("bad", LONG).is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_name_that_is_none_says_so() {
        let lookups = Lookups::by(|_| Err(io::Error::other("no such name")));
        assert_eq!(lookups.addresses("nowhere", LONG), Err("no such name".to_owned()));
    }
}
