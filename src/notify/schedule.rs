//! Who may start what now: [`Schedule`], pure. No threads, no clock, no queue; monotonic times are passed in.
//!
//! Limits hold for all attempts and for each domain. A domain that succeeded lately is trusted with its full share. Any other one
//! (new, long quiet, or down) is probed by one attempt at a time, and all probes together get half of the workers at most, so that
//! any number of hanging platforms leaves the other half to those that answer.
//!
//! A domain goes down as a whole when it cannot be reached, or when it refuses several attempts in a row. It is then probed with a
//! growing delay. An attempt that began before the domain's last success tells nothing about the domain: a notification that always
//! fails while others succeed has a fault of its own, and backs off alone.

use super::round::rows_within;
use crate::types::Domain;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Attempts under way at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all domains.
    pub all: usize,
    /// Of a trusted domain.
    pub per_domain: usize,
}

/// Leave for one round of attempts, one after the other; goes back to [`Schedule::over`].
#[derive(Debug)]
pub struct Ticket {
    domain: Domain,
    probe: bool,
}

impl Ticket {
    /// Whom it is for.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// What an attempt that ended tells of its domain.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Whose platform.
    pub domain: &'a Domain,
    /// When it started.
    pub started: Instant,
    /// When it ended.
    pub ended: Instant,
    /// What came of it.
    pub evidence: Evidence,
}

/// What an attempt says about its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The platform works.
    Up,
    /// It answered, but refused in a way that may be the fault of this one notification.
    Refused,
    /// It cannot be reached, or says so. `pause`: how long it asks to be left alone.
    Unavailable {
        /// From `Retry-After`.
        pause: Option<Duration>,
    },
}

/// Whose fault a failed attempt was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The notification's own: it backs off by itself.
    Notification,
    /// The domain's: it is probed again after this time.
    Domain(Duration),
}

/// The state of all domains and the running attempts.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    running: usize,
    probes: usize,
    domains: HashMap<Domain, State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    succeeded: Option<Instant>,
    /// What an attempt takes, of late.
    attempt_time: Duration,
    /// Refusals since the last success.
    refusals: u32,
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    failures: u32,
    probe_at: Instant,
}

impl Schedule {
    /// Nothing runs, nothing is known.
    pub fn new(limits: Limits) -> Self {
        Self { limits, running: 0, probes: 0, domains: HashMap::new() }
    }

    /// New limits; what runs goes on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Forgets all that was learned about the domains: the configuration is new, and may have cured what was wrong.
    pub fn forgive(&mut self) {
        self.domains.retain(|_, state| state.running > 0);
        for state in self.domains.values_mut() {
            *state = State { running: state.running, ..State::default() };
        }
    }

    /// Ends the pause of `domain`, or of all: it may be probed now. What is known of it stays, so that one more failure pauses
    /// it for longer.
    pub fn resume(&mut self, domain: Option<&Domain>, now: Instant) {
        let named = |(name, _): &(&Domain, &mut State)| domain.is_none_or(|domain| domain == *name);
        for outage in self.domains.iter_mut().filter(named).filter_map(|(_, state)| state.outage.as_mut()) {
            outage.probe_at = outage.probe_at.min(now);
        }
    }

    /// Leave to start one round of attempts for `domain`, if it may start now.
    pub fn start(&mut self, domain: &Domain, now: Instant) -> Option<Ticket> {
        let probe = !self.is_trusted(domain, now);
        if !self.has_room(domain, probe, now) {
            return None;
        }
        self.running += 1;
        self.probes += usize::from(probe);
        self.domains.entry(domain.clone()).or_default().running += 1;
        Some(Ticket { domain: domain.clone(), probe })
    }

    /// The longest round of a ticket: one attempt, or several for a trusted domain whose attempts are quick.
    pub fn rows_per_round(&self, ticket: &Ticket) -> usize {
        let trusted = self.domains.get(&ticket.domain).filter(|_| !ticket.probe);
        trusted.map_or(1, |state| rows_within(state.attempt_time))
    }

    /// Takes back a ticket: its round is over, or did not happen.
    pub fn over(&mut self, ticket: &Ticket) {
        self.running -= 1;
        self.probes -= usize::from(ticket.probe);
        self.state(&ticket.domain).running -= 1;
    }

