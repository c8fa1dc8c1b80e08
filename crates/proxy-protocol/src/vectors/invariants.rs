use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    Addresses, ClientFlags, Command, Decoded, EncodeError, Header, RawTlv, Reject, SslInfo, Tlv,
    Transport, V1_MAX_LEN, V2_MAX_LEN, V2Builder, V2Writer, Version, decode, encode_v1,
    encode_v1_unknown, kind,
};

/// Decodes `input` and checks all that must hold for any bytes: the answer does not depend on how
/// they arrive nor on what follows the header, no more bytes are asked for than belong to it, and
/// written again it says the same.
///
/// # Panics
///
/// If something does not hold.
pub fn check_decode(input: &[u8]) {
    for max_len in [V2_MAX_LEN, 60] {
        let whole = decode(input, max_len);
        check_prefixes(input, max_len, &whole);
        if let Ok(Decoded::Header(header)) = whole {
            assert!(header.len() <= max_len);
            check_header(&header);
        }
    }
}

/// Takes `input` as a plan for a header, writes it, and checks that decoding gives back what was
/// put in, or that it was refused for a good reason and without a trace.
///
/// # Panics
///
/// If something does not hold.
pub fn check_encode(input: &[u8]) {
    let mut plan = Plan { rest: input };
    let shape = plan.byte();
    let (source, destination) = (plan.address(shape & 1 != 0), plan.address(shape & 2 != 0));
    check_encode_v1(source, destination);

    let (left, right) = (plan.bytes(109), plan.bytes(109));
    let builder = match shape >> 2 & 0x3 {
        0 => V2Builder::local(),
        1 => V2Builder::unspecified(),
        2 => V2Builder::unix(left, right),
        _ => V2Builder::new(source, destination),
    };
    let builder = match shape >> 4 & 0x3 {
        0 => builder.transport(Transport::Datagram),
        1 => builder.transport(Transport::Unspecified),
        _ => builder,
    };

    let before = b"before";
    let mut out = before.to_vec();
    let mut writer = builder.start(&mut out);
    let mut expected = Vec::new();
    while !plan.rest.is_empty() && expected.len() < 64 {
        plan.put_tlv(&mut writer, &mut expected);
    }
    let result = writer.finish();
    assert_eq!(&out[..before.len()], before);
    let written = &out[before.len()..];
    if let Err(error) = result {
        assert!(written.is_empty());
        check_error(
            error,
            shape,
            (source, destination),
            (left, right),
            &expected,
        );
        return;
    }

    let Ok(Decoded::Header(header)) = decode(written, V2_MAX_LEN) else {
        panic!(
            "what was written is refused: {:?}",
            decode(written, V2_MAX_LEN)
        );
    };
    assert_eq!(header.len(), written.len());
    check_header(&header);
    if header.addresses() == Addresses::Unspecified {
        return;
    }
    let kinds: Vec<u8> = header.raw_tlvs().map(|tlv| tlv.kind).collect();
    assert_eq!(
        kinds,
        expected.iter().map(|tlv| tlv.kind).collect::<Vec<_>>()
    );
    for (got, put) in header.raw_tlvs().zip(&expected) {
        assert!(got.value == put.value || got.kind == kind::CRC32C);
    }
    if let Some((got_source, got_destination)) = header.stream_addresses() {
        assert_eq!((got_source, got_destination), (source, destination));
    }
}

fn check_prefixes(input: &[u8], max_len: usize, whole: &Result<Decoded<'_>, Reject>) {
    // All ends near the parts with a structure of their own, a sample of the others.
    let ends = (0..=input.len()).filter(|end| *end < 300 || end % 97 == 0);
    for end in ends {
        match (decode(&input[..end], max_len), whole) {
            (Ok(Decoded::NeedMore(0)), _) => panic!("nothing more is needed after {end} bytes"),
            (Ok(Decoded::NeedMore(needed)), Ok(Decoded::Header(header))) => {
                assert!(
                    end + needed <= header.len(),
                    "asks for {needed} after {end} bytes"
                );
            }
            // Both are lower bounds, and how tight they are depends on where the bytes end.
            (Ok(Decoded::NeedMore(_)), Ok(Decoded::NeedMore(_))) => {}
            (Ok(Decoded::NeedMore(_)), Err(_)) => assert!(end < input.len()),
            (answer, whole) => assert_eq!(&answer, whole, "after {end} bytes"),
        }
    }
}

