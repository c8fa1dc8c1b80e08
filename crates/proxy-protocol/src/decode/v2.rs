//! Version 2, the binary header (section 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::crc::checksum;
use crate::tlv::split_tlv;
use crate::{
    Addresses, Command, Decoded, Header, Reject, Tlv, Transport, UNIX_ADDRESS_LEN, V2_FIXED_LEN,
    V2_SIGNATURE, Version,
};

#[inline]
pub(super) fn decode(input: &[u8], max_len: usize) -> Result<Decoded<'_>, Reject> {
    let Some((fixed, _)) = input.split_first_chunk::<V2_FIXED_LEN>() else {
        return incomplete(input);
    };
    let [signature @ .., version_command, family_transport, high, low] = fixed;
    if *signature != V2_SIGNATURE {
        return Err(Reject::NoSignature);
    }
    let command = command(*version_command)?;
    let shape = shape(command, *family_transport)?;
    let len = V2_FIXED_LEN + usize::from(u16::from_be_bytes([*high, *low]));
    if len > max_len {
        return Err(Reject::HeaderTooLong);
    }
    let body_len = len - V2_FIXED_LEN;
    if body_len < shape.address_len() {
        return Err(Reject::V2AddressLength);
    }
    let Some(bytes) = input.get(..len) else {
        return Ok(Decoded::NeedMore(len - input.len()));
    };

    let (addresses, transport, tlvs) = match shape {
        Shape::Inet(transport) => {
            let (addresses, tlvs) = inet(bytes);
            (addresses, transport, tlvs)
        }
        Shape::Inet6(transport) => {
            let (addresses, tlvs) = inet6(bytes);
            (addresses, transport, tlvs)
        }
        Shape::Unix(transport) => {
            let (addresses, tlvs) = unix(bytes);
            (addresses, transport, tlvs)
        }
        Shape::Skipped => (Addresses::Unspecified, Transport::Unspecified, &[][..]),
    };
    if !tlvs.is_empty() {
        check_tlvs(bytes, tlvs)?;
    }
    Ok(Decoded::Header(Header {
        addresses,
        bytes,
        command,
        tlvs,
        transport,
        version: Version::V2,
    }))
}

/// What stands after the fixed part.
#[derive(Clone, Copy)]
enum Shape {
    Inet(Transport),
    Inet6(Transport),
    /// Nothing that may be used: LOCAL discards the block unread, UNSPEC has its addresses ignored
    /// and so leaves open where TLVs would begin. The length field alone counts.
    Skipped,
    Unix(Transport),
}

impl Shape {
    fn address_len(self) -> usize {
        match self {
            Self::Inet(_) => INET_LEN,
            Self::Inet6(_) => INET6_LEN,
            Self::Skipped => 0,
            Self::Unix(_) => 2 * UNIX_ADDRESS_LEN,
        }
    }
}

/// Judges a header of fewer than 16 bytes by what is there.
#[cold]
fn incomplete(input: &[u8]) -> Result<Decoded<'_>, Reject> {
    if !input
        .iter()
        .zip(&V2_SIGNATURE)
        .all(|(got, want)| got == want)
    {
        return Err(Reject::NoSignature);
    }
    if let Some(&version_command) = input.get(12) {
        let command = command(version_command)?;
        if let Some(&family_transport) = input.get(13) {
            shape(command, family_transport)?;
        }
    }
    Ok(Decoded::NeedMore(V2_FIXED_LEN - input.len()))
}

#[inline]
fn command(version_command: u8) -> Result<Command, Reject> {
    match version_command {
        0x20 => Ok(Command::Local),
        0x21 => Ok(Command::Proxy),
        0x22..=0x2F => Err(Reject::V2Command),
        _ => Err(Reject::V2Version),
    }
}

#[inline]
fn shape(command: Command, family_transport: u8) -> Result<Shape, Reject> {
    if command == Command::Local {
        return Ok(Shape::Skipped);
    }
    let transport = match family_transport & 0x0F {
        0x0 => Some(Transport::Unspecified),
        0x1 => Some(Transport::Stream),
        0x2 => Some(Transport::Datagram),
        _ => None,
    };
    match (family_transport >> 4, transport) {
        (0x4.., _) => Err(Reject::V2Family),
        (_, None) => Err(Reject::V2Transport),
        (0x0, _) | (_, Some(Transport::Unspecified)) => Ok(Shape::Skipped),
        (0x1, Some(transport)) => Ok(Shape::Inet(transport)),
        (0x2, Some(transport)) => Ok(Shape::Inet6(transport)),
        (0x3, Some(transport)) => Ok(Shape::Unix(transport)),
    }
}

/// The address block of INET and what follows it in `header`, which is long enough.
#[inline]
fn inet(header: &[u8]) -> (Addresses<'static>, &[u8]) {
    let (block, tlvs) = header[V2_FIXED_LEN..].split_at(INET_LEN);
    let octets =
        |at: usize| Ipv4Addr::from([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    let addresses = Addresses::Inet {
        source: SocketAddrV4::new(octets(0), port(8)),
        destination: SocketAddrV4::new(octets(4), port(10)),
    };
    (addresses, tlvs)
}

/// As [`inet`], for INET6.
#[inline]
fn inet6(header: &[u8]) -> (Addresses<'static>, &[u8]) {
    let (block, tlvs) = header[V2_FIXED_LEN..].split_at(INET6_LEN);
    let octets = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&block[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    let addresses = Addresses::Inet6 {
        source: SocketAddrV6::new(octets(0), port(32), 0, 0),
        destination: SocketAddrV6::new(octets(16), port(34), 0, 0),
    };
    (addresses, tlvs)
}

/// As [`inet`], for UNIX.
fn unix(header: &[u8]) -> (Addresses<'_>, &[u8]) {
    let (block, tlvs) = header[V2_FIXED_LEN..].split_at(2 * UNIX_ADDRESS_LEN);
    let (source, destination) = block.split_at(UNIX_ADDRESS_LEN);
    let addresses = Addresses::Unix {
        source: without_fill(source),
        destination: without_fill(destination),
    };
    (addresses, tlvs)
}

fn without_fill(name: &[u8]) -> &[u8] {
    let len = name
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    &name[..len]
}

/// Checks the TLVs at the end of `header` to the last byte, and the CRC32C if there is one.
fn check_tlvs(header: &[u8], tlvs: &[u8]) -> Result<(), Reject> {
    let mut rest = tlvs;
    let mut crc32c = None;
    while !rest.is_empty() {
        let (raw, after) = split_tlv(rest).ok_or(Reject::V2TlvOverrun)?;
        rest = after;
        if let Tlv::Crc32c(sent) = Tlv::parse(raw)? {
            let field = header.len() - rest.len() - raw.value.len();
            if crc32c.replace((field, sent)).is_some() {
                return Err(Reject::V2Crc32cRepeated);
            }
        }
    }
    match crc32c {
        Some((field, sent)) if checksum(header, field) != sent => Err(Reject::V2Crc32cMismatch),
        _ => Ok(()),
    }
}

const INET_LEN: usize = 12;
const INET6_LEN: usize = 36;
