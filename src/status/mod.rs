//! What the status listener and `stats` show.
//!
//! Sans-io: [`http`] turns octets into requests and answers into octets; [`prometheus`] renders
//! plain data as text. Who reads sockets, the database and the clock is elsewhere.
//! Every text that came from outside is escaped where it is rendered.

pub mod http;
pub mod prometheus;
mod snapshot;
pub mod words;

pub use snapshot::{Counter, Live, Near, Process, Queue, Readiness, Slot, Snapshot, Times, Totals};
