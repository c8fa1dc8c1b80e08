use std::collections::HashSet;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::vectors::{INET, Verdict, check_decode, malformed, tlv, v2, wire_cases};
use crate::{
    Addresses, ClientFlags, Command, Decoded, Header, Reject, SslTlv, Tlv, Transport, V1_MAX_LEN,
    V2_MAX_LEN, Version, decode, kind,
};

fn header(bytes: &[u8]) -> Header<'_> {
    match decode(bytes, V2_MAX_LEN) {
        Ok(Decoded::Header(header)) => header,
        answer => panic!("{answer:?} to {}", bytes.escape_ascii()),
    }
}

fn addresses(line: &str) -> (String, String) {
    let (source, destination) = header(line.as_bytes()).stream_addresses().unwrap();
    (source.to_string(), destination.to_string())
}

#[test]
fn malformed_headers_are_refused_for_their_reason() {
    let table = malformed();
    assert!(table.len() >= 60);
    for case in &table {
        assert_eq!(
            decode(&case.bytes, case.max_len),
            Err(case.reason),
            "{}",
            case.name
        );
        check_decode(&case.bytes);
    }
    let names: HashSet<_> = table.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), table.len());
}

#[test]
fn every_reason_has_a_malformed_header() {
    let hit: HashSet<_> = malformed().iter().map(|case| case.reason).collect();
    for reason in Reject::ALL {
        assert!(hit.contains(reason), "{reason:?}");
    }
}

#[test]
fn wire_cases_get_their_verdict() {
    let cases = wire_cases();
    assert_eq!(cases.len(), 31);
    for case in &cases {
        let bytes = case.segments.concat();
        let verdict = match decode(&bytes, V2_MAX_LEN) {
            Ok(Decoded::Header(header)) => match header.stream_addresses() {
                Some((source, destination)) => Verdict::Accept {
                    source,
                    destination,
                },
                None => Verdict::AcceptSocketAddresses,
            },
            Ok(Decoded::NeedMore(_)) => Verdict::Timeout,
            Err(reject) => Verdict::Refuse(reject),
        };
        assert_eq!(verdict, case.verdict, "{}", case.name);
        check_decode(&[&bytes[..], b"<stream>"].concat());
    }
}

#[test]
fn v1_tcp4() {
    let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET /";
    let header = header(line);
    assert_eq!(header.len(), 45);
    assert_eq!(header.as_bytes(), &line[..45]);
    assert_eq!(header.version(), Version::V1);
    assert_eq!(header.command(), Command::Proxy);
    assert_eq!(header.transport(), Transport::Stream);
    assert_eq!(
        header.addresses(),
        Addresses::Inet {
            source: "192.0.2.1:56324".parse().unwrap(),
            destination: "198.51.100.1:443".parse().unwrap(),
        }
    );
    assert_eq!(header.tlvs().next(), None);
}

#[test]
fn v1_takes_the_extremes() {
    let line = "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n";
    assert_eq!(
        addresses(line),
        ("0.0.0.0:0".into(), "255.255.255.255:65535".into())
    );
    let ones = ["ffff"; 8].join(":");
    let line = format!("PROXY TCP6 {ones} {ones} 65535 65535\r\n");
    assert_eq!(line.len(), 104);
    assert_eq!(addresses(&line).0, format!("[{ones}]:65535"));
    let line = format!("PROXY UNKNOWN {ones} {ones} 65535 65535\r\n");
    assert_eq!(line.len(), V1_MAX_LEN);
    assert_eq!(header(line.as_bytes()).len(), V1_MAX_LEN);
}

#[test]
fn v1_ipv6_forms() {
    for text in [
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::8",
        "1:2::7:8",
        "2001:DB8::aBcD",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
        "::ffff:192.0.2.1",
        "1:2:3:4:5:6:192.0.2.1",
        "1::192.0.2.1",
        "1:2:3:4:5::192.0.2.1",
    ] {
        let line = format!("PROXY TCP6 {text} ::1 1 2\r\n");
        let expected = SocketAddrV6::new(text.parse().unwrap(), 1, 0, 0);
        assert_eq!(addresses(&line).0, expected.to_string(), "{text}");
        check_decode(line.as_bytes());
    }
}

