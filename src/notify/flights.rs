//! What the queue still shows as due although it is not: [`Flights`]. A row is busy from its start until its outcome is durable.
//! Notifications and mails for the archive have ids of their own, so that one set holds both.

use crate::change::NotificationId;
use std::collections::HashSet;

/// The rows that are not to be started.
#[derive(Debug, Default)]
pub struct Flights {
    under_way: HashSet<NotificationId>,
    reported: HashSet<NotificationId>,
}

impl Flights {
    /// An attempt begins.
    pub fn start(&mut self, id: NotificationId) {
        self.under_way.insert(id);
    }

    /// It ended, or did not happen.
    pub fn end(&mut self, id: NotificationId) {
        self.under_way.remove(&id);
    }

    /// Its outcome is on its way to the database.
    pub fn report(&mut self, id: NotificationId) {
        self.reported.insert(id);
    }

    /// The outcome is durable.
    pub fn committed(&mut self, id: NotificationId) {
        self.reported.remove(&id);
    }

    /// Whether it must not be started.
    pub fn holds(&self, id: NotificationId) -> bool {
        self.under_way.contains(&id) || self.reported.contains(&id)
    }

    /// Outcomes that are not durable yet.
    pub fn unconfirmed(&self) -> usize {
        self.reported.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_busy_until_its_outcome_is_durable() {
        let mut flights = Flights::default();
        flights.start(7);
        flights.committed(7);
        assert!(flights.holds(7) && !flights.holds(8));
        flights.report(7);
        flights.end(7);
        assert!(flights.holds(7) && flights.unconfirmed() == 1);
        flights.committed(7);
        assert!(!flights.holds(7) && flights.unconfirmed() == 0);
    }
}
