//! From addresses and TLVs to bytes.

mod v1;
mod v2;

use std::{error, fmt};

use crate::Reject;

pub use v1::{encode_v1, encode_v1_unknown};
pub use v2::{SslInfo, V2Builder, V2Writer};

/// Why a header cannot be written. Nothing is left in the output then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A CRC32C TLV was given as bytes; [`V2Writer::crc32c`] computes it.
    Crc32cByHand,
    /// The TLVs do not fit into the 65,535 bytes that the length field can say.
    HeaderTooLong,
    /// A receiver would refuse the value of this TLV, for the reason given.
    InvalidTlv(Reject),
    /// One address is IPv4 and the other IPv6. Neither version can say that.
    MixedFamilies,
    /// The name of a UNIX socket is longer than 108 bytes.
    UnixAddressTooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crc32cByHand => {
                f.write_str("the CRC32C TLV cannot be given as bytes; it is computed")
            }
            Self::HeaderTooLong => {
                f.write_str("the TLVs are too long; at most 65535 bytes follow the fixed part")
            }
            Self::InvalidTlv(reject) => write!(f, "a receiver would refuse the TLV: {reject}"),
            Self::MixedFamilies => {
                f.write_str("source and destination are not of the same address family")
            }
            Self::UnixAddressTooLong => {
                f.write_str("the name of a UNIX socket is longer than 108 bytes")
            }
        }
    }
}

impl error::Error for EncodeError {}

#[cfg(test)]
mod tests;
