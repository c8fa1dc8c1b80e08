//! How often a client may ask.

use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Requests per minute: as many may come at once, and then as fast as they would come evenly spaced.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// When the allowance will be whole again.
    whole: Option<Instant>,
}

impl Rate {
    /// Takes one of `per_minute` requests; 0 is no limit.
    ///
    /// # Errors
    ///
    /// How long it is until the next one may come.
    pub(super) fn take(&mut self, now: Instant, per_minute: u32) -> Result<(), Duration> {
        let Some(interval) = MINUTE.checked_div(per_minute) else {
            return Ok(());
        };
        let whole = self.whole.map_or(now, |whole| whole.max(now)) + interval;
        match whole.saturating_duration_since(now).checked_sub(MINUTE) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.whole = Some(whole);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_a_minute_has_may_come_at_once_and_then_one_by_one() {
        let now = Instant::now();
        let mut rate = Rate::default();
        for _ in 0..300 {
            assert_eq!(rate.take(now, 300), Ok(()));
        }
        assert_eq!(rate.take(now, 300), Err(Duration::from_millis(200)));
        let later = now + Duration::from_millis(150);
        assert_eq!(rate.take(later, 300), Err(Duration::from_millis(50)));
        let later = now + Duration::from_millis(200);
        assert_eq!(rate.take(later, 300), Ok(()));
        assert!(rate.take(later, 300).is_err());
        for _ in 0..300 {
            assert_eq!(rate.take(later + MINUTE, 300), Ok(()));
        }
    }

    #[test]
    fn nothing_limits_nothing() {
        let mut rate = Rate::default();
        let now = Instant::now();
        for _ in 0..10_000 {
            assert_eq!(rate.take(now, 0), Ok(()));
        }
        assert_eq!(rate.take(now, 1), Ok(()));
        assert_eq!(rate.take(now, 1), Err(MINUTE));
    }
}
