//! The loop: what one turn does, and in which order.

use super::committer::{Committer, Done, Job};
use super::control::{Ask, Control};
use super::entrance::Entrance;
use super::gate::Gate;
use super::ledger::{Closed, Ledger};
use super::listen::Listeners;
use super::outcomes::{Outcomes, outcomes};
use super::sessions::{Harvest, Sessions};
use super::settings::{Config, Reload};
use super::signals::Signals;
use super::status::StatusClients;
use super::systemd::{self, ServiceManager};
use super::token::{ConnectionId, Source};
use super::{RunError, Setup, process, tls};
use crate::change::{NotificationId, Selection};
use crate::clock::SoberClock;
use crate::metrics::Metrics;
use crate::notify::Notifier;
use crate::smtp::Verdict;
use crate::status::answer::Question;
use crate::status::http::Target;
use crate::store::{Reader, Store, StoreError};
use crate::types::{MessageId, Timestamp};
use mio::{Events, Poll, Waker};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Events that one turn takes; the others come with the next.
const EVENTS_MAX: usize = 1024;

/// The shortest wait that the system's poll knows, other than none.
const POLL_TIME_MIN: Duration = Duration::from_millis(1);

/// Housekeeping of the database: a slice this often, and while more is left each turn without other work.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// While more is left and there is other work: a slice this often.
const TIDY_BUSY_INTERVAL: Duration = Duration::from_secs(1);

/// The running daemon.
pub(super) struct Server {
    pub(super) poll: Poll,
    pub(super) events: Option<Events>,
    pub(super) config: Config,
    pub(super) reload: Reload,
    pub(super) listeners: Listeners,
    pub(super) signals: Signals,
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) harvest: Harvest,
    pub(super) ledger: Ledger,
    pub(super) committer: Committer,
    pub(super) reader: Reader,
    pub(super) metrics: Metrics,
    pub(super) status: StatusClients,
    pub(super) control: Control,
    pub(super) manager: ServiceManager,
    pub(super) notifier: Notifier,
    pub(super) outcomes: Outcomes,
    pub(super) next_connection: ConnectionId,
    pub(super) tidy_at: Instant,
    pub(super) sober: SoberClock,
    /// Set by SIGTERM: when the last session has to be over.
    pub(super) stop_at: Option<Instant>,
}

impl Server {
    /// Opens the sockets, then starts the notifier.
    pub(super) fn start(setup: Setup) -> Result<Self, RunError> {
        let Setup { config, store, reload } = setup;
        let poll = Poll::new().map_err(RunError::Loop)?;
        let signals = Signals::register(poll.registry(), Source::Signals.into()).map_err(RunError::Loop)?;
        let tls = tls::load(&config.settings)?;
        let listeners = Listeners::open(&config.settings, poll.registry())?;
        let waker = Arc::new(Waker::new(poll.registry(), Source::Waker.into()).map_err(RunError::Loop)?);
        let status = StatusClients::new(store.reader(), Arc::clone(&waker));
        let control = Control::new(store.reader(), Arc::clone(&waker));
        let queue = Arc::new(store.reader());
        let (report, outcomes) = outcomes(Arc::clone(&waker));
        let notifier = Notifier::start(queue, Arc::clone(&config.tenants), config.notify.clone(), report);
        Ok(Self {
            poll,
            events: Some(Events::with_capacity(EVENTS_MAX)),
            sessions: Sessions::new(config.settings.mails_in_flight_octets_max, tls),
            config,
            reload,
            listeners,
            signals,
            gate: Gate::default(),
            harvest: Harvest::default(),
            ledger: Ledger::new(store.digest_key(), first_id(&store)),
            reader: store.reader(),
            committer: Committer::start(store, waker).map_err(RunError::Loop)?,
            metrics: Metrics { attempts: notifier.attempts(), ..Metrics::new(wall_clock()) },
            status,
            control,
            manager: ServiceManager::from_environment(Instant::now()),
            notifier,
            outcomes,
            next_connection: 0,
            tidy_at: Instant::now() + TIDY_INTERVAL,
            sober: SoberClock::new(wall_clock(), Instant::now()),
            stop_at: None,
        })
    }

    /// Turns until a signal ends it.
    pub(super) fn run(mut self) -> Result<(), RunError> {
        log::info!("ready");
        self.manager.ready();
        while !self.is_over() {
            crate::logging::flush();
            self.turn().map_err(RunError::Loop)?;
        }
        self.finish().map_err(RunError::Loop)
    }

