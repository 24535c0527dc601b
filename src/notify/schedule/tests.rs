//! Who may start when, without threads and clocks.

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
fn refusals_between_successes_do_not_add_up() {
    let (a, now) = (domain("a.de"), Instant::now());
    let mut schedule = trusting(&a, now);
    for second in 1..20 {
        let evidence = if second % 3 == 0 { Evidence::Up } else { Evidence::Refused };
        let attempt = start(&mut schedule, &a, now + second * SECOND).unwrap();
        assert_eq!(end(&mut schedule, &attempt, evidence, now + second * SECOND), Blame::Notification);
    }
}

#[test]
fn all_trusted_domains_together_keep_to_the_limit() {
    let (domains, now) = (["a.de", "b.de", "c.de"].map(domain), Instant::now());
    let mut schedule = Schedule::new(LIMITS);
    for domain in &domains {
        let attempt = start(&mut schedule, domain, now).unwrap();
        end(&mut schedule, &attempt, Evidence::Up, now);
    }
    assert_eq!(domains.map(|domain| fill(&mut schedule, &domain, now).len()), [3, 3, 2]);
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
    assert_eq!(round_after(&[Duration::from_millis(8)]), 1, "the first attempt is all that is known");
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

#[test]
fn a_success_counts_from_when_it_was_also_when_it_is_learnt_behind_a_later_one() {
    let (a, now) = (domain("a.de"), Instant::now());
    let mut schedule = trusting(&a, now);
    let at = |millis| now + Duration::from_millis(millis);
    let mut learn = |started, ended, evidence| {
        schedule.learn(&Lesson { domain: &a, started, ended, evidence }, at(50), ten_seconds_each)
    };
    learn(at(1), at(9), Evidence::Up);
    learn(at(1), at(3), Evidence::Up);
    assert_eq!(learn(at(5), at(10), UNREACHABLE), Blame::Notification);
}
