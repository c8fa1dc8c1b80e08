//! How connections end: the vocabulary of access records.

use std::{io, net::SocketAddr};

use vestibule_peek::tls::Malformed;
use vestibule_proxy_protocol::Reject;

use crate::tls::HandshakeError;

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

/// Why a connection was refused before anything was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The TLS ClientHello breaks a rule of the protocol.
    ClientHelloInvalid,
    /// The TLS ClientHello is longer than 64 KiB.
    ClientHelloTooLarge,
    /// The connection ended in the middle of the TLS ClientHello.
    ClientHelloTruncated,
    /// The real client holds `limits.connections_per_client` connections already.
    ClientLimit,
    /// The destination that the client named is not allowed.
    ForbiddenDestination,
    /// The TLS handshake with the client failed.
    HandshakeFailed,
    /// The TLS handshake with the client took longer than `limits.handshake_timeout`.
    HandshakeTimeout,
    /// The head of the HTTP request breaks a rule of the protocol.
    HttpRequestInvalid,
    /// No whole head of an HTTP request came within `request_timeout`.
    HttpRequestTimeout,
    /// The head of the HTTP request is too large.
    HttpRequestTooLarge,
    /// The connection ended in the middle of the head of the HTTP request.
    HttpRequestTruncated,
    /// The HTTP request is none that an explicit proxy takes.
    MethodNotAllowed,
    /// The mod_net_proxy shorthand maps the port to nothing that exists.
    NoService,
    /// The listener wants TLS, and the client speaks something else.
    NotTls,
    /// Clients that have not said yet what they want have sent more than a worker keeps for them.
    Overloaded,
    /// The client was silent where its first bytes decide.
    PeekTimeout,
    /// More passwords wait to be checked than can be.
    ProxyAuthBusy,
    /// The client has failed to log in too often.
    ProxyAuthLimited,
    /// The client has not said who it is, or not rightly.
    ProxyAuthRequired,
    /// The PROXY header breaks a rule of the protocol.
    ProxyHeaderInvalid,
    /// No whole PROXY header came within the listener's timeout.
    ProxyHeaderTimeout,
    /// The connection ended in the middle of the PROXY header.
    ProxyHeaderTruncated,
    /// The connection would be carried to one of our own listeners.
    ProxyLoop,
    /// No route matches, and the listener has no service.
    Refused,
    /// No route and no certificate knows the name in the TLS ClientHello.
    UnrecognizedName,
    /// The peer may not speak the PROXY protocol here.
    UntrustedProxy,
}

impl Refusal {
    /// Every refusal, in the order of [`Self::index`].
    pub(crate) const ALL: [Self; 26] = [
        Self::ClientHelloInvalid,
        Self::ClientHelloTooLarge,
        Self::ClientHelloTruncated,
        Self::ClientLimit,
        Self::ForbiddenDestination,
        Self::HandshakeFailed,
        Self::HandshakeTimeout,
        Self::HttpRequestInvalid,
        Self::HttpRequestTimeout,
        Self::HttpRequestTooLarge,
        Self::HttpRequestTruncated,
        Self::MethodNotAllowed,
        Self::NoService,
        Self::NotTls,
        Self::Overloaded,
        Self::PeekTimeout,
        Self::ProxyAuthBusy,
        Self::ProxyAuthLimited,
        Self::ProxyAuthRequired,
        Self::ProxyHeaderInvalid,
        Self::ProxyHeaderTimeout,
        Self::ProxyHeaderTruncated,
        Self::ProxyLoop,
        Self::Refused,
        Self::UnrecognizedName,
        Self::UntrustedProxy,
    ];

