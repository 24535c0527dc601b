//! What several tests share: [`platform`], the platform's side of HTTP, scripted; [`queue`], a notifier on a queue in memory.

// Each test binary compiles this anew and uses its own share of it.
#![allow(dead_code)]

pub mod platform;
pub mod queue;
