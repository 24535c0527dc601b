//! The notifier's thread: [`Runner::run`]. Takes due rows from the queue, hands them to workers as the schedule allows, and reports how
//! they ended. It reads the queue when it was nudged or when a row falls due, never once for each attempt.
//!
//! Absent on purpose: writing. What is reported becomes durable elsewhere, and until then the row counts as busy.

mod ending;

use super::archiving::{Archiving, Hands};
use super::attempt::{Courier, Services};
use super::clock::{Clock, Clocks};
use super::flights::Flights;
use super::http::Client;
use super::inbox::{Haste, Inbox, News};
use super::pool::Pool;
use super::queue::Queue;
use super::resolver::Resolver;
use super::round::Round;
use super::schedule::{Limits, Schedule, Ticket};
use super::view::{BATCH_ROWS, View};
use super::{Report, Settings};
use crate::change::{Notification, NotificationId, Outcome};
use crate::clock::SoberClock;
use crate::metrics::Attempts;
use crate::tenant::Tenants;
use crate::types::{Domain, Timestamp};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the thread has to do with, from its start to its end.
pub struct Links {
    /// The time.
    pub clocks: Arc<dyn Clocks>,
    /// Where due rows come from.
    pub queue: Arc<dyn Queue>,
    /// Where outcomes go to.
    pub report: Report,
    /// What others tell it.
    pub inbox: Arc<Inbox>,
    /// What it counts.
    pub attempts: Attempts,
}

/// All that the thread owns.
pub struct Runner {
    clocks: Arc<dyn Clocks>,
    queue: Arc<dyn Queue>,
    tenants: Arc<Tenants>,
    settings: Settings,
    report: Report,
    inbox: Arc<Inbox>,
    pool: Pool,
    services: Arc<Services>,
    schedule: Schedule,
    flights: Flights,
    clock: Clock,
    sober: SoberClock,
    archiving: Archiving,
    view: View,
    /// Domains that went down again, whose rows may have been tried for long enough.
    giving_up: BTreeSet<Domain>,
    served_last: Option<Domain>,
    /// Whether rows or mails wait for something to end.
    haste: Haste,
}

impl Runner {
    /// Nothing is read yet.
    pub fn new(links: Links, tenants: Arc<Tenants>, settings: Settings) -> Self {
        let Links { clocks, queue, report, inbox, attempts } = links;
        let now = clocks.steady();
        Self {
            queue,
            tenants,
            report,
            inbox,
            pool: Pool::new(),
            services: services(Client::new(settings.request_time_max), attempts),
            schedule: Schedule::new(limits(&settings)),
            flights: Flights::default(),
            clock: Clock::new(clocks.wall(), now),
            sober: SoberClock::new(clocks.wall(), now),
            clocks,
            archiving: Archiving::new(now),
            view: View::new(now),
            giving_up: BTreeSet::new(),
            served_last: None,
            haste: Haste::None,
            settings,
        }
    }

    /// Works until it is told to stop.
    pub fn run(mut self) {
        let mut until = self.clocks.steady();
        loop {
            let news = self.inbox.wait(until, self.view.rested_at, self.haste);
            if let Some(grace) = self.take(news) {
                return self.finish(grace);
            }
            until = self.pass();
        }
    }

    /// Takes in what happened; the grace if the notifier is to stop.
    fn take(&mut self, news: News) -> Option<Duration> {
        self.view.is_stale |= news.nudged || !news.committed.is_empty();
        for id in news.committed {
            self.flights.committed(id);
        }
        for ended in news.ended {
            self.settle(ended);
        }
        for over in news.over {
            self.end_round(&over);
        }
        for (id, result) in news.archived {
            self.settle_archive(id, &result);
        }
        for domain in news.resumed {
            self.schedule.resume(domain.as_ref(), self.clocks.steady());
        }
        if let Some((tenants, settings)) = news.reload {
            self.reload(tenants, settings);
        }
        news.stop
    }

