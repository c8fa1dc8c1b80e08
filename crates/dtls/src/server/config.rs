//! What can be set.

use std::time::Duration;

use crate::session::MAX_DATAGRAM;

/// How a server treats its associations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// How long a handshake may take, from the hello with the right cookie. 60 s.
    pub handshake_timeout: Duration,
    /// How long an association lives without a payload from its peer, or, with a Connection ID, any record that
    /// authenticates and is the newest. 30 minutes. [`super::Server::set_lifetime`] sets another time for one
    /// association.
    pub idle_lifetime: Duration,
    /// How long the peer has to show that it is at a new address, once something waits for that. After it, what waits
    /// goes to the old address, and it is as long until a proof is asked for again. 30 s.
    pub proof_timeout: Duration,
    /// The most bytes of one association that wait for such a proof. More is lost, as datagrams are. 16 KiB.
    pub max_held: usize,
    /// The most bytes of a datagram that a flight is packed into. 1,200.
    pub max_datagram: usize,
    /// Whether a record of an association that is not known (any more) is answered with an alert. It does not
    /// authenticate, so peers may take it for a hint at best.
    pub answer_unknown: bool,
    /// The most alerts without an association per second and worker. 50.
    pub alerts_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(60),
            idle_lifetime: Duration::from_secs(30 * 60),
            proof_timeout: Duration::from_secs(30),
            max_held: 16 * 1024,
            max_datagram: MAX_DATAGRAM,
            answer_unknown: true,
            alerts_per_second: 50,
        }
    }
}

/// How much strangers can make all workers together keep. A source is an IPv4 address or an IPv6 network of 64 bits.
/// What one source may have shrinks as the whole fills up: when three quarters are in use, it is a quarter of its limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Handshakes that are not over. 1,000.
    pub half_open: usize,
    /// The same from one source. 128.
    pub half_open_per_source: usize,
    /// Associations, those in handshake included. 10,000.
    pub associations: usize,
    /// The same from one source. 1,024: carriers share addresses.
    pub associations_per_source: usize,
    /// Handshakes that one source may begin in a minute, in the long run. 240: after a restart all come back.
    pub handshakes_per_minute: u32,
    /// How many of them at once. 120.
    pub handshake_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            half_open: 1_000,
            half_open_per_source: 128,
            associations: 10_000,
            associations_per_source: 1_024,
            handshakes_per_minute: 240,
            handshake_burst: 120,
        }
    }
}
