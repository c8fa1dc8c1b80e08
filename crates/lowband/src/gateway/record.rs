//! What is to be said of an exchange when it is over.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use vestibule_coap::Code;
use vestibule_coap::endpoint::{ExchangeId, IncomingRequest, Response};

use super::shared::TokenDigest;
use crate::mapping::server::HttpRequest;

/// An exchange that is over, for a log of accesses and for meters. It has no token, no query and no
/// body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What it was.
    pub exchange: Exchange,
    /// How it went.
    pub outcome: Outcome,
    /// The method; `None` if it was none that HTTP has.
    pub method: Option<Method>,
    /// The path as the homeserver is asked for it, escaped; `None` if it was none.
    pub path: Option<String>,
    /// Stands for the access token; `None` if there was none, or the request was refused.
    pub token: Option<TokenDigest>,
    /// Bytes of the body that came.
    pub received: usize,
    /// Bytes of the body that was sent, without those of repetitions.
    pub sent: usize,
    /// From its beginning to here.
    pub duration: Duration,
}

/// What an exchange was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// A request and its answer.
    Request,
    /// A request that registers an observation, and its answer.
    Register,
    /// What an observation was sent, the last answer of it included, and the acknowledgement.
    Notification,
}

/// How an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The association was over first, or the client did not wait.
    Abandoned,
    /// It was answered.
    Answered {
        /// By this code.
        code: Code,
        /// What the homeserver has said, or what is said of it to who registers and cannot observe.
        /// `None`: the gateway has answered itself.
        status: Option<StatusCode>,
        /// Why the gateway has answered itself, in snake case.
        refusal: Option<&'static str>,
    },
    /// The client has acknowledged it.
    Delivered(Code),
    /// The client has not.
    Undelivered(Code),
}

/// A request that is to be answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) exchange: ExchangeId,
    pub(super) received: Instant,
    /// Bytes of its body.
    pub(super) len: usize,
}

impl Asked {
    pub(super) fn new(request: &IncomingRequest, received: Instant) -> Self {
        Self {
            exchange: request.exchange,
            received,
            len: request.payload.len(),
        }
    }
}

impl Exchange {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Request, Self::Register, Self::Notification];

    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Register => "register",
            Self::Notification => "notification",
        }
    }
}

impl Outcome {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Answered { .. } => "answered",
            Self::Delivered(_) => "delivered",
            Self::Undelivered(_) => "undelivered",
        }
    }

    /// What the client was sent, or is to be sent again; `None`: nothing.
    pub fn code(&self) -> Option<Code> {
        match *self {
            Self::Abandoned => None,
            Self::Answered { code, .. } | Self::Delivered(code) | Self::Undelivered(code) => {
                Some(code)
            }
        }
    }

    /// The gateway has answered itself.
    pub(super) fn refused(response: &Response, refusal: &'static str) -> Self {
        Self::Answered {
            code: response.code,
            status: None,
            refusal: Some(refusal),
        }
    }

    /// The homeserver's answer was passed on.
    pub(super) fn passed_on(response: &Response, status: StatusCode) -> Self {
        Self::Answered {
            code: response.code,
            status: Some(status),
            refusal: None,
        }
    }
}

impl Finished {
    /// A record of a request that could be translated.
    pub(super) fn new(
        exchange: Exchange,
        outcome: Outcome,
        request: &HttpRequest,
        token: Option<TokenDigest>,
    ) -> Self {
        Self {
            exchange,
            outcome,
            method: Some(request.method.clone()),
            path: Some(request.path.clone()),
            token,
            received: 0,
            sent: 0,
            duration: Duration::ZERO,
        }
    }
}
