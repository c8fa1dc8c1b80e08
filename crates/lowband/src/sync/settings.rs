//! How patient an observation is.

use std::time::{Duration, Instant};

/// No wait is longer, whatever a setting or a homeserver says. Times can so be added without care.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// No homeserver is asked to hold a poll for longer.
const LONGEST_POLL: Duration = Duration::from_secs(50);

/// How patient an observation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long the homeserver may hold a poll when nothing is new. More than 50 seconds are as many as
    /// 50: proxies in front of homeservers end requests after a minute.
    pub long_poll: Duration,
    /// The least time between the beginnings of two polls. What happens meanwhile comes in one body.
    /// It doubles each time that a poll is answered at once though nothing is new, in less than a tenth
    /// of the time that it might have taken: some homeservers, and caches in front of them, do not wait.
    pub spacing: Duration,
    /// The longest of these times, before jitter.
    pub spacing_limit: Duration,
    /// The first wait after the homeserver could not be used. It doubles each time.
    pub upstream_backoff: Duration,
    /// The longest of these waits, before jitter. What a homeserver asks for may be longer.
    pub upstream_backoff_limit: Duration,
    /// The first wait after a body could not be delivered. It doubles each time.
    pub delivery_backoff: Duration,
    /// The longest of these waits, before jitter.
    pub delivery_backoff_limit: Duration,
    /// How soon after a failure a body is delivered again when the client shows that it is there.
    pub haste: Duration,
    /// How long a body may stay undelivered while nothing is heard of the client.
    pub orphan: Duration,
    /// The largest body that is taken from the homeserver, in bytes.
    pub max_body: usize,
}

impl Settings {
    /// These settings, as far as they are allowed.
    pub(super) fn allowed(self) -> Self {
        Self {
            long_poll: self.long_poll.min(LONGEST_POLL),
            ..self
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            long_poll: Duration::from_secs(30),
            spacing: Duration::from_secs(1),
            spacing_limit: Duration::from_secs(30),
            upstream_backoff: Duration::from_secs(5),
            upstream_backoff_limit: Duration::from_secs(5 * 60),
            delivery_backoff: Duration::from_secs(60),
            delivery_backoff_limit: Duration::from_secs(15 * 60),
            haste: Duration::from_secs(5),
            orphan: Duration::from_secs(30 * 60),
            max_body: 16 << 20,
        }
    }
}

/// `wait` after `now`, at most a day.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(LONGEST)
}