/// A header is consistent in itself and says the same when it is written again.
fn check_header(header: &Header<'_>) {
    let alone = decode(header.as_bytes(), header.len());
    assert_eq!(alone, Ok(Decoded::Header(*header)));
    assert_eq!(header.tlvs().count(), header.raw_tlvs().count());
    for (typed, raw) in header.tlvs().zip(header.raw_tlvs()) {
        assert_eq!(Tlv::parse(raw), Ok(typed));
        if let Tlv::Ssl(ssl) = typed {
            assert_eq!(ssl.tlvs().count(), ssl.raw_tlvs().count());
            let len: usize = ssl.raw_tlvs().map(|tlv| 3 + tlv.value.len()).sum();
            assert_eq!(len + 5, raw.value.len());
        }
    }
    let tlvs_len: usize = header.raw_tlvs().map(|tlv| 3 + tlv.value.len()).sum();

    match (header.version(), header.addresses()) {
        (Version::V1, Addresses::Unspecified) => {
            let mut out = Vec::new();
            encode_v1_unknown(&mut out);
            assert!(matches!(decode(&out, V1_MAX_LEN), Ok(Decoded::Header(_))));
        }
        (Version::V1, _) => {
            let (source, destination) = header.stream_addresses().expect("TCP4 or TCP6");
            check_encode_v1(source, destination);
        }
        (Version::V2, Addresses::Unspecified) => {
            assert_eq!(header.transport(), Transport::Unspecified);
            assert_eq!(tlvs_len, 0);
        }
        (Version::V2, addresses) => {
            assert_eq!(header.command(), Command::Proxy);
            let (builder, address_len) = match addresses {
                Addresses::Inet {
                    source,
                    destination,
                } => (V2Builder::new(source.into(), destination.into()), 12),
                Addresses::Inet6 {
                    source,
                    destination,
                } => (V2Builder::new(source.into(), destination.into()), 36),
                Addresses::Unix {
                    source,
                    destination,
                } => (V2Builder::unix(source, destination), 216),
                Addresses::Unspecified => unreachable!("the arm before"),
            };
            assert_eq!(16 + address_len + tlvs_len, header.len());
            let mut out = Vec::new();
            let mut writer = builder.transport(header.transport()).start(&mut out);
            for tlv in header.raw_tlvs() {
                match tlv.kind {
                    kind::CRC32C => writer.crc32c(),
                    _ => writer.tlv(tlv.kind, tlv.value),
                };
            }
            assert_eq!(writer.finish(), Ok(()));
            assert_eq!(out, header.as_bytes());
        }
    }
}

fn check_encode_v1(source: SocketAddr, destination: SocketAddr) {
    let mut out = b"before".to_vec();
    if source.is_ipv4() != destination.is_ipv4() {
        assert_eq!(
            encode_v1(source, destination, &mut out),
            Err(EncodeError::MixedFamilies)
        );
        assert_eq!(out, b"before");
        return;
    }
    assert_eq!(encode_v1(source, destination, &mut out), Ok(()));
    let line = &out[b"before".len()..];
    let Ok(Decoded::Header(header)) = decode(line, V1_MAX_LEN) else {
        panic!("what was written is refused: {:?}", line.escape_ascii());
    };
    assert_eq!(header.len(), line.len());
    assert_eq!(header.stream_addresses(), Some((source, destination)));
}

