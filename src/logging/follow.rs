//! Those who follow the log live: each gets the lines over a bounded channel, and loses lines rather than hold up the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Octets that wait for one follower; a piece that alone is more is taken when none waits.
const OCTETS_MAX: usize = 256 << 10;

static FOLLOWERS: Mutex<Vec<Follower>> = Mutex::new(Vec::new());

struct Follower {
    sender: Sender<String>,
    waiting: Arc<AtomicUsize>,
    lost: u64,
}

/// The log from now on, in pieces of whole lines; dropping it ends that.
pub struct Following {
    pieces: Receiver<String>,
    waiting: Arc<AtomicUsize>,
}

/// Begins to follow.
pub fn follow() -> Following {
    let (sender, pieces) = channel();
    let waiting = Arc::default();
    let follower = Follower { sender, waiting: Arc::clone(&waiting), lost: 0 };
    FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner).push(follower);
    Following { pieces, waiting }
}

/// Gives `lines` to everybody who follows.
pub(super) fn pass_on(lines: &[u8]) {
    let mut followers = FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner);
    if !followers.is_empty() {
        let text = String::from_utf8_lossy(lines);
        followers.retain_mut(|follower| follower.give(&text));
    }
}

impl Following {
    /// The next piece; waits for it at most `time_max`.
    pub fn next(&self, time_max: Duration) -> Result<String, RecvTimeoutError> {
        let piece = self.pieces.recv_timeout(time_max)?;
        self.waiting.fetch_sub(piece.len(), Ordering::Relaxed);
        Ok(piece)
    }
}

impl Follower {
    /// Whether it is still there.
    fn give(&mut self, text: &str) -> bool {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 && waiting + text.len() > OCTETS_MAX {
            self.lost += 1;
            // One that has gone takes nothing, and is known by that.
            return Arc::strong_count(&self.waiting) > 1;
        }
        let piece = match std::mem::take(&mut self.lost) {
            0 => text.to_owned(),
            lost => format!("({lost} pieces of the log were left out: this reader is too slow)\n{text}"),
        };
        self.waiting.fetch_add(piece.len(), Ordering::Relaxed);
        self.sender.send(piece).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For what is there already.
    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_slow_follower_loses_lines_and_is_told() {
        let (slow, quick) = (follow(), follow());
        let line = format!("{}\n", "x".repeat(OCTETS_MAX / 8 - 1));
        for _ in 0..8 + 3 {
            pass_on(line.as_bytes());
            assert_eq!(quick.next(NOW).unwrap(), line);
        }
        assert_eq!(std::iter::from_fn(|| slow.next(NOW).ok()).count(), 8);
        pass_on(b"last\n");
        let told = slow.next(NOW).unwrap();
        assert!(told.starts_with("(3 pieces") && told.ends_with("last\n"), "{told}");
        let long = "y".repeat(3 * OCTETS_MAX);
        pass_on(long.as_bytes());
        pass_on(b"left out\n");
        assert_eq!(slow.next(NOW).unwrap(), long);
        assert!(slow.next(NOW).is_err());
        let before = FOLLOWERS.lock().unwrap().len();
        pass_on(long.as_bytes());
        drop(slow);
        pass_on(b"who has gone while much waited is forgotten\n");
        assert_eq!(FOLLOWERS.lock().unwrap().len(), before - 1);
    }
}
