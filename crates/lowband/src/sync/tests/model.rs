//! A homeserver, a gateway and a client on a virtual clock, with a path between the latter two that
//! loses, repeats, delays and reorders. Whatever happens on it, the client sees every event exactly
//! once and in order. With odd seeds it sees them through a receiver.
//!
//! `VESTIBULE_SYNC_SEED=17 cargo test -p vestibule-lowband model` runs one seed.

mod client;
mod companion;
mod gateway;
mod homeserver;
mod world;

use std::{env, ops::Range, panic, thread};

use rand::Rng;
use serde::Deserialize;

use self::{
    client::{Client, Seen},
    companion::Companion,
    gateway::{Gateway, Message},
    homeserver::{Homeserver, Waiting},
    world::World,
};
use super::*;

/// How many seeds are run, by two threads.
const SEEDS: u64 = 10_000;

#[test]
fn every_event_is_seen_once_and_in_order() {
    if let Ok(seed) = env::var("VESTIBULE_SYNC_SEED") {
        return World::new(seed.parse().expect("a number")).run();
    }
    let run = |seeds: Range<u64>| {
        for seed in seeds {
            let result = panic::catch_unwind(|| World::new(seed).run());
            assert!(result.is_ok(), "VESTIBULE_SYNC_SEED={seed} runs this again");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| run(0..SEEDS / 2));
        scope.spawn(|| run(SEEDS / 2..SEEDS));
    });
}
