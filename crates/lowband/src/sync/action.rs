//! What goes in and out of an observation.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::StatusCode;

use super::upstream::{self, Trouble};
use crate::mapping::status;

/// What is to be done. A later action takes the place of an earlier one that is still under way.
///
/// A body or a [`Refusal`] becomes a response of CoAP by [`close`](crate::mapping::server::close). Where
/// that makes no success of a body, or one that the endpoint has no room for even when it keeps nothing
/// else, [`Undelivered::Unsendable`] is to be told, and the response is not to be sent: a client that
/// has acknowledged it is taken to have the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the homeserver. Another poll that is under way is not needed any more.
    Poll(Poll),
    /// Answer the register, with status 200. A push that is under way is not needed any more.
    ///
    /// If the endpoint answers and does not observe, because the client has withdrawn or there are too
    /// many observations, [`handle_reset`](super::Observation::handle_reset) is to be told.
    AnswerRegister {
        /// Where it is `Some`, the body has content: the answer must be acknowledged, so it is never
        /// only the acknowledgement of the request.
        delivery: Option<DeliveryId>,
        /// The JSON.
        body: Body,
    },
    /// Notify the client, with status 200, confirmable.
    Push {
        /// By this it is told how the delivery went.
        delivery: DeliveryId,
        /// The JSON.
        body: Body,
    },
    /// Answer the register with an error: nothing is observed.
    RefuseRegister(Refusal),
    /// Notify the client of an error, which ends the observation.
    EndWith(Refusal),
    /// The observation is over, and nobody is told.
    Ended(Reason),
}

/// One request for `/sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// By this the answer is told.
    pub id: PollId,
    /// The items of the query, not percent-encoded.
    pub query: Vec<String>,
    /// How long the homeserver may hold the request when nothing is new.
    pub timeout: Duration,
}

/// Which poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PollId(pub(super) u64);

/// Which delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub(super) u64);

/// What the client is told instead of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status, as HTTP has it.
    pub status: u16,
    /// How long the homeserver wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The JSON, with `errcode`.
    pub body: Body,
}

impl Refusal {
    /// What a client is told that observes with a token of which the homeserver has said this to another
    /// request.
    pub(crate) fn from_answer(answer: &Answer) -> Self {
        upstream::refused(answer.status, answer).refusal
    }

    /// What a client is told that observes with a token that it has logged out.
    pub(crate) fn unknown_token() -> Self {
        Self {
            status: 401,
            retry_after: None,
            body: upstream::error("M_UNKNOWN_TOKEN", "The access token was logged out."),
        }
    }

    /// What a client is told whose observation has no place any more.
    pub(crate) fn overloaded() -> Self {
        Trouble::from(PollFailure::Overloaded).refusal
    }

    /// [`retry_after`](Self::retry_after) as the header Retry-After has it, in whole seconds.
    pub fn retry_after_header(&self) -> Option<String> {
        let wait = self.retry_after?;
        Some(wait.as_millis().div_ceil(1_000).to_string())
    }
}

/// What the homeserver has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// How long the homeserver wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, JSON if all is well.
    pub body: Body,
}

impl Answer {
    /// An answer with this header Retry-After, if it has one; `retry_after_ms` of the body counts
    /// more. Either counts with 429, and the header with 503.
    pub fn new(status: StatusCode, retry_after: Option<&str>, body: Body) -> Self {
        let seconds = status::max_age(status, retry_after, body.as_bytes());
        Self {
            status: status.as_u16(),
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            body,
        }
    }
}

/// Why the homeserver has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollFailure {
    /// There are too many requests under way, so that it was not asked.
    Overloaded,
    /// No answer came in time.
    TimedOut,
    /// There is no connection.
    Unreachable,
    /// The body is larger than [`Settings::max_body`](super::Settings::max_body).
    TooLarge,
}

impl PollFailure {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Overloaded,
        Self::TimedOut,
        Self::Unreachable,
        Self::TooLarge,
    ];

    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::TooLarge => "too_large",
        }
    }
}

/// Why a body was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undelivered {
    /// No acknowledgement came in time: the client may be gone.
    TimedOut,
    /// The client has acknowledged a part of it and not fetched the rest, or the delivery was given up
    /// on this side. That says nothing about whether the client is gone.
    Abandoned,
    /// It cannot be sent over CoAP, now or later: it does not become CBOR within the
    /// [limits](crate::transcode::Limits::RESPONSE), or the endpoint never keeps so much. The client is
    /// told to sync over HTTP, which ends the observation.
    Unsendable,
}

/// Why an observation is over without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The client does not want it any more.
    Reset,
    /// A body could not be delivered, and nothing was heard of the client for too long.
    Orphaned,
}

/// JSON that is private: it is shown nowhere but where it is sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// Its bytes, shared.
    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len())
    }
}
