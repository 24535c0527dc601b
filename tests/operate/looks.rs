//! What is shown: counters, addresses, queue, quarantine, the state of the service.

use super::support::daemon::Site;
use super::support::platform::Platform;
use super::{fill, json, run, stdout};
use bouncesvc::change::{Batch, Command, Imported};
use bouncesvc::store::{Settings, Store};
use bouncesvc::types::{Address, Domain, Timestamp};

#[test]
fn every_look_is_the_same_live_and_stopped() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let looks: Vec<Vec<&str>> = ["table", "json", "csv"]
        .iter()
        .flat_map(|form| {
            vec![
                vec!["dump-counters", "--format", form],
                vec!["dump-counters", "--sort=count", "--limit=1", "--format", form],
                vec![
                    "dump_counters",
                    "--domain",
                    "mydomain.de",
                    "--address",
                    "a*",
                    "--min_count",
                    "2",
                    "--format",
                    form,
                ],
                vec!["find-address", "--address", "*@some-provider.com", "--format", form],
                vec!["find-address", "--address", "GONE@some-provider.com", "--format", form],
                vec!["queue", "list", "--format", form],
                vec!["queue", "list", "--parked", "--format", form],
                vec!["queue", "show", "2", "--format", form],
                vec!["quarantine", "list", "--format", form],
            ]
        })
        .collect();
    let live: Vec<String> = looks.iter().map(|look| stdout(&site, look)).collect();
    assert!(daemon.stop().success());
    for (look, live) in looks.iter().zip(live) {
        assert_eq!(live, stdout(&site, look), "{look:?}");
        assert!(live.len() > 20, "{look:?}: {live}");
    }
}

#[test]
fn the_json_of_lists_is_as_documented() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let counters = json(&site, &["dump-counters", "--format=json"]);
    let first = &counters[0];
    assert_eq!(first["domain"], "mydomain.de");
    assert_eq!(first["address"], "a.full@some-provider.com");
    assert_eq!(first["count"], 2);
    assert_eq!((&first["status"], &first["reason"]), (&"5.2.2".into(), &"mailbox_full".into()));
    for time in ["first_seen", "last_seen"] {
        assert!(first[time].as_str().unwrap().ends_with('Z'), "{first}");
    }
    assert_eq!(counters.as_array().unwrap().len(), 2);
    let queue = json(&site, &["queue", "list", "--format=json"]);
    let keys: Vec<&String> = queue[0].as_object().unwrap().keys().collect();
    let expected = ["address", "attempts", "created", "domain", "id", "last_error", "next_attempt", "state"];
    assert_eq!(keys, expected);
    assert_eq!((&queue[0]["state"], &queue[0]["address"]), (&"parked".into(), &"parked@some-provider.com".into()));
    let found = json(&site, &["find-address", "--address=gone@some-provider.com", "--format=json"]);
    assert_eq!((&found[0]["what"], &found[0]["state"]), (&"history".into(), &"delivered".into()));
    let matching = json(&site, &["find-address", "--address=*@other-provider.com", "--format=json"]);
    let what: Vec<_> = matching.as_array().unwrap().iter().map(|row| (&row["what"], &row["address"])).collect();
    assert_eq!(what, [(&"counter".into(), &"b.full@other-provider.com".into())]);
}

#[test]
fn stats_tell_whether_the_daemon_runs() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    assert!(stdout(&site, &["stats"]).contains("running for"));
    assert_eq!(json(&site, &["stats", "--format=json"])["daemon"]["mails_committed"], 0);
    daemon.stop();
    assert!(stdout(&site, &["stats"]).contains("not running"));
    let stopped = json(&site, &["stats", "--format=json"]);
    assert_eq!((&stopped["daemon"], &stopped["counters"]), (&serde_json::Value::Null, &0.into()));
}

/// Without a daemon the limit was a day, whatever the configuration said.
#[test]
fn an_old_notification_is_a_trouble_by_the_same_limit_live_and_stopped() {
    let site = Site::new(
        "http://127.0.0.1:1/emails/{address}/suspend",
        "  status: {listen: '127.0.0.1:0', queue_age_max: 1ms}\n",
    );
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address=a@b.de", "--domain=mydomain.de"]);
    let trouble = "trouble: the oldest pending notification of mydomain.de is";
    assert!(stdout(&site, &["stats"]).contains(trouble));
    let daemon = site.start();
    assert!(stdout(&site, &["stats"]).contains(trouble));
    daemon.stop();
}

#[test]
fn a_replay_counts_what_would_be_done_and_changes_nothing() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let rows = json(&site, &["replay", "--dry-run", "--format=json", "tests/testmail"]);
    let expected = serde_json::json!([{"domain": "mydomain.de", "action": "suspend", "class": "hard", "reason": "user_unknown", "recipients": 1}]);
    assert_eq!(rows, expected);
    assert!(!site.path("bounces.redb").exists());
    assert_eq!(run(&site, &["replay", "tests/testmail"]).status.code(), Some(64));
    let partly = run(&site, &["replay", "--dry-run", "tests/testmail", "gone"]);
    assert_eq!(partly.status.code(), Some(65));
    assert!(String::from_utf8(partly.stdout).unwrap().contains("user_unknown"), "what could be read is shown");
}

#[test]
fn the_highest_counters_come_first_however_many_there_are() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let row = |number: u32| Imported::Counter {
        domain: Domain::parse("mydomain.de").unwrap(),
        address: Address::parse(&format!("user{number}@some-provider.com")).unwrap(),
        count: number * 7919 % 25_000,
    };
    let now = Timestamp::default();
    let mut store = Store::open(&site.path("bounces.redb"), Settings::default()).unwrap();
    let commands = vec![Command::Import((0..25_000).map(row).collect())];
    store.commit(&Batch { commands, ..Batch::default() }, now).unwrap();
    drop(store);
    let rows = json(&site, &["dump-counters", "--sort=count", "--limit=3", "--format=json"]);
    let counts: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [24_999, 24_998, 24_997]);
}
