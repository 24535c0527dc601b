//! When the mails behind suspensions are written to the archive: [`Archiving`]. How a file is written is in [`crate::archive`].
//!
//! A few at a time on one worker, in the order of the queue; the mails wait in the database. A file that cannot be written is put
//! aside for a while and holds up no other. Several in a row without a success are taken for a fault of the folder (no room, no
//! rights), and all of it rests.

use super::flights::Flights;
use super::inbox::Inbox;
use super::pool::Pool;
use super::queue::{ArchiveJob, Queue};
use crate::archive;
use crate::change::NotificationId;
use crate::escape::Escaped;
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whether there is something to do, and when.
#[derive(Debug)]
pub struct Archiving {
    /// No more than is under way was left when the queue was read last.
    is_done: bool,
    /// Mails that are being written.
    under_way: usize,
    /// Those that could not be written, and when each is tried again.
    aside: HashMap<NotificationId, Instant>,
    /// Failures since the last success.
    failures: usize,
    paused_until: Instant,
}

/// Who brings the mails, and who writes them.
pub struct Hands<'a> {
    /// Where the mails wait.
    pub queue: &'a dyn Queue,
    /// What must not be started again yet.
    pub flights: &'a mut Flights,
    /// Whose threads write.
    pub pool: &'a Pool,
    /// Who is told how it went.
    pub inbox: &'a Arc<Inbox>,
}

impl Archiving {
    /// There may be mails.
    pub fn new(now: Instant) -> Self {
        Self { is_done: false, under_way: 0, aside: HashMap::new(), failures: 0, paused_until: now }
    }

    /// The queue may have changed.
    pub fn look_again(&mut self) {
        self.is_done = false;
    }

    /// The configuration is new, and may have cured what was wrong: all is tried at once.
    pub fn forgive(&mut self, now: Instant) {
        *self = Self { under_way: self.under_way, ..Self::new(now) };
    }

    /// Mails that are being written.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether there are more, which wait for those.
    pub fn has_more(&self) -> bool {
        self.under_way > 0 && !self.is_done
    }

    /// One of them is written, or why not.
    pub fn ended(&mut self, id: NotificationId, result: &Result<(), String>, now: Instant) {
        self.under_way -= 1;
        match result {
            Ok(()) => self.failures = 0,
            Err(error) => {
                log::warn!("a mail cannot be archived, trying again in {PAUSE:?}: {}", Escaped(error));
                self.failures += 1;
                self.aside.insert(id, now + PAUSE);
                if self.failures >= BATCH_MAILS || self.aside.len() >= ASIDE_MAX {
                    self.pause(error, now);
                }
            }
        }
    }

    /// When to try again after an error.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let paused = Some(self.paused_until).filter(|until| *until > now);
        paused.or_else(|| self.aside.values().copied().filter(|again_at| *again_at > now).min())
    }

    fn pause(&mut self, error: &str, now: Instant) {
        if now >= self.paused_until {
            log::warn!("the archive cannot be written, it rests for {PAUSE:?}: {}", Escaped(error));
        }
        self.paused_until = now + PAUSE;
        self.is_done = false;
    }

    /// Those whose time has come are as good as new.
    fn take_up_again(&mut self, now: Instant) {
        let before = self.aside.len();
        self.aside.retain(|_, again_at| *again_at > now);
        self.is_done &= self.aside.len() == before;
    }

    /// Starts to write the next few below `dir`, unless some are being written.
    pub fn start(&mut self, hands: Hands<'_>, dir: &Path, now: Instant) {
        self.take_up_again(now);
        if self.is_done || self.under_way > 0 || now < self.paused_until {
            return;
        }
        let Hands { queue, flights, pool, inbox } = hands;
        let aside = &self.aside;
        let jobs = match queue.archive_jobs(&|id| flights.holds(id) || aside.contains_key(&id), BATCH_MAILS) {
            Ok(jobs) => jobs,
            Err(error) => return self.pause(&error.0, now),
        };
        self.is_done = jobs.len() < BATCH_MAILS;
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
            self.pause(&error.to_string(), now);
        }
    }
}

fn write_all(jobs: &[ArchiveJob], dir: &Path, inbox: &Inbox) {
    let results: Vec<_> = jobs
        .iter()
        .map(|job| (job.id, guarded(dir, || archive::write(dir, &job.address, &archive::compress(&job.mail)))))
        .collect();
    inbox.tell(|news| news.archived.extend(results));
}

/// A panic is one file's error: all of them have to be told of, or none would be written any more.
fn guarded(dir: &Path, write: impl FnOnce() -> io::Result<()>) -> Result<(), String> {
    let written = catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| Err(io::Error::other("internal error")));
    written.map_err(|error| format!("{}: {error}", dir.display()))
}

/// Written by one job; each is at most as long as the head of a mail that is kept.
const BATCH_MAILS: usize = 4;

/// Mails that are passed over in each look at the queue.
const ASIDE_MAX: usize = 64;

