//! What the service manager is told, where there is one (sd_notify(3)): that we are ready, alive, reading the configuration, or
//! stopping, and one line for `systemctl status`.

use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Between two reports, if the watchdog does not want them more often.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The service manager, or nobody.
pub(super) struct ServiceManager {
    /// Between two reports; `None`: nobody listens.
    interval: Option<Duration>,
    has_watchdog: bool,
    /// When the last report was, and how many mails there were.
    last: (Instant, u64),
    /// When the next one is due.
    due: Instant,
}

/// What the status line tells.
pub(super) struct State {
    /// Open mail connections.
    pub(super) connections: usize,
    /// Mails since the start.
    pub(super) mails: u64,
    /// Notifications in the queue, if the database could be read.
    pub(super) notifications: Option<u64>,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`.
    pub(super) fn from_environment(now: Instant) -> Self {
        let watchdog = sd_notify::watchdog_enabled();
        // Twice within the watchdog's time, as sd_watchdog_enabled(3) asks for.
        let interval = watchdog.map_or(REPORT_INTERVAL, |time| (time / 2).min(REPORT_INTERVAL));
        let is_there = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self { interval: is_there.then_some(interval), has_watchdog: watchdog.is_some(), last: (now, 0), due: now }
    }

    /// The sockets are open.
    pub(super) fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The configuration is being read; [`Self::ready`] says that it is over.
    pub(super) fn reloading(&self) {
        if let Ok(time) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, time]);
        }
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// When the next report is due; `None`: never.
    pub(super) fn next_report(&self) -> Option<Instant> {
        self.interval.map(|_| self.due)
    }

    /// Reports if it is time; the rate is that since the last report.
    pub(super) fn report(&mut self, now: Instant, state: impl FnOnce() -> State) {
        let Some(interval) = self.interval.filter(|_| self.due <= now) else { return };
        let state = state();
        let (then, mails) = std::mem::replace(&mut self.last, (now, state.mails));
        self.due = now + interval;
        let status = status_line(&state, per_minute(state.mails - mails, now.saturating_duration_since(then)));
        if self.has_watchdog {
            self.tell(&[NotifyState::Status(&status), NotifyState::Watchdog]);
        } else {
            self.tell(&[NotifyState::Status(&status)]);
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if self.interval.is_some()
            && let Err(error) = sd_notify::notify(states)
        {
            log::debug!("the service manager cannot be told: {error}");
        }
    }
}

fn status_line(state: &State, rate: u64) -> String {
    let State { connections, notifications, .. } = state;
    match notifications {
        Some(queued) => {
            format!("{rate} mails a minute, {connections} connections, {queued} notifications in the queue")
        }
        None => format!("{rate} mails a minute, {connections} connections, the database cannot be read"),
    }
}

fn per_minute(count: u64, span: Duration) -> u64 {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(60_000) / millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_minute() {
        assert_eq!(per_minute(10, Duration::from_secs(10)), 60);
        assert_eq!(per_minute(1, Duration::ZERO), 60_000);
        assert_eq!(per_minute(0, Duration::from_secs(1)), 0);
    }

    #[test]
    fn the_status_says_what_goes_on() {
        let state = State { connections: 2, mails: 9, notifications: Some(3) };
        assert_eq!(status_line(&state, 60), "60 mails a minute, 2 connections, 3 notifications in the queue");
    }
}
