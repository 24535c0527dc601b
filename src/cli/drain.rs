//! Sends queued notifications from a command, while no daemon does: for some seconds, then the rest waits.

use super::database;
use crate::change::{Batch, Settled};
use crate::config::Complete;
use crate::notify::{Notifier, Queue};
use crate::store::Store;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// How long a command sends before it leaves the rest to the daemon.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
/// How long POSTs under way may take to end then.
const STOP_TIME_MAX: Duration = Duration::from_secs(1);
/// Between two looks at whether anything is due.
const STEP: Duration = Duration::from_millis(20);

/// Tries what is due now; returns how many domains still have pending notifications.
pub fn drain(store: &mut Store, config: &Complete) -> usize {
    let queue: Arc<dyn Queue> = Arc::new(store.reader());
    let (report, settled) = mpsc::channel();
    let report = Box::new(move |settled: Settled| _ = report.send(settled));
    let tenants = Arc::clone(&config.server.tenants);
    let mut settings = config.server.notify.clone();
    // What root would write there, the daemon could not add to.
    settings.archive_dir = settings.archive_dir.filter(|folder| !database::belongs_to_another(folder));
    let archives = settings.archive_dir.is_some();
    let mut notifier = Notifier::start(Arc::clone(&queue), tenants, settings, report);
    let give_up = Instant::now() + DRAIN_TIME_MAX;
    while Instant::now() < give_up && anything_due(queue.as_ref(), archives) {
        record(store, &settled, Some(&notifier));
    }
    notifier.stop(STOP_TIME_MAX);
    record(store, &settled, None);
    queue.domains().map_or(0, |domains| domains.len())
}

fn anything_due(queue: &dyn Queue, archives: bool) -> bool {
    let now = super::now();
    let due = queue.domains().is_ok_and(|domains| domains.iter().any(|(_, first)| *first <= now));
    due || archives && queue.archive_jobs(&|_| false, 1).is_ok_and(|jobs| !jobs.is_empty())
}

/// Writes down how attempts ended. One that cannot be written is tried again by the daemon: at least once.
fn record(store: &mut Store, settled: &Receiver<Settled>, notifier: Option<&Notifier>) {
    let mut ended: Vec<Settled> = settled.recv_timeout(STEP).into_iter().collect();
    ended.extend(settled.try_iter());
    if ended.is_empty() {
        return;
    }
    let ids: Vec<_> = ended.iter().map(|settled| settled.id).collect();
    match store.commit(&Batch { settled: ended, ..Batch::default() }, super::now()) {
        Ok(_) => _ = notifier.map(|notifier| notifier.committed(&ids)),
        Err(error) => log::warn!("an outcome was not recorded: {error}"),
    }
}
