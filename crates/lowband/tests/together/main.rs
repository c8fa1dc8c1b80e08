//! A client of Matrix, a companion, a gateway and a homeserver on a virtual clock, with a network
//! between companion and gateway that loses, repeats, reorders and delays.
//!
//! Each seed is a world of its own. A failed seed prints its datagrams as a ladder. `LOWBAND_SEED=n`
//! replays the world n, `LOWBAND_SEEDS=n` runs as many.

mod companion;
mod gateway;
mod homeserver;
mod matrix;
mod notes;
mod scenario;
mod syncs;
mod world;

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Outcome, World};

/// Every event of the room is seen once and in order, every transaction is executed once, every call
/// is answered in time and with the token of who has made it, and in the end nothing is held.
#[test]
fn every_seed_keeps_the_promises() {
    if let Some(seed) = variable("LOWBAND_SEED") {
        println!("{:?}", World::new(seed).run());
        return;
    }
    let seeds = variable("LOWBAND_SEEDS").unwrap_or(1_000);
    let next = AtomicU64::new(0);
    let work = || {
        let mut total = Outcome::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return total;
            }
            // The others need not go on when one fails.
            let stop = StopOnPanic(&next);
            total += World::new(seed).run();
            std::mem::forget(stop);
        }
    };
    let total = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut total = Outcome::default();
        for thread in threads {
            total += thread.join().expect("a seed has failed");
        }
        total
    });
    println!("{seeds} seeds: {total:?}");
    total.assert_meaningful(seeds);
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

struct StopOnPanic<'a>(&'a AtomicU64);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX / 2, Ordering::Relaxed);
    }
}
