//! A queue in memory, and a notifier that works on it: what the store and the event loop do, without either.

use super::platform::PATIENCE;
use bouncesvc::bounce::{Class, Reason};
use bouncesvc::change::{Notification, NotificationId, Outcome, Settled};
use bouncesvc::notify::{ArchiveJob, Clocks, Notifier, Queue, QueueError, Settings, SystemClocks};
use bouncesvc::tenant::{Endpoint, Tenant, Tenants, UrlTemplate};
use bouncesvc::types::{Address, Domain, MessageId, Timestamp};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// The rows.
#[derive(Debug, Default)]
pub struct Rows {
    pub pending: BTreeMap<NotificationId, Notification>,
    pub parked: Vec<(Notification, String)>,
    pub delivered: Vec<(Notification, u16, String)>,
    pub archive: Vec<ArchiveJob>,
}

/// Shared by the test and the notifier.
#[derive(Debug, Default)]
pub struct MemoryQueue(Mutex<Rows>);

impl MemoryQueue {
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Queues a notification, due now.
    pub fn push(&self, domain: &str, address: &str) -> NotificationId {
        let mut rows = self.rows();
        let id = rows.pending.len() + rows.parked.len() + rows.delivered.len() + 1;
        let notification = notification(id as u64, domain, address);
        rows.pending.insert(id as u64, notification);
        id as u64
    }

    /// Changes a pending one.
    pub fn edit(&self, id: NotificationId, edit: impl FnOnce(&mut Notification)) {
        edit(self.rows().pending.get_mut(&id).expect("a pending row"));
    }

    /// What the store does with an outcome.
    fn settle(&self, settled: &Settled) {
        let mut rows = self.rows();
        if settled.outcome == Outcome::Archived {
            let place = rows.archive.iter().position(|job| job.id == settled.id).expect("a job");
            rows.archive.remove(place);
            return;
        }
        let mut row = rows.pending.remove(&settled.id).expect("an outcome of a pending row");
        row.attempts += 1;
        match settled.outcome.clone() {
            Outcome::Delivered { status, body } => rows.delivered.push((row, status, body)),
            Outcome::Parked { error } => rows.parked.push((row, error)),
            Outcome::Retry { next_attempt, error } => {
                (row.next_attempt, row.last_error) = (next_attempt, Some(error));
                rows.pending.insert(row.id, row);
            }
            Outcome::Archived => unreachable!(),
        }
    }
}

impl Queue for MemoryQueue {
    fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError> {
        let mut domains: BTreeMap<Domain, Timestamp> = BTreeMap::new();
        for row in self.rows().pending.values() {
            let first = domains.entry(row.domain.clone()).or_insert(row.next_attempt);
            *first = row.next_attempt.min(*first);
        }
        Ok(domains.into_iter().collect())
    }

