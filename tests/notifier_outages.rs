//! Outages of hours and clocks that jump, on clocks that the tests turn: what a platform that fails gets to see of us, that nothing is
//! lost meanwhile, and that all is told as soon as it is back.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use bouncesvc::change::{NotificationId, Outcome};
use bouncesvc::notify::{Clocks, Settings};
use bouncesvc::tenant::Tenants;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use support::platform::{Answer, Platform};
use support::queue::{Harness, MemoryQueue, Rows, TurnedClocks, quick, tenant};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// `bad.de` with rows at a platform, `good.de` at one that works, and the delays of a daemon that nobody configured.
struct Outage {
    clocks: Arc<TurnedClocks>,
    platform: Platform,
    good: Platform,
    harness: Harness,
    rows: usize,
    good_ones: usize,
}

impl Outage {
    fn begin(rows: usize, settings: Settings, answer: Answer) -> Self {
        let platform = Platform::start(move |_| answer.clone());
        let good = Platform::answering(200);
        let tenants = vec![tenant("bad.de", &platform.template()), tenant("good.de", &good.template())];
        let queue = MemoryQueue::default();
        for n in 0..rows {
            queue.push("bad.de", &format!("a{n}@b.de"));
        }
        let clocks = Arc::new(TurnedClocks::default());
        let harness = Harness::start_with(clocks.clone(), queue, tenants, settings);
        Self { clocks, platform, good, harness, rows, good_ones: 0 }
    }

    /// Lets time pass, and waits until the notifier has seen it: the other domain is told of one more.
    fn pass(&mut self, time: Duration) {
        self.clocks.pass(time);
        self.good_ones += 1;
        let id = self.harness.push("good.de", &format!("g{}@b.de", self.good_ones));
        self.harness.run_until(|rows| is_delivered(rows, id));
    }

    /// Lets a minute pass, and waits until the platform was tried again in it.
    fn pass_a_minute_with_a_probe(&mut self) {
        let failed = self.failures();
        self.pass(MINUTE);
        while self.failures() == failed {
            self.harness.step();
        }
    }

    fn failures(&self) -> usize {
        self.harness.history.iter().filter(|settled| matches!(settled.outcome, Outcome::Retry { .. })).count()
    }

    /// The platform is back: within a minute it is told all, and no more time passes for it.
    fn end(mut self) {
        let asked = self.platform.requests().len();
        self.platform.set_script(|_| Answer::status(200));
        self.pass(MINUTE);
        let all = self.rows + self.good_ones;
        self.harness.run_until(|rows| rows.delivered.len() == all);
        assert_eq!(self.platform.requests().len() - asked, self.rows, "each was told once");
        assert_eq!(self.good.requests().len(), self.good_ones);
        assert!(self.harness.queue.rows().parked.is_empty());
    }
}

fn is_delivered(rows: &Rows, id: NotificationId) -> bool {
    rows.delivered.iter().any(|(row, _, _)| row.id == id)
}

#[test]
fn an_hour_of_500_or_503_is_one_attempt_a_minute_and_then_all_is_told_at_once() {
    for (status, rows) in [(500, 1), (500, 2), (500, 500), (503, 1), (503, 500)] {
        let mut outage = Outage::begin(rows, Settings::default(), Answer::status(status));
        for _ in 0..60 {
            outage.pass_a_minute_with_a_probe();
        }
        let attempts = outage.platform.requests().len();
        assert!(attempts < 80, "{status}, {rows} rows: {attempts} attempts in an hour");
        assert_eq!(outage.harness.queue.rows().pending.len(), rows);
        outage.end();
    }
}

#[test]
fn a_backlog_of_thousands_drains_without_waiting_for_any_delay() {
    let mut outage = Outage::begin(5000, Settings::default(), Answer::Close);
    for _ in 0..20 {
        outage.pass_a_minute_with_a_probe();
    }
    assert_few_workers();
    outage.end();
}

