//! What the notifier reports to the loop: attempts that ended, and its own end.

use super::alarm::Alarm;
use crate::change::Settled;
use crate::notify::Report;
use mio::Waker;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// The loop's end of it.
pub(super) struct Outcomes(Receiver<Settled>);

/// Both ends; `waker` is the loop's.
pub(super) fn outcomes(waker: Arc<Waker>) -> (Report, Outcomes) {
    let (sender, receiver) = channel();
    let reporter = Reporter { sender, alarm: Alarm(waker) };
    (Box::new(move |settled| reporter.tell(settled)), Outcomes(receiver))
}

impl Outcomes {
    /// What came. A notifier that is gone though nobody stopped it has met an internal error: the daemon ends, so that it is started
    /// anew or refuses a damaged database, rather than tell nobody in silence.
    pub(super) fn take(&self) -> io::Result<Vec<Settled>> {
        let mut all = Vec::new();
        loop {
            match self.0.try_recv() {
                Ok(settled) => all.push(settled),
                Err(TryRecvError::Empty) => return Ok(all),
                Err(TryRecvError::Disconnected) => {
                    return Err(io::Error::other("the notifier has ended by an internal error"));
                }
            }
        }
    }

    /// What is left of a notifier that was stopped.
    pub(super) fn rest(&self) -> impl Iterator<Item = Settled> {
        self.0.try_iter()
    }
}

/// Dropped from the first field to the last: once the loop is woken, it sees that no more comes.
struct Reporter {
    sender: Sender<Settled>,
    alarm: Alarm,
}

impl Reporter {
    fn tell(&self, settled: Settled) {
        // Does not fail while the loop lives.
        let _ = self.sender.send(settled);
        self.alarm.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Outcome;
    use crate::types::Timestamp;
    use mio::{Events, Poll, Token};

    #[test]
    fn a_notifier_that_is_gone_wakes_the_loop_and_ends_it() {
        let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(4));
        let waker = Arc::new(Waker::new(poll.registry(), Token(7)).unwrap());
        let (report, outcomes) = outcomes(Arc::clone(&waker));
        assert!(outcomes.take().unwrap().is_empty());
        report(Settled { id: 1, at: Timestamp::default(), outcome: Outcome::Archived });
        assert_eq!(outcomes.take().unwrap().len(), 1);
        poll.poll(&mut events, None).unwrap();
        drop(report);
        poll.poll(&mut events, None).unwrap();
        let error = outcomes.take().unwrap_err();
        assert_eq!(error.to_string(), "the notifier has ended by an internal error");
    }
}
