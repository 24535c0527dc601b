//! Who gives way to whom on a busy machine: threads and commands that only look yield to the loop that takes mail.

use rustix::process::setpriority_process;

/// Of threads that only look (setpriority(2)).
const NICE: i32 = 10;

/// Makes this thread yield to the others: looking must not delay a mail. On Linux a nice value is one thread's own; where it cannot
/// be set, looking only costs more.
pub fn yield_to_mail() {
    let _ = setpriority_process(None, NICE);
}
