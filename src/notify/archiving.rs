//! When the mails behind suspensions are written to the archive: [`Archiving`]. How a file is written is in [`crate::archive`].
//!
//! A few at a time on one worker, in the order of the queue. An error pauses all of it, since it is the folder's (no room, no
//! rights); the mails wait in the database.

use super::flights::Flights;
use super::inbox::Inbox;
use super::pool::Pool;
use super::queue::{ArchiveJob, Queue};
use crate::archive;
use crate::escape::Escaped;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whether there is something to do, and when.
#[derive(Debug)]
pub struct Archiving {
    /// Nothing was left when the queue was read last.
    is_done: bool,
    /// Mails that are being written.
    under_way: usize,
    paused_until: Instant,
}

impl Archiving {
    /// There may be mails.
    pub fn new(now: Instant) -> Self {
        Self { is_done: false, under_way: 0, paused_until: now }
    }

    /// The queue may have changed.
    pub fn look_again(&mut self) {
        self.is_done = false;
    }

    /// Mails that are being written.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// One of them is written or not.
    pub fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// A file could not be written.
    pub fn failed(&mut self, error: &str, now: Instant) {
        if now >= self.paused_until {
            log::warn!("the archive cannot be written, trying again in {PAUSE:?}: {}", Escaped(error));
        }
        self.paused_until = now + PAUSE;
        self.is_done = false;
    }

    /// When to try again after an error.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        (self.paused_until > now).then_some(self.paused_until)
    }

    /// Starts to write the next few, unless some are being written.
    pub fn start(
        &mut self,
        queue: &dyn Queue,
        dir: &Path,
        flights: &mut Flights,
        pool: &Pool,
        inbox: &Arc<Inbox>,
        now: Instant,
    ) {
        if self.is_done || self.under_way > 0 || now < self.paused_until {
            return;
        }
        let jobs = match queue.archive_jobs(&|id| flights.holds(id), BATCH_MAILS) {
            Ok(jobs) => jobs,
            Err(error) => return self.failed(&error.0, now),
        };
        self.is_done = jobs.is_empty();
        for job in &jobs {
            flights.start(job.id);
        }
        self.under_way = jobs.len();
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        let (dir, inbox) = (dir.to_owned(), Arc::clone(inbox));
        if !ids.is_empty()
            && let Err(error) = pool.run(move || write_all(&jobs, &dir, &inbox))
        {
            for id in ids {
                flights.end(id);
            }
            self.under_way = 0;
            self.failed(&error.to_string(), now);
        }
    }
}

fn write_all(jobs: &[ArchiveJob], dir: &Path, inbox: &Inbox) {
    let results: Vec<_> = jobs
        .iter()
        .map(|job| (job.id, archive::write(dir, &job.address, &job.bytes).map_err(|error| error.to_string())))
        .collect();
    inbox.tell(|news| news.archived.extend(results));
}

/// Written by one job; each is at most as long as the head of a mail that is kept.
const BATCH_MAILS: usize = 4;

const PAUSE: Duration = Duration::from_secs(60);
