//! A path that loses, repeats, reorders and delays datagrams, on a virtual clock and from a seed; and what went over it,
//! printed when a test fails.

mod ladder;
mod network;

pub use ladder::{Fate, Ladder, Names};
pub use network::{Conditions, Direction, MAX_DELAY, Network};
