//! Counters, kept per worker and merged when somebody looks.

mod components;
mod dtls;
mod low_bandwidth;
mod render;

use std::sync::atomic::{AtomicU64, Ordering};

use vestibule_proxy_protocol::Reject;

use crate::ending::Refusal;

pub(crate) use dtls::{DtlsServer, DtlsServers};
pub(crate) use low_bandwidth::Gateway;
pub(crate) use render::{Readout, render};

/// A value that each worker changes alone. Reading adds the workers' shares up.
#[derive(Debug)]
pub(crate) struct Sharded(Box<[Shard]>);

/// A share, alone on its cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

impl Sharded {
    /// Zero, for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Shard::default()).collect())
    }

    /// Adds `n` as this worker.
    pub(crate) fn add(&self, worker: usize, n: u64) {
        self.0[worker].0.fetch_add(n, Ordering::Relaxed);
    }

    /// Subtracts `n` as this worker. Only the sum over all workers means something, so one
    /// worker's share may wrap.
    pub(crate) fn subtract(&self, worker: usize, n: u64) {
        self.0[worker].0.fetch_sub(n, Ordering::Relaxed);
    }

    /// The sum over all workers.
    pub(crate) fn value(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, s| sum.wrapping_add(s.0.load(Ordering::Relaxed)))
    }
}

/// What a listener has seen.
#[derive(Debug)]
pub(crate) struct ListenerStats {
    /// Connections open now.
    pub(crate) active: Sharded,
    /// Connections that closed without a byte of payload.
    pub(crate) empty: Sharded,
    /// Accepted PROXY headers: version 1, version 2, and those that name no client.
    pub(crate) headers: [Sharded; 3],
    /// Connections accepted.
    pub(crate) total: Sharded,
    /// TLS handshakes that were completed: in full with 1.2 and 1.3, then resumed ones.
    handshakes: [Sharded; 4],
    refused: Vec<Sharded>,
    rejected: Vec<Sharded>,
}

impl ListenerStats {
    /// Zeroes, for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let zero = || Sharded::new(workers);
        Self {
            active: zero(),
            empty: zero(),
            headers: [zero(), zero(), zero()],
            total: zero(),
            handshakes: [zero(), zero(), zero(), zero()],
            refused: Refusal::ALL.iter().map(|_| zero()).collect(),
            rejected: Reject::ALL.iter().map(|_| zero()).collect(),
        }
    }

    /// Completed TLS handshakes with clients of this kind.
    pub(crate) fn handshakes(&self, version: &str, resumed: bool) -> &Sharded {
        &self.handshakes[usize::from(version == "TLSv1.3") + 2 * usize::from(resumed)]
    }

    /// Refusals for this reason.
    pub(crate) fn refused(&self, refusal: Refusal) -> &Sharded {
        &self.refused[refusal.index()]
    }

    /// PROXY headers rejected for this reason.
    pub(crate) fn rejected(&self, reject: Reject) -> &Sharded {
        &self.rejected[reject.index()]
    }
}

/// What a service has carried.
#[derive(Debug)]
pub(crate) struct ServiceStats {
    /// Bytes from clients.
    pub(crate) received: Sharded,
    /// HTTP requests by the class of their status, in the order of [`REQUEST_CLASSES`].
    requests: [Sharded; REQUEST_CLASSES.len()],
    /// Bytes to clients.
    pub(crate) sent: Sharded,
}

/// What became of HTTP requests: the class of the status, or the client was gone before there was
/// one.
pub(crate) const REQUEST_CLASSES: [&str; 6] = ["abandoned", "1xx", "2xx", "3xx", "4xx", "5xx"];

impl ServiceStats {
    /// Zeroes, for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            received: Sharded::new(workers),
            requests: std::array::from_fn(|_| Sharded::new(workers)),
            sent: Sharded::new(workers),
        }
    }

    /// HTTP requests that were answered with a status like this; `None`: that were not answered.
    pub(crate) fn requests(&self, status: Option<u16>) -> &Sharded {
        let class = usize::from(status.unwrap_or(0) / 100);
        // A server may make classes up.
        &self.requests[class.min(REQUEST_CLASSES.len() - 1)]
    }
}

/// What a target of a service has been asked for.
#[derive(Debug)]
pub(crate) struct TargetStats {
    /// Attempts to connect that failed.
    pub(crate) connect_errors: Sharded,
    /// Connections established.
    pub(crate) total: Sharded,
}

impl TargetStats {
    /// Zeroes, for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            connect_errors: Sharded::new(workers),
            total: Sharded::new(workers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_even_when_one_wraps() {
        let value = Sharded::new(2);
        value.add(0, 3);
        value.subtract(1, 1);
        assert_eq!(value.value(), 2);
    }
}
