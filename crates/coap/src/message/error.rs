//! Why a datagram is no message.

use std::fmt;

use super::Header;
use crate::option::Malformed;

/// A datagram that is no message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The header, where the datagram has one of our version. Its token may be missing.
    pub header: Option<Header>,
}

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParseErrorKind {
    /// A payload marker with nothing after it.
    NoPayload,
    /// Code 0.00 with more than four bytes.
    NotEmpty,
    /// The numbers of options add up to more than 65,535.
    OptionNumber,
    /// An option with a reserved delta or length.
    OptionReserved,
    /// A reserved token length, 9 to 15.
    TokenLength(u8),
    /// Fewer than four bytes.
    TooShort,
    /// It ends in the middle of its token or of an option.
    Truncated,
    /// Another version than 1. RFC 7252 section 3 has it ignored in silence.
    Version(u8),
}

impl ParseError {
    pub(super) const fn new(kind: ParseErrorKind, header: Header) -> Self {
        Self {
            kind,
            header: Some(header),
        }
    }

    pub(super) const fn headless(kind: ParseErrorKind) -> Self {
        Self { kind, header: None }
    }
}

impl From<Malformed> for ParseErrorKind {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Number => Self::OptionNumber,
            Malformed::Reserved => Self::OptionReserved,
            Malformed::Truncated => Self::Truncated,
        }
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPayload => f.write_str("a payload marker without a payload"),
            Self::NotEmpty => f.write_str("an empty message of more than four bytes"),
            Self::OptionNumber => f.write_str("an option number beyond 65535"),
            Self::OptionReserved => f.write_str("an option with a reserved delta or length"),
            Self::TokenLength(length) => {
                write!(f, "a token length of {length}, at most 8 are allowed")
            }
            Self::TooShort => f.write_str("fewer than four bytes"),
            Self::Truncated => f.write_str("it ends in the middle of its token or of an option"),
            Self::Version(version) => write!(f, "CoAP version {version}, not 1"),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a CoAP message: {}", self.kind)
    }
}

impl std::error::Error for ParseError {}
