use std::net::SocketAddr;

use super::{INET, inet_with, tlv, v2};
use crate::{Reject, V2Builder, kind};

/// What a client of a listener sends before its payload, and what the listener does.
#[derive(Clone, Debug)]
pub struct WireCase {
    /// What is sent, in a few words.
    pub name: &'static str,
    /// What is sent, each part in a segment of its own with a pause after it.
    pub segments: Vec<Vec<u8>>,
    /// Whether the payload waits for the header to be sent.
    pub payload: PayloadIn,
    /// What the listener does.
    pub verdict: Verdict,
}

/// Where the payload of a [`WireCase`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadIn {
    /// Directly after the header, in its last segment.
    LastSegment,
    /// In a segment of its own after the header.
    OwnSegment,
}

/// What a listener that requires a header does with a [`WireCase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes the connection as one between these addresses.
    Accept {
        /// Address of the client.
        source: SocketAddr,
        /// Address that the client connected to.
        destination: SocketAddr,
    },
    /// It takes the connection with the addresses of the socket.
    AcceptSocketAddresses,
    /// It closes the connection at once.
    Refuse(Reject),
    /// It waits for the rest, then closes the connection.
    Timeout,
}

/// The 31 cases in which receivers differ.
pub fn wire_cases() -> Vec<WireCase> {
    use PayloadIn::{LastSegment, OwnSegment};
    use Verdict::{AcceptSocketAddresses, Refuse, Timeout};

    let case = |name, payload, bytes: Vec<u8>, verdict| WireCase {
        name,
        segments: vec![bytes],
        payload,
        verdict,
    };
    let line = |name, line: &str, verdict| case(name, OwnSegment, line.into(), verdict);
    let inet = accept("192.0.2.1:56324", "198.51.100.1:5222");
    let inet6 = accept("[2001:db8::1]:56324", "[2001:db8::2]:5222");
    let unix = [[b'/'; 108], [0; 108]].concat();
    let header_in_parts = v2(0x21, 0x11, &INET);

    vec![
        case(
            "v1 TCP4",
            LastSegment,
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\r\n".to_vec(),
            inet,
        ),
        line(
            "v1 TCP6",
            "PROXY TCP6 2001:db8::1 2001:db8::2 56324 5222\r\n",
            inet6,
        ),
        line(
            "v1 UNKNOWN, short",
            "PROXY UNKNOWN\r\n",
            AcceptSocketAddresses,
        ),
        case(
            "v1 UNKNOWN, 107 bytes",
            LastSegment,
            format!(
                "PROXY UNKNOWN {0} {0} 65535 65535\r\n",
                ["ffff"; 8].join(":")
            )
            .into(),
            AcceptSocketAddresses,
        ),
        line(
            "v1 port 0",
            "PROXY TCP4 192.0.2.1 198.51.100.1 0 5222\r\n",
            accept("192.0.2.1:0", "198.51.100.1:5222"),
        ),
        line(
            "v1 port 65535",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65535 5222\r\n",
            accept("192.0.2.1:65535", "198.51.100.1:5222"),
        ),
        line(
            "v1 port with a leading zero",
            "PROXY TCP4 192.0.2.1 198.51.100.1 056324 5222\r\n",
            Refuse(Reject::V1LeadingZero),
        ),
        line(
            "v1 TCP4 with IPv6 addresses",
            "PROXY TCP4 2001:db8::1 2001:db8::2 56324 5222\r\n",
            Refuse(Reject::V1AddressFamily),
        ),
        line(
            "v1 in lower case",
            "proxy tcp4 192.0.2.1 198.51.100.1 56324 5222\r\n",
            Refuse(Reject::NoSignature),
        ),
        line(
            "v1 long line without CR LF",
            &format!("PROXY UNKNOWN {}", "x".repeat(2000)),
            Refuse(Reject::V1LineTooLong),
        ),
        case("v2 INET, STREAM", LastSegment, v2(0x21, 0x11, &INET), inet),
        case("v2 INET6, STREAM", OwnSegment, built_inet6(), inet6),
        case(
            "v2 INET, DGRAM",
            OwnSegment,
            v2(0x21, 0x12, &INET),
            AcceptSocketAddresses,
        ),
        case(
            "v2 LOCAL, length 0",
            LastSegment,
            v2(0x20, 0x00, &[]),
            AcceptSocketAddresses,
        ),
        case(
            "v2 LOCAL with addresses",
            LastSegment,
            v2(0x20, 0x11, &INET),
            AcceptSocketAddresses,
        ),
        case(
            "v2 PROXY with UNSPEC",
            OwnSegment,
            v2(0x21, 0x00, &[]),
            AcceptSocketAddresses,
        ),
        case(
            "v2 UNIX",
            OwnSegment,
            v2(0x21, 0x31, &unix),
            AcceptSocketAddresses,
        ),
        case(
            "v2 family 7",
            OwnSegment,
            v2(0x21, 0x71, &INET),
            Refuse(Reject::V2Family),
        ),
        case(
            "v2 version 1",
            OwnSegment,
            v2(0x11, 0x11, &INET),
            Refuse(Reject::V2Version),
        ),
        case(
            "v2 command 2",
            OwnSegment,
            v2(0x22, 0x11, &INET),
            Refuse(Reject::V2Command),
        ),
        case(
            "v2 INET, length 0",
            LastSegment,
            v2(0x21, 0x11, &[]),
            Refuse(Reject::V2AddressLength),
        ),
        case(
            "v2 INET, length 4",
            LastSegment,
            v2(0x21, 0x11, &INET[..4]),
            Refuse(Reject::V2AddressLength),
        ),
        case("v2 with TLVs", LastSegment, with_tlvs(), inet),
        case(
            "v2 with TLVs up to 65,551 bytes",
            LastSegment,
            inet_with(&tlv(kind::NOOP, &vec![0; 65_535 - 12 - 3])),
            inet,
        ),
        case("v2 with a right CRC32C", OwnSegment, with_crc32c(), inet),
        case(
            "v2 with a wrong CRC32C",
            OwnSegment,
            with_wrong_crc32c(),
            Refuse(Reject::V2Crc32cMismatch),
        ),
        case(
            "v2 with a TLV beyond the header",
            LastSegment,
            inet_with(&[kind::ALPN, 0, 9, b'h', b'2']),
            Refuse(Reject::V2TlvOverrun),
        ),
        case(
            "no header, 200 bytes",
            OwnSegment,
            vec![b'x'; 200],
            Refuse(Reject::NoSignature),
        ),
        case(
            "no header, 2,000 bytes",
            OwnSegment,
            vec![b'x'; 2000],
            Refuse(Reject::NoSignature),
        ),
        case(
            "v2 half a header",
            OwnSegment,
            v2(0x21, 0x11, &INET)[..20].to_vec(),
            Timeout,
        ),
        WireCase {
            name: "v2 in three segments",
            segments: [
                &header_in_parts[..1],
                &header_in_parts[1..15],
                &header_in_parts[15..],
            ]
            .map(<[u8]>::to_vec)
            .to_vec(),
            payload: OwnSegment,
            verdict: inet,
        },
    ]
}

