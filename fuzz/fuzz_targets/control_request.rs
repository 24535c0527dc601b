//! Invariant: any line on the control socket: no panic, and a request that is taken says the same once it is written again.

#![no_main]

use bouncesvc::operate::{Request, columns};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let Ok(request) = serde_json::from_slice::<Request>(line) else { return };
    let again = serde_json::to_vec(&request).expect("a request can be written");
    assert_eq!(serde_json::from_slice::<Request>(&again).expect("what is written is taken"), request);
    assert!(columns(&request).iter().all(|column| !column.is_empty()));
});
