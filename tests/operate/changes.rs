//! What is changed: counters, notifications, quarantine, what is known of an address.

use super::support::daemon::Site;
use super::support::platform::{Answer, Platform};
use super::support::smtp::{Client, hard, soft};
use super::{UNREADABLE, fill, json, stdout};

#[test]
fn changes_work_live_and_stopped() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    assert_eq!(stdout(&site, &["reset-counter", "--bounced-address", "A.Full@some-provider.com"]), "Done: 1 row.\n");
    assert_eq!(
        stdout(&site, &["reset-counter", "--bounced_address=a.full@some-provider.com"]),
        "There was nothing to change.\n"
    );
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address", "live@x.com", "--domain", "mydomain.de"]);
    platform.wait_for_count(3);
    stdout(&site, &["queue", "retry", "--parked"]);
    platform.wait_for_count(4);
    while json(&site, &["queue", "list", "--format=json"]) != serde_json::json!([]) {}
    assert_eq!(stdout(&site, &["queue", "retry", "--parked"]), "There was nothing to change.\n");
    let nothing_was_put_off = "None was parked or put off. What is pending is tried now.\n";
    assert_eq!(stdout(&site, &["queue", "retry", "--all"]), nothing_was_put_off);
    assert!(daemon.stop().success());

    let said = stdout(
        &site,
        &["set-permanent-bounced-address", "--bounced-address", "stopped@x.com", "--domain", "mydomain.de"],
    );
    assert!(said.starts_with("Notification "), "{said}");
    assert_eq!(platform.wait_for_count(5)[4].target, "/emails/stopped%40x.com/suspend");
    let folder = site.path("exported");
    stdout(&site, &["quarantine", "export", folder.to_str().unwrap()]);
    let exported = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(&exported).unwrap().ends_with(UNREADABLE));
    let id = exported.file_stem().unwrap().to_str().unwrap();
    assert!(stdout(&site, &["quarantine", "show", id]).contains("Undelivered Mail"));
    assert_eq!(stdout(&site, &["quarantine", "drop", "--all"]), "Done: 1 row.\n");
    stdout(&site, &["forget-address", "--address", "b.full@other-provider.com"]);
    assert_eq!(stdout(&site, &["find-address", "--address", "b.full@other-provider.com"]), "Nothing to show.\n");
}

#[test]
fn forgetting_an_address_erases_the_mails_that_name_it() {
    let site = Site::new("http://127.0.0.1:9/{address}", "");
    let daemon = site.start();
    let mut client = Client::connect(daemon.address());
    for id in 0..100 {
        let mail = UNREADABLE.replace("<odd@", &format!("<odd{id}@"));
        client.mail(&if id < 70 { mail.replace("--b--", "Gone@Some-Provider.com\r\n--b--") } else { mail });
    }
    client.mail(&soft("gone@some-provider.com", "1"));
    client.quit();
    assert_eq!(stdout(&site, &["forget-address", "--address", "gone@some-provider.com"]), "Done: 71 rows.\n");
    assert_eq!(json(&site, &["quarantine", "list", "--format=json"]).as_array().unwrap().len(), 30);
    assert!(daemon.stop().success());
}

/// The platform asks to be left alone for a long time; the operator knows that it is well again.
#[test]
fn a_retry_by_hand_ends_the_pause_of_the_domain() {
    for retry in
        [&["queue", "retry", "1"][..], &["queue", "retry", "--domain=mydomain.de"], &["queue", "retry", "--all"]]
    {
        let platform = Platform::start(|_| Answer::status(503).with_header("Retry-After", "3000"));
        let site = Site::new(&platform.template(), "");
        let daemon = site.start();
        Client::connect(daemon.address()).mail(&hard("gone@some-provider.com", "1"));
        daemon.wait_for_line("notification=deferred");
        while json(&site, &["queue", "list", "--format=json"])[0]["attempts"] != 1 {}
        platform.set_script(|_| Answer::status(200));
        assert_eq!(stdout(&site, retry), "Done: 1 row.\n");
        platform.wait_for_count(2);
        daemon.wait_for_line("notification=delivered");
        assert!(daemon.stop().success());
    }
}

#[test]
fn without_a_daemon_a_retry_sends_at_once() {
    let platform = Platform::answering(400);
    let site = Site::new(&platform.template(), "");
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address=gone@x.com", "--domain=mydomain.de"]);
    platform.set_script(|_| Answer::status(200));
    assert_eq!(stdout(&site, &["queue", "retry", "--parked"]), "Done: 1 row.\n");
    assert_eq!(platform.requests().len(), 2);
    assert_eq!(stdout(&site, &["queue", "list"]), "Nothing to show.\n");
}

/// An operator, as root, is faster than the daemon's first start.
#[test]
fn what_root_makes_belongs_to_the_user_of_the_folder() {
    use std::os::unix::fs::{MetadataExt, chown};
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    if chown(site.path("."), Some(65534), Some(65534)).is_err() {
        return println!("left out: only root can give a folder away");
    }
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address=a@b.de", "--domain=mydomain.de"]);
    let made = site.path("bounces.redb").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), (65534, 65534));
}
