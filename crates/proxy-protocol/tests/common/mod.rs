//! Headers for property tests: right ones, nearly right ones and noise.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use vestibule_proxy_protocol::vectors::{INET, malformed, tlv, v2, wire_cases};
use vestibule_proxy_protocol::{Command, V2Builder, kind};

/// Anything that a decoder may meet.
pub(crate) fn input() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        line(),
        header(),
        damaged(header()),
        damaged(known()),
        vec(any::<u8>(), 0..64)
    ]
}

/// Version 1 lines of right and wrong words.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let separator = prop_oneof![
        30 => Just(" "),
        1 => select(vec!["  ", "\t", "", "\r\n", "\n", "\r", "\x0C"]),
    ];
    let address = prop_oneof![
        8 => any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        8 => any::<[u8; 16]>().prop_map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        4 => vec(select(vec!["::", ":", "0", "1", "ffff", "00ab", "1.2.3.4", "12345"]), 0..10)
            .prop_map(|parts| parts.concat()),
        4 => "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        2 => "[0-9a-fA-F]{0,5}(:[0-9a-fA-F]{0,4}){2,8}",
        1 => "[0-9a-fA-F:.]{0,12}",
    ];
    let port = prop_oneof![
        8 => any::<u16>().prop_map(|port| port.to_string()),
        1 => "[+-]?[0-9]{0,6}x?",
    ];
    let protocol = prop_oneof![
        10 => Just("TCP4"),
        10 => Just("TCP6"),
        4 => Just("UNKNOWN"),
        1 => select(vec!["TCP", "tcp4", "UDP4", "UNKNOWNS", ""]),
    ];
    let signature = prop_oneof![30 => Just("PROXY"), 1 => select(vec!["proxy", " PROXY", "PROX"])];
    let end = prop_oneof![10 => Just("\r\n"), 1 => select(vec!["\n", "\r", " \r\n", "\r\r\n", ""])];
    let words = (
        signature,
        protocol,
        address.clone(),
        address,
        port.clone(),
        port,
    );
    (words, vec(separator, 5), end, "[a-z\r\n]{0,8}").prop_map(|(words, separators, end, rest)| {
        let (signature, protocol, source, destination, source_port, destination_port) = words;
        let words = [
            protocol,
            &source,
            &destination,
            &source_port,
            &destination_port,
        ];
        let mut line = signature.to_owned();
        for (separator, word) in separators.into_iter().zip(words) {
            line.push_str(separator);
            line.push_str(word);
        }
        (line + end + &rest).into_bytes()
    })
}

/// Version 2 headers with any bytes in their places, most of them right.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![12 => Just(0x21), 3 => Just(0x20), 1 => any::<u8>()];
    let family = prop_oneof![
        12 => select(vec![0x11, 0x12, 0x21, 0x22, 0x31, 0x32]),
        4 => select(vec![0x00, 0x01, 0x10, 0x20, 0x30]),
        1 => any::<u8>(),
    ];
    let body = (
        any::<[u8; 216]>(),
        vec(value(), 0..5),
        vec(any::<u8>(), 0..3),
        0..30u8,
    );
    (command, family, body, any::<bool>(), vec(any::<u8>(), 0..9)).prop_map(
        |(command, family, (block, tlvs, orphans, short), with_crc32c, rest)| {
            let block = match family >> 4 {
                1 => &block[..12],
                2 => &block[..36],
                3 => &block[..],
                _ => &[],
            };
            let mut body = [block, &tlvs.concat()].concat();
            match short {
                0 => body.extend_from_slice(&orphans),
                1 => body.truncate(usize::from(orphans.first().copied().unwrap_or(0))),
                _ => {}
            }
            let mut header = v2(command, family, &body);
            if with_crc32c && command == 0x21 && family == 0x11 && short > 1 {
                header = with_right_crc32c(&header);
            }
            [header, rest].concat()
        },
    )
}

/// A TLV, most often a right one.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-z.]{0,12}".prop_map(String::into_bytes);
    let bytes = || vec(any::<u8>(), 0..12);
    let sub = (0x21..0x2Au8, bytes()).prop_map(|(kind, value)| tlv(kind, &value));
    prop_oneof![
        6 => (select(vec![kind::ALPN, kind::AUTHORITY, kind::NETNS, kind::UNIQUE_ID]), text)
            .prop_map(|(kind, value)| tlv(kind, &value)),
        2 => (select(vec![kind::NOOP, 0x06, 0xE0, 0xEA, 0xFF]), bytes())
            .prop_map(|(kind, value)| tlv(kind, &value)),
        2 => (any::<[u8; 5]>(), vec(sub, 0..4))
            .prop_map(|(fixed, subs)| tlv(kind::SSL, &[&fixed[..], &subs.concat()].concat())),
        1 => (select(vec![kind::SSL, kind::AUTHORITY, kind::NETNS, kind::CRC32C]), bytes())
            .prop_map(|(kind, value)| tlv(kind, &value)),
        1 => (120..140usize).prop_map(|len| tlv(kind::UNIQUE_ID, &vec![7; len])),
    ]
}

/// Headers of the tables.
fn known() -> impl Strategy<Value = Vec<u8>> {
    let tables: Vec<Vec<u8>> = malformed()
        .into_iter()
        .map(|case| case.bytes)
        .chain(wire_cases().into_iter().map(|case| case.segments.concat()))
        .filter(|bytes| bytes.len() < 4096)
        .collect();
    select(tables)
}

/// With a few bytes changed, added or left out.
fn damaged(whole: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..3);
    (whole, damage).prop_map(|(mut bytes, damage)| {
        for (at, byte, how) in damage {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// The same addresses and TLVs with a CRC32C, if the header can be decoded.
fn with_right_crc32c(header: &[u8]) -> Vec<u8> {
    use vestibule_proxy_protocol::{Decoded, V2_MAX_LEN, decode};

    let Ok(Decoded::Header(decoded)) = decode(header, V2_MAX_LEN) else {
        return header.to_vec();
    };
    assert_eq!(decoded.command(), Command::Proxy);
    assert_eq!(header[16..28].len(), INET.len());
    let (source, destination) = decoded.stream_addresses().expect("INET with STREAM");
    let mut out = Vec::new();
    let mut writer = V2Builder::new(source, destination).start(&mut out);
    for tlv in decoded.raw_tlvs().filter(|tlv| tlv.kind != kind::CRC32C) {
        writer.tlv(tlv.kind, tlv.value);
    }
    writer.crc32c().finish().expect("values that were decoded");
    out
}
