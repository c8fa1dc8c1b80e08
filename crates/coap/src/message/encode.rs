//! From messages to datagrams.

use super::Header;
use crate::OptionList;

/// Appends a message to `out`. An empty payload has no marker.
///
/// With code 0.00 the token, the options and the payload must be empty; nothing else is checked.
pub fn encode(header: Header, options: &OptionList, payload: &[u8], out: &mut Vec<u8>) {
    let token = header.token.as_bytes();
    out.push(1 << 6 | header.kind.bits() << 4 | token.len() as u8);
    out.push(header.code.0);
    out.extend_from_slice(&header.id.to_be_bytes());
    out.extend_from_slice(token);
    let mut before = 0;
    for (number, value) in options.iter() {
        let delta = number.0 - before;
        before = number.0;
        let (delta, length) = (u32::from(delta), value.len() as u32);
        out.push(nibble(delta) << 4 | nibble(length));
        extend(delta, out);
        extend(length, out);
        out.extend_from_slice(value);
    }
    if !payload.is_empty() {
        out.push(0xff);
        out.extend_from_slice(payload);
    }
}

/// What stands in the first byte of an option for a delta or a length (RFC 7252 section 3.1).
fn nibble(value: u32) -> u8 {
    match value {
        ..13 => value as u8,
        13..269 => 13,
        _ => 14,
    }
}

/// What follows the first byte. No delta and no length in a list is over 65,804.
fn extend(value: u32, out: &mut Vec<u8>) {
    match value {
        ..13 => {}
        13..269 => out.push((value - 13) as u8),
        _ => out.extend_from_slice(&((value - 269) as u16).to_be_bytes()),
    }
}
