//! How patient an observation is.

use std::time::{Duration, Instant};

/// No wait is longer, whatever a setting or a homeserver says. Times can so be added without care.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How patient an observation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long the homeserver may hold a poll when nothing is new. Not more than 50 seconds: proxies
    /// in front of homeservers end requests after a minute.
    pub long_poll: Duration,
    /// The least time between the beginnings of two polls. What happens meanwhile comes in one body.
    pub spacing: Duration,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            long_poll: Duration::from_secs(30),
            spacing: Duration::from_secs(1),
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
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(LONGEST)
}
