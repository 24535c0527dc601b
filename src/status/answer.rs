//! From what is asked for to the answer: reads the database, so it is meant for a thread beside the loop.

use super::gather::{self, Context};
use super::http::{Answer, Target};
use super::page::render_page;
use super::prometheus::{self, Gauges};
use super::{Process, Readiness};
use crate::metrics::Metrics;
use crate::store::Reader;
use crate::tenant::Tenants;
use crate::types::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What is asked for, and what the loop knew at that moment.
pub struct Question {
    /// Of the request.
    pub target: Target,
    /// Now.
    pub now: Timestamp,
    /// A copy of the counters.
    pub metrics: Metrics,
    /// Of the operating system.
    pub process: Process,
    /// As configured now.
    pub tenants: Arc<Tenants>,
    /// Whether addresses may be shown.
    pub show_addresses: bool,
    /// A pending notification that is older is a trouble.
    pub queue_age_max: Duration,
}

impl Question {
    /// Reads what it takes, in short transactions.
    pub fn answer(&self, reader: &Reader) -> Answer {
        match self.target {
            Target::Page => Answer::html(render_page(&gather::snapshot(reader, &self.context()))),
            Target::Metrics => self.metrics(reader),
            Target::Health => Answer::text(200, "ok"),
            Target::Ready => self.ready(reader),
        }
    }

    /// The same, without the target.
    pub fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            metrics: Some(&self.metrics),
            process: self.process,
            tenants: &self.tenants,
            show_addresses: self.show_addresses,
            queue_age_max: self.queue_age_max,
        }
    }

    /// Without the gauges of the database while it cannot be read: the counters are what tells why.
    fn metrics(&self, reader: &Reader) -> Answer {
        let (totals, queues) = (gather::totals(reader).ok(), gather::queues(reader).ok());
        let gauges =
            Gauges { now: self.now, process: self.process, totals: totals.as_ref(), queues: queues.as_deref() };
        Answer::metrics(prometheus::render(&self.metrics, &gauges))
    }

    fn ready(&self, reader: &Reader) -> Answer {
        let readiness = match gather::queues(reader) {
            Ok(queues) => Readiness::judge(self.metrics.writes_fail, &queues, self.queue_age_max, self.now),
            Err(error) => Readiness { troubles: vec![format!("the database cannot be read: {error}")] },
        };
        if readiness.is_ready() {
            Answer::text(200, "ready")
        } else {
            Answer::text(503, &readiness.troubles.join("\n"))
        }
    }
}
