//! What the status listener and `stats` show.
//!
//! Sans-io: [`http`] turns octets into requests and answers into octets; [`prometheus`], [`page`] and [`stats`] render
//! plain data as text. Who reads sockets, the database and the clock is elsewhere.
//! Every text that came from outside is escaped where it is rendered.

pub mod answer;
pub mod gather;
pub mod http;
pub mod page;
mod privacy;
pub mod prometheus;
mod snapshot;
pub mod stats;
pub mod stats_json;
mod summary;
pub mod words;

pub use snapshot::{Counter, Live, Near, Process, Queue, Readiness, Slot, Snapshot, Times, Totals};
