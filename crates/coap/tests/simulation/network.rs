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
pub(crate) enum Direction {
    ToClient,
    ToServer,
}

/// How a path treats datagrams in one direction, until it heals.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    pub(crate) delay: Duration,
    /// How much longer than `delay` a datagram may take, so that others overtake it.
    pub(crate) jitter: Duration,
    /// How many take up to half a minute.
    pub(crate) stragglers: f64,
    /// When nothing arrives at all.
    pub(crate) silence: Option<(Duration, Duration)>,
}

/// Datagrams on their way.
pub(crate) struct Network {
    rng: StdRng,
    to_client: Conditions,
    to_server: Conditions,
    heals: Duration,
    flying: BinaryHeap<Reverse<(Duration, u64, Direction, Bytes)>>,
    sent: u64,
}

/// The longest delay of a datagram.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(30);

impl Network {
    pub(crate) fn new(
        rng: StdRng,
        to_client: Conditions,
        to_server: Conditions,
        heals: Duration,
    ) -> Self {
        Self {
            rng,
            to_client,
            to_server,
            heals,
            flying: BinaryHeap::new(),
            sent: 0,
        }
    }

    pub(crate) fn send(
        &mut self,
        now: Duration,
        direction: Direction,
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
            let arrival = (now + delay, self.sent, direction, datagram.clone());
            self.flying.push(Reverse(arrival));
        }
        ladder.datagram(now, direction, datagram, fate);
    }

    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse((at, ..))| *at)
    }

    /// A datagram that arrives now.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<(Direction, Bytes)> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse((_, _, direction, datagram)) = self.flying.pop()?;
        Some((direction, datagram))
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
