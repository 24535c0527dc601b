//! Beside the turns of the loop: a new configuration, and the end.

use super::reload::keep_what_is_open;
use super::settings::Config;
use super::tls;
use super::turn::{Server, wall_clock};
use rustls::ServerConfig;
use std::io;
use std::sync::Arc;
use std::time::Instant;

impl Server {
    /// Takes a new configuration, if it is a good one.
    pub(super) fn reload(&mut self) {
        self.manager.reloading();
        let now = &self.config;
        let result = (self.reload)().and_then(|mut config| {
            let waits = keep_what_is_open(&mut config, now);
            let tls = tls::load(&config.settings).map_err(|error| error.to_string())?;
            Ok((config, tls, waits))
        });
        match result {
            Ok((config, tls, waits)) => {
                self.metrics.reloaded(true);
                self.adopt(config, tls);
                for key in waits {
                    log::warn!("{key} was changed, which takes a restart");
                }
            }
            Err(error) => self.stay_as_it_was(&error),
        }
        self.manager.ready();
    }

    fn stay_as_it_was(&mut self, error: &str) {
        self.metrics.reloaded(false);
        log::error!("the configuration stays as it was: {error}");
    }

    fn adopt(&mut self, config: Config, tls: Option<Arc<ServerConfig>>) {
        self.listeners.reload(&config.settings);
        self.sessions.reload(config.settings.mails_in_flight_octets_max, tls);
        self.committer.reload(config.store.clone());
        self.notifier.reload(Arc::clone(&config.tenants), config.notify.clone());
        self.ledger.retry(config.tenants.told_otherwise(&self.config.tenants).cloned(), Instant::now());
        self.config = config;
        log::info!("the configuration was read again");
    }

    /// Begins to stop; a second signal ends the waiting for sessions.
    pub(super) fn stop(&mut self) {
        let now = Instant::now();
        if self.stop_at.is_some() {
            self.stop_at = Some(now);
            return;
        }
        log::info!("stopping: connections={}", self.sessions.len());
        self.stop_at = Some(now + self.config.settings.stop_time_max);
        self.manager.stopping();
        self.listeners.close();
        self.sessions.shut_down(now);
    }

    pub(super) fn is_over(&self) -> bool {
        let Some(stop_at) = self.stop_at else { return false };
        let is_done = self.sessions.len() == 0 && !self.has_unanswered();
        is_done || Instant::now() >= stop_at
    }

    fn has_unanswered(&self) -> bool {
        self.ledger.has_mails() || self.committer.is_busy()
    }

    /// The last transactions: mails that are whole, and what the notifier still reports.
    pub(super) fn finish(mut self) -> io::Result<()> {
        while self.has_unanswered() {
            self.write_once()?;
            self.drive(Instant::now());
        }
        // The end of the loop is told before the notifier is waited for.
        crate::logging::flush();
        self.notifier.stop(self.config.settings.stop_time_max);
        let now = Instant::now();
        self.ledger.settle(self.outcomes.rest(), now);
        self.ledger.make_rest_due(now);
        self.write_once()?;
        self.committer.end();
        log::info!("stopped");
        Ok(())
    }

    /// Waits for the job that runs, or for a transaction with what waits.
    fn write_once(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let done = if self.committer.is_busy() {
            Some(self.committer.wait()?)
        } else {
            self.ledger.read(&self.config, wall_clock());
            self.next_job(now).and_then(|job| self.committer.run(job))
        };
        if let Some(done) = done {
            self.act_on(done, now);
            self.ledger.book(&mut self.metrics, now);
        }
        Ok(())
    }
}
