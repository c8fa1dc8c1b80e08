//! What an endpoint may be told: times, sizes and limits.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use super::{
    event::Owner,
    refusal::{Explanation, Refusal},
};
use crate::{BlockSize, OptionList, OptionNumber};

/// For how long a peer may repeat a message, and for how long its id stands for it (RFC 7252 section 4.8.2).
pub const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);

/// The longest time between the first and the last transmission of a message, whatever the timing: with the 100 s a
/// datagram may be on the way, a peer that deduplicates for [`EXCHANGE_LIFETIME`] knows it again.
pub const MAX_TRANSMIT_SPAN: Duration = Duration::from_secs(147);

/// The settings of an [`super::Endpoint`]. Shared by all associations of a listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// When to repeat and when to give up.
    pub timing: Timing,
    /// For how long the answer to a confirmable request is waited for, so that it can ride on the acknowledgement.
    pub piggyback_window: Duration,
    /// Bodies above this size travel in blocks of it, in both directions.
    pub block_size: BlockSize,
    /// How many confirmable requests may be without acknowledgement at a time: NSTART (RFC 7252 section 4.7).
    pub nstart: usize,
    /// How many separate answers may be without acknowledgement at a time.
    pub max_answers: usize,
    /// How the tokens of our requests are made.
    pub tokens: Tokens,
    /// Which program the peer is.
    pub dialect: Dialect,
    /// How many requests of ours may be open at a time, waiting ones included.
    pub max_requests: usize,
    /// How often a request of ours is sent from its beginning again, because the peer has lost blocks of it, or because
    /// its answer has changed while it was fetched. It is sent with the same options, whatever was said since.
    pub max_restarts: u8,
    /// How many requests of the peer may be without an answer, or with one that waits to be acknowledged. Further ones
    /// are answered 5.03.
    pub max_exchanges: usize,
    /// How many observations the peer may have. Further ones are served as plain requests.
    pub max_observations: usize,
    /// The longest body the peer may send, in bytes.
    pub max_request_body: usize,
    /// The longest body the peer may answer, in bytes.
    pub max_response_body: usize,
    /// How many requests the peer may send in blocks at a time. One more takes the place of the one idle for longest.
    pub max_uploads: usize,
    /// How long a request in blocks may pause between two blocks.
    pub upload_idle: Duration,
    /// How long a request in blocks may take.
    pub upload_total: Duration,
    /// How many bodies may be kept for the peer to fetch in blocks.
    pub max_snapshots: usize,
    /// How many bytes these bodies may have together.
    pub max_snapshot_bytes: usize,
    /// For how long a body is kept after a block was asked for. Half of it after the last block, except for states
    /// that are to be delivered.
    pub snapshot_idle: Duration,
    /// How slowly a body may be fetched: it is kept for this long for each block that was asked for, and
    /// [`Self::snapshot_idle`] on top.
    pub snapshot_pace: Duration,
    /// How many ids of received messages are remembered. When all are in use, further requests are answered 5.03.
    pub max_received: usize,
    /// How many bytes of answers are kept for repeated requests.
    pub max_reply_bytes: usize,
    /// How many options a request may have.
    pub max_options: usize,
    /// The longest Uri-Path option taken from a peer, in bytes. RFC 7252 says 255, and that is what we send.
    pub max_path_segment: usize,
    /// The longest Uri-Query option taken from a peer, in bytes. RFC 7252 says 255, and that is what we send.
    pub max_query: usize,
    /// Critical options that the application understands beside those of RFC 7252 and 7959. A request with another one is
    /// refused, an answer rejected.
    pub understood: Vec<OptionNumber>,
    /// Options that hold for the association, such as credentials: no part of what a body is known by.
    pub sticky: Vec<OptionNumber>,
    /// Whose a request is, as far as its options say. A body that comes in blocks is for the requests of one owner, and for
    /// those that say nothing: [`super::Endpoint::set_owner`] where the first one says nothing either.
    pub owner: fn(&OptionList) -> Option<Owner>,
    /// What a refusal of the endpoint itself carries.
    pub explain: fn(Refusal) -> Explanation,
}

