//! A database with something in each table, and all that is done with one.

use super::support::{Fixture, address, at, delivered, failure, hard, mail, parked, quarantined, retry, settled, soft};
use bouncesvc::bounce::Class;
use bouncesvc::change::{Batch, Change, Command, Outcome, Selection, Series};
use bouncesvc::notify::Queue as _;
use bouncesvc::store::{CounterFilter, Settings, WaitingFilter};
use std::sync::Arc;
use std::time::Duration;

const DAY: u64 = 24 * 3600;

/// A database with rows in all tables, of which some are old enough to leave soon.
pub fn filled() -> Fixture {
    let age = Some(Duration::from_secs(90 * DAY));
    // Each transaction moves counters from the journal to their table.
    let settings = Settings { counter_age_max: age, parked_age_max: age, journal_octets_max: 0, ..Settings::default() };
    let mut fixture = Fixture::new(settings);
    fixture.commit(&Batch { sums: vec![(Series::Received, 1)], ..Batch::default() });
    fixture.receive(vec![soft("a@x.example"), soft("b@x.example"), hard("c@x.example"), hard("d@x.example")]);
    fixture.receive(vec![archived("e@x.example"), hard("f@x.example"), hard("g@x.example"), hard("h@x.example")]);
    // What moves is what the transaction before left there.
    fixture.receive(vec![soft("a@x.example")]);
    for (id, outcome) in [(2, retry(30)), (3, parked()), (5, delivered()), (6, delivered())] {
        fixture.settle(id, outcome);
    }
    fixture.receive(vec![quarantined(8, "one"), quarantined(9, "two")]);
    fixture.commit(&Batch { mails: vec![mail(98, vec![]), mail(99, vec![])], ..Batch::default() });
    fixture.seconds = 3 * DAY;
    fixture.tidy();
    fixture.commit(&Batch { sums: vec![(Series::Received, 1)], ..Batch::default() });
    fixture
}

/// Everything that there is to look at.
pub fn look_at_all(fixture: &mut Fixture) {
    let (reader, of) = (fixture.reader(), address("c@x.example"));
    reader.totals().unwrap();
    reader.counters(&CounterFilter::default(), None, 100).unwrap();
    reader.counters_of(&of).unwrap();
    reader.notifications(&WaitingFilter::default(), None, 100).unwrap();
    reader.notifications_of(&of).unwrap();
    reader.domain_queues().unwrap();
    reader.history(None, None, 100).unwrap();
    reader.history(Some(&of), None, 100).unwrap();
    reader.quarantine(None, 100).unwrap();
    reader.mails_naming(&of).unwrap();
    reader.sums_by_minute(at(0)).unwrap();
    reader.sums_by_hour(at(0)).unwrap();
    reader.archive_jobs(&|_| false, 100).unwrap();
    for (domain, _) in reader.domains().unwrap() {
        reader.due(&domain, fixture.now(), &|_| false, 100).unwrap();
    }
}

/// A batch with some of everything; it fails the test when it is not committed.
pub fn write_all(fixture: &mut Fixture) {
    let changes = ["a", "b", "c", "d", "e", "f", "new"].map(|name| archived(&format!("{name}@x.example")));
    let softs = ["a", "b", "c"].map(|name| soft(&format!("{name}@x.example")));
    fixture.receive(softs.into_iter().chain(changes).chain([quarantined(8, "one"), quarantined(10, "x")]).collect());
    let now = fixture.seconds;
    let outcomes = [delivered(), retry(now + 60), parked(), Outcome::Archived];
    let batch = Batch {
        confirmed: vec![mail(98, vec![]).digest],
        mails: vec![mail(99, vec![])],
        settled: (1..20).zip(outcomes.into_iter().cycle()).map(|(id, outcome)| settled(id, now, outcome)).collect(),
        commands: vec![Command::RetryNotifications(Selection::All)],
        sums: vec![(Series::Received, 1)],
        sober: None,
    };
    fixture.commit(&batch);
}

fn archived(text: &str) -> Change {
    Change::Suspend { failure: failure(text, Class::Hard), archive: Some(Arc::new(b"the mail".to_vec())) }
}
