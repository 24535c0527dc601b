//! What the operating system says of this process.

use crate::status::Process;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Memory and processor time, as far as they can be told.
pub(super) fn of_this_process() -> Process {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "microseconds stay exact for two centuries")]
    let cpu_seconds = Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9);
    Process { resident_octets: resident_octets(), cpu_seconds }
}

/// Processor time of the calling thread.
pub(super) fn worked_by_this_thread() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// `VmRSS` of proc_pid_status(5).
fn resident_octets() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kibibytes.trim().parse::<u64>().ok()?.checked_mul(1024)
}
