//! What the README shows of each command is what it prints: its transcripts run in their order against a daemon that got the mails of
//! [`fill`]. Times, ids, sizes and durations may differ. `BOUNCESVC_UPDATE=1 cargo test --test readme_transcripts` writes them anew.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/readme.rs"]
mod readme;
mod support;

use readme::Step;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use support::daemon::{Daemon, Site};
use support::platform::{Answer, Platform};
use support::smtp::{Client, blocked, hard, soft};

/// A bounce that nobody can read: for the quarantine.
const UNREADABLE: &str = "From: MAILER-DAEMON@relay.mydomain.de\r\nTo: no-reply@mydomain.de\r\n\
    Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <odd@relay.mydomain.de>\r\n\
    Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
    --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.mydomain.de\r\n\r\n--b--\r\n";

/// Beside the platform: for `sign`, and so that there is nothing to warn of.
const MORE: &str = "        signing_secret: {file: secret}\n  allowed_networks: 127.0.0.0/8\n";

/// The predecessor's database.
const SQLITE: &str = "
    CREATE TABLE temporary_bounces (bounced_address TEXT, domain TEXT, counter INTEGER);
    CREATE TABLE permanent_bounces (ts TIMESTAMP, bounced_address TEXT, domain TEXT, status_code INTEGER);
    INSERT INTO temporary_bounces VALUES ('a@some-provider.com', 'mydomain.de', 1), ('b@some-provider.com', 'mydomain.de', 1),
        ('b@some-provider.com', 'mydomain.de', 1), ('b@some-provider.com', 'mydomain.de', 1),
        ('b@some-provider.com', 'mydomain.de', 1), ('c@some-provider.com', 'sold.de', 1);
    INSERT INTO permanent_bounces VALUES (1582979400, 'd@some-provider.com', 'mydomain.de', 200);";

#[test]
fn the_readme_shows_what_is_printed() {
    let text = std::fs::read_to_string("README.md").unwrap();
    let scene = Scene::new();
    let mut written: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the last on, so that a change leaves the numbers of the lines above.
    let mut changes = Vec::new();
    for step in readme::transcripts(&text).iter().filter(|step| can_run(step)) {
        let printed = scene.run(step);
        if let Some(difference) = difference(&printed, &step.output) {
            println!("{difference}");
            changes.push((step.line, step.output.len(), step.command.clone(), printed));
        }
    }
    if std::env::var_os("BOUNCESVC_UPDATE").is_some() {
        for (line, lines, _, printed) in changes.iter().rev() {
            written.splice(line + 1..=line + lines, printed.iter().cloned());
        }
        return std::fs::write("README.md", written.join("\n") + "\n").unwrap();
    }
    let wrong = changes.iter().map(|(_, _, command, printed)| format!("$ {command}\n{}\n", printed.join("\n")));
    let wrong: String = wrong.collect();
    assert!(
        wrong.is_empty(),
        "README.md is out of date:\n{wrong}BOUNCESVC_UPDATE=1 cargo test --test readme_transcripts"
    );
}

#[test]
fn every_command_is_shown() {
    use argh::ArgsInfo as _;
    let text = std::fs::read_to_string("README.md").unwrap();
    for command in &bouncesvc::cli::Arguments::get_args_info().commands {
        let below = command.command.commands.iter().map(|sub| format!("{} {}", command.name, sub.name));
        let names = if command.command.commands.is_empty() { vec![command.name.to_owned()] } else { below.collect() };
        for name in names {
            assert!(text.contains(&format!("bouncesvc {name}")) || text.contains(&format!(" {name}\n")), "{name}");
        }
    }
}

