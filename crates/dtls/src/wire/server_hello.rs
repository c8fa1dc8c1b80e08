//! What a server's first answer shows.

use super::{Fragment, SERVER_HELLO};

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// How the random of a ServerHello of version 1.2 ends when its server has 1.3 too (RFC 8446 section 4.1.3).
pub(crate) const DOWNGRADE: [u8; 8] = *b"DOWNGRD\x01";

/// Whether a record begins with a HelloRetryRequest: the answer of DTLS 1.3 that carries the cookie (RFC 9147 section
/// 5.1).
#[must_use]
pub fn is_retry(record: &[u8]) -> bool {
    server_random(record) == Some(&RETRY)
}

/// Whether the ServerHello of version 1.2 that a record begins with says that its server has DTLS 1.3 too. `None` if it
/// begins with something else, or with a part that has no random.
///
/// The mark means nothing before the association is established: then Finished has covered it.
#[must_use]
pub fn server_random_advertises_13(record: &[u8]) -> Option<bool> {
    server_random(record).map(|random| random.ends_with(&DOWNGRADE))
}

fn server_random(record: &[u8]) -> Option<&[u8; 32]> {
    let fragment = Fragment::parse(record)?;
    if fragment.kind != SERVER_HELLO || fragment.offset != 0 {
        return None;
    }
    fragment.body.get(2..)?.first_chunk()
}

#[cfg(test)]
mod tests;
