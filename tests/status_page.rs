//! The page and `stats`: what is shown, what must not be, and how a browser takes it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sample_snapshot.rs"]
mod sample_snapshot;

use bouncesvc::escape::is_harmful;
use bouncesvc::metrics::Event;
use bouncesvc::status::http::Answer;
use bouncesvc::status::page::render_page;
use bouncesvc::status::stats::render_stats;
use bouncesvc::status::stats_json::stats_json;
use bouncesvc::status::{Counter, Queue, Snapshot};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

/// Text as an attacker would have it in a host name, an error or a local part.
const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u{202e}\u{1b}[31m\u{7}\u{85}\u{feff}";

fn hostile() -> Snapshot {
    let mut snapshot = sample_snapshot::snapshot();
    let text = || HOSTILE.to_owned();
    snapshot.version = text();
    snapshot.readiness.troubles = vec![text()];
    let hour = snapshot.hours.last_mut().unwrap();
    hour.receivers.insert(text(), 1_000_000);
    hour.others.insert(text(), 1_000_000);
    hour.alerts.insert(text(), 1_000_000);
    let at = snapshot.now;
    snapshot.queues = vec![Queue { domain: text(), pending: 1, last_error: Some((at, text())), ..Queue::default() }];
    snapshot.near.counters =
        snapshot.near.counters.into_iter().map(|c| Counter { address: text(), domain: text(), ..c }).collect();
    let (address, domain, reason) = (Some(text()), Some(text()), Some(text().into()));
    snapshot.events =
        vec![Event { at, what: text().into(), address, domain, class: None, reason, text: text().into() }];
    snapshot
}

#[test]
fn hostile_text_stays_text() {
    let page = render_page(&hostile());
    for part in ["<script", "<img", "onerror=alert(1)>", "\"'>"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;"));
    assert!(!page.contains(|c| c != '\n' && is_harmful(c)));
    for text in [render_stats(&hostile()), stats_json(&hostile())] {
        assert!(!text.contains(|c| c != '\n' && is_harmful(c)), "{text}");
    }
    let stats: serde_json::Value = serde_json::from_str(&stats_json(&hostile())).unwrap();
    assert_eq!(stats["queue"][0]["last_error"], HOSTILE);
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere() {
    let page = render_page(&sample_snapshot::snapshot());
    for part in ["<script", "src=", "url(", "@import", "http://", "https://", "style=", "onclick"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn an_empty_service_has_a_page_and_a_screen() {
    let empty = Snapshot { now: sample_snapshot::NOW, ..Snapshot::default() };
    let page = render_page(&empty);
    for part in ["Nothing came in.", "Nothing failed.", "every platform was told", "None since the start", ">ready<"] {
        assert!(page.contains(part), "{part}");
    }
    let stats = render_stats(&empty);
    assert!(stats.contains("not running") && stats.contains("queue            empty"), "{stats}");
}

#[test]
fn every_opened_element_is_closed() {
    for snapshot in [Snapshot::default(), sample_snapshot::snapshot(), hostile()] {
        assert_eq!(unclosed(&render_page(&snapshot)), Vec::<String>::new());
    }
}

/// Elements that are open at the end, or closed out of order. The style's `>` are none of its business.
fn unclosed(page: &str) -> Vec<String> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let mut open = Vec::new();
    for tag in [before, after].concat().split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.split_whitespace().next().unwrap().trim_end_matches('/');
        if let Some(name) = name.strip_prefix('/') {
            if open.last().map(String::as_str) != Some(name) {
                open.push(format!("/{name}"));
                break;
            }
            open.pop();
        } else if !tag.ends_with('/') && !matches!(name, "!DOCTYPE" | "meta" | "br") {
            open.push(name.to_owned());
        }
    }
    open
}

#[test]
fn stats_fit_on_one_screen() {
    let stats = render_stats(&sample_snapshot::snapshot());
    assert!(stats.lines().count() <= 40, "{stats}");
    for line in stats.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for part in ["running for 3 d 3 h", "learn.example", "the platform answered 404", "user_unknown", "6.6 MiB"] {
        assert!(stats.contains(part), "{part} is missing in\n{stats}");
    }
}

#[test]
fn the_numbers_for_scripts_are_those_of_the_screen() {
    let stats: serde_json::Value = serde_json::from_str(&stats_json(&sample_snapshot::snapshot())).unwrap();
    let screen = render_stats(&sample_snapshot::snapshot());
    let row: Vec<&str> = screen.lines().find(|line| line.starts_with("mails")).unwrap().split_whitespace().collect();
    for (name, shown) in ["last_5m", "last_1h", "last_24h", "last_7d"].into_iter().zip(&row[1..]) {
        assert_eq!(stats[name]["mails"].to_string(), shown.replace(',', ""), "{name}");
    }
    assert_eq!(stats["time"].as_str().unwrap().len(), "2026-11-21T05:52:41Z".len());
    assert!(stats["daemon"]["commits"]["p99"].as_f64().unwrap() < 1.0, "{stats:#}");
    let empty = Snapshot { now: sample_snapshot::NOW, ..Snapshot::default() };
    assert!(stats_json(&empty).contains("\"daemon\": null"));
}

/// The page over HTTP with its policy: what the policy refuses, the browser writes to its console.
#[test]
fn a_browser_shows_the_page() {
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| is_installed(name))
    else {
        return println!("left out: no Chromium is installed");
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || serve_once(&listener));
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--dump-dom",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{address}/"))
        .output()
        .unwrap();
    server.join().unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("Failures per hour by class, 7 days") && dom.contains("learn.example"), "{dom}{log}");
    assert!(!log.contains("CONSOLE"), "the browser complains: {log}");
}

fn is_installed(name: &str) -> bool {
    Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn serve_once(listener: &TcpListener) {
    let (mut client, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(&client).lines();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    client.write_all(&Answer::html(render_page(&sample_snapshot::snapshot())).octets(false)).unwrap();
}
