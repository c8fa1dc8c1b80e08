//! How exchanges with clients and requests to the homeserver end, in few words.

use hyper::StatusCode;
use vestibule_lowband::{
    gateway::{Exchange, Outcome},
    sync::PollFailure,
};

/// How an exchange with a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was answered with a code of class 2.
    Success,
    /// It was answered with a code of class 4.
    ClientError,
    /// It was answered with a code of class 5.
    ServerError,
    /// The association was over first, or the client did not wait.
    Abandoned,
    /// The client has acknowledged what it was sent.
    Delivered,
    /// The client has not.
    Undelivered,
}

impl End {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Success,
        Self::ClientError,
        Self::ServerError,
        Self::Abandoned,
        Self::Delivered,
        Self::Undelivered,
    ];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "2.xx",
            Self::ClientError => "4.xx",
            Self::ServerError => "5.xx",
            Self::Abandoned => "abandoned",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }

    /// Whether an exchange of this kind can end like this.
    pub(crate) fn is_of(self, exchange: Exchange) -> bool {
        let is_answer = matches!(self, Self::Success | Self::ClientError | Self::ServerError);
        match exchange {
            Exchange::Request | Exchange::Register => is_answer || self == Self::Abandoned,
            Exchange::Notification => !is_answer,
        }
    }
}

impl From<&Outcome> for End {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Answered { code, .. } => match code.class() {
                2 => Self::Success,
                4 => Self::ClientError,
                _ => Self::ServerError,
            },
            Outcome::Delivered(_) => Self::Delivered,
            Outcome::Undelivered(_) => Self::Undelivered,
        }
    }
}

/// What has become of a request to the homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It has answered with this status.
    Status(StatusCode),
    /// It has not answered, or more than what is taken.
    Failure(PollFailure),
    /// Nobody wanted to know any more.
    Cancelled,
}

const CANCELLED: &str = "cancelled";

/// Classes of statuses, from the second on.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

impl Reply {
    /// How many are told apart.
    pub(super) const COUNT: usize = CLASSES.len() + PollFailure::ALL.len() + 1;

    /// What there is to say of one in metrics, in the order of [`Self::index`].
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        let failures = PollFailure::ALL.into_iter().map(PollFailure::name);
        CLASSES.into_iter().chain(failures).chain([CANCELLED])
    }

    /// Where it stands among the [`Self::names`].
    pub(super) fn index(self) -> usize {
        match self {
            // A server may make classes up.
            Self::Status(status) => usize::from(status.as_u16() / 100).clamp(2, 5) - 2,
            // All of them are in the order of the declaration.
            Self::Failure(failure) => CLASSES.len() + failure as usize,
            Self::Cancelled => Self::COUNT - 1,
        }
    }
}

impl From<Result<StatusCode, PollFailure>> for Reply {
    fn from(result: Result<StatusCode, PollFailure>) -> Self {
        match result {
            Ok(status) => Self::Status(status),
            Err(failure) => Self::Failure(failure),
        }
    }
}
