//! Where a peer is, and whether it is really there.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Instant,
};

/// The way that datagrams of a peer take. Answers take the same way back.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Path {
    /// The peer.
    pub remote: SocketAddr,
    /// Our end.
    pub local: Local,
}

/// Our end of a [`Path`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Local {
    /// Which of the caller's sockets.
    pub socket: u16,
    /// The address that datagrams came to, which answers must leave from. `None`: the socket has only one.
    pub address: Option<IpAddr>,
}

/// Addresses that probably belong to one customer: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Source(IpAddr);

impl Source {
    /// The source that `address` belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & (!0_u128 << 64)))
            }
        })
    }
}

/// How much may go to an address from which something has come, as long as its owner has not shown that it was he who
/// sent it: three times of what came (RFC 9000 section 8.1 has the same factor).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    received: u64,
    sent: u64,
}

impl Allowance {
    const FACTOR: u64 = 3;

    /// Counts what has come from there.
    pub(super) fn add(&mut self, received: usize) {
        self.received += received as u64;
    }

    /// Counts a datagram that is to go there, if it may.
    pub(super) fn take(&mut self, length: usize) -> bool {
        let allowed = self.sent + length as u64 <= Self::FACTOR * self.received;
        if allowed {
            self.sent += length as u64;
        }
        allowed
    }

    /// The same, with `reserve` left for a question.
    pub(super) fn take_with_reserve(&mut self, length: usize, reserve: usize) -> bool {
        let allowed = self.sent + (length + reserve) as u64 <= Self::FACTOR * self.received;
        allowed && self.take(length)
    }
}

/// A path that a peer seems to have moved to. No other one has the same number while the process lives.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TrialId(pub(super) u64);

/// A path that the peer seems to have moved to: the newest record came from there.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) id: TrialId,
    pub(super) path: Path,
    pub(super) allowance: Allowance,
    /// How many records have come from there that were the newest.
    pub(super) heard: u32,
    pub(super) proof: Proof,
}

/// Whether a proof is wanted that the peer is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proof {
    /// Nothing waits for it.
    NotWanted,
    /// The application is to be told then.
    Due(Instant),
    /// The application was told, and has until then.
    Until(Instant),
    /// It was not given. What is to be sent goes home.
    Failed,
}
