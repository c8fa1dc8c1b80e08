//! Associations and users, as they are shown.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use vestibule_dtls::session::Version;
use vestibule_lowband::gateway::TokenDigest;

use super::users::User;

/// What `show associations` says of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AssociationView {
    /// The name of the gateway.
    pub(crate) gateway: String,
    /// As records name it.
    pub(crate) id: String,
    /// Where the client is now.
    pub(crate) client: SocketAddr,
    /// What is between.
    pub(crate) version: Transport,
    /// Whether an earlier one was resumed.
    pub(crate) resumed: bool,
    /// Whether it is found by a Connection ID, wherever the client is.
    pub(crate) connection_id: bool,
    /// Since it began.
    pub(crate) seconds: f64,
    /// Since something was heard of the client.
    pub(crate) idle_seconds: f64,
    /// Bytes of UDP payloads that came, those of the handshake included.
    pub(crate) bytes_in: u64,
    /// Bytes of UDP payloads that were sent, those of the handshake included.
    pub(crate) bytes_out: u64,
    /// What both were when the handshake was over; 0 without DTLS.
    pub(crate) handshake_bytes: u64,
    /// Requests that are not answered.
    pub(crate) requests: usize,
    /// Observations.
    pub(crate) observations: usize,
    /// Bytes of requests that wait, and of bodies that are not delivered.
    pub(crate) held_bytes: usize,
    /// The digest of the access token that was used last.
    pub(crate) user: Option<String>,
}

/// What is between a client and the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Transport {
    /// DTLS 1.2.
    #[serde(rename = "1.2")]
    Dtls12,
    /// DTLS 1.3.
    #[serde(rename = "1.3")]
    Dtls13,
    /// Nothing: CoAP alone, on loopback.
    #[serde(rename = "plain")]
    Plain,
}

/// What `show users` says of one: of all who have shown the same access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UserView {
    /// The name of the gateway.
    pub(crate) gateway: String,
    /// The digest of the access token.
    pub(crate) user: String,
    /// Associations that were used last with this token.
    pub(crate) associations: usize,
    /// Observations of these associations.
    pub(crate) observations: usize,
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Those of them that were answered with an error.
    pub(crate) errors: u64,
    /// Notifications that were acknowledged.
    pub(crate) notifications: u64,
    /// Notifications that were not.
    pub(crate) undelivered: u64,
    /// Bytes of UDP payloads that came.
    pub(crate) bytes_in: u64,
    /// Bytes of UDP payloads that were sent.
    pub(crate) bytes_out: u64,
    /// Bytes of bodies that came.
    pub(crate) body_in: u64,
    /// Bytes of bodies that were sent.
    pub(crate) body_out: u64,
    /// Since the first request.
    pub(crate) seconds: f64,
    /// Since something was heard.
    pub(crate) idle_seconds: f64,
}

impl Transport {
    /// Its name in records and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dtls12 => "1.2",
            Self::Dtls13 => "1.3",
            Self::Plain => "plain",
        }
    }
}

impl From<Version> for Transport {
    fn from(version: Version) -> Self {
        match version {
            Version::Dtls12 => Self::Dtls12,
            Version::Dtls13 => Self::Dtls13,
        }
    }
}

impl UserView {
    /// A user of this gateway, without associations.
    pub(super) fn new(gateway: &str, now: Instant, digest: TokenDigest, user: User) -> Self {
        let since = |then| now.saturating_duration_since(then);
        let tally = user.tally;
        Self {
            gateway: gateway.to_owned(),
            user: digest.to_string(),
            associations: 0,
            observations: 0,
            requests: tally.requests,
            errors: tally.errors,
            notifications: tally.notifications,
            undelivered: tally.undelivered,
            bytes_in: tally.bytes_in,
            bytes_out: tally.bytes_out,
            body_in: tally.body_in,
            body_out: tally.body_out,
            seconds: seconds(since(user.since)),
            idle_seconds: seconds(since(user.seen)),
        }
    }
}

/// Seconds as they are shown, in milliseconds.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// Counts the associations of users.
pub(crate) fn count_associations(users: &mut [UserView], associations: &[AssociationView]) {
    let mut counts: HashMap<(&str, &str), (usize, usize)> = HashMap::new();
    for association in associations {
        if let Some(user) = &association.user {
            let (number, observations) = counts.entry((&association.gateway, user)).or_default();
            *number += 1;
            *observations += association.observations;
        }
    }
    for user in users {
        let found = counts.get(&(&*user.gateway, &*user.user));
        (user.associations, user.observations) = found.copied().unwrap_or_default();
    }
}
