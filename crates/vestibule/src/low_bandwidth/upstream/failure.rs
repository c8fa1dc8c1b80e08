//! Why the homeserver has not answered.

use std::{fmt, io};

use vestibule_lowband::{
    answer::{self, Malformed},
    sync::PollFailure,
};

/// Why there is no answer to a request. It says nothing of the request, which has secrets.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection was closed, or lost, before the whole answer had come.
    Cut,
    /// The homeserver cannot be connected to.
    Connect(io::Error),
    /// There was no connection in time.
    ConnectTimedOut,
    /// Another request, for which this one has waited, has just found that there is no connection.
    ConnectsNot,
    /// HTTP/2 has failed, for the connection or for this request.
    Http2(hyper::Error),
    /// The connection has failed.
    Io(io::Error),
    /// What came is no answer of HTTP.
    Malformed(Malformed),
    /// The bodies of other answers have all the memory that there is for them.
    NoRoom,
    /// The request cannot be sent by HTTP.
    Request,
    /// No whole answer came in time.
    TimedOut,
    /// The body is over the limit.
    TooLarge,
}

/// A request that was not answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) why: Failure,
    pub(super) again: Again,
}

/// Whether a request that was not answered may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It has done nothing.
    Always,
    /// The connection may have ended before it came; it may have done something all the same.
    IfIdempotent,
    /// It would go as it went.
    Never,
}

impl Unanswered {
    /// It would go as it went if it were sent once more.
    pub(super) fn for_good(why: Failure) -> Self {
        let again = Again::Never;
        Self { why, again }
    }
}

impl Failure {
    /// Whether the homeserver itself may be in trouble, which its administrator wants to know.
    pub(super) fn is_of_the_homeserver(&self) -> bool {
        !matches!(
            self,
            Self::NoRoom | Self::Request | Self::TimedOut | Self::TooLarge
        )
    }
}

impl From<answer::Error<Self>> for Failure {
    fn from(error: answer::Error<Self>) -> Self {
        match error {
            answer::Error::Body(failure) => failure,
            answer::Error::Cut => Self::Cut,
            answer::Error::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

impl From<Failure> for PollFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoRoom => Self::Overloaded,
            Failure::TimedOut => Self::TimedOut,
            Failure::TooLarge => Self::TooLarge,
            Failure::Cut
            | Failure::Connect(_)
            | Failure::ConnectTimedOut
            | Failure::ConnectsNot
            | Failure::Http2(_)
            | Failure::Io(_)
            | Failure::Malformed(_)
            | Failure::Request => Self::Unreachable,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the connection was closed before the whole answer had come"),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::ConnectTimedOut => f.write_str("cannot connect in time"),
            Self::ConnectsNot => f.write_str("another request could not connect"),
            Self::Http2(error) => {
                write!(f, "HTTP/2 has failed: {error}")?;
                let cause = std::error::Error::source(error);
                cause.map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::Io(error) => write!(f, "the connection has failed: {error}"),
            Self::Malformed(malformed) => write!(f, "the answer is no HTTP: {malformed}"),
            Self::NoRoom => f.write_str("other answers have all the memory (limits.bodies)"),
            Self::Request => f.write_str("the request cannot be sent by HTTP"),
            Self::TimedOut => f.write_str("no answer came in time"),
            Self::TooLarge => f.write_str("the answer is too large"),
        }
    }
}