fn check_error(
    error: EncodeError,
    shape: u8,
    (source, destination): (SocketAddr, SocketAddr),
    (left, right): (&[u8], &[u8]),
    tlvs: &[Put],
) {
    match error {
        EncodeError::Crc32cByHand => assert!(tlvs.iter().any(|tlv| tlv.by_hand)),
        EncodeError::HeaderTooLong => {
            assert!(tlvs.iter().map(|tlv| 3 + tlv.value.len()).sum::<usize>() + 216 > 65_535);
        }
        EncodeError::InvalidTlv(reject) => assert!(tlvs.iter().any(|put| Tlv::parse(RawTlv {
            kind: put.kind,
            value: &put.value
        }) == Err(reject))),
        EncodeError::MixedFamilies => assert_ne!(source.is_ipv4(), destination.is_ipv4()),
        EncodeError::UnixAddressTooLong => {
            assert_eq!(shape >> 2 & 0x3, 2);
            assert!(left.len().max(right.len()) > 108);
        }
    }
}

/// What was given to a [`V2Writer`].
struct Put {
    by_hand: bool,
    kind: u8,
    value: Vec<u8>,
}

/// Bytes that decide what is written.
struct Plan<'a> {
    rest: &'a [u8],
}

impl<'a> Plan<'a> {
    /// 0 at the end.
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *byte
    }

    /// Up to `most` bytes behind a byte that says how many.
    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.byte()).min(most).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        bytes
    }

    fn address(&mut self, ipv6: bool) -> SocketAddr {
        let mut octets = [0; 16];
        let given = self.bytes(16);
        octets[16 - given.len()..].copy_from_slice(given);
        let [.., a, b, c, d] = octets;
        let ip = if ipv6 {
            IpAddr::V6(Ipv6Addr::from(octets))
        } else {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        };
        SocketAddr::new(ip, u16::from_be_bytes([self.byte(), self.byte()]))
    }

    fn put_tlv(&mut self, writer: &mut V2Writer<'_>, expected: &mut Vec<Put>) {
        let kind = self.byte();
        let mut value = self.bytes(255).to_vec();
        let mut by_hand = false;
        match kind {
            // A kind that stands for the checksum computed, one for a long value.
            0x83 => {
                writer.crc32c();
                if expected
                    .iter()
                    .any(|tlv| tlv.kind == kind::CRC32C && !tlv.by_hand)
                {
                    return;
                }
                expected.push(Put {
                    by_hand,
                    kind: kind::CRC32C,
                    value: vec![0; 4],
                });
                return;
            }
            0x84 => {
                value = vec![0; value.len() * 256];
                writer.noop(value.len());
                expected.push(Put {
                    by_hand,
                    kind: kind::NOOP,
                    value,
                });
                return;
            }
            0xA0 => {
                let (info, bytes) = ssl_info(&value);
                writer.ssl(&info);
                expected.push(Put {
                    by_hand,
                    kind: kind::SSL,
                    value: bytes,
                });
                return;
            }
            kind::CRC32C => {
                writer.tlv(kind, &value);
                by_hand = true;
            }
            _ => {
                writer.tlv(kind, &value);
            }
        }
        expected.push(Put {
            by_hand,
            kind,
            value,
        });
    }
}

/// What [`V2Writer::ssl`] is given for `value`, and the bytes it must make of it.
fn ssl_info(value: &[u8]) -> (SslInfo<'_>, Vec<u8>) {
    let client = value.first().copied().unwrap_or_default();
    let info = SslInfo {
        client: ClientFlags(client),
        verify: u32::from(client) << 8,
        version: Some(value),
        client_cert: (client & 1 != 0).then_some(value),
        ..SslInfo::default()
    };
    let mut bytes = vec![client, 0, 0, client, 0];
    bytes.extend_from_slice(&super::tlv(kind::SSL_VERSION, value));
    if info.client_cert.is_some() {
        bytes.extend_from_slice(&super::tlv(kind::SSL_CLIENT_CERT, value));
    }
    (info, bytes)
}
