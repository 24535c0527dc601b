//! bouncesvc receives undeliverable mail over SMTP, tells soft from hard failures, counts the soft ones, and tells
//! the responsible platform about each permanent failure.
//!
//! # The walk of one bounce
//!
//! One thread runs the loop of [`server`]. It moves octets between sockets and [`smtp`] sessions, which know no socket
//! and no clock. A whole mail goes through [`bounce::read`], which never fails, and [`policy::decide`], which looks up the
//! platform in [`tenant`] and, where a domain asks for it, the [`evidence`] that the mail was ours. What is to happen is a list of
//! [`change`]s. All that one turn of the loop brought goes to the [`store`] in one transaction; only then do the
//! clients get their 250. [`notify`] reads the durable queue in a thread of its own, tells the platforms, and reports
//! each outcome to the loop, which records it with the next transaction.
//!
//! # The modules, in reading order
//!
//! - words: [`types`], [`change`], [`clock`], [`escape`], [`descriptor`], [`folder`],
//!   [`priority`], [`spelling`],
//!   [`needles`];
//! - pure: [`smtp`], [`bounce`], [`digest`], [`tenant`], [`evidence`], [`policy`];
//! - with a disk or a network: [`store`], [`archive`], [`notify`], [`server`];
//! - to look at: [`metrics`] counts, [`status`] shows, [`operate`] answers operators, [`logging`] tells what happened;
//! - the outside: [`config`], [`cli`], [`classify`], and `import` (a feature) for moving in.
//!
//! Who may name whom is checked by `tests/dependency_rules.rs`: mio stays in `server`, redb in `store`, mailparse in
//! `bounce`, the HTTP client in one file of `notify`. The configuration is known to `cli` alone: every other part has
//! settings of its own.
//!
//! Deliberately absent: sending mail (so there is no backscatter), an async runtime, and any state outside of the one database file and the
//! archive folder.

pub mod archive;
pub mod bounce;
pub mod change;
pub mod classify;
pub mod cli;
pub mod clock;
pub mod config;
pub mod descriptor;
pub mod digest;
pub mod escape;
pub mod evidence;
pub mod folder;
#[cfg(feature = "import-sqlite")]
pub mod import;
pub mod logging;
pub mod metrics;
pub mod needles;
pub mod notify;
pub mod operate;
pub mod policy;
pub mod priority;
#[cfg(test)]
mod samples;
pub mod server;
pub mod smtp;
pub mod spelling;
pub mod status;
pub mod store;
pub mod tenant;
pub mod types;
