//! The threads of the daemon share one heap, unless the environment says otherwise.
#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::process::Command;
use support::daemon::{Daemon, Site};

const NOWHERE: &str = "http://127.0.0.1:9/{address}";

/// With these variables, and none of those that a test inherits.
fn start(site: &Site, variables: &[(&str, &str)]) -> Daemon {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bouncesvc"));
    command.env_remove("MALLOC_ARENA_MAX").env_remove("BOUNCESVC_ONE_HEAP").envs(variables.iter().copied());
    site.start_with(command, &["--host", "127.0.0.1", "--port", "0"])
}

/// glibc reserves 64 MiB of addresses for each heap but the first: they cannot be read until they are needed.
fn further_heaps(daemon: &Daemon) -> usize {
    let octets = |range: &str| {
        let (start, end) = range.split_once('-').unwrap();
        u64::from_str_radix(end, 16).unwrap() - u64::from_str_radix(start, 16).unwrap()
    };
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", daemon.id())).unwrap();
    maps.lines().filter_map(|line| line.split_once(" ---p ")).filter(|(range, _)| octets(range) > 32 << 20).count()
}

#[test]
fn all_threads_share_one_heap() {
    let site = Site::new(NOWHERE, "");
    let daemon = start(&site, &[]);
    assert_eq!(further_heaps(&daemon), 0);
    assert!(daemon.stop().success());
}

#[test]
fn a_number_of_heaps_that_was_chosen_is_kept() {
    let site = Site::new(NOWHERE, "");
    let daemon = start(&site, &[("MALLOC_ARENA_MAX", "8")]);
    assert!(further_heaps(&daemon) > 0);
    assert!(daemon.stop().success());
}

/// As where the file gives capabilities: glibc takes its variable out of the environment.
#[test]
fn without_effect_it_is_started_anew_only_once() {
    let site = Site::new(NOWHERE, "");
    let daemon = start(&site, &[("BOUNCESVC_ONE_HEAP", "1")]);
    assert!(further_heaps(&daemon) > 0);
    assert!(daemon.stop().success());
}
