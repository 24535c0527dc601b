//! Sums over the slots of a snapshot.

use super::{Slot, Snapshot};
use std::collections::BTreeMap;
use std::time::Duration;

impl Snapshot {
    /// All that came in within the last minutes: those that began within `span`.
    pub fn minutes_within(&self, span: Duration) -> Slot {
        sum(self.minutes.iter().filter(|slot| self.now.since(slot.start) < span))
    }

    /// All that came in within the last hours, counted from the one that began `from` ago to the one before `to`.
    pub fn hours_between(&self, from: Duration, to: Duration) -> Slot {
        sum(self.hours.iter().filter(|slot| (to..from).contains(&self.now.since(slot.start))))
    }
}

/// All slots as one.
pub fn sum<'a>(slots: impl Iterator<Item = &'a Slot>) -> Slot {
    let mut total = Slot::default();
    for slot in slots {
        total.received += slot.received;
        total.escalated += slot.escalated;
        total.delivered += slot.delivered;
        add(&mut total.classes, &slot.classes);
        add(&mut total.reasons, &slot.reasons);
        add(&mut total.receivers, &slot.receivers);
        add(&mut total.alerts, &slot.alerts);
        add(&mut total.others, &slot.others);
    }
    total
}

fn add<K: Ord + Clone>(total: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (key, count) in counts {
        match total.get_mut(key) {
            Some(sum) => *sum += count,
            None => drop(total.insert(key.clone(), *count)),
        }
    }
}

/// The largest counts, and what is left of the rest.
pub fn top<K: Ord + Clone>(counts: &BTreeMap<K, u64>, max: usize) -> (Vec<(K, u64)>, u64) {
    let mut all: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    all.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
    let rest = all.iter().skip(max).map(|(_, count)| **count).sum();
    (all.into_iter().take(max).map(|(key, count)| (key.clone(), *count)).collect(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounce::{Class, Reason};
    use crate::types::Timestamp;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn only_slots_of_the_span_are_summed() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let slot = |minutes: u32| Slot { start: now.before(minutes * MINUTE), received: 1, ..Slot::default() };
        let slots: Vec<_> = [0, 1, 59, 60, 61, 119, 120].map(slot).into();
        let snapshot = Snapshot { now, minutes: slots.clone(), hours: slots, ..Snapshot::default() };
        assert_eq!(snapshot.minutes_within(60 * MINUTE).received, 3);
        assert_eq!(snapshot.hours_between(120 * MINUTE, 60 * MINUTE).received, 3);
    }

    #[test]
    fn each_number_of_a_slot_is_summed() {
        let slot = |count: u64| Slot {
            start: Timestamp::default(),
            received: count,
            classes: [(Class::Soft, count)].into(),
            reasons: [(Reason::MailboxFull, count)].into(),
            receivers: [("a.de".to_owned(), count)].into(),
            alerts: [("a.de".to_owned(), count)].into(),
            others: [("auto_reply".to_owned(), count)].into(),
            escalated: count,
            delivered: count,
        };
        assert_eq!(sum([slot(2), slot(3)].iter()), slot(5));
    }

    #[test]
    fn the_largest_come_first_and_the_rest_is_one_number() {
        let counts = BTreeMap::from([("a", 1), ("b", 5), ("c", 0), ("d", 5), ("e", 2)]);
        assert_eq!(top(&counts, 2), (vec![("b", 5), ("d", 5)], 3));
        assert_eq!(top(&counts, 9), (vec![("b", 5), ("d", 5), ("e", 2), ("a", 1)], 0));
    }
}
