//! What can be wrong with a header.

use std::fmt;

use vestibule_proxy_protocol::{EncodeError, Reject};

use crate::cli::{hex::HexError, printable::excerpt};

/// Why bytes are no header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// They are its beginning at most.
    Incomplete {
        /// Bytes that are there.
        received: usize,
        /// Bytes that are missing at least.
        missing: usize,
    },
    /// They break a rule.
    Rejected(Reject),
}

/// Why a description cannot be written as a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// This is no address.
    Address { key: &'static str, text: String },
    /// There is one address only.
    AddressAlone,
    /// The family is not that of the addresses.
    Family { told: String, addresses: String },
    /// The digits after `hex:` are wrong.
    Hex(HexError),
    /// `ignored` stands beside addresses or TLVs, which are part of it.
    IgnoredAndMore,
    /// LOCAL has no addresses.
    LocalWithAddresses,
    /// The flags say neither addresses nor that there are none.
    NoAddresses,
    /// What was written would be refused.
    Refused(Reject),
    /// A TLV cannot have this key.
    TlvKey { tlv: String, key: &'static str },
    /// A TLV inside of `ssl` is longer than its length field can say.
    TlvTooLong(String),
    /// `--tlv` without `=`.
    TlvWithoutValue(String),
    /// A TLV has no value.
    TlvValueMissing(String),
    /// This name means nothing.
    UnknownName {
        what: &'static str,
        name: String,
        known: Vec<&'static str>,
    },
    /// Version 1 cannot say this.
    Version1(&'static str),
    /// The codec cannot write it.
    Unwritable(EncodeError),
}

impl From<EncodeError> for Mistake {
    fn from(error: EncodeError) -> Self {
        Self::Unwritable(error)
    }
}

impl From<HexError> for Mistake {
    fn from(error: HexError) -> Self {
        Self::Hex(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { received, missing } => write!(
                f,
                "the header is not complete: {received} bytes are there, at least {missing} more \
                 are missing"
            ),
            Self::Rejected(reject) => write!(f, "{}: {reject}", reject.name()),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { key, text } => write!(
                f,
                "`{key}` is \"{}\", which is no address; 192.0.2.1:4000, [2001:db8::1]:4000 or \
                 unix:/path is expected",
                excerpt(text)
            ),
            Self::AddressAlone => {
                f.write_str("a header has both `source` and `destination`, or neither")
            }
            Self::Family { told, addresses } => {
                write!(
                    f,
                    "`family` is {}, but the addresses say {addresses}",
                    excerpt(told)
                )
            }
            Self::Hex(error) => error.fmt(f),
            Self::IgnoredAndMore => f.write_str(
                "`ignored` is all that follows the fixed part, so there can be no addresses and \
                 TLVs beside it",
            ),
            Self::LocalWithAddresses => f.write_str(
                "the command is local, which has no addresses; leave them out, or write proxy",
            ),
            Self::NoAddresses => f.write_str(
                "write --source and --destination, or --local or --unknown for a header without",
            ),
            Self::Refused(reject) => {
                write!(f, "receivers refuse this as {}: {reject}", reject.name())
            }
            Self::TlvKey { tlv, key } => write!(f, "the TLV {} has no `{key}`", excerpt(tlv)),
            Self::TlvTooLong(tlv) => write!(
                f,
                "the value of {} is longer than 65535 bytes",
                excerpt(tlv)
            ),
            Self::TlvWithoutValue(text) => write!(
                f,
                "\"{}\" is no TLV; KIND=VALUE is expected, such as authority=example.org or \
                 0xE0=hex:0102",
                excerpt(text)
            ),
            Self::TlvValueMissing(tlv) => write!(f, "the TLV {} needs a `value`", excerpt(tlv)),
            Self::UnknownName { what, name, known } => write!(
                f,
                "\"{}\" is no {what}; one of {}, or a number from 0x00 to 0xFF is expected",
                excerpt(name),
                known.join(", ")
            ),
            Self::Version1(what) => {
                write!(f, "version 1 has no {what}; version 2 has")
            }
            Self::Unwritable(error) => error.fmt(f),
        }
    }
}
