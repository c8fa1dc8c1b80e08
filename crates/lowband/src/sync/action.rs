//! What goes in and out of an observation.

use std::{fmt, time::Duration};

use bytes::Bytes;

/// What is to be done. A later action takes the place of an earlier one that is still under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the homeserver. Another poll that is under way is not needed any more.
    Poll(Poll),
    /// Answer the register, with status 200. A push that is under way is not needed any more.
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

/// What the homeserver has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// `Retry-After`, or `retry_after_ms` of the body.
    pub retry_after: Option<Duration>,
    /// The body, JSON if all is well.
    pub body: Body,
}

/// Why the homeserver has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollFailure {
    /// No answer came in time.
    TimedOut,
    /// There is no connection.
    Unreachable,
    /// The body is larger than [`Settings::max_body`](super::Settings::max_body).
    TooLarge,
}

/// Why a body was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undelivered {
    /// No acknowledgement came in time: the client may be gone.
    TimedOut,
    /// The client has acknowledged a part of it and not fetched the rest, or the delivery was given up
    /// on this side. That says nothing about whether the client is gone.
    Abandoned,
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
