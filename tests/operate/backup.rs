//! A copy of the database, and what it may replace.

use super::support::daemon::Site;
use super::support::platform::Platform;
use super::{fill, run, stdout};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

#[test]
fn a_backup_of_the_live_database_is_a_database() {
    let platform = Platform::answering(200);
    let site = Site::new(&platform.template(), "");
    let daemon = site.start();
    fill(&site, &daemon, &platform);
    let copy = site.path("copy.redb");
    // As mktemp(1) makes it.
    std::fs::write(&copy, "").unwrap();
    for _ in ["in place of an empty file", "in place of an older one"] {
        stdout(&site, &["backup", copy.to_str().unwrap()]);
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600, "it holds addresses");
    }
    let before = stdout(&site, &["dump-counters"]);
    stdout(&site, &["reset-counter", "--bounced-address", "a.full@some-provider.com"]);
    assert!(daemon.stop().success());
    std::fs::copy(&copy, site.path("bounces.redb")).unwrap();
    assert_eq!(stdout(&site, &["dump-counters"]), before);
}

#[test]
fn a_backup_replaces_nothing_but_an_older_one() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    let before = ["bounces.redb", "config.yml"].map(|name| site.path(name));
    for is_live in [true, false] {
        let daemon = site.start();
        let daemon = is_live.then_some(daemon);
        for path in &before {
            let text = std::fs::read(path).unwrap();
            let output = run(&site, &["backup", path.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(65), "{output:?}");
            assert!(path.ends_with("bounces.redb") || std::fs::read(path).unwrap() == text);
        }
        let output = run(&site, &["backup", site.path("gone/copy.redb").to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(75), "{output:?}");
        drop(daemon);
    }
    stdout(&site, &["dump-counters"]);
    let left: Vec<_> = std::fs::read_dir(site.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{left:?}");
}

/// Such as one into which everybody may put something, and nobody look.
#[test]
fn a_folder_that_may_be_written_and_not_read_takes_files_and_folders() {
    let site = Site::new("http://127.0.0.1:1/emails/{address}/suspend", "");
    stdout(&site, &["set-permanent-bounced-address", "--bounced-address=a@b.de", "--domain=mydomain.de"]);
    let (folder, program) = (site.path("drop"), site.path("bouncesvc"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_bouncesvc"), &program).unwrap();
    // Root may read all.
    let user = rustix::process::geteuid().is_root().then_some(65534);
    for file in [".", "bounces.redb", "drop"] {
        chown(site.path(file), user, user).unwrap();
    }
    std::fs::set_permissions(&folder, Permissions::from_mode(0o300)).unwrap();
    for arguments in [["backup", "drop/copy.redb"].as_slice(), &["quarantine", "export", "drop/odd/mails"]] {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(site.path(""));
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert!(folder.join("copy.redb").is_file() && folder.join("odd/mails").is_dir());
}