    /// Starts what may start; when to look again at the latest.
    fn pass(&mut self) -> Instant {
        let now = self.clocks.steady();
        let time = self.clock.time(self.clocks.wall(), now);
        if now >= self.view.refresh_at || (self.view.is_stale && now >= self.view.rested_at) {
            self.refresh(now);
        }
        for domain in std::mem::take(&mut self.giving_up) {
            self.give_up(domain, time);
        }
        self.haste = Haste::None;
        // Behind the one that was served last, so that the limit of all workers starves none.
        for (domain, first_due) in self.view.domains_behind(self.served_last.as_ref()) {
            self.serve(&domain, first_due, now, time);
        }
        self.archive(now);
        self.wake_at(now, time)
    }

    fn refresh(&mut self, now: Instant) {
        // Asked regularly, it tells a clock that stays ahead from one that is ahead now and then.
        self.sober.time(self.clocks.wall(), now);
        match self.queue.domains() {
            Ok(domains) => {
                self.view.refresh(domains, now);
                self.archiving.look_again();
            }
            Err(error) => self.unreadable(&error.0, now),
        }
    }

    /// The database could not be read: what is known so far may be wrong.
    fn unreadable(&mut self, error: &str, now: Instant) {
        log::warn!("the queue of notifications cannot be read, trying again in {UNREADABLE_PAUSE:?}: {error}");
        self.view.forget_until(now + UNREADABLE_PAUSE);
    }

    /// Starts as many of the domain's due rows as the schedule allows.
    fn serve(&mut self, domain: &Domain, first_due: Timestamp, now: Instant, time: Timestamp) {
        let Some(time) = self.due_time(first_due, time) else { return };
        while self.flights.unconfirmed() < UNCONFIRMED_MAX
            && let Some(ticket) = self.schedule.start(domain, now)
        {
            let rows = self.next_rows(domain, self.schedule.rows_per_round(&ticket), time, now);
            if rows.is_empty() {
                return self.schedule.over(&ticket);
            }
            self.served_last = Some(domain.clone());
            if let Err(error) = self.launch(ticket, rows, time) {
                return self.threadless(&error, now);
            }
        }
        self.haste = Haste::Pressing;
    }

    /// The time that decides what is due; `None` if nothing is. A row that is due later than any delay allows was written before the
    /// clock was set back: it is due now.
    fn due_time(&self, first_due: Timestamp, time: Timestamp) -> Option<Timestamp> {
        let plausible = time.after(self.settings.retry_delay_max.saturating_add(CLOCK_SLACK));
        (first_due <= time || first_due > plausible).then(|| first_due.max(time))
    }

    fn next_rows(&mut self, domain: &Domain, rows_max: usize, time: Timestamp, now: Instant) -> Vec<Notification> {
        if self.view.needs_rows(domain, time) {
            let flights = &self.flights;
            // Also what is due later: the first row of the domain may be under way for long, and tells nothing of the next.
            match self.queue.due(domain, Timestamp::MAX, &|id| flights.holds(id), BATCH_ROWS) {
                Ok(pending) => self.view.take_rows(domain, pending, time),
                Err(error) => self.unreadable(&error.0, now),
            }
        }
        self.view.next_rows(domain, rows_max)
    }

