//! What several tests share: [`platform`], the platform's side of HTTP, scripted; [`queue`], a notifier on a queue in
//! memory; [`daemon`], the real one as a process; [`damage`], what is done to its database; [`smtp`], its client;
//! [`programs`] and [`postfix`], what the system has.

// Each test binary compiles this anew and uses its own share of it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod daemon;
pub mod damage;
pub mod platform;
pub mod postfix;
pub mod programs;
pub mod queue;
pub mod smtp;
