//! Panics that are expected: [`catch`]. redb panics on a damaged page, also where it is asked whether there are any.
//!
//! What a panic says of itself is said by a hook of the whole process. Only on the thread that expects one, and only for as long, is
//! nothing said; every other panic is told of as before.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What `work` returns; `None` if it panicked. What it touched then is not to be used again.
pub fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    HOOKED.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !is_expected() {
                tell(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(false);
    done.ok()
}

fn is_expected() -> bool {
    EXPECTED.get()
}

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Whoever sets a hook later speaks of these panics, too.
static HOOKED: Once = Once::new();

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_panic_is_expected_on_its_thread_and_until_its_end_alone() {
        assert!(!is_expected());
        let others = || thread::spawn(is_expected).join().unwrap();
        assert_eq!(catch(|| (is_expected(), others())), Some((true, false)));
        assert!(!is_expected());
        assert_eq!(catch(|| -> () { panic!("a damaged page") }), None);
        assert!(!is_expected());
    }
}