#[test]
fn the_walk_of_one_bounce_is_what_the_log_and_the_platform_show() {
    let text = std::fs::read_to_string("README.md").unwrap();
    let answer = "{\"address\":\"evil-address@some-provider.com\",\"suspended\":true}";
    let platform = Platform::start(|_| Answer::status(200).with_body(answer));
    let site = Site::new(&platform.template(), "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.arg("--debug");
    let daemon = site.start_with(command, &["--host", "127.0.0.1", "--port", "0"]);
    let mail = std::fs::read_to_string("tests/testmail").unwrap();
    Client::connect(daemon.address()).mail(&mail.replace('\n', "\r\n"));
    daemon.wait_for_line("notification=delivered");
    let as_shown = |line: &str| line.replace(&platform.address().to_string(), "localhost:7001");
    let shown = readme::block(&text, "DEBUG INCOMING MESSAGE");
    let logged = daemon.lines("").into_iter().skip_while(|line| !line.contains("INCOMING"));
    let logged: Vec<String> = logged.map(|line| as_shown(line.split_once(' ').unwrap().1)).collect();
    assert_eq!(difference(&logged, &shown), None);
    let request = &platform.requests()[0];
    let fields = request.headers.iter().map(|(name, value)| as_shown(&format!("    {name}: {value}")));
    let posted: Vec<String> = [format!("{} {}", request.method, request.target)].into_iter().chain(fields).collect();
    assert_eq!(difference(&posted, &readme::block(&text, "    idempotency-key")), None);
}

/// A daemon with something to show, and a shell that finds it.
struct Scene {
    site: Site,
    daemon: Daemon,
    platform: Platform,
    /// The mail in the quarantine, as the README calls it and as it is called here.
    quarantined: (String, String),
}

impl Scene {
    fn new() -> Self {
        let platform = Platform::start(|request| {
            let is_known = !request.target.contains("gone");
            if is_known { Answer::status(200).with_body("{\"suspended\":true}") } else { Answer::status(400) }
        });
        let site = Site::new(&platform.template(), MORE);
        std::fs::write(site.path("secret"), "a secret of more than sixteen octets").unwrap();
        furnish(&site);
        let daemon = site.start();
        let mut scene = Self { site, daemon, platform, quarantined: (shown_id(), String::new()) };
        scene.fill();
        scene.quarantined.1 = scene.json("quarantine list")[0]["id"].as_str().unwrap().into();
        scene
    }

    /// Two counters, a notification that was delivered and one that was parked, and one mail in the quarantine.
    fn fill(&self) {
        let mut client = Client::connect(self.daemon.address());
        client.mail(&soft("full@some-provider.com", "1"));
        client.mail(&soft("full@some-provider.com", "2"));
        client.mail(&soft("slow@other-provider.com", "3"));
        client.mail(&hard("evil-address@some-provider.com", "4"));
        self.daemon.wait_for_line("notification=delivered");
        client.mail(&hard("gone@some-provider.com", "5"));
        self.daemon.wait_for_line("notification=parked");
        client.mail(UNREADABLE);
        client.quit();
        // The sums follow the mails by a second.
        let is_quiet = || {
            let stats = self.json("stats");
            let seen = [&stats["last_5m"]["mails"], &stats["last_5m"]["delivered"], &stats["daemon"]["connections"]];
            seen == [6, 1, 0]
        };
        while !is_quiet() || self.json("queue list --parked") == serde_json::json!([]) {}
    }

    fn json(&self, command: &str) -> serde_json::Value {
        let output = self.shell(&format!("bouncesvc {command} --format json")).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(&self, step: &Step) -> Vec<String> {
        if step.command == "bouncesvc tail" {
            return vec![self.first_line_of_tail()];
        }
        let (shown, real) = &self.quarantined;
        let command = step.command.replace(shown, real).replace(" /", &format!(" {}/", self.root()));
        let output = self.shell(&format!("{{ {command}; }} 2>&1")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| self.as_installed(line)).collect()
    }

    /// Only what happens after the command has reached the daemon is shown: mails go on until one is.
    fn first_line_of_tail(&self) -> String {
        let mut tail = self.shell("exec bouncesvc tail").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
        let (sender, first) = channel();
        std::thread::spawn(move || sender.send(lines.next().unwrap().unwrap()));
        let mut client = Client::connect(self.daemon.address());
        let line = (0..1000).find_map(|number| {
            client.mail(&blocked("user@strict-provider.com", &format!("tail{number}")));
            match first.recv_timeout(Duration::from_millis(20)) {
                Err(RecvTimeoutError::Timeout) => None,
                line => Some(line.unwrap()),
            }
        });
        tail.kill().unwrap();
        tail.wait().unwrap();
        line.expect("a line comes")
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        let path = format!("{}:{}", self.site.path("bin").display(), std::env::var("PATH").unwrap());
        shell.args(["-c", command]).env("PATH", path).current_dir(self.site.path(""));
        shell
    }

    /// The folder that stands for `/`.
    fn root(&self) -> String {
        self.site.path("").display().to_string().trim_end_matches('/').to_owned()
    }

    /// Names of files and of the platform as on a machine where it is installed.
    fn as_installed(&self, line: &str) -> String {
        let root = &self.root();
        let (shown, real) = &self.quarantined;
        line.replace(&format!("{root}/config.yml"), "/etc/bouncesvc/config.yml")
            .replace(&format!("{root}/bounces.redb"), "/var/lib/bouncesvc/bounces.redb")
            .replace(root, "")
            .replace(&self.platform.url(), "http://localhost:7001")
            .replace(real, shown)
    }
}

/// What this build cannot do is left out.
fn can_run(step: &Step) -> bool {
    cfg!(feature = "import-sqlite") || !step.command.contains("import-sqlite")
}

/// What the commands of the README find beside them.
fn furnish(site: &Site) {
    for folder in ["bin", "var/backups", "tmp"] {
        std::fs::create_dir_all(site.path(folder)).unwrap();
    }
    let (program, config) = (env!("CARGO_BIN_EXE_bouncesvc"), site.path("config.yml"));
    let script = format!("#!/bin/sh\nexec {program} --config {} \"$@\"\n", config.display());
    std::fs::write(site.path("bin/bouncesvc"), script).unwrap();
    std::fs::set_permissions(site.path("bin/bouncesvc"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink(std::path::absolute("tests").unwrap(), site.path("tests")).unwrap();
    let mbox = ["hard", "soft"].map(|name| format!("From MAILER-DAEMON Mon Nov 16 09:15:42 2026\n{name}\n"));
    let [hard_mail, soft_mail] = [hard("a@some-provider.com", "h"), soft("b@some-provider.com", "s")];
    let mbox = mbox[0].replace("hard", &hard_mail) + "\n" + &mbox[1].replace("soft", &soft_mail);
    std::fs::write(site.path("old-bounces.mbox"), mbox.replace("\r\n", "\n")).unwrap();
    predecessor(site);
}

#[cfg(feature = "import-sqlite")]
fn predecessor(site: &Site) {
    let database = rusqlite::Connection::open(site.path("bounced_emails.db")).unwrap();
    database.execute_batch(SQLITE).unwrap();
}

#[cfg(not(feature = "import-sqlite"))]
fn predecessor(_site: &Site) {
    let _ = SQLITE;
}

/// The id of a mail in the README's commands.
fn shown_id() -> String {
    let text = std::fs::read_to_string("README.md").unwrap();
    let steps = readme::transcripts(&text);
    let mut words = steps.iter().flat_map(|step| step.command.split(' '));
    words.find(|word| is_message_id(word)).expect("a mail of the quarantine is shown").to_owned()
}

/// The first lines that differ, masked.
fn difference(printed: &[String], shown: &[String]) -> Option<String> {
    let mask_all = |lines: &[String]| lines.iter().map(|line| mask(line)).collect::<Vec<_>>();
    let (printed, shown) = (mask_all(printed), mask_all(shown));
    let at = (0..printed.len().max(shown.len())).find(|at| printed.get(*at) != shown.get(*at))?;
    Some(format!("shown   {:?}\nprinted {:?}", shown.get(at), printed.get(at)))
}

/// With `~` for what differs each time.
fn mask(line: &str) -> String {
    let line = mask_signature(line);
    let words: Vec<&str> = line.split(' ').collect();
    let is_measured = |at: usize| {
        let unit = words.get(at + 1).is_some_and(|next| UNITS.contains(&core(next)));
        is_number(core(words[at])) && (unit || words[at].ends_with(':'))
    };
    let masked = words.iter().enumerate().map(|(at, word)| {
        let core = core(word);
        if is_time(core) || is_message_id(core) || is_key(core) {
            return word.replace(core, &"~".repeat(core.len()));
        }
        let is_unit = at > 0 && UNITS.contains(&core) && is_measured(at - 1);
        if is_measured(at) || is_unit { word.replace(core, "~") } else { (*word).to_owned() }
    });
    masked.collect::<Vec<_>>().join(" ")
}

const UNITS: &[&str] = &["s", "ms", "µs", "min", "B", "KiB", "MiB", "rows", "octets"];

/// A word without what stands around it, such as quotes, and without the name of a log line's field.
fn core(word: &str) -> &str {
    let word = word.rsplit('=').next().unwrap_or(word);
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || ".,".contains(c))
}

fn is_time(word: &str) -> bool {
    word.len() == "2026-11-21T05:52:41Z".len() && word.ends_with('Z') && word.as_bytes()[10] == b'T'
}

fn is_message_id(word: &str) -> bool {
    word.len() == "1M7YAKX8Q0000".len()
        && word.starts_with('1')
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Of an `Idempotency-Key`.
fn is_key(word: &str) -> bool {
    word.len() > 20 && word.matches('-').count() == 2 && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// The day and the signature of `sign`, as in `20778.2fohntrf3bbig5fq`.
fn mask_signature(line: &str) -> String {
    const DAY: usize = 5;
    const SIGNATURE: usize = 16;
    let is_signature = |at: &usize| {
        let day = at.checked_sub(DAY).and_then(|from| line.get(from..*at));
        let signature = line.get(at + 1..at + 1 + SIGNATURE);
        day.is_some_and(|day| day.chars().all(|c| c.is_ascii_digit()))
            && signature.is_some_and(|signature| signature.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    let Some(at) = line.match_indices('.').map(|(at, _)| at).find(is_signature) else { return line.to_owned() };
    [&line[..at - DAY], &"~".repeat(DAY + 1 + SIGNATURE), &line[at + 1 + SIGNATURE..]].concat()
}
