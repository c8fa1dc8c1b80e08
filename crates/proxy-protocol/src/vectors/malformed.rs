mod v1;
mod v2;

use super::v2 as header;
use crate::{Reject, V2_MAX_LEN};

/// A header that breaks one rule.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// What is wrong, in a few words.
    pub name: &'static str,
    /// What arrives. Nothing more has to come before it is refused.
    pub bytes: Vec<u8>,
    /// The `max_len` under which it is refused; [`V2_MAX_LEN`] but for headers too long.
    pub max_len: usize,
    /// The rule it breaks.
    pub reason: Reject,
}

/// Malformed headers, with every [`Reject`] among their reasons.
pub fn malformed() -> Vec<Malformed> {
    let lines = v1::LINES.iter().map(|&(name, line, reason)| Malformed {
        name,
        bytes: line.as_bytes().to_vec(),
        max_len: V2_MAX_LEN,
        reason,
    });
    let headers = v2::headers()
        .into_iter()
        .map(|(name, bytes, reason)| Malformed {
            name,
            bytes,
            max_len: V2_MAX_LEN,
            reason,
        });
    let capped = [
        (
            "v1 line over the cap",
            b"PROXY UNKNOWN 0123456789\r\n".to_vec(),
            20,
        ),
        (
            "v2 length over the cap, nothing more sent",
            header(0x21, 0x11, &[0; 521])[..16].to_vec(),
            536,
        ),
        ("v2 LOCAL over the cap", header(0x20, 0x00, &[0; 521]), 536),
    ]
    .map(|(name, bytes, max_len)| Malformed {
        name,
        bytes,
        max_len,
        reason: Reject::HeaderTooLong,
    });
    lines.chain(headers).chain(capped).collect()
}