#[test]
fn a_row_that_falls_due_beside_a_long_attempt_is_told_in_time() {
    let platform =
        Platform::start(|request| if request.target.contains("long") { Answer::Silent } else { Answer::status(200) });
    let clocks = Arc::new(TurnedClocks::default());
    let settings = Settings { request_time_max: HOUR, ..Settings::default() };
    let tenants = vec![tenant("a.de", &platform.template())];
    let mut harness = Harness::start_with(clocks.clone(), MemoryQueue::default(), tenants, settings);
    // A success, so that the domain is trusted with more than one attempt.
    harness.push("a.de", "first@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { .. }));
    for (name, seconds) in [("later", 20), ("last", 25)] {
        let id = harness.queue.push("a.de", &format!("{name}@b.de"));
        harness.queue.edit(id, |row| row.next_attempt = clocks.wall().after(Duration::from_secs(seconds)));
    }
    harness.push("a.de", "long@b.de");
    platform.wait_for(|requests| requests.iter().any(|request| request.target.contains("long")));
    for all in [3, 4] {
        clocks.pass(Duration::from_secs(21));
        harness.wake();
        platform.wait_for_count(all);
    }
    let names = platform.requests().iter().map(|request| request.target[8..12].to_owned()).collect::<Vec<_>>();
    assert_eq!(names, ["firs", "long", "late", "last"]);
    assert!(harness.stop(Duration::ZERO).iter().all(|settled| matches!(settled.outcome, Outcome::Delivered { .. })));
}

#[test]
fn the_queue_is_looked_at_again_in_a_minute_without_news_of_it() {
    let platform = Platform::answering(200);
    let clocks = Arc::new(TurnedClocks::default());
    let tenants = vec![tenant("a.de", &platform.template())];
    let mut harness = Harness::start_with(clocks.clone(), MemoryQueue::default(), tenants, Settings::default());
    harness.push("a.de", "told@b.de");
    assert!(matches!(harness.step(), Outcome::Delivered { .. }));
    harness.queue.push("a.de", "untold@b.de");
    clocks.pass(MINUTE);
    harness.wake();
    assert!(matches!(harness.step(), Outcome::Delivered { .. }));
}

#[test]
fn a_platform_that_asks_for_a_pause_gets_it_in_seconds_or_as_a_date() {
    let in_half_an_hour = |clocks: &TurnedClocks| {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(clocks.wall().after(HOUR / 2).millis()))
    };
    let clocks = TurnedClocks::default();
    for (status, retry_after) in [(429, "1800".to_owned()), (503, in_half_an_hour(&clocks))] {
        let answer = Answer::status(status).with_header("Retry-After", &retry_after);
        let mut outage = Outage::begin(20, Settings::default(), answer);
        outage.harness.run_until(|rows| rows.pending.values().any(|row| row.attempts == 1));
        outage.pass(28 * MINUTE);
        assert_eq!(outage.platform.requests().len(), 1, "{retry_after}");
        outage.pass(MINUTE);
        outage.end();
    }
}

#[test]
fn a_pause_beyond_all_reason_is_no_longer_than_the_longest_delay() {
    for retry_after in ["999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let mut outage =
            Outage::begin(3, Settings::default(), Answer::status(429).with_header("Retry-After", retry_after));
        outage.harness.run_until(|rows| rows.pending.values().any(|row| row.attempts == 1));
        outage.pass(59 * MINUTE + Duration::from_secs(1));
        outage.end();
    }
}

#[test]
fn a_wall_clock_that_jumps_in_an_outage_parks_nothing_and_stalls_nothing() {
    type Jump = fn(&TurnedClocks, Duration);
    let (ahead, behind): (Jump, Jump) = (TurnedClocks::set_ahead, TurnedClocks::set_behind);
    for jumps in [&[ahead][..], &[behind], &[ahead, behind], &[behind, ahead]] {
        let mut outage = Outage::begin(30, Settings::default(), Answer::status(503));
        outage.pass_a_minute_with_a_probe();
        for jump in jumps {
            jump(&outage.clocks, YEAR);
            outage.pass_a_minute_with_a_probe();
            outage.pass_a_minute_with_a_probe();
        }
        outage.end();
    }
}

