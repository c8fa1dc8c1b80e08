//! Tokens.

use std::fmt;

/// What matches a response to its request: 0 to 8 bytes (RFC 7252 section 5.3.1).
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Token {
    bytes: [u8; 8],
    length: u8,
}

/// More than eight bytes for a [`Token`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenTooLong;

impl Token {
    /// The token without bytes.
    pub const EMPTY: Self = Self {
        bytes: [0; 8],
        length: 0,
    };

    /// The bytes, 0 to 8 of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl TryFrom<&[u8]> for Token {
    type Error = TokenTooLong;

    fn try_from(value: &[u8]) -> Result<Self, TokenTooLong> {
        let mut bytes = [0; 8];
        bytes
            .get_mut(..value.len())
            .ok_or(TokenTooLong)?
            .copy_from_slice(value);
        Ok(Self {
            bytes,
            length: value.len() as u8,
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(")?;
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for TokenTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token has at most 8 bytes")
    }
}

impl std::error::Error for TokenTooLong {}

#[cfg(test)]
mod tests;