fn accept(source: &str, destination: &str) -> Verdict {
    let address = |text: &str| text.parse().expect("a socket address");
    Verdict::Accept {
        source: address(source),
        destination: address(destination),
    }
}

fn built_inet6() -> Vec<u8> {
    let mut block = Vec::new();
    for last in [1, 2] {
        block.extend_from_slice(&[
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last,
        ]);
    }
    block.extend_from_slice(&INET[8..]);
    v2(0x21, 0x21, &block)
}

fn with_tlvs() -> Vec<u8> {
    inet_with(
        &[
            tlv(kind::ALPN, b"xmpp-client"),
            tlv(kind::AUTHORITY, b"example.org"),
            tlv(kind::UNIQUE_ID, &[0xA5; 16]),
            tlv(0xE7, b"of an application"),
        ]
        .concat(),
    )
}

fn with_crc32c() -> Vec<u8> {
    let mut header = Vec::new();
    let address = |text: &str| text.parse().expect("a socket address");
    V2Builder::new(address("192.0.2.1:56324"), address("198.51.100.1:5222"))
        .start(&mut header)
        .crc32c()
        .finish()
        .expect("addresses of one family");
    header
}

fn with_wrong_crc32c() -> Vec<u8> {
    let mut header = with_crc32c();
    // The source port, so that only the checksum can tell.
    header[24] ^= 0x40;
    header
}
