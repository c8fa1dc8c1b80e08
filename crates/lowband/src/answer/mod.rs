//! An answer of the homeserver by HTTP: by HTTP/1.1 (RFC 9112) as it comes in pieces, and what counts of
//! it whatever the version.

mod chunked;
mod reader;
#[cfg(test)]
mod tests;

pub use self::reader::{MAX_HEAD_LEN, Reader};

use std::fmt;

use http::StatusCode;

/// Longest field Retry-After that is looked at, in bytes.
const MAX_RETRY_AFTER_LEN: usize = 64;

/// Where the body of an answer is put. It decides how much of it there may be.
pub trait Body {
    /// Why it takes no more.
    type Error;

    /// `length` bytes are said to come, in all.
    ///
    /// # Errors
    ///
    /// When that is too much.
    fn expect(&mut self, length: u64) -> Result<(), Self::Error>;

    /// Takes more of it.
    ///
    /// # Errors
    ///
    /// When it is too much.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// An answer that has come as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole<B> {
    /// The status, which is not one of an interim answer.
    pub status: StatusCode,
    /// The field Retry-After.
    pub retry_after: Option<String>,
    /// Where its body was put.
    pub body: B,
    /// Whether the connection can carry another request.
    pub keeps: bool,
}

/// Why what has come is no answer. `E` is why the body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The body was not taken.
    Body(E),
    /// It has ended before it was whole.
    Cut,
    /// It breaks a rule.
    Malformed(Malformed),
}

/// Which rule an answer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The chunked coding is broken.
    Chunk,
    /// There is another transfer coding than chunked, or there is one although there must not be.
    Coding,
    /// It does not begin like an answer, or a line of the head is none.
    Head,
    /// The head is too long, or has too many fields.
    HeadTooLong,
    /// Content-Length is no number, or there are different ones, or a transfer coding beside it.
    Length,
    /// The status is [none](is_status), or nobody has asked for the protocol to be switched.
    Status,
}

/// Whether a status has a meaning (RFC 9110 section 15): 100 to 599.
pub fn is_status(status: StatusCode) -> bool {
    (100..=599).contains(&status.as_u16())
}

/// A field Retry-After, if it is text.
pub fn retry_after(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    let is_plain = text.len() <= MAX_RETRY_AFTER_LEN && text.is_ascii();
    is_plain.then(|| text.trim().to_owned())
}

impl<E> From<Malformed> for Error<E> {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "the chunked coding is broken",
            Self::Coding => "the transfer coding is not the chunked one",
            Self::Head => "the head is none",
            Self::HeadTooLong => "the head is too long",
            Self::Length => "the length of the body is not clear",
            Self::Status => "the status is not one of 100 to 599, or nobody has asked for it",
        })
    }
}
