//! What can be wrong with a document, and what was probably meant.

use std::fmt;

use vestibule_lowband::transcode;

use crate::cli::hex::{HexError, looks_like_hex};

/// Why a document is not converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// The digits of the CBOR are wrong.
    Hex(HexError, Hint),
    /// It breaks a rule, or a limit.
    Document(transcode::Error, Hint),
    /// On many lines it would have more bytes than this.
    Pretty(u64),
}

/// What a document looks like that is not what it was said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    /// It should be CBOR.
    Json,
    /// It should be JSON.
    Cbor,
}

impl Hint {
    /// For an input that was not converted, to JSON if `c2j`.
    pub(super) fn of(input: &[u8], c2j: bool) -> Self {
        match input.trim_ascii_start().first() {
            // As CBOR these are strings whose length has eight bytes, or a number.
            Some(b'{' | b'[' | b'"') if c2j => Self::Json,
            // Arrays and maps, and the tag that says that this is CBOR.
            Some(0x80..=0xbf | 0xd9) if !c2j => Self::Cbor,
            Some(_) if !c2j && looks_like_hex(input) => Self::Cbor,
            _ => Self::None,
        }
    }
}

/// The first bytes of text, as some editors write it.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str(
                "the input begins with a byte order mark (EF BB BF), which belongs neither to JSON \
                 nor to CBOR; save it without",
            ),
            Self::Hex(error, hint) => write!(f, "{error}{hint}"),
            Self::Document(error, hint) => write!(f, "{}: {error}{hint}", error.reason.name()),
            Self::Pretty(limit) => write!(
                f,
                "output: with --pretty the result is longer than {limit} bytes"
            ),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Json => "; this looks like JSON, which becomes CBOR without -c2j",
            Self::Cbor => "; this looks like CBOR, which becomes JSON with -c2j",
        })
    }
}
