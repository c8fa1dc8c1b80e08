//! Against two published crates: every disagreement has the clause that decides it.

mod common;

use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use proptest::prelude::*;
use vestibule_proxy_protocol::vectors::{malformed, wire_cases};
use vestibule_proxy_protocol::{
    Addresses, Command, Decoded, Header, Reject, Transport, V2_MAX_LEN, V2Builder, Version, decode,
    encode_v1, kind,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn decoding_any_input(input in common::input()) {
        compare(&input);
    }

    #[test]
    fn encoding_ipv4(source: ([u8; 4], u16), destination: ([u8; 4], u16), alpn: Vec<u8>) {
        compare_encoding(source.into(), destination.into(), &alpn);
    }

    #[test]
    fn encoding_ipv6(source: ([u16; 8], u16), destination: ([u16; 8], u16), alpn: Vec<u8>) {
        compare_encoding(source.into(), destination.into(), &alpn);
    }
}

#[test]
fn decoding_the_tables() {
    for case in malformed() {
        compare(&case.bytes);
    }
    for case in wire_cases() {
        compare(&case.segments.concat());
    }
}

/// A header as another crate sees it.
#[derive(Debug, PartialEq)]
struct Seen {
    len: usize,
    /// Of the PROXY command with INET or INET6.
    addresses: Option<(SocketAddr, SocketAddr)>,
}

fn compare(input: &[u8]) {
    let ours = decode(input, V2_MAX_LEN);
    for (peer, seen) in [("ppp", ppp(input)), ("proxyproto", proxyproto(input))] {
        let context = || format!("{ours:?} but {seen:?} of {peer}: {}", input.escape_ascii());
        match (&ours, &seen) {
            (Ok(Decoded::Header(header)), Some(seen)) => {
                assert_eq!(header.len(), seen.len, "{}", context());
                if header.addresses() != Addresses::Unspecified {
                    assert_eq!(ip_addresses(header), seen.addresses, "{}", context());
                }
            }
            (Ok(Decoded::Header(header)), None) => {
                assert!(why_only_we_accept(header).is_some(), "{}", context());
            }
            (Err(reject), Some(_)) => {
                assert!(
                    why_only_we_refuse(*reject, input).is_some(),
                    "{}",
                    context()
                );
            }
            (Ok(Decoded::NeedMore(_)), Some(_)) => panic!("{}", context()),
            (Ok(Decoded::NeedMore(_)) | Err(_), None) => {}
        }
    }
    compare_crc32c(input, &ours);
}

/// The clause by which a header is right that another crate refuses.
fn why_only_we_accept(header: &Header<'_>) -> Option<&'static str> {
    match (header.version(), header.command(), header.addresses()) {
        (Version::V1, _, Addresses::Unspecified) => {
            Some("2.1: for UNKNOWN the receiver must ignore anything presented before the CRLF")
        }
        (Version::V2, Command::Local, _) => Some(
            "2.2: with LOCAL the receiver must accept the connection and discard the protocol \
             block including the family",
        ),
        (Version::V2, Command::Proxy, Addresses::Unspecified) => Some(
            "2.2: with UNSPEC in the family or the transport the receiver may accept the \
             connection and should ignore the addresses",
        ),
        _ => None,
    }
}

/// The clause by which a header is wrong that another crate takes.
fn why_only_we_refuse(reject: Reject, input: &[u8]) -> Option<&'static str> {
    // The first crate reads ports with a sign in front, the second any white space as often as it
    // comes; neither looks into TLVs.
    let white_space = || input.iter().any(|byte| matches!(byte, b'\t' | b'\x0C'));
    match reject {
        Reject::NoSignature if input.trim_ascii_start().starts_with(b"PROXY") => {
            Some("2.1: the line is prepended before any data and begins with PROXY")
        }
        Reject::V1BareCr | Reject::V1BareLf => {
            Some("2.1: must not tolerate a single CR or LF character to end the line")
        }
        Reject::V1ExtraField => Some("2.1: CRLF follows the destination port"),
        Reject::V1Ipv4 | Reject::V1Ipv6 if white_space() => Some("2.1: exactly one space"),
        Reject::V1PortSyntax if input.contains(&b'+') => Some("2.1: ports are decimal integers"),
        Reject::V1PortSyntax if white_space() => Some("2.1: exactly one space"),
        Reject::V1Protocol if input.starts_with(b"PROXY UNKNOWN") => {
            Some("2.1: only TCP4, TCP6 and UNKNOWN are allowed")
        }
        Reject::V1Protocol if white_space() => Some("2.1: exactly one space"),
        Reject::V1Space => Some("2.1: exactly one space"),
        Reject::V2AuthorityEncoding => Some("2.2.2: an UTF8-encoded string"),
        Reject::V2Crc32cLength => Some("2.2.3: a 32-bit number"),
        Reject::V2Crc32cMismatch => Some("2.2.3: the receiver must verify the checksum"),
        Reject::V2Crc32cRepeated => Some("2.2.3: there is one checksum field to replace by zeros"),
        Reject::V2NetnsEncoding => Some("2.2.7: the US-ASCII string of the name"),
        Reject::V2SslLength => Some("2.2.6: client and verify are five bytes"),
        Reject::V2SslTlvOverrun => Some("2.2.6: the length of the SSL TLV covers its TLVs"),
        Reject::V2TlvOverrun => Some("2.2: the length covers the whole header"),
        Reject::V2UniqueIdLength => Some("2.2.5: up to 128 bytes"),
        _ => None,
    }
}

