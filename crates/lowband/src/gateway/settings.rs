//! How a gateway serves, and how much.

use std::time::Duration;

use vestibule_coap::endpoint::Config;

use super::observers::MAX_OF_USER;
use crate::mapping::{endpoint::Kind, server};
use crate::sync;

/// How one gateway serves its clients.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How requests and answers are translated.
    pub mapping: server::Settings,
    /// How patient observations are.
    pub sync: sync::Settings,
    /// How patient requests are.
    pub timeouts: Timeouts,
}

/// How long requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer of the homeserver.
    pub request: Duration,
    /// For its answer to a sync, which may be the first one and have much to say.
    pub sync: Duration,
    /// For its answer to a sync beyond the time for which it was asked to wait for news.
    pub margin: Duration,
    /// For a place, when there are too many requests under way.
    pub queue: Duration,
}

/// How much is served. The first ones are for each association, the others for all that
/// [share](super::Shared) them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at the homeserver, without those that wait for news.
    pub requests_per_association: usize,
    /// Requests that wait: for one of these places, or for the token that another request brings.
    pub queue_per_association: usize,
    /// Syncs under way at the homeserver, without those of observations.
    pub syncs_per_association: usize,
    /// Requests in a minute, each time. 0: any number.
    pub requests_per_minute: u32,
    /// Users, known by their access tokens, who observe. Each may have an earlier observation beside the
    /// one that is served.
    pub observers_per_association: usize,
    /// The bytes of the longest response, and of all that are kept until the client has fetched them.
    pub response_bytes: usize,
    /// Requests under way, without those that wait for news.
    pub requests: usize,
    /// Syncs under way, those of observations included.
    pub polls: usize,
    /// Observations.
    pub observations: usize,
    /// Observations with the same access token. One more ends the first of them.
    pub observations_per_token: usize,
    /// Bytes of requests that wait, and of bodies that could not be delivered.
    pub held_bytes: usize,
}

impl Limits {
    /// Prepares endpoints for gateways with these limits: their own refusals must not come first.
    pub fn configure(&self, config: &mut Config) {
        server::configure(config);
        let registers = self.observations_per_association();
        // The last one is that which the gateway refuses.
        config.max_exchanges = [
            self.requests_per_association,
            self.queue_per_association,
            self.syncs_per_association,
            registers,
        ]
        .into_iter()
        .fold(1, usize::saturating_add);
        config.max_observations = registers;
        config.max_snapshot_bytes = self.response_bytes;
    }

    /// Each user may have an earlier observation.
    pub(super) fn observations_per_association(&self) -> usize {
        let users = self.observers_per_association;
        users.saturating_mul(MAX_OF_USER)
    }
}

impl Timeouts {
    /// The time for a request of this kind.
    pub(super) fn of(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Sync { timeout } | Kind::SlidingSync { timeout } => {
                self.sync.max(self.of_poll(timeout))
            }
            _ => self.request,
        }
    }

    /// The time for a poll that asks the homeserver to wait for so long.
    pub(super) fn of_poll(&self, wait: Duration) -> Duration {
        wait.saturating_add(self.margin)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(60),
            sync: Duration::from_secs(5 * 60),
            margin: Duration::from_secs(60),
            queue: Duration::from_secs(30),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_association: 16,
            queue_per_association: 64,
            syncs_per_association: 8,
            requests_per_minute: 300,
            observers_per_association: 2,
            response_bytes: 16 << 20,
            requests: 512,
            polls: 10_000,
            observations: 10_000,
            observations_per_token: 8,
            held_bytes: 256 << 20,
        }
    }
}
