//! What a component has done, in numbers.

use std::time::Duration;

use vestibule_xmpp::component::{Outcome, RequestRecord};

/// Upper ends of the buckets that the durations of requests are counted in, in seconds.
pub(crate) const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0,
];

/// What a component has done since it began.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// Links that were established.
    pub(crate) connects: u64,
    /// Requests that came to their end, in the order of [`Outcome::ALL`].
    pub(crate) outcomes: [u64; Outcome::ALL.len()],
    /// How many of them took at most that long and longer than the bucket before; the last one has
    /// those that took longer than any.
    pub(crate) durations: [u64; BUCKETS.len() + 1],
    /// How long all of them took together.
    pub(crate) took: Duration,
}

impl Counts {
    /// Zeroes.
    pub(super) fn new() -> Self {
        Self {
            connects: 0,
            outcomes: [0; Outcome::ALL.len()],
            durations: [0; BUCKETS.len() + 1],
            took: Duration::ZERO,
        }
    }

    /// Counts a request that has ended.
    pub(super) fn request(&mut self, record: &RequestRecord) {
        let outcomes = Outcome::ALL.iter();
        if let Some(at) = outcomes.clone().position(|o| *o == record.outcome) {
            self.outcomes[at] += 1;
        }
        let seconds = record.took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|end| seconds <= *end);
        self.durations[bucket.unwrap_or(BUCKETS.len())] += 1;
        self.took = self.took.saturating_add(record.took);
    }
}
