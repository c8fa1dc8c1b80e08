//! How long things took.

use std::{array, time::Duration};

use crate::metrics::Sharded;

/// Upper ends of the buckets that durations are counted in, in seconds. A sync that waits for news
/// takes half a minute, and the first one of an account minutes.
pub(crate) const BUCKETS: [f64; 14] = [
    0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0,
];

/// Durations, counted.
#[derive(Debug)]
pub(crate) struct Durations {
    /// How many took at most that long and longer than the bucket before; the last one has those that
    /// took longer than any.
    buckets: [Sharded; BUCKETS.len() + 1],
    /// All of them together.
    micros: Sharded,
}

impl Durations {
    /// None yet, for this many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            buckets: array::from_fn(|_| Sharded::new(workers)),
            micros: Sharded::new(workers),
        }
    }

    /// Counts one.
    pub(super) fn note(&self, worker: usize, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|end| seconds <= *end);
        self.buckets[bucket.unwrap_or(BUCKETS.len())].add(worker, 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.add(worker, micros);
    }

    /// How many there are in each bucket, those before not included.
    pub(crate) fn counts(&self) -> [u64; BUCKETS.len() + 1] {
        array::from_fn(|at| self.buckets[at].value())
    }

    /// All of them together.
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_micros(self.micros.value())
    }
}
