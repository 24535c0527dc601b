//! What the fuzzer begins with is what the program takes: a seed that no longer is one leads nowhere.
#![allow(clippy::unwrap_used, reason = "a test")]

use bouncesvc::operate::Request;
use std::fs;

#[test]
fn each_seed_of_the_control_socket_is_a_request() {
    let files = fs::read_dir("fuzz/seeds/control_request").unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty());
    for file in files {
        let request = serde_json::from_slice::<Request>(&fs::read(&file).unwrap());
        assert!(request.is_ok(), "{}: {request:?}", file.display());
    }
}