#[test]
fn what_was_tried_for_a_week_is_parked_and_not_before_by_a_clock_that_is_ahead() {
    let mut outage = Outage::begin(3, Settings::default(), Answer::status(503));
    outage.clocks.set_ahead(YEAR);
    for _ in 0..10 {
        outage.pass(HOUR);
    }
    outage.clocks.set_ahead(Duration::ZERO);
    for _ in 0..12 {
        outage.pass(12 * HOUR);
    }
    assert_eq!(outage.harness.queue.rows().parked.len(), 0);
    for _ in 0..2 {
        outage.pass(12 * HOUR);
    }
    outage.harness.run_until(|rows| rows.parked.len() == 3);
}

#[test]
fn every_fault_at_once_leaves_the_other_domains_and_the_threads_alone() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let faults = [
        Answer::status(500),
        Answer::status(429).with_header("Retry-After", "0"),
        Answer::Silent,
        Answer::Close,
        Answer::Drip("HTTP/1.1 200 OK\r\nX: y\r\n".repeat(1000)),
        Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99".to_vec()),
    ];
    let platforms: Vec<Platform> = faults.map(|answer| Platform::start(move |_| answer.clone())).into();
    let mut templates: Vec<String> = platforms.iter().map(Platform::template).collect();
    templates.push(format!("http://{refusing}/{{address}}"));
    templates.push(format!("https://{}/{{address}}", platforms[0].address()));
    templates.push("http://no-such-host.invalid/{address}".to_owned());
    let good = Platform::answering(200);
    let mut tenants: Vec<_> =
        templates.iter().enumerate().map(|(n, template)| tenant(&format!("bad{n}.de"), template)).collect();
    tenants.push(tenant("good.de", &good.template()));
    let queue = MemoryQueue::default();
    for n in 0..20 * templates.len() {
        queue.push(&format!("bad{}.de", n % templates.len()), &format!("a{n}@b.de"));
    }
    let settings = Settings { retry_delay_min: Duration::from_millis(1), retry_delay_max: MINUTE / 1000, ..quick() };
    let mut harness = Harness::start(queue, tenants, settings);
    for n in 0..100 {
        let id = harness.push("good.de", &format!("g{n}@b.de"));
        harness.run_until(|rows| is_delivered(rows, id));
        assert_few_workers();
    }
    let rows = harness.queue.rows();
    assert_eq!((rows.pending.len(), rows.parked.len()), (20 * templates.len(), 0));
}

#[test]
fn delays_without_an_end_end_nothing_but_the_attempts() {
    let (retry_delay_min, retry_delay_max, retry_time_max) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let settings = Settings { retry_delay_min, retry_delay_max, retry_time_max, ..Settings::default() };
    let mut outage = Outage::begin(2, settings.clone(), Answer::status(503));
    outage.harness.run_until(|rows| rows.pending.values().any(|row| row.attempts == 1));
    outage.pass(YEAR);
    assert_eq!(outage.platform.requests().len(), 1);
    let tenants = vec![tenant("bad.de", &outage.good.template())];
    outage.harness.notifier.reload(Arc::new(Tenants::new(tenants)), settings);
    outage.harness.run_until(|rows| rows.delivered.len() == 2);
}

/// No more workers than the notifiers of all tests here may have; one that an attempt leaves behind would soon be too many.
fn assert_few_workers() {
    const NOTIFIERS_MAX: usize = 8;
    let names = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("comm"));
    // A thread may end in the middle of the look.
    let is_worker = |name: &PathBuf| std::fs::read_to_string(name).is_ok_and(|name| name == "notify-worker\n");
    let workers = names.filter(is_worker).count();
    assert!(workers > 0 && workers <= NOTIFIERS_MAX * Settings::default().workers_max, "{workers} workers");
}
