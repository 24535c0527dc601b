//! The options of the load bench.

use crate::driver::{Load, Shape};
use crate::platform::Behaviour;
use argh::FromArgs;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Drives bouncesvc, or another SMTP server, with a synthetic load. Without --sessions, --shape or --endpoint all of the tables are printed.
#[derive(FromArgs)]
pub struct Options {
    /// connections at the same time; default 100
    #[argh(option)]
    sessions: Option<usize>,

    /// mails of one run; default 20000
    #[argh(option, default = "20_000")]
    pub mails: usize,

    /// once (one mail for each connection), many, or pipelined; default many
    #[argh(option)]
    shape: Option<Shape>,

    /// the platform: up, slow (100 ms), failing (500) or silent; default up
    #[argh(option, default = "Behaviour::Up")]
    pub endpoint: Behaviour,

    /// unique recipients, or this many of them; default unique
    #[argh(option, default = "0")]
    recipients: u64,

    /// of the generator; default 1
    #[argh(option, default = "1")]
    seed: u64,

    /// drive this server instead; nothing is verified
    #[argh(option)]
    pub against: Option<SocketAddr>,

    /// write the rows here
    #[argh(option)]
    pub json: Option<PathBuf>,

    /// write a picture of throughput and latency against sessions here
    #[argh(option)]
    pub svg: Option<PathBuf>,
}

impl Options {
    /// Whether one run was asked for.
    pub fn is_single(&self) -> bool {
        self.sessions.is_some() || self.shape.is_some() || self.endpoint != Behaviour::Up
    }

    pub fn load(&self) -> Load {
        Load {
            shape: self.shape.unwrap_or(Shape::Many),
            sessions: self.sessions.unwrap_or(100),
            mails: self.mails,
            recipients: self.recipients,
            seed: self.seed,
        }
    }
}
