use crate::vectors::{INET, inet_with, tlv, v2};
use crate::{Reject, V2_SIGNATURE, kind};

/// Version 2.
pub(super) fn headers() -> Vec<(&'static str, Vec<u8>, Reject)> {
    let mut signature = v2(0x21, 0x11, &INET);
    signature[11] = b'\r';
    let crc32c = |value: &[u8]| tlv(kind::CRC32C, value);
    let ssl_tlv = |rest: &[u8]| tlv(kind::SSL, &[&[1, 0, 0, 0, 0], rest].concat());
    vec![
        (
            "v2 signature with a wrong end",
            signature,
            Reject::NoSignature,
        ),
        (
            "v2 signature cut by text",
            b"\r\n\r\nHELO".to_vec(),
            Reject::NoSignature,
        ),
        ("v2 version 1", v2(0x11, 0x11, &INET), Reject::V2Version),
        (
            "v2 version 3, nothing more sent",
            v2(0x31, 0x11, &INET)[..13].to_vec(),
            Reject::V2Version,
        ),
        ("v2 version 0", v2(0x01, 0x11, &INET), Reject::V2Version),
        ("v2 command 2", v2(0x22, 0x11, &INET), Reject::V2Command),
        (
            "v2 command 15, nothing more sent",
            v2(0x2F, 0x11, &INET)[..13].to_vec(),
            Reject::V2Command,
        ),
        ("v2 family 4", v2(0x21, 0x41, &INET), Reject::V2Family),
        (
            "v2 family 15 without transport",
            v2(0x21, 0xF0, &[]),
            Reject::V2Family,
        ),
        (
            "v2 family 5, nothing more sent",
            v2(0x21, 0x51, &[])[..14].to_vec(),
            Reject::V2Family,
        ),
        ("v2 transport 3", v2(0x21, 0x13, &INET), Reject::V2Transport),
        (
            "v2 transport 15 without family",
            v2(0x21, 0x0F, &[]),
            Reject::V2Transport,
        ),
        (
            "v2 INET with length 0",
            v2(0x21, 0x11, &[]),
            Reject::V2AddressLength,
        ),
        (
            "v2 INET with length 4",
            v2(0x21, 0x11, &INET[..4]),
            Reject::V2AddressLength,
        ),
        (
            "v2 INET with length 11",
            v2(0x21, 0x12, &INET[..11]),
            Reject::V2AddressLength,
        ),
        (
            "v2 INET6 with length 35",
            v2(0x21, 0x21, &[0; 35]),
            Reject::V2AddressLength,
        ),
        (
            "v2 INET6 with addresses of INET",
            v2(0x21, 0x22, &INET),
            Reject::V2AddressLength,
        ),
        (
            "v2 UNIX with length 215",
            v2(0x21, 0x31, &[0; 215]),
            Reject::V2AddressLength,
        ),
        (
            "v2 one byte after the addresses",
            inet_with(&[4]),
            Reject::V2TlvOverrun,
        ),
        (
            "v2 two bytes after the addresses",
            inet_with(&[4, 0]),
            Reject::V2TlvOverrun,
        ),
        (
            "v2 TLV one byte too long",
            inet_with(&[4, 0, 1]),
            Reject::V2TlvOverrun,
        ),
        (
            "v2 TLV with length 65535",
            inet_with(&[0xE0, 0xFF, 0xFF, 0]),
            Reject::V2TlvOverrun,
        ),
        (
            "v2 second TLV too long",
            inet_with(&[&tlv(kind::NOOP, b"")[..], &[4, 0, 9, 0]].concat()),
            Reject::V2TlvOverrun,
        ),
        (
            "v2 AUTHORITY in Latin-1",
            inet_with(&tlv(kind::AUTHORITY, b"caf\xE9")),
            Reject::V2AuthorityEncoding,
        ),
        (
            "v2 NETNS with UTF-8",
            inet_with(&tlv(kind::NETNS, "é".as_bytes())),
            Reject::V2NetnsEncoding,
        ),
        (
            "v2 NETNS with a byte of 0xFF",
            inet_with(&tlv(kind::NETNS, b"\xFF")),
            Reject::V2NetnsEncoding,
        ),
        (
            "v2 UNIQUE_ID of 129 bytes",
            inet_with(&tlv(kind::UNIQUE_ID, &[7; 129])),
            Reject::V2UniqueIdLength,
        ),
        (
            "v2 CRC32C of three bytes",
            inet_with(&crc32c(&[0; 3])),
            Reject::V2Crc32cLength,
        ),
        (
            "v2 CRC32C of five bytes",
            inet_with(&crc32c(&[0; 5])),
            Reject::V2Crc32cLength,
        ),
        (
            "v2 empty CRC32C",
            inet_with(&crc32c(&[])),
            Reject::V2Crc32cLength,
        ),
        (
            "v2 CRC32C of zero",
            inet_with(&crc32c(&[0; 4])),
            Reject::V2Crc32cMismatch,
        ),
        (
            "v2 CRC32C twice",
            inet_with(&crc32c(&[0; 4]).repeat(2)),
            Reject::V2Crc32cRepeated,
        ),
        (
            "v2 empty SSL",
            inet_with(&tlv(kind::SSL, &[])),
            Reject::V2SslLength,
        ),
        (
            "v2 SSL of four bytes",
            inet_with(&tlv(kind::SSL, &[1, 0, 0, 0])),
            Reject::V2SslLength,
        ),
        (
            "v2 one byte at the end of SSL",
            inet_with(&ssl_tlv(&[0x21])),
            Reject::V2SslTlvOverrun,
        ),
        (
            "v2 TLV in SSL one byte too long",
            inet_with(&ssl_tlv(&[0x21, 0, 1])),
            Reject::V2SslTlvOverrun,
        ),
        (
            "v2 TLV in SSL that reaches into the next TLV",
            inet_with(&[ssl_tlv(&[0x21, 0, 4, b'T']), tlv(kind::NOOP, &[0; 8])].concat()),
            Reject::V2SslTlvOverrun,
        ),
        (
            "signature of v2 alone with text after it",
            [&V2_SIGNATURE[..], b"GET /"].concat(),
            Reject::V2Version,
        ),
    ]
}
