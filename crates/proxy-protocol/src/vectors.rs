//! Headers and the answers they must get, and what holds for all of them.
//!
//! For tests only, here and in what uses this crate.

mod invariants;
mod malformed;
mod wire;

pub use invariants::{check_decode, check_encode};
pub use malformed::{Malformed, malformed};
pub use wire::{PayloadIn, Verdict, WireCase, wire_cases};

use crate::V2_SIGNATURE;

/// A version 2 header as told, right or wrong, its length field being that of `body`.
///
/// # Panics
///
/// If `body` is longer than 65,535 bytes.
pub fn v2(version_command: u8, family_transport: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("a body that the length field can say");
    let mut header = V2_SIGNATURE.to_vec();
    header.extend_from_slice(&[version_command, family_transport]);
    header.extend_from_slice(&len.to_be_bytes());
    header.extend_from_slice(body);
    header
}

/// Address block of 192.0.2.1:56324 → 198.51.100.1:5222.
pub const INET: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 0x14, 0x66];

/// A TLV, its length field being that of `value`.
///
/// # Panics
///
/// If `value` is longer than 65,535 bytes.
pub fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).expect("a value that the length field can say");
    let mut tlv = vec![kind];
    tlv.extend_from_slice(&len.to_be_bytes());
    tlv.extend_from_slice(value);
    tlv
}

fn inet_with(tlvs: &[u8]) -> Vec<u8> {
    v2(0x21, 0x11, &[&INET, tlvs].concat())
}
