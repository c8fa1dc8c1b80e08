//! How often a client may be wrong.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often a client may be wrong at once.
const BURST: u32 = 10;

/// How long it takes until it may be wrong once more.
const PAUSE: Duration = Duration::from_secs(6);

/// The most clients that are remembered.
const MOST: usize = 4096;

/// Clients that have been wrong, by [`limit_key`](crate::addr::ClientAddr::limit_key). Those
/// without an address share one place.
#[derive(Debug, Default)]
pub(super) struct Limiter(Mutex<HashMap<Option<u128>, Bucket>>);

/// A client's tries: it holds [`BURST`], and one comes back every [`PAUSE`].
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When the last of those that are gone is back.
    full_at: Instant,
}

impl Bucket {
    /// Tries that are gone at `now`, in time.
    fn debt(self, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now)
    }

    /// How long after `now` there is a try; `None` when there is one.
    fn pause(self, now: Instant) -> Option<Duration> {
        let pause = (self.debt(now) + PAUSE).saturating_sub(PAUSE * BURST);
        (!pause.is_zero()).then_some(pause)
    }
}

impl Limiter {
    /// Takes one of the client's tries.
    ///
    /// # Errors
    ///
    /// When there is none, how long until there is one.
    pub(super) fn take(&self, client: Option<u128>, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(&client) {
            forget_one(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert(Bucket { full_at: now });
        if let Some(pause) = bucket.pause(now) {
            return Err(pause);
        }
        bucket.full_at = now + bucket.debt(now) + PAUSE;
        Ok(())
    }

    /// How long until the client has a try; `None` when it has one now. Takes none.
    pub(super) fn pause(&self, client: Option<u128>, now: Instant) -> Option<Duration> {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(&client)?.pause(now)
    }

    /// Gives a try back: it was right.
    pub(super) fn give_back(&self, client: Option<u128>) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&client)
            && let Some(earlier) = bucket.full_at.checked_sub(PAUSE)
        {
            bucket.full_at = earlier;
        }
    }
}

/// Forgets who has the most tries left, so that nobody gains by making us forget others.
fn forget_one(buckets: &mut HashMap<Option<u128>, Bucket>, now: Instant) {
    buckets.retain(|_, bucket| !bucket.debt(now).is_zero());
    if buckets.len() >= MOST
        && let Some(client) = buckets
            .iter()
            .min_by_key(|(_, bucket)| bucket.full_at)
            .map(|(client, _)| *client)
    {
        buckets.remove(&client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_run_out_and_come_back() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(limiter.take(Some(1), start), Ok(()));
        }
        assert_eq!(limiter.take(Some(1), start), Err(PAUSE));
        // Waiting is not made longer by trying.
        assert_eq!(limiter.take(Some(1), start + PAUSE / 2), Err(PAUSE / 2));
        assert_eq!(limiter.take(Some(2), start), Ok(()));
        assert_eq!(limiter.take(Some(1), start + PAUSE), Ok(()));
        assert_eq!(limiter.take(Some(1), start + PAUSE), Err(PAUSE));
    }

    #[test]
    fn whoever_is_right_loses_nothing() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        for _ in 0..10 * BURST {
            assert_eq!(limiter.take(None, start), Ok(()));
            limiter.give_back(None);
        }
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_not_forgotten() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        for _ in 0..BURST {
            limiter.take(Some(0), start).unwrap();
        }
        for client in 1..=2 * MOST as u128 {
            limiter.take(Some(client), start).unwrap();
        }
        assert_eq!(limiter.0.lock().unwrap().len(), MOST);
        assert!(limiter.take(Some(0), start).is_err());
    }
}
