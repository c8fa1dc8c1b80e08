//! When the next attempt is made, and what is said of those that fail.

use std::time::{Duration, Instant};

use super::shared::Pace;

/// Between two mentions of the same failure; doubles up to [`LONGEST_SILENCE`].
const FIRST_SILENCE: Duration = Duration::from_secs(600);
const LONGEST_SILENCE: Duration = Duration::from_secs(6 * 3600);

/// Counts attempts that have failed.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait before the next attempt, after a link that has worked for `worked`, or none
    /// (`None`). After one that has worked the first attempt is made at once; the next waits are
    /// doubled each time, and up to a quarter shorter by chance, so that many do not come at once. As
    /// long as there were links, though short ones, they are doubled three times at most.
    pub(super) fn next(&mut self, worked: Option<Duration>, pace: &Pace) -> Duration {
        if worked.is_some_and(|worked| worked >= pace.settled) {
            self.failures = 0;
        }
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        let doublings = match (failures, worked) {
            (0, Some(_)) => return Duration::ZERO,
            // The wait of 0 was the first. A server that accepts us is not waited for long.
            (_, Some(_)) => (failures - 1).min(3),
            (_, None) => failures,
        };
        let wait = pace.first_wait.saturating_mul(1 << doublings.min(16));
        let wait = wait.min(pace.longest_wait);
        wait.mul_f64(1.0 - rand::random::<f64>() / 4.0)
    }
}

/// The most reasons that are remembered. Who has more says some of them again.
const MOST_REASONS: usize = 8;

/// What was said of attempts that have failed, so that it is not said each time.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    said: Vec<Complaint>,
}

#[derive(Debug)]
struct Complaint {
    reason: String,
    /// When it is said again.
    again: Instant,
    silence: Duration,
}

impl Complaints {
    /// Whether to say now that an attempt has failed for this reason.
    pub(super) fn is_worth_saying(&mut self, now: Instant, reason: &str) -> bool {
        let known = self.said.iter().position(|said| said.reason == reason);
        let silence = match known.map(|at| &self.said[at]) {
            Some(known) if now < known.again => return false,
            Some(known) => LONGEST_SILENCE.min(known.silence * 2),
            None => FIRST_SILENCE,
        };
        if let Some(old) = known.or((self.said.len() >= MOST_REASONS).then_some(0)) {
            self.said.remove(old);
        }
        self.said.push(Complaint {
            reason: reason.to_owned(),
            again: now + silence,
            silence,
        });
        true
    }

    /// An attempt has succeeded: whatever comes next is new.
    pub(super) fn forget(&mut self) {
        self.said.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn is_about(wait: Duration, expected: Duration) -> bool {
        (expected * 3 / 4..=expected).contains(&wait)
    }

    #[test]
    fn waits_are_doubled() {
        let (mut backoff, pace) = (Backoff::default(), Pace::default());
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = backoff.next(None, &pace);
            assert!(is_about(wait, SECOND * expected), "{wait:?}");
        }
        for _ in 0..100 {
            assert!(is_about(backoff.next(None, &pace), SECOND * 60));
        }
    }

    #[test]
    fn the_first_attempt_after_a_good_link_is_made_at_once() {
        let (mut backoff, pace) = (Backoff::default(), Pace::default());
        let short = Some(SECOND);
        assert_eq!(backoff.next(short, &pace), Duration::ZERO);
        // A server that takes us and throws us out is no good link.
        assert!(is_about(backoff.next(short, &pace), SECOND));
        assert!(is_about(backoff.next(short, &pace), SECOND * 2));
        assert_eq!(backoff.next(Some(pace.settled), &pace), Duration::ZERO);
        assert!(is_about(backoff.next(None, &pace), SECOND * 2));
    }

    #[test]
    fn a_reason_is_said_once_and_then_rarely() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        assert!(complaints.is_worth_saying(start, "refused"));
        assert!(!complaints.is_worth_saying(start + SECOND, "refused"));
        assert!(complaints.is_worth_saying(start + SECOND, "conflict"));
        assert!(!complaints.is_worth_saying(start + SECOND * 600, "conflict"));
        assert!(complaints.is_worth_saying(start + SECOND * 601, "conflict"));
        assert!(!complaints.is_worth_saying(start + SECOND * 1800, "conflict"));
        // Reasons that take turns are said once each.
        assert!(complaints.is_worth_saying(start + SECOND * 1800, "refused"));
        assert!(!complaints.is_worth_saying(start + SECOND * 1800, "conflict"));
        complaints.forget();
        assert!(complaints.is_worth_saying(start + SECOND * 1800, "conflict"));
    }
}