    /// Starts a round; an error: no thread could be started for it, and the rows wait as before.
    fn launch(&mut self, ticket: Ticket, rows: Vec<Notification>, time: Timestamp) -> io::Result<()> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        for id in &ids {
            self.flights.start(*id);
        }
        let courier = Courier {
            tenants: Arc::clone(&self.tenants),
            services: Arc::clone(&self.services),
            dry_run: self.settings.dry_run,
            now: time,
            delay_max: self.settings.retry_delay_max,
        };
        let ticket = Arc::new(ticket);
        let round = Round {
            ticket: Arc::clone(&ticket),
            rows,
            courier,
            clocks: Arc::clone(&self.clocks),
            inbox: Arc::clone(&self.inbox),
        };
        let started = self.pool.run(move || round.run());
        if started.is_err() {
            for id in &ids {
                self.flights.end(*id);
            }
            self.schedule.over(&ticket);
        }
        started
    }

    fn threadless(&mut self, error: &io::Error, now: Instant) {
        log::warn!("no thread for a notification, trying again in {UNREADABLE_PAUSE:?}: {error}");
        self.view.rested_at = now + UNREADABLE_PAUSE;
        self.view.is_stale = true;
        // Who ends leaves a thread.
        self.haste = Haste::Pressing;
    }

    fn archive(&mut self, now: Instant) {
        let Some(dir) = &self.settings.archive_dir else { return };
        if self.flights.unconfirmed() < UNCONFIRMED_MAX {
            let queue = &*self.queue;
            let hands = Hands { queue, flights: &mut self.flights, pool: &self.pool, inbox: &self.inbox };
            self.archiving.start(hands, dir, now);
        }
        if self.archiving.has_more() {
            self.haste = Haste::Pressing;
        }
    }

    fn settle_archive(&mut self, id: NotificationId, result: &Result<(), String>) {
        let now = self.clocks.steady();
        self.flights.end(id);
        self.archiving.ended(id, result, now);
        if result.is_ok() {
            let time = self.clock.time(self.clocks.wall(), now);
            self.tell(id, time, Outcome::Archived);
        }
    }

    fn reload(&mut self, tenants: Arc<Tenants>, settings: Settings) {
        let client = self.services.client.renewed(settings.request_time_max);
        self.services = services(client, self.services.attempts.clone());
        self.schedule.set_limits(limits(&settings));
        self.schedule.forgive();
        self.archiving.forgive(self.clocks.steady());
        self.tenants = tenants;
        self.settings = settings;
        self.view.is_stale = true;
    }

    /// When something may start without news: a row falls due, a probe is allowed, or the queue is to be read again.
    fn wake_at(&self, now: Instant, time: Timestamp) -> Instant {
        let next_read = self.view.next_read();
        // A millisecond more: due times are whole milliseconds, and to wake just before would be for nothing.
        let instant_of = |due: Timestamp| now + due.since(time) + Duration::from_millis(1);
        let next_row = self.view.domains.iter().filter_map(|(domain, first_due)| {
            let probe_at = self.schedule.probe_at(domain).filter(|probe_at| *probe_at > now);
            match self.due_time(*first_due, time) {
                Some(_) => probe_at.or_else(|| self.view.later(domain).filter(|due| *due > time).map(instant_of)),
                None => Some(instant_of(*first_due).max(probe_at.unwrap_or(now))),
            }
        });
        next_row.chain([next_read]).chain(self.archiving.wake_at(now)).min().unwrap_or(next_read)
    }

    /// Waits for what is under way, and breaks off the rest.
    fn finish(mut self, grace: Duration) {
        let deadline = self.clocks.steady() + grace;
        while (self.schedule.running() > 0 || self.archiving.under_way() > 0) && self.clocks.steady() < deadline {
            let news = self.inbox.wait(deadline, deadline, Haste::Pressing);
            self.take(news);
        }
        if self.schedule.running() > 0 {
            log::info!(
                "stopped while notifications were being sent, which are sent again: {}",
                self.schedule.running()
            );
            self.services.client.shut_down();
        }
    }
}

fn services(client: Client, attempts: Attempts) -> Arc<Services> {
    Arc::new(Services { client, resolver: Resolver::default(), attempts })
}

fn limits(settings: &Settings) -> Limits {
    Limits { all: settings.workers_max.max(1), per_domain: settings.workers_per_domain_max.max(1) }
}

/// Reports that may wait to become durable: no round is started beyond, so that a database that takes no writes stops us as well. The
/// rounds that run then still report.
const UNCONFIRMED_MAX: usize = 1024;

/// After an error of the database or of the system.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

/// How far a due time may lie beyond the longest delay, for clocks that are corrected by little.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