    fn due(
        &self,
        domain: &Domain,
        until: Timestamp,
        skip: &dyn Fn(NotificationId) -> bool,
        limit: usize,
    ) -> Result<Vec<Notification>, QueueError> {
        let rows = self.rows();
        let is_due = |row: &&Notification| row.domain == *domain && row.next_attempt <= until && !skip(row.id);
        let mut due: Vec<_> = rows.pending.values().filter(is_due).collect();
        due.sort_by_key(|row| (row.next_attempt, row.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    fn archive_jobs(&self, skip: &dyn Fn(NotificationId) -> bool, limit: usize) -> Result<Vec<ArchiveJob>, QueueError> {
        Ok(self.rows().archive.iter().filter(|job| !skip(job.id)).take(limit).cloned().collect())
    }
}

/// A notifier, its queue and the part of the event loop: the test commits outcomes by [`Harness::run_until`].
pub struct Harness {
    pub queue: Arc<MemoryQueue>,
    pub notifier: Notifier,
    settled: Receiver<Settled>,
    /// All outcomes so far.
    pub history: Vec<Settled>,
}

impl Harness {
    /// Starts a notifier on `queue`.
    pub fn start(queue: MemoryQueue, tenants: Vec<Tenant>, settings: Settings) -> Self {
        Self::start_with(Arc::new(SystemClocks), queue, tenants, settings)
    }

    /// The same with clocks that the test turns.
    pub fn start_with(clocks: Arc<dyn Clocks>, queue: MemoryQueue, tenants: Vec<Tenant>, settings: Settings) -> Self {
        let queue = Arc::new(queue);
        let (report, settled) = channel();
        let report = Box::new(move |outcome| drop(report.send(outcome)));
        let tenants = Arc::new(Tenants::new(tenants));
        let notifier = Notifier::start_with(clocks, queue.clone(), tenants, settings, report);
        Self { queue, notifier, settled, history: Vec::new() }
    }

    /// Queues one more and says so.
    pub fn push(&self, domain: &str, address: &str) -> NotificationId {
        let id = self.queue.push(domain, address);
        self.notifier.nudge();
        id
    }

    /// Makes the notifier look at its clocks, without news.
    pub fn wake(&self) {
        self.notifier.committed(&[]);
    }

    /// The next outcome, not committed yet.
    pub fn next(&mut self) -> Settled {
        let settled = self.settled.recv_timeout(PATIENCE).expect("an outcome");
        self.history.push(settled.clone());
        settled
    }

    /// Makes an outcome durable and says so.
    pub fn commit(&self, settled: &Settled) {
        self.queue.settle(settled);
        self.notifier.committed(&[settled.id]);
    }

    /// Commits outcomes until the rows are as wanted; fails the test when none comes any more.
    pub fn run_until(&mut self, wanted: impl Fn(&Rows) -> bool) {
        while !wanted(&self.queue.rows()) {
            let settled = self.next();
            self.commit(&settled);
        }
    }

    /// The same, while the clocks are turned by `time` again and again: what rests until then may begin to do so at any moment.
    pub fn run_turning(&mut self, clocks: &TurnedClocks, time: Duration, wanted: impl Fn(&Rows) -> bool) {
        let start = Instant::now();
        while !wanted(&self.queue.rows()) {
            assert!(start.elapsed() < PATIENCE, "what was wanted did not come");
            clocks.pass(time);
            self.notifier.nudge();
            while let Ok(settled) = self.settled.recv_timeout(Duration::from_millis(10)) {
                self.commit(&settled);
            }
        }
    }

    /// Commits one outcome and returns it.
    pub fn step(&mut self) -> Outcome {
        let settled = self.next();
        self.commit(&settled);
        settled.outcome
    }

    /// Stops the notifier; the outcomes that it still reported.
    pub fn stop(mut self, grace: Duration) -> Vec<Settled> {
        self.notifier.stop(grace);
        self.settled.try_iter().collect()
    }
}

/// Clocks that run, and that a test turns.
#[derive(Debug, Default)]
pub struct TurnedClocks(Mutex<Turned>);

#[derive(Debug, Default)]
struct Turned {
    passed: Duration,
    wall_ahead: Duration,
    wall_behind: Duration,
}

impl TurnedClocks {
    fn turned(&self) -> MutexGuard<'_, Turned> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets time pass. Who waits has to be nudged.
    pub fn pass(&self, time: Duration) {
        self.turned().passed += time;
    }

    /// Sets the wall clock ahead of what it would be.
    pub fn set_ahead(&self, time: Duration) {
        let mut turned = self.turned();
        (turned.wall_ahead, turned.wall_behind) = (time, Duration::ZERO);
    }

    /// Sets it behind.
    pub fn set_behind(&self, time: Duration) {
        let mut turned = self.turned();
        (turned.wall_ahead, turned.wall_behind) = (Duration::ZERO, time);
    }
}

impl Clocks for TurnedClocks {
    fn steady(&self) -> Instant {
        Instant::now() + self.turned().passed
    }

    fn wall(&self) -> Timestamp {
        let turned = self.turned();
        now().after(turned.passed + turned.wall_ahead).before(turned.wall_behind)
    }
}

/// Delays of milliseconds.
pub fn quick() -> Settings {
    Settings {
        request_time_max: Duration::from_millis(500),
        retry_delay_min: Duration::from_millis(20),
        retry_delay_max: Duration::from_millis(200),
        ..Settings::default()
    }
}

/// A configured domain that is told by a URL template.
pub fn tenant(domain: &str, template: &str) -> Tenant {
    Tenant {
        domain: Domain::parse(domain).expect("a domain"),
        endpoint: Endpoint::Template(UrlTemplate::parse(template).expect("a template")),
        headers: Vec::new(),
        json_body: false,
        done_statuses: Vec::new(),
        threshold: 3,
        window: None,
        evidence: bouncesvc::evidence::Rules::default(),
    }
}

fn notification(id: NotificationId, domain: &str, address: &str) -> Notification {
    Notification {
        id,
        idempotency_key: format!("key-{id}"),
        domain: Domain::parse(domain).expect("a domain"),
        address: Address::parse(address).expect("an address"),
        class: Class::Hard,
        reason: Reason::UserUnknown,
        status: None,
        diagnostic: None,
        count: 0,
        message_id: MessageId(id),
        created: now(),
        tried_since: now(),
        attempts: 0,
        next_attempt: now(),
        last_error: None,
    }
}

/// The wall time.
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
