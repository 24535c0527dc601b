//! Threads for blocking work: [`Pool`]. They start when there is work that no idle one can take, and end after some idle time, so that
//! a daemon at rest has none. How many there are is bounded by who hands out the work.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// The threads; dropping it lets them end once they are idle.
pub struct Pool {
    shared: Arc<Shared>,
    stack_octets: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

impl Pool {
    /// Without threads.
    pub fn new() -> Self {
        Self::with_stacks(STACK_OCTETS)
    }

    /// Without threads; each will have a stack of so many octets. With more than there is memory, none starts.
    pub fn with_stacks(stack_octets: usize) -> Self {
        Self { shared: Arc::default(), stack_octets }
    }

    /// Runs `job` on a thread. An error: no thread could be started, and the job is gone.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= state.idle {
            let shared = Arc::clone(&self.shared);
            thread::Builder::new()
                .name("notify-worker".to_owned())
                .stack_size(self.stack_octets)
                .spawn(move || shared.work())?;
            // It looks for work before it waits: as good as idle.
            state.idle += 1;
        }
        state.jobs.push_back(Box::new(job));
        // Who is woken would wait for the lock otherwise.
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
            self.lock().idle += 1;
        }
    }

    /// `None`: the thread ends, and is counted as idle no longer.
    fn next(&self) -> Option<Job> {
        let wait = |state: &mut State| state.jobs.is_empty() && !state.closed;
        let waited = self.work.wait_timeout_while(self.lock(), IDLE_TIME_MAX, wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.jobs.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const IDLE_TIME_MAX: Duration = Duration::from_secs(10);

/// Enough for a TLS handshake in an unoptimised build; only what is touched costs memory.
const STACK_OCTETS: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn jobs_run_at_the_same_time_and_threads_are_used_again() {
        let pool = Pool::new();
        for _ in 0..3 {
            let (met, all_met) = (Arc::new(std::sync::Barrier::new(4)), mpsc::channel());
            for _ in 0..4 {
                let (met, done) = (Arc::clone(&met), all_met.0.clone());
                pool.run(move || {
                    met.wait();
                    done.send(thread::current().id()).unwrap();
                })
                .unwrap();
            }
            drop(all_met.0);
            assert_eq!(all_met.1.iter().count(), 4);
        }
    }
}
