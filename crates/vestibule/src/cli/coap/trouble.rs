//! Why there is no answer.

use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};

use vestibule_coap::{
    OptionNumber,
    endpoint::{Failure, RequestError},
};
use vestibule_dtls::{
    client::{Closed, Refusal},
    session::{Fault, SendError},
};

use super::writer::Stall;
use crate::cli::printable;

/// Why there is no answer, or why it is not all that was asked for.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file of authorities cannot be used.
    Authorities(PathBuf, String),
    /// The server's certificate is not good.
    Certificate(Refusal),
    /// The association has ended.
    Closed(Closed),
    /// The request failed; what was heard last.
    Failed(Failure, String),
    /// The handshake did not come to its end in this time; what was heard last, if anything was.
    Handshake(SocketAddr, Duration, Option<String>),
    /// A signal asked for the end.
    Interrupted,
    /// This is no name that a certificate could have.
    Name(String),
    /// The socket does not work.
    Network(SocketAddr, io::Error),
    /// The name has no addresses.
    NoAddress(String),
    /// The system trusts nobody.
    NoAuthorities,
    /// The server does not notify, or not any more.
    NotObserved,
    /// Nobody receives at this address.
    Refused(SocketAddr),
    /// The name was not resolved.
    Resolve(String, io::Error),
    /// The threads for signals and output cannot be had.
    Threads(io::Error),
    /// No answer to a ping; what was heard last.
    Silent(String),
    /// What is written to does not take it.
    Stalled(Stall),
    /// The DTLS stack does not work.
    Stack(Fault),
    /// All of it took too long; what was heard last.
    TimeUp(String),
    /// The request cannot be sent at all.
    Unsendable(RequestError),
    /// A message was not sent.
    Unsent(SendError),
}

impl Trouble {
    /// Whether another address of the same name may be tried when no request was sent to this one.
    pub(super) fn is_of_address(&self) -> bool {
        matches!(
            self,
            Self::Handshake(..) | Self::Network(..) | Self::Refused(_) | Self::Silent(_)
        )
    }

    /// Whether it looks as if nobody were there.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Handshake(_, _, None)
                | Self::Refused(_)
                | Self::Silent(_)
                | Self::Failed(Failure::TimedOut, _)
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorities(path, why) => {
                write!(
                    f,
                    "cannot use {} for --cacert: {why}",
                    printable::path(path)
                )
            }
            Self::Certificate(refusal) => write!(f, "{refusal}{}", help(refusal)),
            Self::Closed(closed) => write!(f, "the association has ended: {closed}"),
            Self::Failed(failure, heard) => failed(f, *failure, heard),
            Self::Handshake(remote, time, None) => write!(
                f,
                "nothing came from {remote} in {:.1} s: nobody speaks DTLS there, or datagrams do \
                 not pass",
                time.as_secs_f64()
            ),
            Self::Handshake(remote, time, Some(heard)) => write!(
                f,
                "no DTLS association with {remote} after {:.1} s; {heard}. There may be no \
                 version or suite that both sides have (--dtls 1.2 and 1.3), or datagrams are lost",
                time.as_secs_f64()
            ),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Name(host) => write!(
                f,
                "{host} is no name that a certificate could be for; --plain is without DTLS"
            ),
            Self::Network(remote, error) => write!(f, "cannot send to {remote}: {error}"),
            Self::NoAddress(host) => write!(f, "{host} has no addresses"),
            Self::NoAuthorities => f.write_str(
                "this system trusts no authorities; --cacert FILE names some, --fingerprint the \
                 server's certificate",
            ),
            Self::NotObserved => f.write_str("the server does not tell of further states"),
            Self::Refused(remote) => {
                write!(f, "nobody receives at {remote} (UDP): the port is closed")
            }
            Self::Resolve(host, error) => write!(f, "cannot find {host}: {error}"),
            Self::Threads(error) => write!(f, "cannot wait for signals and output: {error}"),
            Self::Silent(heard) => write!(f, "no answer to a ping; {heard}"),
            Self::Stalled(Stall::Interrupted) => f.write_str("interrupted"),
            Self::Stalled(Stall::TimeUp) => {
                f.write_str("the answer could not be written in time (--max-time)")
            }
            Self::Stack(fault) => fault.fmt(f),
            Self::TimeUp(heard) => {
                write!(f, "there was no whole answer in time (--max-time); {heard}")
            }
            Self::Unsendable(RequestError::BodyTooLarge) => {
                f.write_str("the body has more blocks than CoAP can count: 1048576")
            }
            Self::Unsendable(RequestError::TooMany) => f.write_str("too many requests at a time"),
            Self::Unsent(error) => error.fmt(f),
        }
    }
}

/// Which flags would help.
fn help(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownIssuer | Refusal::IsAuthority => {
            " (--cacert FILE trusts another authority or this certificate, --fingerprint this \
             certificate, -k any)"
        }
        Refusal::WrongName { .. } => {
            " (--connect HOST:PORT sends there while the URL names whom the certificate is for; \
             -k accepts any)"
        }
        Refusal::WrongFingerprint { .. } | Refusal::NoCertificate => "",
        _ => " (-k accepts any certificate)",
    }
}

fn failed(f: &mut fmt::Formatter<'_>, failure: Failure, heard: &str) -> fmt::Result {
    match failure {
        Failure::BadOption(number @ (OptionNumber::BLOCK1 | OptionNumber::BLOCK2)) => write!(
            f,
            "the answer has a {number} that is malformed, or names another block than the one that was to come, or has \
             another size than it says"
        ),
        Failure::BadOption(number) => write!(
            f,
            "the answer has a critical option that is malformed or not understood, and must be rejected: {number}"
        ),
        Failure::BodyChanged => f.write_str(
            "the body of the answer has changed while it was fetched, and cannot be fetched again",
        ),
        Failure::BodyTooLarge => f.write_str("the body of the answer is too large"),
        Failure::Deadline => write!(f, "there was no whole answer in time; {heard}"),
        Failure::Reset => f.write_str(
            "the server has rejected the message (RST): it cannot process it, or knows nothing of \
             an observation",
        ),
        Failure::TimedOut => write!(f, "no acknowledgement, after all repetitions; {heard}"),
    }
}
