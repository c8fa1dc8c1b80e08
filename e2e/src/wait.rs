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

/// Does something again until it takes less than `limit`, a few times at most: on a machine that does
/// much else something takes long now and then, but not always.
#[track_caller]
pub fn within<T>(limit: Duration, mut act: impl FnMut() -> T) -> T {
    const TIMES: usize = 5;
    let mut times = Vec::new();
    while times.len() < TIMES {
        let start = Instant::now();
        let done = act();
        let time = start.elapsed();
        if time < limit {
            return done;
        }
        times.push(time);
    }
    panic!("always longer than {limit:?}: {times:?}");
}

/// Waits until `is_so`; panics with `what` after [`PATIENCE`].
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}