    /// One turn: what came, what it leads to, the next transaction, and the answers to the last one.
    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        let now = Instant::now();
        self.accept(now);
        if let Some(done) = self.committer.take()? {
            self.act_on(done, now);
            // The disk goes on before the answers go out.
            self.begin(now, true);
        }
        self.sessions.expire(now, &mut self.harvest);
        let has_progress = self.sessions.has_work();
        self.drive(now);
        self.ledger.settle(self.outcomes.take()?, now);
        self.take_commands();
        self.ledger.read(&self.config, wall_clock());
        if has_progress {
            self.ledger.worked(now.elapsed());
        }
        self.begin(now, has_progress);
        self.ledger.book(&mut self.metrics, now);
        self.show_status(now);
        self.report(now);
        Ok(())
    }

    /// Waits for events and remembers them.
    fn wait(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        let Some(mut events) = self.events.take() else { return Ok(()) };
        let result = match self.poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        };
        for event in &events {
            match event.token().into() {
                Source::Mail(id) => self.sessions.note(id, event),
                Source::Listener(index) => self.listeners.note(index),
                Source::Signals => self.obey_signals(),
                Source::Status(id) => self.status.note(id),
                Source::Waker => {}
            }
        }
        self.events = Some(events);
        result
    }

    /// How long nothing happens by itself.
    fn timeout(&self) -> Option<Duration> {
        if self.sessions.has_work() || self.listeners.has_work() {
            return Some(Duration::ZERO);
        }
        // What one turn had no time to read need not wait for the end of the transaction that runs.
        if self.ledger.has_unread(self.config.settings.mails_per_commit_max) {
            return Some(Duration::ZERO);
        }
        // While the committer is at work nothing else can be written, and its end wakes the loop.
        let may_write = !self.committer.is_busy();
        if may_write && let Some(patience) = self.ledger.patience() {
            return Some(if patience < POLL_TIME_MIN { Duration::ZERO } else { POLL_TIME_MIN });
        }
        let deadlines = [
            may_write.then_some(self.tidy_at),
            self.sessions.next_deadline(),
            self.ledger.flush_at().filter(|_| may_write),
            self.listeners.paused_until(),
            self.status.next_deadline(),
            self.manager.next_report(),
            self.stop_at,
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn accept(&mut self, now: Instant) {
        let Self { listeners, poll, config, gate, metrics, sessions, status, control, next_connection, .. } = self;
        let registry = poll.registry();
        let mut entrance =
            Entrance { registry, config, gate, metrics, sessions, status, control, next_connection, now };
        listeners.accept(now, |socket, peer, service| entrance.enter(socket, peer, service));
    }

    /// Drives the sessions that have something to do, and collects what they bring.
    pub(super) fn drive(&mut self, now: Instant) {
        self.sessions.drive(now, self.ledger.octets_waiting(), &mut self.harvest);
        for peer in self.harvest.gone.drain(..) {
            self.gate.leave(peer);
        }
        self.metrics.connections_open(self.gate.connections());
        self.ledger.confirm(&mut self.harvest.confirmed, now);
        self.harvest.refused.drain(..).for_each(|refusal| self.metrics.mail_refused(refusal.name()));
        let limit = self.config.settings.mails_per_minute_per_client_max;
        for arrived in self.harvest.arrived.drain(..) {
            if self.gate.may_send(arrived.peer, limit, now) {
                self.ledger.extend([arrived]);
            } else {
                self.metrics.mail_deferred(451);
                self.sessions.answer(arrived.connection, Verdict::TryAgain, [0; 32], now);
            }
        }
    }

    /// Begins the next transaction or slice of housekeeping, when the last one is over.
    fn begin(&mut self, now: Instant, has_progress: bool) {
        if self.committer.is_busy() || self.is_gathering(now, has_progress) {
            return;
        }
        let Some(job) = self.next_job(now) else { return };
        if self.ledger.is_slow() {
            self.committer.hand_over(job, now);
        } else if let Some(done) = self.committer.run(job) {
            self.act_on(done, now);
            self.drive(now);
        }
    }

    fn is_gathering(&mut self, now: Instant, has_progress: bool) -> bool {
        let mails_max = self.config.settings.mails_per_commit_max;
        self.ledger.gather(now, has_progress, self.sessions.underway(), mails_max)
    }

    /// What is to be written now, if anything.
    pub(super) fn next_job(&mut self, now: Instant) -> Option<Job> {
        let wall = wall_clock();
        let sober = self.sober.time(wall, now);
        match self.ledger.open(now, sober) {
            Some(batch) => Some(Job::Commit(batch, wall)),
            None => (now >= self.tidy_at).then_some(Job::Tidy { wall, sober }),
        }
    }

    /// What came of the committer's work.
    pub(super) fn act_on(&mut self, done: Done, now: Instant) {
        match done {
            Done::Committed(written) => {
                let closed = self.ledger.close(written, &mut self.metrics, now, wall_clock());
                self.tell(closed, now);
            }
            Done::Tidied(result) => self.plan_tidying(result, now),
        }
    }

    /// Tells the clients and the notifier what is durable now.
    fn tell(&mut self, closed: Closed, now: Instant) {
        for answer in closed.answers {
            self.sessions.answer(answer.connection, answer.verdict, answer.digest, now);
        }
        if !closed.settled.is_empty() {
            let ids: Vec<NotificationId> = closed.settled.iter().map(|settled| settled.id).collect();
            self.notifier.committed(&ids);
        }
        if closed.has_queued {
            self.notifier.nudge();
        }
        for selection in closed.retried {
            self.resume(selection);
        }
    }

    /// Ends the pauses of the domains whose notifications are to be tried now.
    fn resume(&self, selection: Selection) {
        match selection {
            Selection::Id(id) => {
                if let Ok(Some(row)) = self.reader.notification(id) {
                    self.notifier.resume(Some(row.notification.domain));
                }
            }
            Selection::Domain(domain) | Selection::Pending(domain) => self.notifier.resume(Some(domain)),
            Selection::Parked | Selection::All => self.notifier.resume(None),
        }
    }

    /// Takes what operators ask for: changes for the next transaction, and how things stand.
    fn take_commands(&mut self) {
        while let Some(ask) = self.control.next() {
            match ask {
                Ask::Change(command, answer) => self.ledger.command(command, answer),
                // Whoever may use the control socket may see addresses.
                Ask::State(answer) => {
                    // The client may have gone.
                    let _ = answer.send(question(Target::Page, &self.metrics, &self.config, true));
                }
            }
        }
    }

    /// Serves those who look.
    fn show_status(&mut self, now: Instant) {
        let Self { status, metrics, config, .. } = self;
        let Some(listener) = &config.settings.status else { return };
        status.turn(now, |target| question(target, metrics, config, listener.show_addresses));
    }

    /// Tells the service manager how it goes.
    fn report(&mut self, now: Instant) {
        let Self { manager, gate, metrics, reader, committer, .. } = self;
        manager.report(now, || systemd::State {
            connections: gate.connections(),
            mails: metrics.committed_mails,
            hangs: committer.hangs(now),
            notifications: reader.totals().ok().map(|totals| totals.notifications),
        });
    }

    /// The next slice of housekeeping comes soon when there is more to do and nothing else.
    fn plan_tidying(&mut self, result: Result<bool, StoreError>, now: Instant) {
        let has_more = result.unwrap_or_else(|error| {
            log::warn!("housekeeping failed: {error}");
            false
        });
        let is_idle = self.sessions.underway() == 0 && !self.ledger.has_mails();
        self.tidy_at = match (has_more, is_idle) {
            (false, _) => now + TIDY_INTERVAL,
            (true, true) => now,
            (true, false) => now + TIDY_BUSY_INTERVAL,
        };
    }

    fn obey_signals(&mut self) {
        let came = self.signals.take();
        if came.reload {
            self.reload();
        }
        if came.stop {
            self.stop();
        }
    }
}

fn first_id(store: &Store) -> MessageId {
    let now = wall_clock();
    store.reader().first_id(now).unwrap_or_else(|error| {
        log::warn!("{error}: ids of mails begin with the time");
        MessageId::first(now)
    })
}

/// What the loop knows at this moment, for a thread that looks.
fn question(target: Target, metrics: &Metrics, config: &Config, show_addresses: bool) -> Question {
    Question {
        target,
        now: wall_clock(),
        metrics: metrics.clone(),
        process: process::of_this_process(),
        tenants: Arc::clone(&config.tenants),
        show_addresses,
        queue_age_max: config.settings.queue_age_max(),
    }
}

pub(super) fn wall_clock() -> Timestamp {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests;
