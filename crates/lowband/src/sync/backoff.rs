//! Waits that grow.

use std::time::Duration;

use rand::{Rng, rngs::SmallRng};

/// A wait that doubles up to a limit, until it is reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first`; `limit` is the longest wait, before jitter.
    pub(super) fn new(first: Duration, limit: Duration) -> Self {
        Self {
            first,
            limit,
            next: first.min(limit),
        }
    }

    /// The next wait. Up to a quarter is added to it, so that those who failed together do not come
    /// back together.
    pub(super) fn next(&mut self, random: &mut SmallRng) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.limit);
        wait.saturating_add(jitter(wait, random))
    }

    /// The next wait is the first one again.
    pub(super) fn reset(&mut self) {
        self.next = self.first.min(self.limit);
    }
}

/// Up to a quarter of `wait`.
pub(super) fn jitter(wait: Duration, random: &mut SmallRng) -> Duration {
    (wait / 4).mul_f64(random.random_range(0.0..1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn doubles_up_to_the_limit_and_begins_anew() {
        let random = &mut SmallRng::seed_from_u64(1);
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(300));
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            let wait = backoff.next(random).as_secs_f64();
            let expected = f64::from(expected);
            assert!(
                (expected..expected * 1.25).contains(&wait),
                "{wait} {expected}"
            );
        }
        backoff.reset();
        assert!(backoff.next(random) < Duration::from_secs(7));
    }

    #[test]
    fn waits_without_measure_do_not_overflow() {
        let random = &mut SmallRng::seed_from_u64(1);
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            assert!(backoff.next(random) >= Duration::MAX / 2);
        }
    }
}
