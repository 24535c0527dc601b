//! The daemon as a process, and what it used.

use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running daemon with a folder of its own.
pub struct Daemon {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

/// What the daemon used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub peak_octets: u64,
    pub file_octets: u64,
    pub commits: u64,
}

impl Usage {
    /// Of the time since `earlier`; memory stays as it is.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            file_octets: self.file_octets.saturating_sub(earlier.file_octets),
            commits: self.commits - earlier.commits,
            ..*self
        }
    }
}

impl Daemon {
    /// In a folder, with the log at level info, written to a file, and a threshold that nothing reaches. With a delay of the disk's
    /// sync it is this program that serves.
    pub fn start(folder: TempDir, template: &str, sync_delay: Duration) -> Self {
        let config = format!(
            "production:\n  handler:\n    dbfile: bounces.redb\n    temporary_threshold: 1000000\n    domains:\n      \
             mydomain.de:\n        base_url: {template}\n  listen: 127.0.0.1:0\n  status:\n    listen: 127.0.0.1:0\n  smtp:\n    \
             connections_max: 20000\n    connections_per_client_max: 20000\n    stop_time_max: 1s\n"
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = program(folder.path());
        if sync_delay.is_zero() {
            command.arg("run-smtpserver");
        } else {
            command = Command::new(std::env::current_exe().unwrap());
            command.arg("--serve").arg(folder.path().join("config.yml"));
            command.args(["--sync", &sync_delay.as_micros().to_string()]);
        }
        let child = command.stdout(log).stdin(Stdio::null()).spawn().unwrap();
        let mut daemon = Self { child, folder, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        daemon.address = loop {
            if let Some(address) = daemon.listens_on() {
                break address;
            }
            assert!(daemon.child.try_wait().unwrap().is_none(), "the daemon ended");
            std::thread::yield_now();
        };
        daemon
    }

    /// Where it takes mail, once it is ready.
    fn listens_on(&self) -> Option<SocketAddr> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().find(|line| line.ends_with(" ready"))?;
        let line = log.lines().find(|line| line.ends_with(" for SMTP"))?;
        line.split("listening on ").nth(1)?.split(' ').next()?.parse().ok()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A command to it, still without its name.
    pub fn command(&self) -> Command {
        program(self.folder.path())
    }

    pub fn usage(&self) -> Usage {
        let stat = std::fs::read_to_string(self.process().join("stat")).unwrap();
        // Behind the name in brackets: the 12th and 13th field are user and system time, in ticks of 10 ms.
        let ticks: u64 =
            stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
        Usage {
            cpu: Duration::from_millis(10 * ticks),
            peak_octets: self.memory("VmHWM:"),
            file_octets: std::fs::metadata(self.folder.path().join("bounces.redb")).map_or(0, |meta| meta.len()),
            commits: self.commits().unwrap_or_default(),
        }
    }

    /// A line of proc_pid_status(5), in octets. It asks nothing of the daemon, which would grow by what answers.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.process().join("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// What the control socket's `stats` say: `transactions  N: …`.
    fn commits(&self) -> Option<u64> {
        let output = self.command().arg("stats").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let line = text.lines().find(|line| line.starts_with("transactions"))?;
        let number: String = line.split(':').next()?.chars().filter(char::is_ascii_digit).collect();
        number.parse().ok()
    }

    /// Stops it in order; its folder, to look at.
    pub fn stop(mut self) -> TempDir {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process(pid, signal);
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--config").arg(folder.join("config.yml"));
    command
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