const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::clock::SystemClocks;
    use super::super::queue::QueueError;
    use super::*;
    use crate::change::Notification;
    use crate::types::{Address, Domain, Timestamp};

    #[test]
    fn failures_in_a_row_make_all_of_it_rest_and_one_alone_does_not() {
        let now = Instant::now();
        let fault = Err("no room".to_owned());
        let mut archiving = Archiving { under_way: 100, ..Archiving::new(now) };
        for round in 0..3 {
            for id in 1..BATCH_MAILS as u64 {
                archiving.ended(round * 10 + id, &fault, now);
            }
            archiving.ended(round * 10, &Ok(()), now);
            assert_eq!(archiving.paused_until, now);
        }
        for id in 0..BATCH_MAILS as u64 {
            archiving.ended(100 + id, &fault, now);
        }
        assert_eq!(archiving.paused_until, now + PAUSE);
        assert_eq!(archiving.wake_at(now), Some(now + PAUSE));
    }

    #[test]
    fn mails_that_are_put_aside_have_a_limit() {
        let now = Instant::now();
        let mut archiving = Archiving { under_way: 2 * ASIDE_MAX, ..Archiving::new(now) };
        for id in 0..ASIDE_MAX as u64 {
            assert_eq!(archiving.paused_until, now);
            archiving.ended(2 * id, &Err("a bad name".to_owned()), now);
            archiving.ended(2 * id + 1, &Ok(()), now);
        }
        assert_eq!(archiving.paused_until, now + PAUSE);
    }

    /// These mails wait to be written.
    struct Mails(Vec<NotificationId>);

    impl Queue for Mails {
        fn domains(&self) -> Result<Vec<(Domain, Timestamp)>, QueueError> {
            Ok(Vec::new())
        }

        fn due(
            &self,
            _: &Domain,
            _: Timestamp,
            _: &dyn Fn(NotificationId) -> bool,
            _: usize,
        ) -> Result<Vec<Notification>, QueueError> {
            Ok(Vec::new())
        }

        fn archive_jobs(
            &self,
            skip: &dyn Fn(NotificationId) -> bool,
            limit: usize,
        ) -> Result<Vec<ArchiveJob>, QueueError> {
            let address = Address::parse("gone@some-provider.com").unwrap();
            let job = |id: &NotificationId| ArchiveJob { id: *id, address: address.clone(), mail: Vec::new() };
            Ok(self.0.iter().filter(|id| !skip(**id)).take(limit).map(job).collect())
        }
    }

    /// Which of the `mails` are being written after a start, into a folder that cannot be.
    fn started(archiving: &mut Archiving, mails: &[NotificationId], pool: &Pool, now: Instant) -> Vec<NotificationId> {
        let folder = Path::new("/dev/null/archive");
        let (mut flights, inbox) = (Flights::default(), Arc::new(Inbox::new(Arc::new(SystemClocks))));
        let hands = Hands { queue: &Mails(mails.to_vec()), flights: &mut flights, pool, inbox: &inbox };
        archiving.start(hands, folder, now);
        mails.iter().copied().filter(|id| flights.holds(*id)).collect()
    }

    #[test]
    fn a_mail_that_is_put_aside_waits_for_its_time_and_holds_up_no_other() {
        let (now, pool) = (Instant::now(), Pool::new());
        let mut archiving = Archiving { under_way: 1, ..Archiving::new(now) };
        archiving.ended(1, &Err("a bad name".to_owned()), now);
        assert_eq!(archiving.wake_at(now), Some(now + PAUSE));
        assert_eq!(started(&mut archiving, &[1, 2], &pool, now), [2]);
        archiving.ended(2, &Ok(()), now);
        assert_eq!(started(&mut archiving, &[1], &pool, now + PAUSE), [1]);
        assert_eq!(archiving.wake_at(now + PAUSE), None);
    }

    #[test]
    fn while_the_archive_rests_nothing_is_written() {
        let (now, pool) = (Instant::now(), Pool::new());
        let mut archiving = Archiving::new(now);
        archiving.pause("no room", now);
        assert!(started(&mut archiving, &[1], &pool, now).is_empty());
        assert_eq!(started(&mut archiving, &[1], &pool, now + PAUSE), [1]);
    }

    #[test]
    fn without_a_thread_the_mails_wait_as_before() {
        let now = Instant::now();
        let mut archiving = Archiving::new(now);
        assert!(started(&mut archiving, &[1], &Pool::with_stacks(usize::MAX / 4), now).is_empty());
        assert_eq!((archiving.under_way(), archiving.wake_at(now)), (0, Some(now + PAUSE)));
    }

    #[test]
    fn a_panic_is_the_error_of_one_file() {
        let dir = Path::new("archive");
        assert_eq!(guarded(dir, || panic!("the writer broke")), Err("archive: internal error".to_owned()));
        assert_eq!(guarded(dir, || Ok(())), Ok(()));
    }
}
