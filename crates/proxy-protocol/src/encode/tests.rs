use std::net::SocketAddr;

use crate::vectors::{INET, check_encode, tlv, v2};
use crate::{
    ClientFlags, EncodeError, Reject, SslInfo, Transport, V2Builder, encode_v1, encode_v1_unknown,
    kind,
};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn line(source: &str, destination: &str) -> String {
    let mut out = Vec::new();
    encode_v1(address(source), address(destination), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn inet() -> V2Builder<'static> {
    V2Builder::new(address("192.0.2.1:56324"), address("198.51.100.1:5222"))
}

#[test]
fn v1_lines() {
    assert_eq!(
        line("192.0.2.1:56324", "198.51.100.10:443"),
        "PROXY TCP4 192.0.2.1 198.51.100.10 56324 443\r\n"
    );
    assert_eq!(line("0.0.0.0:0", "255.255.255.255:65535").len(), 44);
    let mut out = b"before ".to_vec();
    encode_v1_unknown(&mut out);
    assert_eq!(out, b"before PROXY UNKNOWN\r\n");
}

#[test]
fn v1_ipv6_is_in_canonical_form() {
    for (address, text) in [
        ("::", "::"),
        ("::1", "::1"),
        ("1::", "1::"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:0:0:1:1:0:0:1", "2001::1:1:0:0:1"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"),
        ("fe80:0:0:0:a0bc:def:10:1", "fe80::a0bc:def:10:1"),
    ] {
        let line = line(&format!("[{address}]:1"), "[::2]:65535");
        assert_eq!(line, format!("PROXY TCP6 {text} ::2 1 65535\r\n"));
    }
}

#[test]
fn families_are_not_mixed() {
    let mut out = b"before".to_vec();
    let (v4, v6) = (address("192.0.2.1:1"), address("[::1]:1"));
    for (source, destination) in [(v4, v6), (v6, v4)] {
        let mixed = Err(EncodeError::MixedFamilies);
        assert_eq!(encode_v1(source, destination, &mut out), mixed);
        assert_eq!(
            V2Builder::new(source, destination).write_to(&mut out),
            mixed
        );
        let mut writer = V2Builder::new(source, destination).start(&mut out);
        assert_eq!(writer.alpn(b"h2").crc32c().finish(), mixed);
        assert_eq!(out, b"before");
    }
}

#[test]
fn v2_headers_without_tlvs() {
    let unix = [&b"/run/a"[..], &[0; 102], b"\0b", &[0; 106]].concat();
    for (builder, bytes) in [
        (inet(), v2(0x21, 0x11, &INET)),
        (inet().transport(Transport::Datagram), v2(0x21, 0x12, &INET)),
        (
            inet().transport(Transport::Unspecified),
            v2(0x21, 0x10, &INET),
        ),
        (V2Builder::local(), v2(0x20, 0x00, &[])),
        (V2Builder::unspecified(), v2(0x21, 0x00, &[])),
        (V2Builder::unix(b"/run/a", b"\0b"), v2(0x21, 0x31, &unix)),
    ] {
        let mut out = b"before".to_vec();
        builder.write_to(&mut out).unwrap();
        assert_eq!(out[6..], bytes);
        out.truncate(6);
        builder.start(&mut out).finish().unwrap();
        assert_eq!(out[6..], bytes);
    }
}

#[test]
fn v2_tlvs_stand_in_the_order_of_the_calls() {
    let info = SslInfo {
        client: ClientFlags::SSL,
        verify: 1,
        version: Some(b"TLSv1.3"),
        group: Some(b"X25519"),
        ..SslInfo::default()
    };
    let mut out = Vec::new();
    inet()
        .start(&mut out)
        .noop(2)
        .alpn(b"h2")
        .authority("example.org")
        .unique_id(b"\x01\x02")
        .netns("blue")
        .ssl(&info)
        .tlv(0xE0, b"custom")
        .finish()
        .unwrap();
    let ssl = [
        &[0x01, 0, 0, 0, 1][..],
        &tlv(kind::SSL_VERSION, b"TLSv1.3"),
        &tlv(kind::SSL_GROUP, b"X25519"),
    ]
    .concat();
    let tlvs = [
        tlv(kind::NOOP, &[0, 0]),
        tlv(kind::ALPN, b"h2"),
        tlv(kind::AUTHORITY, b"example.org"),
        tlv(kind::UNIQUE_ID, b"\x01\x02"),
        tlv(kind::NETNS, b"blue"),
        tlv(kind::SSL, &ssl),
        tlv(0xE0, b"custom"),
    ]
    .concat();
    assert_eq!(out, v2(0x21, 0x11, &[&INET[..], &tlvs].concat()));
}

#[test]
fn crc32c_may_stand_anywhere_and_be_finished_again() {
    // The header of the decoder's test, whose checksum another implementation computed.
    let (source, destination) = (address("172.31.7.113:51442"), address("172.31.10.31:80"));
    let mut out = b"before".to_vec();
    let mut writer = V2Builder::new(source, destination).start(&mut out);
    writer
        .crc32c()
        .tlv(0xEA, b"\x01vpce-08d2bf15fac5001c9")
        .crc32c();
    assert_eq!(writer.finish(), Ok(()));
    assert_eq!(writer.noop(36).finish(), Ok(()));
    assert_eq!(out[6 + 28..6 + 35], *b"\x03\x00\x04\xe8\xd6\x89\x2d");
}

#[test]
fn errors_leave_nothing_behind() {
    let mut out = b"before".to_vec();
    let id = [0; 129];
    for (result, error) in [
        (
            inet().start(&mut out).unique_id(&id).alpn(b"h2").finish(),
            EncodeError::InvalidTlv(Reject::V2UniqueIdLength),
        ),
        (
            inet().start(&mut out).netns("grün").finish(),
            EncodeError::InvalidTlv(Reject::V2NetnsEncoding),
        ),
        (
            inet()
                .start(&mut out)
                .tlv(kind::AUTHORITY, b"\xFF")
                .finish(),
            EncodeError::InvalidTlv(Reject::V2AuthorityEncoding),
        ),
        (
            inet().start(&mut out).tlv(kind::CRC32C, &[0; 4]).finish(),
            EncodeError::Crc32cByHand,
        ),
        (
            V2Builder::unix(&id[..109], b"").write_to(&mut out),
            EncodeError::UnixAddressTooLong,
        ),
        (
            inet().start(&mut out).noop(65_535 - 12 - 2).finish(),
            EncodeError::HeaderTooLong,
        ),
        (
            inet().start(&mut out).noop(usize::MAX).crc32c().finish(),
            EncodeError::HeaderTooLong,
        ),
        (
            inet()
                .start(&mut out)
                .noop(65_535 - 12 - 3)
                .crc32c()
                .finish(),
            EncodeError::HeaderTooLong,
        ),
    ] {
        assert_eq!(result, Err(error));
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(out, b"before");
    inet()
        .start(&mut out)
        .noop(65_535 - 12 - 3)
        .finish()
        .unwrap();
    assert_eq!(out.len(), 6 + 65_551);
}

#[test]
fn an_error_keeps_the_first_reason() {
    let mut out = Vec::new();
    let result = inet()
        .start(&mut out)
        .netns("é")
        .tlv(kind::CRC32C, &[])
        .unique_id(&[0; 200])
        .finish();
    assert_eq!(
        result,
        Err(EncodeError::InvalidTlv(Reject::V2NetnsEncoding))
    );
}

#[test]
fn plans_of_all_shapes_come_back() {
    let tail = [
        4, 192, 0, 2, 1, 0xDC, 4, 2, 1, 2, 3, 4, 3, b'a', b'b', b'c', 2, 0, b'd', // addresses
        1, 2, b'h', b'2', 0x83, 0, 5, 1, 9, 0xA0, 3, 1, 2, 3, 0x84, 1, 0, 0xE0, 1, 7,
    ];
    for shape in 0..=0xFF {
        check_encode(&[&[shape][..], &tail].concat());
    }
}
