//! What several tests share: [`platform`], the platform's side of HTTP, scripted.

// Each test binary compiles this anew and uses its own share of it.
#![allow(dead_code)]

pub mod platform;
