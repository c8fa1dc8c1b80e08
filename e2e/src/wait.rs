use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Asks again and again until `look` finds something; panics with `what` after [`PATIENCE`].
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, what, look)
}

/// As [`wait_for`], for what may take longer, or must not take as long.
pub fn wait_at_most<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < patience, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `is_so`; panics with `what` after [`PATIENCE`].
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}