    /// An attempt ended. `probe_delay` gives the delay after so many failures in a row.
    pub fn learn(&mut self, lesson: &Lesson<'_>, now: Instant, probe_delay: impl Fn(u32) -> Duration) -> Blame {
        let state = self.state(lesson.domain);
        state.time(lesson.ended.saturating_duration_since(lesson.started));
        match lesson.evidence {
            Evidence::Up => {
                (state.refusals, state.outage) = (0, None);
                state.succeeded = state.succeeded.max(Some(lesson.ended));
                Blame::Notification
            }
            _ if state.succeeded.is_some_and(|succeeded| succeeded > lesson.started) => Blame::Notification,
            Evidence::Refused => {
                state.refusals += 1;
                // The next probe is another notification, if there is one: those that wait longer go first.
                if state.refusals >= REFUSALS_MAX {
                    return Blame::Domain(state.fail(None, now, probe_delay));
                }
                Blame::Notification
            }
            Evidence::Unavailable { pause } => Blame::Domain(state.fail(pause, now, probe_delay)),
        }
    }

    /// How often in a row the domain could not be reached; 0: it is not down.
    pub fn failures(&self, domain: &Domain) -> u32 {
        self.domains.get(domain).and_then(|state| state.outage.as_ref()).map_or(0, |outage| outage.failures)
    }

    /// When a domain that is down may be probed; `None` when it is not down.
    pub fn probe_at(&self, domain: &Domain) -> Option<Instant> {
        self.domains.get(domain).and_then(|state| state.outage.as_ref()).map(|outage| outage.probe_at)
    }

    /// Attempts under way.
    pub fn running(&self) -> usize {
        self.running
    }

    fn has_room(&self, domain: &Domain, probe: bool, now: Instant) -> bool {
        let running = self.domains.get(domain).map_or(0, |state| state.running);
        let rested = self.probe_at(domain).is_none_or(|probe_at| now >= probe_at);
        let (domain_max, probes_max) =
            if probe { (1, (self.limits.all / 2).max(1)) } else { (self.limits.per_domain, usize::MAX) };
        rested && self.running < self.limits.all && running < domain_max && self.probes < probes_max
    }

    fn is_trusted(&self, domain: &Domain, now: Instant) -> bool {
        self.domains.get(domain).is_some_and(|state| {
            state.outage.is_none()
                && state.succeeded.is_some_and(|succeeded| now.saturating_duration_since(succeeded) < TRUST_TIME)
        })
    }

    fn state(&mut self, domain: &Domain) -> &mut State {
        self.domains.entry(domain.clone()).or_default()
    }
}

impl State {
    /// An attempt took this long. One that hangs makes rounds short for a while, so that few rows wait behind the next.
    fn time(&mut self, took: Duration) {
        let usual = if self.attempt_time.is_zero() { took } else { self.attempt_time };
        self.attempt_time = (usual * (FOLLOWING_PART - 1) + took) / FOLLOWING_PART;
    }

    /// One more failure; how long until the next probe.
    fn fail(&mut self, pause: Option<Duration>, now: Instant, probe_delay: impl Fn(u32) -> Duration) -> Duration {
        let known = self.outage.as_ref();
        // Attempts that were under way when the domain went down are one failure, not several.
        let counts_anew = known.is_none_or(|outage| now >= outage.probe_at);
        let failures = known.map_or(0, |outage| outage.failures) + u32::from(counts_anew);
        let delay = pause.unwrap_or_default().max(probe_delay(failures)).min(PAUSE_MAX);
        let probe_at = known.map_or(now, |outage| outage.probe_at).max(now + delay);
        self.outage = Some(Outage { failures, probe_at });
        probe_at - now
    }
}

/// Refusals in a row that take a domain down.
const REFUSALS_MAX: u32 = 3;

/// For good, and yet a time that clocks can show.
const PAUSE_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How fast the usual time of an attempt follows the last one: the part of the difference that is taken.
const FOLLOWING_PART: u32 = 4;

/// How long a success speaks for the domain.
const TRUST_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
