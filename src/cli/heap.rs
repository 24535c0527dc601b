//! One heap for all threads of the daemon.
//!
//! glibc gives the first threads a heap each. The pages of the database that a thread reads lie in its own, between things that stay, so
//! each grows to the size of the page cache: 57 MiB with a million counters that are dumped again and again, 20 with one heap. glibc is told
//! so by the environment alone, before `main`: hence the program is started anew in its place, with the same process id, descriptors and
//! arguments. Another allocator with one heap would have no caches of the threads before its lock, which each mail would pay for.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What glibc reads; who sets it has chosen.
const HEAPS_MAX: &str = "MALLOC_ARENA_MAX";
/// Marks the second start. glibc drops its own variable where the file gives capabilities, and then there must be no third.
const STARTED_ANEW: &str = "BOUNCESVC_ONE_HEAP";

/// Starts the program anew with one heap. Returns where it has been, where it makes no difference, and where it cannot be: the daemon
/// then works as well, and takes more memory.
pub fn share() {
    let is_needed =
        cfg!(target_env = "gnu") && [HEAPS_MAX, STARTED_ANEW].iter().all(|name| env::var_os(name).is_none());
    if let (true, Ok(program)) = (is_needed, env::current_exe()) {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_else(|| OsString::from("bouncesvc"));
        // It returns only if it fails.
        _ = Command::new(program).arg0(name).args(arguments).envs([(HEAPS_MAX, "1"), (STARTED_ANEW, "1")]).exec();
    }
}
