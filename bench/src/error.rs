use std::{fmt, io};

use vestibule_dtls::session::{Fault, SendError};

/// Why the benchmark stopped.
#[derive(Debug)]
pub(crate) enum Error {
    /// No certificate could be made.
    Certificate(rcgen::Error),
    /// An association of a client broke.
    Dtls(Fault),
    /// A proxy ended before it listened; the text is what it last said.
    Ended(String),
    /// A system call failed.
    Io { what: String, source: io::Error },
    /// The proxy wrote fewer access records than it owes, so that its figures would not be
    /// comparable.
    LogIncomplete { records: u64, owed: u64 },
    /// One measurement failed.
    Measurement {
        row: &'static str,
        peer: &'static str,
        cause: Box<Self>,
    },
    /// A TLS or DTLS handshake was another one than the row measures.
    Negotiated { wanted: String, got: String },
    /// A client's association did not take a question.
    NotSent(SendError),
    /// A proxy did not listen in time; the text is what it last said.
    NotReady(String),
    /// The kernel's file does not look as its documentation says.
    ProcFormat(&'static str),
    /// A request was not answered with 200; the text is the answer's first line.
    Refused(String),
    /// A connection did not move for [`STALL`](crate::load::STALL).
    Stalled,
    /// TLS failed on a client's connection.
    Tls(rustls::Error),
    /// There is no such core on this machine.
    TooFewCores { wanted: usize, present: usize },
    /// The proxy closed a connection before the whole answer had come.
    Truncated,
    /// What arrived is not what the origin sent.
    WrongAnswer,
}

impl Error {
    /// Turns an I/O error into ours; `what` completes "cannot …".
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "cannot make a certificate: {error}"),
            Self::Dtls(fault) => write!(f, "DTLS: {fault}"),
            Self::Ended(said) => write!(f, "ended before it listened; it said: {said}"),
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::LogIncomplete { records, owed } => {
                write!(f, "{records} access records instead of {owed}")
            }
            Self::Measurement { row, peer, cause } => write!(f, "row {row}, {peer}: {cause}"),
            Self::Negotiated { wanted, got } => {
                write!(f, "the handshake was {got} instead of {wanted}")
            }
            Self::NotReady(said) => write!(f, "does not listen; it said: {said}"),
            Self::NotSent(error) => write!(f, "DTLS: a question was not sent: {error}"),
            Self::ProcFormat(file) => write!(f, "{file} has an unknown format"),
            Self::Refused(answer) => write!(f, "a request was answered: {answer}"),
            Self::Stalled => f.write_str("the connections do not move"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::TooFewCores { wanted, present } => {
                write!(f, "core {wanted} is asked for, the machine has {present}")
            }
            Self::Truncated => f.write_str("a connection was closed before its whole answer came"),
            Self::WrongAnswer => f.write_str("the answer is not what the origin sent"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(error) => Some(error),
            Self::Dtls(fault) => Some(fault),
            Self::Io { source, .. } => Some(source),
            Self::NotSent(error) => Some(error),
            Self::Measurement { cause, .. } => Some(cause),
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}
