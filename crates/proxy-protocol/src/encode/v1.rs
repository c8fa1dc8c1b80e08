//! Version 1, the line of text (section 2.1).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use crate::{EncodeError, V1_MAX_LEN};

/// Appends a version 1 line for a TCP connection to `out`, at most 104 bytes.
///
/// IPv4 addresses mapped into IPv6 are written as IPv6 in hexadecimal groups: unmap them first
/// where the receiver should see IPv4. Scopes and flow labels have no place in the line.
///
/// # Errors
///
/// [`EncodeError::MixedFamilies`] if one address is IPv4 and the other IPv6; `out` is as it was
/// then.
pub fn encode_v1(
    source: SocketAddr,
    destination: SocketAddr,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut line = Line::new();
    match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            line.put(b"PROXY TCP4 ");
            line.put_ipv4(*source.ip());
            line.put(b" ");
            line.put_ipv4(*destination.ip());
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            line.put(b"PROXY TCP6 ");
            line.put_ipv6(*source.ip());
            line.put(b" ");
            line.put_ipv6(*destination.ip());
        }
        _ => return Err(EncodeError::MixedFamilies),
    }
    line.put(b" ");
    line.put_decimal(source.port());
    line.put(b" ");
    line.put_decimal(destination.port());
    line.put(b"\r\n");
    out.extend_from_slice(&line.bytes[..line.len]);
    Ok(())
}

/// Appends the version 1 line without addresses to `out`.
///
/// Section 2.1 advises against it where the connection should be accepted: some receivers refuse
/// it.
pub fn encode_v1_unknown(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PROXY UNKNOWN\r\n");
}

/// The line as far as it is written.
struct Line {
    bytes: [u8; V1_MAX_LEN],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Self {
            bytes: [0; V1_MAX_LEN],
            len: 0,
        }
    }

    fn put(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    fn put_ipv4(&mut self, address: Ipv4Addr) {
        let [a, b, c, d] = address.octets();
        self.put_decimal(a.into());
        for octet in [b, c, d] {
            self.put(b".");
            self.put_decimal(octet.into());
        }
    }

    /// Eight groups, the longest run of two or more zeros as `::` (RFC 5952, section 4).
    ///
    /// Unlike `Display` this never writes a dotted tail, which section 2.1 does not know.
    fn put_ipv6(&mut self, address: Ipv6Addr) {
        let groups = address.segments();
        let zeros = longest_zero_run(&groups);
        let mut index = 0;
        while index < groups.len() {
            if index == zeros.start && !zeros.is_empty() {
                self.put(b"::");
                index = zeros.end;
                continue;
            }
            if index > 0 && index != zeros.end {
                self.put(b":");
            }
            self.put_hex(groups[index]);
            index += 1;
        }
    }

    fn put_decimal(&mut self, number: u16) {
        let mut divisor = 10_000;
        while divisor > 1 && number < divisor {
            divisor /= 10;
        }
        while divisor > 0 {
            self.put(&[b'0' + (number / divisor % 10) as u8]);
            divisor /= 10;
        }
    }

    fn put_hex(&mut self, group: u16) {
        let mut shift = 12;
        while shift > 0 && group >> shift == 0 {
            shift -= 4;
        }
        loop {
            self.put(&[b"0123456789abcdef"[usize::from(group >> shift & 0xF)]]);
            if shift == 0 {
                break;
            }
            shift -= 4;
        }
    }
}

/// The first of the longest runs of two or more zeros; `0..0` if there is none.
fn longest_zero_run(groups: &[u16; 8]) -> Range<usize> {
    let mut longest = 0..0;
    let mut current = 0..0;
    for (index, &group) in groups.iter().enumerate() {
        if group != 0 {
            current = index + 1..index + 1;
            continue;
        }
        current.end = index + 1;
        if current.len() > longest.len().max(1) {
            longest = current.clone();
        }
    }
    longest
}
