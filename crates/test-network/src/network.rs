//! The path between the two.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;

use crate::ladder::{Fate, Ladder};

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// Down.
    ToClient,
    /// Up.
    ToServer,
}

/// How a path treats datagrams in one direction, until it heals.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How many are lost, of 1.
    pub loss: f64,
    /// How many arrive twice, of 1.
    pub duplication: f64,
    /// The shortest time that a datagram takes.
    pub delay: Duration,
    /// How much longer than `delay` a datagram may take, so that others overtake it.
    pub jitter: Duration,
    /// How many take up to half a minute.
    pub stragglers: f64,
    /// When nothing arrives at all.
    pub silence: Option<(Duration, Duration)>,
}

/// Datagrams on their way.
#[derive(Debug)]
pub struct Network {
    rng: StdRng,
    to_client: Conditions,
    to_server: Conditions,
    heals: Duration,
    flying: BinaryHeap<Reverse<Flying>>,
    sent: u64,
}

/// A datagram: when it arrives, in which order it was sent, where to, and its association.
type Flying = (Duration, u64, Direction, u32, Bytes);

/// The longest delay of a datagram.
pub const MAX_DELAY: Duration = Duration::from_secs(30);

impl Network {
    /// A path with these conditions, up to the time at which it heals: all arrives then, soon and in order.
    #[must_use]
    pub fn new(rng: StdRng, to_client: Conditions, to_server: Conditions, heals: Duration) -> Self {
        Self {
            rng,
            to_client,
            to_server,
            heals,
            flying: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// Sends a datagram of an association.
    pub fn send(
        &mut self,
        now: Duration,
        direction: Direction,
        association: u32,
        datagram: Bytes,
        ladder: &mut Ladder,
    ) {
        let fate = self.fate(now, direction);
        let (first, second) = match fate {
            Fate::Lost => (None, None),
            Fate::Arrives(delay) => (Some(delay), None),
            Fate::Twice(delay, again) => (Some(delay), Some(again)),
        };
        for delay in [first, second].into_iter().flatten() {
            self.sent += 1;
            let arrival = (
                now + delay,
                self.sent,
                direction,
                association,
                datagram.clone(),
            );
            self.flying.push(Reverse(arrival));
        }
        ladder.datagram(now, direction, datagram, fate);
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse((at, ..))| *at)
    }

    /// A datagram that arrives now, and its association.
    pub fn receive(&mut self, now: Duration) -> Option<(Direction, u32, Bytes)> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse((_, _, direction, association, datagram)) = self.flying.pop()?;
        Some((direction, association, datagram))
    }

    fn fate(&mut self, now: Duration, direction: Direction) -> Fate {
        let conditions = match direction {
            Direction::ToClient => &self.to_client,
            Direction::ToServer => &self.to_server,
        };
        if now >= self.heals {
            return Fate::Arrives(conditions.delay.min(Duration::from_millis(100)));
        }
        let silent = conditions
            .silence
            .is_some_and(|(from, until)| (from..until).contains(&now));
        if silent || self.rng.random_bool(conditions.loss) {
            return Fate::Lost;
        }
        let mut delay = || {
            if self.rng.random_bool(conditions.stragglers) {
                self.rng.random_range(conditions.delay..=MAX_DELAY)
            } else {
                (conditions.delay + conditions.jitter.mul_f64(self.rng.random())).min(MAX_DELAY)
            }
        };
        let (delay, again) = (delay(), delay());
        if self.rng.random_bool(conditions.duplication) {
            Fate::Twice(delay, again)
        } else {
            Fate::Arrives(delay)
        }
    }
}
