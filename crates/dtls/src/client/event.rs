//! What a client tells of its association.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::refusal::Refusal;
use crate::{
    session::{Agreement, Fault, Version},
    wire::alert_name,
};

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The handshake is over and the server verified: payloads may be sent. Comes once at most, before all payloads.
    Connected(Agreement),
    /// A payload of the server: that of one record.
    Received(Bytes),
    /// It is over. Comes once, and nothing after it.
    Closed(Closed),
}

/// Why an association is over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Closed {
    /// [`super::Client::close`].
    ByUs,
    /// The server has said goodbye.
    ByPeer,
    /// The server broke the protocol, or has sent a fatal alert under the keys of the association.
    Fault(Fault),
    /// The server is not who it was to be. Nothing of the application was sent.
    Refused(Refusal),
    /// The server can do 1.3 and says so, but 1.3 led nowhere: somebody is in the way. Nothing of the application was
    /// sent.
    Downgraded,
    /// The handshake took too long.
    TimedOut(Stall),
}

/// What is known of a handshake that came to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stall {
    /// The version that was offered. If that is 1.3 because it was remembered, [`super::Versions::Fallback`] is left to
    /// be tried.
    pub version: Version,
    /// How long it was given.
    pub after: Duration,
    /// Whether anything like DTLS has come back.
    pub answered: bool,
    /// The last alert (RFC 8446 section 6) that came in clear: a hint, which anybody can have sent.
    pub alert: Option<u8>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByUs => f.write_str("closed by this side"),
            Self::ByPeer => f.write_str("closed by the server"),
            Self::Fault(fault) => fault.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Downgraded => f.write_str(
                "the server can do DTLS 1.3, but the way there lets 1.2 pass only: somebody may be in between",
            ),
            Self::TimedOut(stall) => stall.fmt(f),
        }
    }
}

impl std::error::Error for Closed {}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, version) = (self.after.as_secs_f32(), self.version.name());
        if !self.answered {
            return write!(
                f,
                "no answer within {seconds} s: nobody speaks DTLS {version} there, or the packets do not pass"
            );
        }
        write!(
            f,
            "the server answers, but the handshake of DTLS {version} was not over within {seconds} s: there may be \
             no version or cipher suite that both sides can do, its key may not belong to its certificate, or packets \
             may be lost"
        )?;
        match self.alert {
            None => Ok(()),
            Some(alert) => match alert_name(alert) {
                Some(name) => write!(f, "; somebody has sent the alert {name} ({alert})"),
                None => write!(f, "; somebody has sent the alert {alert}"),
            },
        }
    }
}
