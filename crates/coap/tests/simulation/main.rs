//! Two endpoints, a virtual clock, and a network that loses, repeats, reorders and delays.
//!
//! Each seed is a world of its own: the network, the settings, what is asked and when. A failed seed
//! prints its datagrams as a ladder. `COAP_SEED=n` replays the world n, `COAP_SEEDS=n` runs as many
//! instead of ten thousand.

mod client;
mod ladder;
mod network;
mod notes;
mod observer;
mod scenario;
mod server;
mod world;

use std::num::NonZero;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Outcome, World};

/// Every request is answered or fails by its deadline, none is executed twice, every observed state
/// arrives in order without a gap, and in the end nothing is held.
#[test]
fn every_seed_keeps_the_promises() {
    if let Some(seed) = variable("COAP_SEED") {
        println!("{:?}", World::new(seed).run());
        return;
    }
    let seeds = variable("COAP_SEEDS").unwrap_or(10_000);
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

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.failed += other.failed;
        self.refused += other.refused;
        self.cancelled += other.cancelled;
        self.notifications += other.notifications;
        self.undelivered += other.undelivered;
        self.registrations += other.registrations;
        self.datagrams += other.datagrams;
    }
}
