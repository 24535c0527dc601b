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
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: Limits = Limits { all: 8, per_domain: 3 };
    const UNREACHABLE: Evidence = Evidence::Unavailable { pause: None };

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn ten_seconds_each(failures: u32) -> Duration {
        10 * failures * SECOND
    }

    /// A round of one attempt.
    struct Attempt {
        ticket: Ticket,
        started: Instant,
    }

    fn start(schedule: &mut Schedule, domain: &Domain, now: Instant) -> Option<Attempt> {
        Some(Attempt { ticket: schedule.start(domain, now)?, started: now })
    }

    /// Starts as many as may start.
    fn fill(schedule: &mut Schedule, domain: &Domain, now: Instant) -> Vec<Attempt> {
        std::iter::from_fn(|| start(schedule, domain, now)).collect()
    }

    fn end(schedule: &mut Schedule, attempt: &Attempt, evidence: Evidence, now: Instant) -> Blame {
        let Attempt { ticket, started } = attempt;
        schedule.over(ticket);
        let lesson = Lesson { domain: &ticket.domain, started: *started, ended: now, evidence };
        schedule.learn(&lesson, now, ten_seconds_each)
    }

    fn may_start(schedule: &Schedule, domain: &Domain, now: Instant) -> bool {
        schedule.has_room(domain, !schedule.is_trusted(domain, now), now)
    }

    /// A schedule in which `domain` is trusted.
    fn trusting(domain: &Domain, now: Instant) -> Schedule {
        let mut schedule = Schedule::new(LIMITS);
        let ticket = start(&mut schedule, domain, now).unwrap();
        end(&mut schedule, &ticket, Evidence::Up, now);
        schedule
    }

    #[test]
    fn a_new_domain_gets_one_and_after_a_success_its_share() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = Schedule::new(LIMITS);
        let tickets = fill(&mut schedule, &a, now);
        assert_eq!(tickets.len(), 1);
        end(&mut schedule, &tickets[0], Evidence::Up, now);
        assert_eq!(fill(&mut schedule, &a, now).len(), 3);
        assert_eq!(schedule.running(), 3);
    }

    #[test]
    fn a_long_quiet_domain_is_probed_first() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        assert_eq!(fill(&mut schedule, &a, now + 61 * SECOND).len(), 1);
    }

    #[test]
    fn an_unreachable_domain_is_probed_alone_with_growing_delay_and_drains_at_once_when_back() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let tickets = fill(&mut schedule, &a, now);
        for ticket in &tickets {
            assert_eq!(end(&mut schedule, ticket, UNREACHABLE, now + SECOND), Blame::Domain(10 * SECOND));
        }
        assert_eq!(schedule.failures(&a), 1, "three attempts that failed together are one failure");
        assert!(!may_start(&schedule, &a, now + 10 * SECOND));

        let probe = fill(&mut schedule, &a, now + 11 * SECOND);
        assert_eq!(probe.len(), 1);
        assert_eq!(end(&mut schedule, &probe[0], UNREACHABLE, now + 11 * SECOND), Blame::Domain(20 * SECOND));
        assert_eq!(schedule.probe_at(&a), Some(now + 31 * SECOND));

        let probe = fill(&mut schedule, &a, now + 31 * SECOND);
        end(&mut schedule, &probe[0], Evidence::Up, now + 32 * SECOND);
        assert_eq!(fill(&mut schedule, &a, now + 32 * SECOND).len(), 3);
    }

    #[test]
    fn a_domain_that_asks_for_a_pause_gets_it() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let ticket = start(&mut schedule, &a, now).unwrap();
        let pause = Evidence::Unavailable { pause: Some(120 * SECOND) };
        assert_eq!(end(&mut schedule, &ticket, pause, now), Blame::Domain(120 * SECOND));
        assert!(!may_start(&schedule, &a, now + 119 * SECOND));
        assert!(may_start(&schedule, &a, now + 120 * SECOND));
    }

    #[test]
    fn a_pause_is_not_shortened_by_an_attempt_that_was_under_way() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let tickets = fill(&mut schedule, &a, now);
        end(&mut schedule, &tickets[0], Evidence::Unavailable { pause: Some(120 * SECOND) }, now);
        let blame = end(&mut schedule, &tickets[1], UNREACHABLE, now + SECOND);
        assert_eq!((blame, schedule.probe_at(&a)), (Blame::Domain(119 * SECOND), Some(now + 120 * SECOND)));
    }

    #[test]
    fn a_domain_that_asks_for_no_pause_is_given_one_all_the_same() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let ticket = start(&mut schedule, &a, now).unwrap();
        let at_once = Evidence::Unavailable { pause: Some(Duration::ZERO) };
        assert_eq!(end(&mut schedule, &ticket, at_once, now), Blame::Domain(10 * SECOND));
    }

    #[test]
    fn a_notification_that_always_fails_while_others_succeed_does_not_stop_its_domain() {
        let (a, now) = (domain("a.de"), Instant::now());
        for evidence in [Evidence::Refused, UNREACHABLE] {
            let mut schedule = trusting(&a, now);
            for round in 1..20 {
                let now = now + round * SECOND;
                let poison = start(&mut schedule, &a, now).unwrap();
                let good = start(&mut schedule, &a, now).unwrap();
                end(&mut schedule, &good, Evidence::Up, now + SECOND / 4);
                assert_eq!(end(&mut schedule, &poison, evidence, now + SECOND / 2), Blame::Notification);
                assert_eq!(schedule.failures(&a), 0);
            }
        }
    }

    #[test]
    fn an_operator_ends_the_pause_of_one_domain_or_of_all_and_the_next_failure_counts() {
        let (a, b, now) = (domain("a.de"), domain("b.de"), Instant::now());
        let mut schedule = Schedule::new(LIMITS);
        for domain in [&a, &b] {
            let ticket = start(&mut schedule, domain, now).unwrap();
            end(&mut schedule, &ticket, Evidence::Unavailable { pause: Some(120 * SECOND) }, now);
        }
        let now = now + SECOND;
        schedule.resume(Some(&a), now);
        assert!(may_start(&schedule, &a, now) && !may_start(&schedule, &b, now));
        let probes = fill(&mut schedule, &a, now);
        assert_eq!(probes.len(), 1, "it is probed, not trusted");
        assert_eq!(end(&mut schedule, &probes[0], UNREACHABLE, now), Blame::Domain(20 * SECOND));
        schedule.resume(None, now);
        assert!(may_start(&schedule, &a, now) && may_start(&schedule, &b, now));
    }

    #[test]
    fn refusals_in_a_row_take_the_domain_down() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        for (round, down, blame) in
            [(1, 0, Blame::Notification), (2, 0, Blame::Notification), (3, 1, Blame::Domain(10 * SECOND))]
        {
            let ticket = start(&mut schedule, &a, now + round * SECOND).unwrap();
            assert_eq!(end(&mut schedule, &ticket, Evidence::Refused, now + round * SECOND), blame);
            assert_eq!(schedule.failures(&a), down);
        }
    }

    #[test]
    fn hanging_domains_leave_half_of_the_workers_to_the_others() {
        let now = Instant::now();
        let good = domain("good.de");
        let mut schedule = trusting(&good, now);
        let hanging: Vec<Domain> = (0..100).map(|number| domain(&format!("hanging{number}.de"))).collect();
        let started: usize = hanging.iter().map(|domain| fill(&mut schedule, domain, now).len()).sum();
        assert_eq!(started, 4);
        assert_eq!(fill(&mut schedule, &good, now).len(), 3);
    }

    #[test]
    fn a_single_worker_still_probes() {
        let mut schedule = Schedule::new(Limits { all: 1, per_domain: 1 });
        assert!(start(&mut schedule, &domain("a.de"), Instant::now()).is_some());
        assert!(start(&mut schedule, &domain("b.de"), Instant::now()).is_none());
    }

    #[test]
    fn a_new_configuration_gives_a_domain_that_is_down_another_chance() {
        let (a, b, now) = (domain("a.de"), domain("b.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let ticket = start(&mut schedule, &a, now).unwrap();
        end(&mut schedule, &ticket, UNREACHABLE, now);
        let running = start(&mut schedule, &b, now).unwrap();
        schedule.forgive();
        assert_eq!(schedule.domains.len(), 1, "only what runs is remembered");
        assert!(may_start(&schedule, &a, now) && !may_start(&schedule, &b, now));
        end(&mut schedule, &running, Evidence::Up, now);
        assert_eq!(schedule.running(), 0);
    }

    /// The longest round after attempts that took this long each, and succeeded.
    fn round_after(times: &[Duration]) -> usize {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = Schedule::new(LIMITS);
        for took in times {
            let ticket = schedule.start(&a, now).unwrap();
            schedule.over(&ticket);
            let lesson = Lesson { domain: &a, started: now, ended: now + *took, evidence: Evidence::Up };
            schedule.learn(&lesson, now, ten_seconds_each);
        }
        let ticket = schedule.start(&a, now).unwrap();
        schedule.rows_per_round(&ticket)
    }

    #[test]
    fn a_round_is_long_where_attempts_are_quick_and_short_where_one_was_not() {
        let (quick, slow) = (Duration::from_micros(200), SECOND / 10);
        assert_eq!(round_after(&[]), 1, "a probe is alone");
        assert_eq!(round_after(&[slow]), 1);
        assert!(round_after(&[quick]) > 4);
        assert_eq!(round_after(&[quick, quick, slow]), 1);
        assert!(round_after(&[[slow].as_slice(), &[quick; 20]].concat()) > 4);
    }

    #[test]
    fn behind_an_attempt_that_hung_rounds_are_short() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let mut learn = |took, evidence| {
            let lesson = Lesson { domain: &a, started: now, ended: now + took, evidence };
            schedule.learn(&lesson, now, ten_seconds_each);
        };
        learn(30 * SECOND, UNREACHABLE);
        (0..5).for_each(|_| learn(Duration::from_micros(200), Evidence::Up));
        let ticket = schedule.start(&a, now).unwrap();
        assert_eq!(schedule.rows_per_round(&ticket), 1);
    }

    #[test]
    fn what_fails_after_a_success_of_its_own_round_tells_of_the_domain() {
        let (a, now) = (domain("a.de"), Instant::now());
        let mut schedule = trusting(&a, now);
        let at = |millis| now + Duration::from_millis(millis);
        let mut learn = |started, ended, evidence| {
            // It is learnt later than it happened.
            schedule.learn(&Lesson { domain: &a, started, ended, evidence }, at(50), ten_seconds_each)
        };
        assert_eq!(learn(at(1), at(2), Evidence::Up), Blame::Notification);
        assert_eq!(learn(at(2), at(3), UNREACHABLE), Blame::Domain(10 * SECOND));
    }
}
