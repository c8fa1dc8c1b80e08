//! What it costs.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// To the server, or from it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// What has passed in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Count {
    pub(super) datagrams: u64,
    /// Bytes of the datagrams, without the headers of IP and UDP.
    pub(super) bytes: u64,
}

/// Counts what passes.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) start: Instant,
    pub(super) up: Count,
    pub(super) down: Count,
    /// What of it had passed when the handshake was over, and when that was.
    pub(super) handshake: Option<(Count, Count, Duration)>,
    /// CoAP messages that were sent again.
    pub(super) repeated: u64,
    /// How often a datagram came after one had been sent.
    pub(super) round_trips: u64,
    last: Option<Direction>,
    /// Digests of the last messages.
    recent: VecDeque<u64>,
}

/// How many messages are remembered, to know them again.
const RECENT: usize = 64;

/// Bytes of the headers of IP and UDP.
pub(super) fn overhead(remote: SocketAddr) -> u64 {
    match remote {
        SocketAddr::V4(_) => 20 + 8,
        SocketAddr::V6(_) => 40 + 8,
    }
}

impl Count {
    /// Bytes with the headers of IP and UDP.
    pub(super) fn with_headers(self, remote: SocketAddr) -> u64 {
        self.bytes + self.datagrams * overhead(remote)
    }
}

impl Meter {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            up: Count::default(),
            down: Count::default(),
            handshake: None,
            repeated: 0,
            round_trips: 0,
            last: None,
            recent: VecDeque::new(),
        }
    }

    /// Counts a datagram of this length.
    pub(super) fn datagram(&mut self, direction: Direction, length: usize) {
        let count = match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        };
        count.datagrams += 1;
        count.bytes += length as u64;
        if (self.last, direction) == (Some(Direction::Up), Direction::Down) {
            self.round_trips += 1;
        }
        self.last = Some(direction);
    }

    /// Notes that the handshake is over.
    pub(super) fn established(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.start);
        self.handshake = Some((self.up, self.down, time));
    }

    /// Counts a CoAP message; how often it has passed before.
    pub(super) fn message(&mut self, direction: Direction, message: &[u8]) -> usize {
        let mut hasher = DefaultHasher::new();
        (direction, message).hash(&mut hasher);
        let digest = hasher.finish();
        let before = self.recent.iter().filter(|it| **it == digest).count();
        if before > 0 && direction == Direction::Up {
            self.repeated += 1;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(digest);
        before
    }
}
