//! Where jobs of the [`Store`] run: in the loop while the disk is fast, and in a thread while it is slow.
//!
//! The thread costs two switches and smaller transactions, so it pays only where the loop would wait for the disk instead of
//! serving its clients. The store goes there with its job and comes back with the result: there is one writer, and one job at a time.
//! What is written is decided elsewhere.

use super::alarm::Alarm;
use super::process::worked_by_this_thread;
use crate::change::{Batch, Committed};
use crate::store::{Settings, Store, StoreError};
use crate::types::Timestamp;
use mio::Waker;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A job that takes longer hangs.
const JOB_TIME_MAX: Duration = Duration::from_secs(60);

/// What the store can do.
pub(super) enum Job {
    /// One transaction, at that time.
    Commit(Batch, Timestamp),
    /// A slice of housekeeping.
    Tidy {
        /// What the clock on the wall says.
        wall: Timestamp,
        /// By which things are old.
        sober: Timestamp,
    },
}

/// What came of a job.
pub(super) enum Done {
    /// Of a transaction.
    Committed(Written),
    /// Of a slice of housekeeping: whether more is left.
    Tidied(Result<bool, StoreError>),
}

/// A transaction that ended.
pub(super) struct Written {
    /// What it was about.
    pub(super) batch: Batch,
    /// After an error nothing of it happened.
    pub(super) result: Result<Committed, StoreError>,
    /// How long it took.
    pub(super) took: Duration,
    /// How long it waited for the disk: the part of it that took no processor.
    pub(super) waited: Duration,
}

/// The store's place.
pub(super) struct Committer {
    /// `None` while the thread has it.
    store: Option<Store>,
    /// For when it is back.
    settings: Option<Settings>,
    /// Since when the thread has had it.
    busy_since: Option<Instant>,
    jobs: Sender<(Store, Job)>,
    done: Receiver<(Store, Done)>,
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts the thread; `waker` tells the loop that [`Self::take`] has something.
    pub(super) fn start(store: Store, waker: Arc<Waker>) -> io::Result<Self> {
        let (jobs, their_jobs) = channel();
        let (their_done, done) = channel();
        let worker = Worker { jobs: their_jobs, done: their_done, alarm: Alarm(waker) };
        let thread = thread::Builder::new().name("committer".to_owned()).spawn(move || worker.run())?;
        Ok(Self { store: Some(store), settings: None, busy_since: None, jobs, done, thread })
    }

    /// Whether the thread has a job: no other can begin.
    pub(super) fn is_busy(&self) -> bool {
        self.store.is_none()
    }

    /// Whether the thread's job takes so long that it may never end.
    pub(super) fn hangs(&self, now: Instant) -> bool {
        self.busy_since.is_some_and(|since| now.saturating_duration_since(since) > JOB_TIME_MAX)
    }

    /// Runs `job` here; `None` while the thread is busy.
    pub(super) fn run(&mut self, job: Job) -> Option<Done> {
        self.store.as_mut().map(|store| perform(store, job))
    }

    /// Has the thread run `job`, which is forgotten while it is busy.
    pub(super) fn hand_over(&mut self, job: Job, now: Instant) {
        if let Some(store) = self.store.take() {
            self.busy_since = Some(now);
            // Where the thread has ended, `take` says so.
            let _ = self.jobs.send((store, job));
        }
    }

    /// What came of the thread's job, once it is over; an error where the thread has ended.
    pub(super) fn take(&mut self) -> io::Result<Option<Done>> {
        match self.done.try_recv() {
            Ok(done) => Ok(Some(self.take_back(done))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(has_ended()),
        }
    }

    /// Waits for the job that runs.
    pub(super) fn wait(&mut self) -> io::Result<Done> {
        let done = self.done.recv().map_err(|_| has_ended())?;
        Ok(self.take_back(done))
    }

    /// Other limits, from the next job on.
    pub(super) fn reload(&mut self, settings: Settings) {
        match &mut self.store {
            Some(store) => store.reload(settings),
            None => self.settings = Some(settings),
        }
    }

    /// Closes the database.
    pub(super) fn end(self) {
        drop((self.jobs, self.store));
        // A panic was told where it happened.
        let _ = self.thread.join();
    }

    fn take_back(&mut self, (mut store, done): (Store, Done)) -> Done {
        if let Some(settings) = self.settings.take() {
            store.reload(settings);
        }
        self.store = Some(store);
        self.busy_since = None;
        done
    }
}

fn perform(store: &mut Store, job: Job) -> Done {
    match job {
        Job::Commit(batch, time) => {
            let (start, worked_before) = (Instant::now(), worked_by_this_thread());
            let result = store.commit(&batch, time);
            let took = start.elapsed();
            let waited = took.saturating_sub(worked_by_this_thread().saturating_sub(worked_before));
            Done::Committed(Written { batch, result, took, waited })
        }
        Job::Tidy { wall, sober } => Done::Tidied(store.tidy(wall, sober)),
    }
}

/// The thread's end of it, dropped from the first field to the last: once the loop is woken, it sees that no more comes.
struct Worker {
    jobs: Receiver<(Store, Job)>,
    done: Sender<(Store, Done)>,
    alarm: Alarm,
}

impl Worker {
    fn run(self) {
        for (mut store, job) in &self.jobs {
            let done = perform(&mut store, job);
            // Does not fail while the loop lives.
            let _ = self.done.send((store, done));
            self.alarm.ring();
        }
    }
}

fn has_ended() -> io::Error {
    io::Error::other("the thread that writes the database has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll, Token};

    fn slice() -> Job {
        Job::Tidy { wall: Timestamp::default(), sober: Timestamp::default() }
    }

    fn committer(poll: &Poll) -> Committer {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("database"), Settings::default()).unwrap();
        Committer::start(store, Arc::new(Waker::new(poll.registry(), Token(0)).unwrap())).unwrap()
    }

    #[test]
    fn the_store_comes_back_with_the_result_and_wakes_the_loop() {
        let mut poll = Poll::new().unwrap();
        let mut committer = committer(&poll);
        let start = Instant::now();
        committer.hand_over(slice(), start);
        assert!(committer.is_busy() && committer.run(slice()).is_none());
        committer.reload(Settings { quarantine_mails_max: 7, ..Settings::default() });
        assert!(!committer.hangs(start) && committer.hangs(start + 2 * JOB_TIME_MAX));
        poll.poll(&mut Events::with_capacity(1), None).unwrap();
        assert!(matches!(committer.take().unwrap(), Some(Done::Tidied(Ok(_)))));
        assert!(!committer.is_busy() && !committer.hangs(start + 2 * JOB_TIME_MAX) && committer.settings.is_none());
        assert!(committer.run(slice()).is_some() && committer.take().unwrap().is_none());
        committer.end();
    }

    #[test]
    fn the_end_of_the_thread_is_an_error() {
        let poll = Poll::new().unwrap();
        let mut committer = committer(&poll);
        let (jobs, _) = channel();
        drop(std::mem::replace(&mut committer.jobs, jobs));
        assert!(committer.wait().is_err() && committer.take().is_err());
    }
}
