//! What passes between an endpoint and its application.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::refusal::Refusal;
use crate::{Code, OptionList, OptionNumber};

/// A request of the peer that wants an answer: [`super::Endpoint::respond`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExchangeId(pub(super) u64);

/// An observation that the peer has registered with us.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObservationId(pub(super) u64);

/// A request of ours.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub(super) u64);

/// Whose a request is, where several use one association: what is told from another, and nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner(pub u64);

/// A request of the peer, whole: its blocks are put together, its block options taken away.
#[derive(Clone)]
pub struct IncomingRequest {
    /// What it is answered by.
    pub exchange: ExchangeId,
    /// The method.
    pub code: Code,
    /// All options but those of blocks, Observe and No-Response.
    pub options: OptionList,
    /// The body.
    pub payload: Bytes,
    /// Whether the peer wants to know of changes.
    pub observe: Option<Observe>,
    /// Whether the peer repeats it until it is acknowledged.
    pub confirmable: bool,
    /// The id of the message that carried the options, the first one if it came in blocks.
    pub message_id: u16,
}

/// What a request says about observation (RFC 7641 section 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Observe {
    /// No further notifications. The observation is gone already.
    Deregister {
        /// The observation with the token of the request, if there was one.
        ended: Option<ObservationId>,
    },
    /// Notifications are wanted: answer with [`super::Endpoint::respond_observed`] to allow them.
    Register {
        /// The observation with the same token. It goes on until the answer takes its place, or ends it without a word.
        replaces: Option<ObservationId>,
    },
}

/// A request that the application does not get, or not yet. What it says of the association, as credentials do, counts
/// all the same, and the client takes for granted that it has come.
#[derive(Clone, Debug)]
pub struct PartialRequest {
    /// The method, perhaps none that is known.
    pub code: Code,
    /// All options.
    pub options: OptionList,
    /// The id of the message.
    pub message_id: u16,
    /// Why it was refused. `None` for the first block of a request that comes in blocks.
    pub refusal: Option<Refusal>,
}

/// A request to be sent.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub code: Code,
    /// The options, without those of blocks and Observe.
    pub options: OptionList,
    /// The body, of any length.
    pub payload: Bytes,
    /// Whether it is repeated until it is acknowledged. Further blocks always are. If not, that the peer rejects it is
    /// not noticed.
    pub confirmable: bool,
    /// When it fails if there is no whole answer.
    pub deadline: Duration,
    /// Options that go with the first block only. Without those that tell bodies apart, the peer must find a body by
    /// its token, and that of a notification by its path, which RFC 7959 does not ask of it.
    pub once: &'static [OptionNumber],
}

/// An answer, whole: ours to the peer, or the peer's to us.
#[derive(Clone)]
pub struct Response {
    /// The code. From the Go proxy also 0.00, for any status it has no code for.
    pub code: Code,
    /// The options, without those of blocks and Observe.
    pub options: OptionList,
    /// The body, of any length.
    pub payload: Bytes,
}

/// How sure the sender of a first answer to a registration must be that it arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Assurance {
    /// It is acknowledged before anything else is notified, and [`Event::NotificationDelivered`] says so. It costs a
    /// message in each direction. For a first state that later notifications do not repeat.
    Acknowledged,
    /// It may be overtaken by the first notification.
    None,
    /// As `None`, and the answer does not carry Observe, as the Go proxy has it.
    Silent,
}

/// When a notification that has arrived is acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acknowledge {
    /// When it is whole.
    AtOnce,
    /// When the application says that it is safe: [`super::Endpoint::acknowledge`].
    ByCaller,
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A notification of the peer, whole, and newer than those before it.
    Notification {
        /// The request that registered it.
        request: RequestId,
        /// The new state.
        response: Response,
    },
    /// The peer has acknowledged all of a notification.
    NotificationDelivered(ObservationId),
    /// The peer has not acknowledged a notification, or a last answer. The observation goes on.
    NotificationFailed(ObservationId, Undelivered),
    /// There will be no notifications any more.
    ObservationEnded(ObservationId, ObservationEnd),
    /// The peer does not notify any more, and why: its last answer has no Observe.
    ObservationRefused {
        /// The request that registered it.
        request: RequestId,
        /// The last answer.
        response: Response,
    },
    /// The peer asks, and was refused, or has not finished.
    Partial(PartialRequest),
    /// No answer to a ping.
    PingFailed,
    /// The peer has answered a ping, after this time.
    Pong(Duration),
    /// The peer asks.
    Request(IncomingRequest),
    /// A request of ours will not be answered. With a registration, that it is not registered (any more).
    RequestFailed(RequestId, Failure),
    /// A request of ours is answered.
    Response {
        /// The request.
        request: RequestId,
        /// The answer.
        response: Response,
        /// Whether notifications follow.
        observed: bool,
    },
}

/// Why a notification was not delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undelivered {
    /// The peer acknowledged the first block, and did not fetch the rest.
    Abandoned,
    /// No acknowledgement.
    TimedOut,
}

/// Why an observation is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ObservationEnd {
    /// The peer asked for it: Observe with the value 1.
    Deregistered,
    /// The peer has acknowledged the last answer that it was given.
    Refused,
    /// The peer does not know the token of a notification (any more).
    Reset,
}

/// Why a request of ours failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The answer, or a notification, has this critical option, and it is malformed, does not fit, or is not understood. It
    /// had to be rejected (RFC 7252 section 5.4.1).
    BadOption(OptionNumber),
    /// The body of the answer changed more than once while it was fetched, or cannot be fetched again.
    BodyChanged,
    /// The body of the answer is larger than [`super::Config::max_response_body`].
    BodyTooLarge,
    /// Its time is over.
    Deadline,
    /// The peer cannot process the message.
    Reset,
    /// No acknowledgement, after all repetitions.
    TimedOut,
}

/// Payloads are shown by their lengths only: they may be secret.
impl fmt::Debug for IncomingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingRequest")
            .field("exchange", &self.exchange)
            .field("code", &self.code)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .field("observe", &self.observe)
            .field("confirmable", &self.confirmable)
            .field("message_id", &self.message_id)
            .finish()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("code", &self.code)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .field("confirmable", &self.confirmable)
            .field("deadline", &self.deadline)
            .field("once", &self.once)
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("code", &self.code)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .finish()
    }
}
