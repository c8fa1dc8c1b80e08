//! What something costs on the air.

use std::ops::{Div, Mul, Sub};

/// What went up, to the server, and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) up: Tally,
    pub(crate) down: Tally,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Bytes of payload of UDP or TCP.
    pub(crate) bytes: usize,
    /// Datagrams or segments.
    pub(crate) packets: usize,
}

/// What stands before the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Headers {
    /// Of IPv4 and UDP.
    Udp,
    /// Of IPv4 and TCP, with the option of time stamps (RFC 7323), which systems send.
    Tcp,
}

/// What something costs that is done so often: on a busy machine a message may be sent twice, and what
/// is one record of TLS else may be two.
pub(crate) fn least(times: usize, cost: impl FnMut(usize) -> Cost) -> Cost {
    let costs = (0..times).map(cost);
    let key = |cost: &Cost| (cost.bytes(), cost.up.packets + cost.down.packets);
    costs.min_by_key(key).unwrap_or_default()
}

impl Cost {
    pub(crate) fn bytes(self) -> usize {
        self.up.bytes + self.down.bytes
    }

    /// Bytes of IPv4.
    pub(crate) fn ipv4(self, headers: Headers) -> usize {
        let each = match headers {
            Headers::Udp => 28,
            Headers::Tcp => 52,
        };
        self.bytes() + each * (self.up.packets + self.down.packets)
    }
}

impl Tally {
    pub(crate) fn add(&mut self, bytes: usize, packets: usize) {
        self.bytes += bytes;
        self.packets += packets;
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let sub = |one: Tally, other: Tally| Tally {
            bytes: one.bytes - other.bytes,
            packets: one.packets.saturating_sub(other.packets),
        };
        Self {
            up: sub(self.up, other.up),
            down: sub(self.down, other.down),
        }
    }
}

impl Div<usize> for Cost {
    type Output = Self;

    /// The nearest number of bytes, and no more packets than there were.
    fn div(self, by: usize) -> Self {
        let div = |one: Tally| Tally {
            bytes: (one.bytes + by / 2) / by,
            packets: one.packets / by,
        };
        Self {
            up: div(self.up),
            down: div(self.down),
        }
    }
}

impl Mul<usize> for Cost {
    type Output = Self;

    fn mul(self, times: usize) -> Self {
        let mul = |one: Tally| Tally {
            bytes: one.bytes * times,
            packets: one.packets * times,
        };
        Self {
            up: mul(self.up),
            down: mul(self.down),
        }
    }
}
