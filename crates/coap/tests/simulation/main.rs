//! Two endpoints, a virtual clock, and a network that loses, repeats, reorders and delays.
//!
//! Each seed is a world of its own: the network, the settings, what is asked and when. A failed seed
//! prints its datagrams as a ladder. `COAP_SEED=n` replays the world n, `COAP_SEEDS=n` runs as many
//! instead of some thousand.

mod client;
mod go_client;
mod notes;
mod observer;
mod scenario;
mod server;
mod side;
mod upload_client;
mod world;

use std::num::NonZero;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::Outcome;

/// Every request is answered or fails by its deadline, none is executed twice, every observed state
/// arrives in order without a gap, and in the end nothing is held.
#[test]
fn every_seed_keeps_the_promises() {
    let (seeds, total) = run(10_000, world::ours);
    total.assert_meaningful(seeds);
    assert!(total.refused < total.requests / 25);
}

/// The same for what a server promises to a client of the Go library.
#[test]
fn every_seed_with_a_go_client() {
    let (seeds, total) = run(2_000, world::with_go_client);
    total.assert_meaningful(seeds);
}

/// Uploads to one path one after the other, whose blocks only their order tells apart: none gets into another one.
#[test]
fn every_seed_with_uploads_to_one_path() {
    let (seeds, total) = run(2_000, world::with_uploads);
    if seeds >= 1000 {
        assert_eq!(total.requests, total.answered + total.failed);
        assert!(total.requests > seeds * 5);
        assert!(total.answered > total.requests / 2);
        assert!(total.failed > total.requests / 50);
    }
}

/// A request that fits one message goes out soon, however much is transferred in blocks.
#[test]
fn every_seed_with_requests_beside_transfers() {
    let (seeds, total) = run(100, world::beside_transfers);
    if seeds >= 100 {
        assert_eq!(total.answered, total.requests);
    }
}

/// What a client has missed while it was away comes soon after its next datagram.
#[test]
fn every_seed_with_a_client_that_was_away() {
    let (seeds, total) = run(500, world::away);
    assert_eq!(total.notifications, seeds);
    assert_eq!(total.undelivered, 0);
}

/// Runs as many seeds as the environment says, or these.
fn run(seeds: u64, world: fn(u64) -> Outcome) -> (u64, Outcome) {
    let seeds = variable("COAP_SEEDS").unwrap_or(seeds);
    let (first, end) = match variable("COAP_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, seeds),
    };
    let next = AtomicU64::new(first);
    let work = || {
        let mut total = Outcome::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return total;
            }
            // The others need not go on when one fails.
            let stop = StopOnPanic(&next);
            total += world(seed);
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
    println!("{} seeds: {total:?}", end - first);
    (end - first, total)
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
