//! Why there is no link.

use std::{fmt, io};

use vestibule_xmpp::stream::Failure;

use crate::tls::HandshakeError;

/// Why there is no link, or none any more.
#[derive(Debug)]
pub(super) enum Loss {
    /// The server has closed the connection without a word.
    Closed,
    /// The server has ended the stream in order.
    Ended,
    /// The stream cannot go on; mostly because the server says so.
    Failed(Failure),
    /// The server has not accepted us in time.
    HandshakeTimeout,
    /// The connection has failed.
    Io(io::Error),
    /// The settings name another server now.
    Moved,
    /// The TLS handshake has come to nothing.
    NotSecured(HandshakeError),
    /// Nothing has come from the server any more, not even what we have sent to ourselves.
    Silent,
    /// There is no connection to the server.
    Unreachable(io::Error),
}

impl Loss {
    /// What an administrator can do about it; `None`: nothing that we know of. `established` says
    /// whether the server had accepted us.
    pub(super) fn help(&self, established: bool) -> Option<&'static str> {
        match self {
            Self::Failed(failure) => failure.help(),
            Self::Closed | Self::HandshakeTimeout if !established => Some(
                "is this a port for components (5347 by default), and does it want `tls` or not?",
            ),
            Self::NotSecured(HandshakeError::Closed | HandshakeError::Io(_)) => Some(
                "does that port speak TLS from the beginning, and has it a certificate (`certfile` \
                 of that listener in ejabberd)?",
            ),
            Self::Unreachable(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Some(
                    "does the server run, and does it take components there (`component_ports` \
                     in Prosody, a listener `ejabberd_service` in ejabberd)?",
                ),
                io::ErrorKind::NotFound => Some("is `server` right?"),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server has closed the connection"),
            Self::Ended => f.write_str("the server has ended the stream"),
            Self::Failed(failure) => failure.fmt(f),
            Self::HandshakeTimeout => f.write_str("the server has not answered the handshake"),
            Self::Io(error) => write!(f, "the connection has failed: {error}"),
            Self::Moved => f.write_str("the configuration names another server"),
            Self::NotSecured(error) => write!(f, "cannot connect: TLS: {error}"),
            Self::Silent => f.write_str("nothing comes from the server any more"),
            Self::Unreachable(error) => write!(f, "cannot connect: {error}"),
        }
    }
}
