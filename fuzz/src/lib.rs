//! What the targets share. Each target states its invariant first.
//!
//! `cargo +nightly fuzz run TARGET fuzz/corpus/TARGET fuzz/seeds/TARGET` runs one; the seeds were written for it.

pub mod owner;
pub mod platform;