/// The second crate can verify checksums, as a call of its own.
fn compare_crc32c(input: &[u8], ours: &Result<Decoded<'_>, Reject>) {
    let Ok((_, header)) = ::proxyproto::v2::Header::try_from_bytes(input) else {
        return;
    };
    let verified = header.validate_crc32c_tlv();
    match ours {
        Ok(Decoded::Header(header)) if header.tlv(kind::CRC32C).is_some() => {
            assert_eq!(verified, Some(true), "{}", input.escape_ascii());
        }
        Err(Reject::V2Crc32cMismatch) => {
            assert_eq!(verified, Some(false), "{}", input.escape_ascii());
        }
        _ => {}
    }
}

fn compare_encoding(source: SocketAddr, destination: SocketAddr, alpn: &[u8]) {
    let mut ours = Vec::new();
    let mut writer = V2Builder::new(source, destination).start(&mut ours);
    assert_eq!(writer.alpn(alpn).crc32c().finish(), Ok(()));
    let mut theirs = match source {
        SocketAddr::V4(_) => ::proxyproto::v2::Header::new_tcp_ipv4_proxy(source, destination),
        SocketAddr::V6(_) => ::proxyproto::v2::Header::new_tcp_ipv6_proxy(source, destination),
    };
    theirs.add_tlv(kind::ALPN, alpn);
    theirs.add_crc32c_checksum();
    assert_eq!(ours, theirs.to_vec());

    ours.clear();
    assert_eq!(encode_v1(source, destination, &mut ours), Ok(()));
    let theirs = match source {
        SocketAddr::V4(_) => ::proxyproto::v1::Header::new_inet(source, destination).to_string(),
        SocketAddr::V6(_) => ::proxyproto::v1::Header::new_inet6(source, destination).to_string(),
    };
    // A dotted tail stands in theirs; 2.1 has hexadecimal digits only.
    if theirs.starts_with("PROXY TCP4") || !theirs.contains('.') {
        assert_eq!(ours, theirs.as_bytes());
    }
}

fn ppp(input: &[u8]) -> Option<Seen> {
    match HeaderResult::parse(input) {
        HeaderResult::V1(Ok(header)) => {
            let addresses = match header.addresses {
                v1::Addresses::Tcp4(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                v1::Addresses::Tcp6(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                v1::Addresses::Unknown => None,
            };
            Some(Seen {
                len: header.header.len(),
                addresses,
            })
        }
        HeaderResult::V2(Ok(header)) => {
            let addresses = match header.addresses {
                v2::Addresses::IPv4(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                v2::Addresses::IPv6(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
            };
            Some(Seen {
                len: header.header.len(),
                addresses,
            })
        }
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => None,
    }
}

fn proxyproto(input: &[u8]) -> Option<Seen> {
    if let Ok((rest, header)) = ::proxyproto::v2::Header::try_from_bytes(input) {
        let addresses = header.source_addr().zip(header.destination_addr());
        return Some(Seen {
            len: input.len() - rest.len(),
            addresses,
        });
    }
    let (rest, header) = ::proxyproto::v1::Header::try_from_bytes(input).ok()?;
    let addresses = header.source_addr().zip(header.destination_addr());
    Some(Seen {
        len: input.len() - rest.len(),
        addresses,
    })
}

fn ip_addresses(header: &Header<'_>) -> Option<(SocketAddr, SocketAddr)> {
    assert_ne!(header.transport(), Transport::Unspecified);
    match header.addresses() {
        Addresses::Inet {
            source,
            destination,
        } => Some((source.into(), destination.into())),
        Addresses::Inet6 {
            source,
            destination,
        } => Some((source.into(), destination.into())),
        Addresses::Unix { .. } | Addresses::Unspecified => None,
    }
}