/// When confirmable messages are repeated. The timeout adapts to the path between the bounds given here.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The first timeout, before anything is known of the path: ACK_TIMEOUT.
    pub initial: Duration,
    /// The shortest timeout for messages that a peer acknowledges at once.
    pub min: Duration,
    /// The shortest timeout for requests, which a peer may acknowledge after its piggyback window only.
    pub min_request: Duration,
    /// The longest first timeout that the path can teach.
    pub max: Duration,
    /// How often a message is repeated: MAX_RETRANSMIT, but not beyond [`MAX_TRANSMIT_SPAN`].
    pub retransmissions: u8,
}

/// How the tokens of our requests are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tokens {
    /// Counted, from one byte up, and never used twice (RFC 9175 section 4.2). For associations that authenticate.
    Counted,
    /// Eight random bytes, which somebody beside the path cannot guess (RFC 7252 section 11.4).
    Random,
}

/// Which program the peer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// The Go proxy of Matrix: its answer to a registration is empty and without Observe, and stands all the same.
    Go,
    /// One that follows the specifications.
    Standard,
}

impl Timing {
    /// The values of RFC 7252 section 4.8.
    pub const STANDARD: Self = Self {
        initial: Duration::from_secs(2),
        min: Duration::from_millis(500),
        min_request: Duration::from_secs(2),
        max: Duration::from_secs(12),
        retransmissions: 4,
    };

    /// For round trips of 0.6 to 2 s.
    pub const SATELLITE: Self = Self {
        initial: Duration::from_secs(4),
        min: Duration::from_secs(2),
        min_request: Duration::from_secs(4),
        max: Duration::from_secs(20),
        retransmissions: 5,
    };

    /// For round trips of 5 to 30 s.
    pub const HF: Self = Self {
        initial: Duration::from_secs(20),
        min: Duration::from_secs(8),
        min_request: Duration::from_secs(12),
        max: Duration::from_secs(30),
        retransmissions: 4,
    };
}

impl Config {
    /// For round trips of 0.6 to 2 s.
    #[must_use]
    pub fn satellite() -> Self {
        Self {
            timing: Timing::SATELLITE,
            upload_idle: Duration::from_secs(120),
            upload_total: Duration::from_secs(15 * 60),
            snapshot_idle: Duration::from_secs(300),
            snapshot_pace: Duration::from_secs(20),
            ..Self::default()
        }
    }

    /// For round trips of 5 to 30 s.
    #[must_use]
    pub fn hf() -> Self {
        Self {
            timing: Timing::HF,
            upload_idle: Duration::from_secs(300),
            upload_total: Duration::from_secs(2 * 60 * 60),
            snapshot_idle: Duration::from_secs(15 * 60),
            snapshot_pace: Duration::from_secs(120),
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timing: Timing::STANDARD,
            piggyback_window: Duration::from_millis(1500),
            block_size: BlockSize::MAX,
            nstart: 1,
            max_answers: 4,
            tokens: Tokens::Counted,
            dialect: Dialect::Standard,
            max_requests: 64,
            max_restarts: 2,
            max_exchanges: 64,
            max_observations: 2,
            max_request_body: 128 << 10,
            max_response_body: 16 << 20,
            max_uploads: 4,
            upload_idle: Duration::from_secs(60),
            upload_total: Duration::from_secs(300),
            max_snapshots: 4,
            max_snapshot_bytes: 16 << 20,
            snapshot_idle: Duration::from_secs(120),
            snapshot_pace: Duration::from_secs(10),
            max_received: 2048,
            max_reply_bytes: 512 << 10,
            max_options: 64,
            max_path_segment: 1024,
            max_query: 4096,
            understood: Vec::new(),
            sticky: Vec::new(),
            owner: |_| None,
            explain: |refusal| Explanation {
                format: None,
                payload: Bytes::from_static(refusal.text().as_bytes()),
            },
        }
    }
}