    /// Its name in metrics and access records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientHelloInvalid => "client_hello_invalid",
            Self::ClientHelloTooLarge => "client_hello_too_large",
            Self::ClientHelloTruncated => "client_hello_truncated",
            Self::ClientLimit => "client_limit",
            Self::ForbiddenDestination => "forbidden_destination",
            Self::HandshakeFailed => "handshake_failed",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HttpRequestInvalid => "http_request_invalid",
            Self::HttpRequestTimeout => "http_request_timeout",
            Self::HttpRequestTooLarge => "http_request_too_large",
            Self::HttpRequestTruncated => "http_request_truncated",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NoService => "no_service",
            Self::NotTls => "not_tls",
            Self::Overloaded => "overloaded",
            Self::PeekTimeout => "peek_timeout",
            Self::ProxyAuthBusy => "proxy_auth_busy",
            Self::ProxyAuthLimited => "proxy_auth_limited",
            Self::ProxyAuthRequired => "proxy_auth_required",
            Self::ProxyHeaderInvalid => "proxy_header_invalid",
            Self::ProxyHeaderTimeout => "proxy_header_timeout",
            Self::ProxyHeaderTruncated => "proxy_header_truncated",
            Self::ProxyLoop => "proxy_loop",
            Self::Refused => "refused",
            Self::UnrecognizedName => "unrecognized_name",
            Self::UntrustedProxy => "untrusted_proxy",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
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
    /// The TLS handshake with the client came to nothing.
    Handshake(HandshakeError),
    /// The address that the client asks for, or that of the name, may not be dialed.
    ForbiddenAddress(SocketAddr),
    /// One direction had ended, and then nothing moved for `half_close_timeout`.
    HalfCloseTimeout,
    /// A bug of ours ended it.
    InternalError,
    /// Nothing moved for `idle_timeout` on this side.
    IdleTimeout(Party),
    /// The TLS ClientHello was not accepted.
    MalformedHello(Malformed),
    /// The request for a tunnel was not accepted, and why.
    MalformedRequest(&'static str),
    /// The connection was not carried.
    Refused(Refusal),
    /// The client is led, or leads us, to where we wait ourselves.
    Loop(SocketAddr),
    /// The PROXY header was not accepted.
    Rejected(Reject),
    /// This side was reset, or failed with this error.
    Reset(Party, io::Error),
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
            Self::ForbiddenAddress(_)
            | Self::Handshake(_)
            | Self::Loop(_)
            | Self::MalformedHello(_)
            | Self::MalformedRequest(_)
            | Self::Refused(_)
            | Self::Rejected(_) => self.refusal().map_or("", Refusal::name),
            Self::Reset(..) => "reset",
            Self::Stopped(Stop::Drained) => "drained",
            Self::Stopped(Stop::Killed) => "killed",
            Self::Stopped(Stop::Shutdown) => "shutdown",
        }
    }

    /// Why the connection was refused, when it was.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::ForbiddenAddress(_) => Some(Refusal::ForbiddenDestination),
            Self::Loop(_) => Some(Refusal::ProxyLoop),
            Self::Handshake(_) => Some(Refusal::HandshakeFailed),
            Self::MalformedHello(Malformed::TooLarge) => Some(Refusal::ClientHelloTooLarge),
            Self::MalformedHello(_) => Some(Refusal::ClientHelloInvalid),
            Self::MalformedRequest(_) => Some(Refusal::HttpRequestInvalid),
            Self::Refused(refusal) => Some(*refusal),
            Self::Rejected(_) => Some(Refusal::ProxyHeaderInvalid),
            _ => None,
        }
    }

    /// Who ended it.
    pub(crate) fn party(&self) -> Party {
        match self {
            Self::Eof(party) | Self::Reset(party, _) => *party,
            Self::ConnectFailed(_) => Party::Upstream,
            Self::Empty
            | Self::Refused(
                Refusal::ClientHelloTruncated
                | Refusal::HttpRequestTruncated
                | Refusal::ProxyHeaderTruncated,
            ) => Party::Client,
            Self::Handshake(error) if error.is_of_the_peer() => Party::Client,
            Self::HalfCloseTimeout
            | Self::InternalError
            | Self::IdleTimeout(_)
            | Self::ForbiddenAddress(_)
            | Self::Handshake(_)
            | Self::Loop(_)
            | Self::MalformedHello(_)
            | Self::MalformedRequest(_)
            | Self::Refused(_)
            | Self::Rejected(_)
            | Self::Stopped(_) => Party::Vestibule,
        }
    }

    /// What more is known, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::ConnectFailed(error) => Some(error.to_string()),
            Self::ForbiddenAddress(address) => Some(format!("{address} is not allowed")),
            Self::Loop(address) => Some(format!("{address} leads back here")),
            Self::Handshake(error) => Some(error.to_string()),
            Self::MalformedHello(Malformed::TooLarge) => None,
            Self::MalformedHello(malformed) => Some(malformed.name().to_owned()),
            Self::MalformedRequest(name) => Some((*name).to_owned()),
            Self::IdleTimeout(party) => Some(format!("the {} was silent", party.name())),
            Self::Rejected(reject) => Some(reject.name().to_owned()),
            Self::Reset(_, error) => match error.kind() {
                // What a system call says of a connection that was reset before.
                io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotConnected => None,
                // What TLS says.
                io::ErrorKind::InvalidData => Some(error.to_string()),
                kind => Some(kind.to_string()),
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_stand_in_the_order_of_their_index() {
        for (i, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), i);
        }
    }
}
