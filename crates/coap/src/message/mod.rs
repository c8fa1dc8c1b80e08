//! Messages (RFC 7252 section 3).

mod encode;
mod error;
mod parse;

pub use encode::encode;
pub use error::{ParseError, ParseErrorKind};

use std::fmt;

use crate::{Code, Options, Token};

/// How a message takes part in reliability (RFC 7252 section 4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    /// Carries an acknowledgement, and perhaps a response.
    Acknowledgement,
    /// Wants an acknowledgement.
    Confirmable,
    /// Wants none.
    NonConfirmable,
    /// Says that a message could not be processed.
    Reset,
}

/// The fixed part of a message and its token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// How it takes part in reliability.
    pub kind: Type,
    /// What it asks or answers.
    pub code: Code,
    /// What acknowledgements and duplicates are known by.
    pub id: u16,
    /// What responses are known by.
    pub token: Token,
}

/// A message as it was received. Borrows the datagram.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The fixed part and the token.
    pub header: Header,
    /// The options.
    pub options: Options<'a>,
    /// The payload. Empty where there is none: a marker without payload is malformed.
    pub payload: &'a [u8],
    /// Whether the message breaks a rule that programs with the Go library break: an acknowledgement of code 0.00
    /// that carries more than its four bytes.
    pub bent: bool,
}

impl<'a> Message<'a> {
    /// Takes a datagram apart, without copying.
    ///
    /// # Errors
    /// What is wrong, and the header where it could be read: a confirmable message with a broken rest is answered
    /// with a reset (RFC 7252 section 4.2).
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        parse::parse(datagram)
    }
}

/// The payload is shown by its length only: it may be secret.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("header", &self.header)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .field("bent", &self.bent)
            .finish()
    }
}

impl Type {
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Confirmable => 0,
            Self::NonConfirmable => 1,
            Self::Acknowledgement => 2,
            Self::Reset => 3,
        }
    }
}

#[cfg(test)]
mod tests;
