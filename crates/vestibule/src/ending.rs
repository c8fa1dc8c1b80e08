//! How connections end: the vocabulary of access records.

use std::io;

use vestibule_proxy_protocol::Reject;

use crate::metrics::Refusal;

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Client,
    Upstream,
    Vestibule,
}

impl Party {
    /// Its name in access records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Vestibule => "vestibule",
        }
    }
}

/// Why the operator ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `drain SERVICE`.
    Drained,
    /// `kill ID`.
    Killed,
    /// The process ends.
    Shutdown,
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// No target of the service could be reached.
    ConnectFailed(io::Error),
    /// The client closed without having sent a byte of payload. Counted, not logged.
    Empty,
    /// Both directions ended with FIN; this side's came first.
    Eof(Party),
    /// One direction had ended, and then nothing moved for `half_close_timeout`.
    HalfCloseTimeout,
    /// A bug of ours ended it.
    InternalError,
    /// Nothing moved for `idle_timeout` on this side.
    IdleTimeout(Party),
    /// The connection was not carried.
    Refused(Refusal),
    /// The PROXY header was not accepted.
    Rejected(Reject),
    /// This side was reset, or failed with this error.
    Reset(Party, io::ErrorKind),
    /// The operator ended it.
    Stopped(Stop),
}

impl Ending {
    /// Its name in access records.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ConnectFailed(_) => "connect_failed",
            Self::Empty => "empty",
            Self::Eof(_) => "eof",
            Self::HalfCloseTimeout => "half_close_timeout",
            Self::InternalError => "internal_error",
            Self::IdleTimeout(_) => "idle_timeout",
            Self::Refused(refusal) => refusal.name(),
            Self::Rejected(_) => Refusal::ProxyHeaderInvalid.name(),
            Self::Reset(..) => "reset",
            Self::Stopped(Stop::Drained) => "drained",
            Self::Stopped(Stop::Killed) => "killed",
            Self::Stopped(Stop::Shutdown) => "shutdown",
        }
    }

    /// Who ended it.
    pub(crate) fn party(&self) -> Party {
        match self {
            Self::Eof(party) | Self::Reset(party, _) => *party,
            Self::ConnectFailed(_) => Party::Upstream,
            Self::Empty | Self::Refused(Refusal::ProxyHeaderTruncated) => Party::Client,
            Self::HalfCloseTimeout
            | Self::InternalError
            | Self::IdleTimeout(_)
            | Self::Refused(_)
            | Self::Rejected(_)
            | Self::Stopped(_) => Party::Vestibule,
        }
    }

    /// What more is known, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::ConnectFailed(error) => Some(error.to_string()),
            Self::IdleTimeout(party) => Some(format!("the {} was silent", party.name())),
            Self::Rejected(reject) => Some(reject.name().to_owned()),
            // What a system call says of a connection that was reset before.
            Self::Reset(
                _,
                io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotConnected,
            ) => None,
            Self::Reset(_, kind) => Some(kind.to_string()),
            _ => None,
        }
    }
}