#[test]
fn v1_unknown_ignores_any_text() {
    for line in [
        &b"PROXY UNKNOWN\r\n"[..],
        b"PROXY UNKNOWN \r\n",
        b"PROXY UNKNOWN   \r\n",
        b"PROXY UNKNOWN \x00\xFF TCP4 x\r\n",
    ] {
        let header = header(line);
        assert_eq!(header.len(), line.len());
        assert_eq!(header.addresses(), Addresses::Unspecified);
        assert_eq!(header.transport(), Transport::Unspecified);
        assert_eq!(header.stream_addresses(), None);
    }
}

#[test]
fn needs_are_exact_where_they_can_be_known() {
    for (bytes, needed) in [
        (&b""[..], 15),
        (b"P", 14),
        (b"PROXY ", 9),
        (b"PROXY TCP4 1.2.3.4", 14),
        (b"PROXY TCP6 :: ::", 6),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1", 4),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2", 2),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r", 1),
        (b"PROXY UNKNOWN", 2),
        (b"PROXY UNKNOWN x\r", 1),
        (b"\r", 15),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0", 1),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C", 12),
    ] {
        let answer = decode(bytes, V2_MAX_LEN);
        assert_eq!(
            answer,
            Ok(Decoded::NeedMore(needed)),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn max_len_is_the_longest_header_taken() {
    let line = b"PROXY UNKNOWN\r\nmore";
    assert!(matches!(decode(line, 15), Ok(Decoded::Header(_))));
    assert_eq!(decode(line, 14), Err(Reject::HeaderTooLong));
    let binary = v2(0x21, 0x11, &INET);
    assert!(matches!(decode(&binary, 28), Ok(Decoded::Header(_))));
    assert_eq!(decode(&binary, 27), Err(Reject::HeaderTooLong));
    assert_eq!(decode(&binary[..15], 27), Ok(Decoded::NeedMore(1)));
}

#[test]
fn v2_families_and_transports() {
    let unix = [&b"/run/a"[..], &[0; 102], b"\0abstract", &[0; 99]].concat();
    for (byte, body, transport) in [
        (0x11, &INET[..], Transport::Stream),
        (0x12, &INET, Transport::Datagram),
        (0x21, &[1; 36], Transport::Stream),
        (0x22, &[1; 36], Transport::Datagram),
        (0x31, &unix, Transport::Stream),
        (0x32, &unix, Transport::Datagram),
    ] {
        let bytes = v2(0x21, byte, body);
        let header = header(&bytes);
        assert_eq!(header.transport(), transport);
        assert_eq!(header.len(), 16 + body.len());
        let usable = transport == Transport::Stream && byte >> 4 != 3;
        assert_eq!(header.stream_addresses().is_some(), usable, "{byte:#x}");
        match header.addresses() {
            Addresses::Inet { source, .. } => {
                assert_eq!(source, SocketAddrV4::new([192, 0, 2, 1].into(), 56324));
            }
            Addresses::Inet6 { destination, .. } => {
                assert_eq!(destination, SocketAddrV6::new([1; 16].into(), 0x0101, 0, 0));
            }
            Addresses::Unix {
                source,
                destination,
            } => {
                assert_eq!((source, destination), (&b"/run/a"[..], &b"\0abstract"[..]));
            }
            Addresses::Unspecified => panic!("{byte:#x} has addresses"),
        }
    }
}

#[test]
fn v2_blocks_without_meaning_are_skipped_unread() {
    // LOCAL with any second byte, PROXY with an UNSPEC in it; a block that would break every rule.
    let wrong = [3, 0, 9, 1, 2];
    for (command, byte) in [
        (0x20, 0x00),
        (0x20, 0x11),
        (0x20, 0xFF),
        (0x21, 0x00),
        (0x21, 0x01),
    ]
    .into_iter()
    .chain([(0x21, 0x02), (0x21, 0x10), (0x21, 0x20), (0x21, 0x30)])
    {
        let bytes = v2(command, byte, &wrong);
        let header = header(&bytes);
        assert_eq!(header.len(), bytes.len());
        assert_eq!(header.addresses(), Addresses::Unspecified);
        assert_eq!(header.transport(), Transport::Unspecified);
        assert_eq!(header.command() == Command::Local, command == 0x20);
        assert_eq!(header.tlvs().count(), 0);
    }
}

#[test]
fn v2_tlvs_by_type() {
    let subs: Vec<u8> = (kind::SSL_VERSION..=0x29)
        .flat_map(|kind| tlv(kind, &[kind]))
        .collect();
    let ssl_value = [&[0x07, 0, 0, 0, 0][..], &subs].concat();
    let tlvs = [
        tlv(kind::ALPN, b"h2"),
        tlv(kind::AUTHORITY, "bücher.example".as_bytes()),
        tlv(kind::NOOP, b""),
        tlv(kind::UNIQUE_ID, &[9; 128]),
        tlv(kind::SSL, &ssl_value),
        tlv(kind::NETNS, b"blue"),
        tlv(0xEA, b"\x01vpce-1"),
        tlv(0xEA, b"again"),
    ];
    let bytes = v2(0x21, 0x11, &[&INET[..], &tlvs.concat()].concat());
    let header = header(&bytes);
    let ssl = header.ssl().unwrap();
    assert_eq!(
        header.tlvs().collect::<Vec<_>>(),
        [
            Tlv::Alpn(b"h2"),
            Tlv::Authority("bücher.example"),
            Tlv::Noop(b""),
            Tlv::UniqueId(&[9; 128]),
            Tlv::Ssl(ssl),
            Tlv::Netns("blue"),
            Tlv::Other {
                kind: 0xEA,
                value: b"\x01vpce-1"
            },
            Tlv::Other {
                kind: 0xEA,
                value: b"again"
            },
        ]
    );
    assert_eq!(header.tlv(0xEA), Some(&b"\x01vpce-1"[..]));
    assert_eq!(header.tlv(0xEB), None);

    assert!(ssl.client().intersects(ClientFlags::SSL));
    assert!(ssl.verified());
    assert_eq!(ssl.verify(), 0);
    assert_eq!(
        ssl.tlvs().collect::<Vec<_>>(),
        [
            SslTlv::Version(&[0x21]),
            SslTlv::Cn(&[0x22]),
            SslTlv::Cipher(&[0x23]),
            SslTlv::SigAlg(&[0x24]),
            SslTlv::KeyAlg(&[0x25]),
            SslTlv::Group(&[0x26]),
            SslTlv::SigScheme(&[0x27]),
            SslTlv::ClientCert(&[0x28]),
            SslTlv::Other {
                kind: 0x29,
                value: &[0x29]
            },
        ]
    );
    assert_eq!(ssl.sub(kind::SSL_GROUP), Some(&[0x26][..]));
    assert_eq!(ssl.sub(0x2A), None);
}

#[test]
fn a_client_without_certificate_is_not_verified() {
    let bytes = v2(
        0x21,
        0x11,
        &[&INET[..], &tlv(kind::SSL, &[0x01, 0, 0, 0, 0])].concat(),
    );
    assert!(!header(&bytes).ssl().unwrap().verified());
    let bytes = v2(
        0x21,
        0x11,
        &[&INET[..], &tlv(kind::SSL, &[0x03, 0, 0, 0, 9])].concat(),
    );
    assert!(!header(&bytes).ssl().unwrap().verified());
}

/// As a network load balancer of AWS sends it: CRC32C, a custom TLV, NOOP.
#[test]
fn v2_crc32c_of_another_implementation() {
    let tlvs = b"\x03\x00\x04\xe8\xd6\x89\x2d\xea\x00\x17\x01vpce-08d2bf15fac5001c9\x04\x00\x24\
                 \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let block = [172, 31, 7, 113, 172, 31, 10, 31, 0xC8, 0xF2, 0, 80];
    let mut bytes = v2(0x21, 0x11, &[&block[..], tlvs].concat());
    assert_eq!(header(&bytes).tlvs().next(), Some(Tlv::Crc32c(0xE8D6_892D)));
    for at in 16..bytes.len() {
        bytes[at] ^= 0x01;
        assert!(decode(&bytes, V2_MAX_LEN).is_err(), "byte {at} changed");
        bytes[at] ^= 0x01;
    }
}

#[test]
fn truncation_is_never_a_header() {
    for case in wire_cases() {
        let bytes = case.segments.concat();
        let Ok(Decoded::Header(header)) = decode(&bytes, V2_MAX_LEN) else {
            continue;
        };
        for len in 0..header.len() {
            assert!(
                matches!(decode(&bytes[..len], V2_MAX_LEN), Ok(Decoded::NeedMore(_))),
                "{} cut to {len}",
                case.name
            );
        }
    }
}

#[test]
fn mapped_addresses_stay_ipv6() {
    let (source, _) = header(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n")
        .stream_addresses()
        .unwrap();
    assert_eq!(
        source,
        SocketAddr::from(([0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x0201], 1))
    );
}
