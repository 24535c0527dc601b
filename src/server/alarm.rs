//! How another thread wakes the loop: [`Alarm`].

use mio::Waker;
use std::sync::Arc;

/// Wakes the loop when there is something for it, and when it is dropped: the loop must see that a thread has ended, by a panic as well.
pub(super) struct Alarm(pub(super) Arc<Waker>);

impl Alarm {
    /// The loop takes its next turn.
    pub(super) fn ring(&self) {
        // Does not fail while the loop lives; after its end nobody is there to be woken.
        let _ = self.0.wake();
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.ring();
    }
}
