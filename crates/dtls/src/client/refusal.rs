//! Why a server's certificate was refused.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use webpki::Error;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::{config::PeerName, trust::Fingerprint};

/// The most names that [`Refusal::WrongName`] keeps.
const MAX_NAMES: usize = 8;

/// The longest name that is kept, in characters: a DNS name has no more.
const MAX_NAME: usize = 253;

/// Why a server's certificate was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The server showed none.
    NoCertificate,
    /// It cannot be read, or says what no certificate may say.
    Malformed,
    /// Neither it nor who signed it is trusted.
    UnknownIssuer,
    /// It is for others.
    WrongName {
        /// Who was asked for.
        expected: PeerName,
        /// Whom it is for: the first names and addresses of its subjectAltName, cut to what is printable.
        names: Vec<String>,
        /// How many more it has.
        more: usize,
    },
    /// Its time is over, or that of one above it.
    Expired {
        /// Since when, in seconds since 1970.
        since: i64,
    },
    /// Its time, or that of one above it, is to come.
    NotYetValid {
        /// From when on, in seconds since 1970.
        from: i64,
    },
    /// It is another one than was pinned.
    WrongFingerprint {
        /// The pinned one.
        expected: Fingerprint,
        /// That of the server.
        presented: Fingerprint,
    },
    /// It says what it is for, and servers are not among that.
    NotForServers,
    /// It is that of an authority, and none that is trusted by itself.
    IsAuthority,
    /// Who signed it, or one above it, is no authority.
    SignedByNoAuthority,
    /// A signature in the chain is wrong.
    BadSignature,
    /// A signature in the chain is of a kind that is not known here.
    UnknownSignature,
    /// An authority of the chain may not sign for this name, or not through so many others.
    Constrained,
    /// It has what has to be understood and is not, or it is no certificate of version 3.
    Unsupported,
    /// The chain is too complex.
    TooComplex,
}

impl Refusal {
    pub(super) fn expired(since: i64) -> Self {
        Self::Expired { since }
    }

    pub(super) fn not_yet_valid(from: i64) -> Self {
        Self::NotYetValid { from }
    }

    /// Why a chain does not hold.
    pub(super) fn of_chain(error: &Error) -> Self {
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        match error {
            Error::UnknownIssuer => Self::UnknownIssuer,
            Error::CertExpired { not_after, .. } => Self::expired(seconds(not_after.as_secs())),
            Error::CertNotValidYet { not_before, .. } => {
                Self::not_yet_valid(seconds(not_before.as_secs()))
            }
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Self::NotForServers,
            Error::CaUsedAsEndEntity => Self::IsAuthority,
            Error::EndEntityUsedAsCa => Self::SignedByNoAuthority,
            Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => {
                Self::BadSignature
            }
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::UnknownSignature,
            Error::NameConstraintViolation | Error::PathLenConstraintViolated => Self::Constrained,
            Error::UnsupportedCertVersion
            | Error::UnsupportedCriticalExtension
            | Error::CertDistrusted => Self::Unsupported,
            Error::MaximumNameConstraintComparisonsExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumPathDepthExceeded
            | Error::MaximumSignatureChecksExceeded => Self::TooComplex,
            _ => Self::Malformed,
        }
    }

    /// Why `leaf` is not for `name`.
    pub(super) fn of_name(error: &Error, name: &PeerName, leaf: &CertificateDer<'_>) -> Self {
        let Error::CertNotValidForName(_) = error else {
            return Self::of_chain(error);
        };
        let mut names = names(leaf);
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        Self::WrongName {
            expected: name.clone(),
            names,
            more,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NoCertificate => "the server showed no certificate",
            Self::Malformed => "the server's certificate cannot be read",
            Self::UnknownIssuer => {
                "the server's certificate is of an authority that is not trusted here: trust its CA, or the \
                 certificate itself"
            }
            Self::WrongName {
                expected,
                names,
                more,
            } => return wrong_name(f, expected, names, *more),
            Self::Expired { since } => {
                return write!(
                    f,
                    "the server's certificate has expired at {}",
                    Moment(*since)
                );
            }
            Self::NotYetValid { from } => {
                return write!(
                    f,
                    "the server's certificate is not valid before {}: is the clock of this machine right?",
                    Moment(*from)
                );
            }
            Self::WrongFingerprint {
                expected,
                presented,
            } => {
                return write!(
                    f,
                    "the server's certificate has the fingerprint {presented}, not {expected}"
                );
            }
            Self::NotForServers => {
                "the server's certificate is not for servers (extended key usage)"
            }
            Self::IsAuthority => {
                "the server's certificate is that of an authority (CA:TRUE) and is not trusted by itself"
            }
            Self::SignedByNoAuthority => {
                "the server's certificate is signed by a certificate that is no authority's"
            }
            Self::BadSignature => "a signature in the chain of the server's certificate is wrong",
            Self::UnknownSignature => {
                "a signature in the chain of the server's certificate is of a kind that is not supported"
            }
            Self::Constrained => {
                "an authority of the server's certificate goes beyond what it may sign for"
            }
            Self::Unsupported => {
                "the server's certificate asks for something that is not supported"
            }
            Self::TooComplex => "the chain of the server's certificate is too complex",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Refusal {}

fn wrong_name(
    f: &mut fmt::Formatter<'_>,
    expected: &PeerName,
    names: &[String],
    more: usize,
) -> fmt::Result {
    write!(f, "the server's certificate is not for {expected} but for ")?;
    if names.is_empty() {
        return f.write_str("nobody: it has no names (subjectAltName)");
    }
    f.write_str(&names.join(", "))?;
    match more {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// Seconds since 1970, as a date.
struct Moment(i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            // Beyond the year 9999.
            Err(_) => self.0.fmt(f),
        }
    }
}

/// The names and addresses that a certificate is for.
fn names(leaf: &[u8]) -> Vec<String> {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return Vec::new();
    };
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(printable(name)),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn printable(name: &str) -> String {
    let shown = |char: char| if char.is_ascii_graphic() { char } else { '?' };
    name.chars().take(MAX_NAME).map(shown).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}
