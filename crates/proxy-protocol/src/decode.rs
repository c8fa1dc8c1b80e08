//! From bytes to a header.

mod v1;
mod v2;

use crate::{Header, Reject, V2_SIGNATURE};

/// Decodes the header at the beginning of `input`, all that has been received so far.
///
/// `max_len` is the longest header in bytes that is accepted; [`V1_MAX_LEN`](crate::V1_MAX_LEN) is
/// enough for version 1, [`V2_MAX_LEN`](crate::V2_MAX_LEN) for everything. A version 2 header that
/// says it is longer is refused as soon as its length field is there.
///
/// Call it again with more bytes at the end of `input` after [`Decoded::NeedMore`]. However the
/// bytes are cut into segments, the answer is the same, and a refusal comes with the first byte
/// that makes it certain (in version 2 everything after the length field is looked at once it is
/// complete).
///
/// # Errors
///
/// The one rule that the header breaks. Section 2 has the receiver close such a connection.
#[inline]
pub fn decode(input: &[u8], max_len: usize) -> Result<Decoded<'_>, Reject> {
    match input {
        [b'P', ..] => v1::decode(input, max_len),
        [first, ..] if *first == V2_SIGNATURE[0] => v2::decode(input, max_len),
        [] => Ok(Decoded::NeedMore(v1::MIN_LEN)),
        _ => Err(Reject::NoSignature),
    }
}

/// What [`decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A complete header.
    Header(Header<'a>),
    /// The header is right so far, and at least this many more bytes belong to it (1 or more).
    ///
    /// Fewer may be enough to refuse it.
    NeedMore(usize),
}

#[cfg(test)]
mod tests;
