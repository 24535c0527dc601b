//! bouncesvc receives undeliverable mail over SMTP, tells soft from hard failures, counts the soft ones, and tells
//! the responsible platform about each permanent failure.

pub mod archive;
pub mod bounce;
pub mod change;
pub mod classify;
pub mod cli;
pub mod config;
pub mod digest;
pub mod escape;
pub mod evidence;
#[cfg(feature = "import-sqlite")]
pub mod import;
pub mod logging;
pub mod metrics;
pub mod notify;
pub mod operate;
pub mod policy;
pub mod server;
pub mod smtp;
pub mod status;
pub mod store;
pub mod tenant;
pub mod types;
