//! Counters that moved from the journal to their table, as long as somebody may look at a state of the table from before: [`Moved`].
//!
//! Who looks is not counted for each move, only for two spans of time that follow each other: what moved in one leaves once nobody
//! is left who began in it.

use std::mem;
use std::sync::Arc;

/// A counter that is in the table as the journal had it, and the row that said so.
pub type Move = (Vec<u8>, u64);

/// What moved.
#[derive(Debug, Default)]
pub struct Moved {
    now: Generation,
    before: Generation,
}

/// Those who began to look at about the same time, and what moved then.
#[derive(Debug, Default)]
struct Generation {
    holders: Arc<()>,
    moves: Vec<Move>,
}

impl Moved {
    /// To be held from before somebody looks until after.
    pub fn hold(&self) -> Arc<()> {
        Arc::clone(&self.now.holders)
    }

    /// Takes what has just moved, and gives what nobody needs any longer.
    pub fn turn(&mut self, moves: Vec<Move>) -> Vec<Move> {
        self.now.moves.extend(moves);
        if Arc::strong_count(&self.before.holders) > 1 {
            return Vec::new();
        }
        mem::replace(&mut self.before, mem::take(&mut self.now)).moves
    }
}
