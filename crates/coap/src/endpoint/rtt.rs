//! How long the path takes, and other questions of time.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use rand::{Rng, rngs::StdRng};

use super::config::Timing;

const SECOND: Duration = Duration::from_secs(1);

/// Learns the timeout of retransmission from acknowledgements: RFC 6298 for messages that were sent once, and with
/// less weight from repeated ones, whose acknowledgement may be that of any transmission. The second keeps a path
/// that is slower than the first timeout from never being measured.
#[derive(Debug)]
pub(super) struct RoundTrip {
    timeout: Duration,
    strong: Option<Estimate>,
    weak: Option<Estimate>,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            timeout: timing.initial,
            strong: None,
            weak: None,
        }
    }

    /// The timeout of a message that is sent for the first time, before it is spread.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The time from the first transmission of a message to its acknowledgement.
    pub(super) fn sample(&mut self, time: Duration, repeated: bool, timing: &Timing) {
        let (estimate, factor, weight) = if repeated {
            (&mut self.weak, 1, 4)
        } else {
            (&mut self.strong, 4, 2)
        };
        let updated = estimate.map_or(Estimate::first(time), |estimate| estimate.updated(time));
        *estimate = Some(updated);
        let learned = updated.smoothed + updated.variation * factor;
        let timeout = (self.timeout * (weight - 1) + learned) / weight;
        self.timeout = timeout.min(timing.max).max(timing.min);
    }
}

impl Estimate {
    fn first(time: Duration) -> Self {
        Self {
            smoothed: time,
            variation: time / 2,
        }
    }

    fn updated(self, time: Duration) -> Self {
        Self {
            smoothed: (self.smoothed * 7 + time) / 8,
            variation: (self.variation * 3 + self.smoothed.abs_diff(time)) / 4,
        }
    }
}

/// The timeout after this one: it grows faster where it began short, so that short ones do not flood a path that has
/// become slow, and more slowly where it began long.
pub(super) fn grown(timeout: Duration, first: Duration) -> Duration {
    match first {
        first if first < SECOND => timeout * 3,
        first if first <= SECOND * 3 => timeout * 2,
        _ => timeout * 3 / 2,
    }
}

/// A random time between `base` and one and a half of it: ACK_RANDOM_FACTOR (RFC 7252 section 4.8).
pub(super) fn spread(base: Duration, rng: &mut StdRng) -> Duration {
    base.mul_f64(rng.random_range(1.0..=1.5))
}

/// The earliest of some times.
pub(super) fn earliest(times: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    times.into_iter().flatten().min()
}
