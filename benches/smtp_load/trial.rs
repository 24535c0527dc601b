//! A daemon with its platform, over one run or several; at its end the database has to hold what was acknowledged.

use crate::daemon::{Daemon, Usage};
use crate::driver::{self, Load, Measured};
use crate::held::Held;
use crate::mails::Mail;
use crate::platform::{Behaviour, Platform};
use crate::report::Row;
use std::time::Duration;
use tempfile::TempDir;

/// What a daemon meets.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    pub platform: Behaviour,
    /// What a sync of its disk takes at least.
    pub sync_delay: Duration,
    pub held: Held,
}

impl Default for Scene {
    fn default() -> Self {
        Self { platform: Behaviour::Up, sync_delay: Duration::ZERO, held: Held::default() }
    }
}

/// A running daemon.
pub struct Trial {
    daemon: Daemon,
    _platform: Platform,
    held: Held,
    acknowledged: Vec<Mail>,
    runs: u64,
}

impl Trial {
    /// One run and its end.
    pub fn once(scene: &Scene, load: &Load) -> Row {
        let mut trial = Self::start(scene);
        let (measured, usage) = trial.run(load);
        trial.end();
        Row::new(load, scene.platform.name(), &measured, Some(&usage))
    }

    /// The rate of one run.
    pub fn rate(scene: &Scene, load: &Load) -> f64 {
        let mut trial = Self::start(scene);
        let rate = trial.run(load).0.rate();
        trial.end();
        rate
    }

    pub fn start(scene: &Scene) -> Self {
        let folder = tempfile::tempdir().unwrap();
        scene.held.fill(&database(&folder));
        let platform = Platform::start(scene.platform);
        let daemon = Daemon::start(folder, &platform.template(), scene.sync_delay);
        Self { daemon, _platform: platform, held: scene.held, acknowledged: Vec::new(), runs: 0 }
    }

    /// Drives the daemon; each run has mails of its own.
    pub fn run(&mut self, load: &Load) -> (Measured, Usage) {
        let before = self.daemon.usage();
        let mut measured = driver::drive(self.daemon.address(), &Load { seed: load.seed + self.runs, ..*load });
        self.runs += 1;
        self.acknowledged.append(&mut measured.acknowledged);
        (measured, self.daemon.usage().since(&before))
    }

    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Stops it, and verifies.
    pub fn end(self) {
        let folder = self.daemon.stop();
        self.held.verify(&database(&folder), &self.acknowledged);
    }
}

fn database(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("bounces.redb")
}
