//! Version 1, the line of text (section 2.1).

use crate::{Decoded, Reject};

/// `PROXY UNKNOWN` with CR LF, the shortest line.
pub(super) const MIN_LEN: usize = 15;

pub(super) fn decode(_input: &[u8], _max_len: usize) -> Result<Decoded<'_>, Reject> {
    Err(Reject::NoSignature)
}
