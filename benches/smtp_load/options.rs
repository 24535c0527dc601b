//! The options of the load bench.

use crate::driver::{Load, Shape};
use crate::platform::Behaviour;
use argh::FromArgs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Drives bouncesvc, or another SMTP server, with a synthetic load. Without options: the rates of all shapes, of a platform that is down,
/// and against smtp-sink; with --sessions, --shape, --endpoint or --sync alone: one run.
#[derive(FromArgs)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
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

    /// what a sync of the disk takes at least, in microseconds; default 0
    #[argh(option, default = "0")]
    sync: u64,

    /// drive this server instead; nothing is verified
    #[argh(option)]
    pub against: Option<SocketAddr>,

    /// against Postfix that takes the mails into its queue; needs root
    #[argh(switch)]
    pub postfix: bool,

    /// on disks whose sync takes 1 and 5 ms
    #[argh(switch)]
    pub slow_sync: bool,

    /// with this many counters, against ten thousand
    #[argh(option)]
    pub counters: Option<u64>,

    /// while the counters (default 1000000) are dumped again and again, against no dump
    #[argh(switch)]
    pub dump: bool,

    /// with this many pending notifications, against none
    #[argh(option)]
    pub pending: Option<u64>,

    /// everything: the tables of a plain run, --postfix, --slow-sync, --pending 100000, --counters 1000000 and --dump
    #[argh(switch)]
    pub all: bool,

    /// write all figures here
    #[argh(option)]
    pub json: Option<PathBuf>,

    /// write a picture of throughput and latency against sessions here
    #[argh(option)]
    pub svg: Option<PathBuf>,

    /// be the daemon, with this configuration
    #[argh(option, hidden_help)]
    pub serve: Option<PathBuf>,
}

impl Options {
    /// Whether one run was asked for.
    pub fn is_single(&self) -> bool {
        let is_described = self.sessions.is_some() || self.shape.is_some() || self.endpoint != Behaviour::Up;
        !self.names_a_part() && (is_described || self.sync > 0)
    }

    /// Whether nothing particular was asked for.
    pub fn is_plain(&self) -> bool {
        !self.names_a_part() && !self.is_single()
    }

    fn names_a_part(&self) -> bool {
        let grown = self.counters.is_some() || self.pending.is_some();
        self.all || self.postfix || self.slow_sync || self.dump || grown
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

    pub fn sync_delay(&self) -> Duration {
        Duration::from_micros(self.sync)
    }
}
