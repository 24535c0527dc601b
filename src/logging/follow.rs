//! Those who follow the log live: each gets the lines over a bounded channel, and loses lines rather than hold up the others.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Pieces that wait for one follower.
const PIECES_MAX: usize = 64;

static FOLLOWERS: Mutex<Vec<Follower>> = Mutex::new(Vec::new());

struct Follower {
    sender: SyncSender<String>,
    lost: u64,
}

/// The log from now on, in pieces of whole lines; dropping the receiver ends it.
pub fn follow() -> Receiver<String> {
    let (sender, receiver) = sync_channel(PIECES_MAX);
    FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner).push(Follower { sender, lost: 0 });
    receiver
}

/// Gives `lines` to everybody who follows.
pub(super) fn pass_on(lines: &[u8]) {
    let mut followers = FOLLOWERS.lock().unwrap_or_else(PoisonError::into_inner);
    if !followers.is_empty() {
        let text = String::from_utf8_lossy(lines);
        followers.retain_mut(|follower| follower.give(&text));
    }
}

impl Follower {
    /// Whether it is still there.
    fn give(&mut self, text: &str) -> bool {
        let piece = match self.lost {
            0 => text.to_owned(),
            lost => format!("({lost} pieces of the log were left out: this reader is too slow)\n{text}"),
        };
        match self.sender.try_send(piece) {
            Ok(()) => self.lost = 0,
            Err(TrySendError::Full(_)) => self.lost += 1,
            Err(TrySendError::Disconnected(_)) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_follower_loses_lines_and_is_told() {
        let (slow, quick) = (follow(), follow());
        for _ in 0..PIECES_MAX + 3 {
            pass_on(b"line\n");
            assert_eq!(quick.recv().unwrap(), "line\n");
        }
        assert_eq!(slow.try_iter().count(), PIECES_MAX);
        pass_on(b"last\n");
        let told = slow.recv().unwrap();
        assert!(told.starts_with("(3 pieces") && told.ends_with("last\n"), "{told}");
    }
}
