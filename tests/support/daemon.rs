//! The real daemon as a child process, with a folder of its own; it is ended when the guard goes.

use super::platform::PATIENCE;
use bouncesvc::config::{self, Choice};
use bouncesvc::store::{CounterFilter, Store};
use bouncesvc::tenant::Tenants;
use bouncesvc::types::Address;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;

/// A folder with a configuration; the database survives the daemons that run in it.
pub struct Site {
    folder: TempDir,
}

/// A running daemon.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    /// Of a daemon whose log nobody reads.
    unread: Option<BufReader<ChildStdout>>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    news: Condvar,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    has_ended: bool,
}

impl Site {
    /// `mydomain.de` with this template as its platform, threshold 3; `more` are lines of the environment's section, such as `smtp:` or
    /// `allowed_networks:`.
    pub fn new(template: &str, more: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.configure(template, more);
        site
    }

    /// Writes the configuration anew.
    pub fn configure(&self, template: &str, more: &str) {
        let text = format!(
            "production:\n  handler:\n    dbfile: bounces.redb\n    temporary_threshold: 3\n    domains:\n      mydomain.de:\n        \
             base_url: {template}\n{more}"
        );
        std::fs::write(self.path("config.yml"), text).unwrap();
    }

    /// Of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the daemon on a free port and waits until it is ready.
    pub fn start(&self) -> Daemon {
        self.start_with(Command::new(env!("CARGO_BIN_EXE_bouncesvc")), &["--host", "127.0.0.1", "--port", "0"])
    }

    /// The same under a limit of open files, given as ulimit(1) has it: `-n 40`, or only for now, `-Sn 40`.
    pub fn start_with_limit(&self, limit: &str) -> Daemon {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_bouncesvc")]);
        self.start_with(shell, &["--host", "127.0.0.1", "--port", "0"])
    }

    /// Starts `command` with the arguments of the daemon, and `arguments`.
    pub fn start_with(&self, command: Command, arguments: &[&str]) -> Daemon {
        let mut daemon = self.spawn(command, arguments);
        let (stdout, sink) = (daemon.unread.take().unwrap(), Arc::clone(&daemon.log));
        std::thread::spawn(move || sink.fill(stdout));
        daemon.wait_for_line("ready");
        daemon
    }

    /// Starts a daemon that logs much, and reads its log only until it is ready.
    pub fn start_unread(&self) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
        command.arg("--debug");
        let mut daemon = self.spawn(command, &["--host", "127.0.0.1", "--port", "0"]);
        let stdout = daemon.unread.as_mut().unwrap();
        let mut lines = daemon.log.lines.lock().unwrap();
        while lines.lines.last().is_none_or(|line| !line.ends_with("ready")) {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            lines.lines.push(line.trim_end().to_owned());
        }
        drop(lines);
        daemon
    }

    fn spawn(&self, mut command: Command, arguments: &[&str]) -> Daemon {
        command.arg("--config").arg(self.path("config.yml")).arg("run-smtpserver").args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let unread = child.stdout.take().map(BufReader::new);
        Daemon { child, log: Arc::default(), unread }
    }

    /// The soft counter of an address after the daemon's end.
    pub fn count_of(&self, address: &str) -> Option<u32> {
        let store = open(&self.path("bounces.redb"));
        let counters = store.reader().counters_of(&Address::parse(address).unwrap()).unwrap();
        counters.first().map(|counter| counter.count)
    }

    /// All soft counters after the daemon's end.
    pub fn counters(&self) -> BTreeMap<String, u32> {
        let store = open(&self.path("bounces.redb"));
        let (reader, mut counters, mut next) = (store.reader(), BTreeMap::new(), None);
        loop {
            let page = reader.counters(&CounterFilter::default(), next.as_ref(), 1000).unwrap();
            counters.extend(page.rows.into_iter().map(|counter| (counter.address.to_string(), counter.count)));
            next = page.next;
            if next.is_none() {
                return counters;
            }
        }
    }
}

fn open(path: &Path) -> Store {
    Store::open(path, bouncesvc::store::Settings::default()).unwrap()
}

impl Daemon {
    /// Where it takes mail: the last of its listeners that speaks SMTP.
    pub fn address(&self) -> SocketAddr {
        self.listener("SMTP")
    }

    /// Where it listens for this.
    pub fn listener(&self, purpose: &str) -> SocketAddr {
        let line = self.wait_for_line(&format!(" for {purpose}"));
        line.split("listening on ").nth(1).unwrap().split([' ', '"']).next().unwrap().parse().unwrap()
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for_line(&self, text: &str) -> String {
        self.wait_for_lines(text, 1).pop().unwrap()
    }

    /// Waits until `count` lines contain `text`.
    pub fn wait_for_lines(&self, text: &str, count: usize) -> Vec<String> {
        let matching =
            |lines: &Lines| -> Vec<String> { lines.lines.iter().filter(|line| line.contains(text)).cloned().collect() };
        let lines = self.log.lines.lock().unwrap();
        let (lines, _) = self
            .log
            .news
            .wait_timeout_while(lines, PATIENCE, |lines| matching(lines).len() < count && !lines.has_ended)
            .unwrap();
        let found = matching(&lines);
        assert!(found.len() >= count, "{count} lines with {text:?} are missing in\n{}", lines.lines.join("\n"));
        found
    }

    /// Lines so far that contain `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        let lines = self.log.lines.lock().unwrap();
        lines.lines.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The names of its threads.
    pub fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
        tasks.filter_map(|task| name(task.unwrap())).map(|name| name.trim_end().to_owned()).collect()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and what it ends with.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// What it ends with.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn fill(&self, stdout: impl BufRead) {
        for line in stdout.lines().map_while(Result::ok) {
            self.lines.lock().unwrap().lines.push(line);
            self.news.notify_all();
        }
        self.lines.lock().unwrap().has_ended = true;
        self.news.notify_all();
    }
}

/// Tenants with `mydomain.de`, from the only place where they are made: a configuration.
pub fn tenants() -> Arc<Tenants> {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let choice = Choice { file: Some(site.path("config.yml")), environment: "production".to_owned() };
    config::load(&choice).unwrap().server.tenants
}
