//! The value of the options Block1 and Block2.

use std::fmt;

/// The size of a block: 16 to 1,024 bytes, a power of two (RFC 7959 section 2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockSize(u8);

/// Which block of a body this is, how large blocks are, and whether more follow (RFC 7959 section 2.2).
///
/// In a request with Block2 the flag `more` has no meaning; clients of the Go library set it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct BlockValue {
    /// The number of the block, below 2^20, counted in blocks of this size.
    pub number: u32,
    /// Whether more blocks follow.
    pub more: bool,
    /// The size of all blocks but the last.
    pub size: BlockSize,
}

/// Why a value is not a [`BlockValue`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockValueError {
    /// More than three bytes.
    Length,
    /// The exponent 7, which is reserved (RFC 7959 section 2.2) and means something else over TCP only.
    ReservedSize,
}

impl BlockSize {
    /// 1,024 bytes, the largest.
    pub const MAX: Self = Self(6);
    /// 16 bytes, the smallest.
    pub const MIN: Self = Self(0);

    /// The largest size that is not over `bytes`; 16 where that is smaller than every size.
    #[must_use]
    pub const fn at_most(bytes: usize) -> Self {
        let mut exponent = 0;
        while exponent < 6 && (32 << exponent) <= bytes {
            exponent += 1;
        }
        Self(exponent)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        16 << self.0
    }

    /// The size as the exponent of the wire, 0 to 6.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.0
    }
}

impl BlockValue {
    /// The highest number of a block.
    pub const MAX_NUMBER: u32 = (1 << 20) - 1;

    /// Takes the value of an option apart.
    ///
    /// # Errors
    /// More than three bytes, or the reserved size.
    pub fn parse(value: &[u8]) -> Result<Self, BlockValueError> {
        if value.len() > 3 {
            return Err(BlockValueError::Length);
        }
        let bits = value
            .iter()
            .fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        let exponent = (bits & 7) as u8;
        if exponent == 7 {
            return Err(BlockValueError::ReservedSize);
        }
        Ok(Self {
            number: bits >> 4,
            more: bits & 8 != 0,
            size: BlockSize(exponent),
        })
    }

    /// Where the block begins in the body, in bytes.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.number as usize * self.size.bytes()
    }

    /// The value of the option, of format uint.
    #[must_use]
    pub const fn to_uint(self) -> u64 {
        (self.number as u64) << 4 | (self.more as u64) << 3 | self.size.0 as u64
    }
}

impl fmt::Display for BlockValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = u8::from(self.more);
        write!(f, "{}/{more}/{}", self.number, self.size.bytes())
    }
}

impl fmt::Display for BlockValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a block option has at most 3 bytes",
            Self::ReservedSize => "the block size exponent 7 is reserved",
        })
    }
}

impl std::error::Error for BlockValueError {}

#[cfg(test)]
mod tests;
