use proptest::prelude::*;
use vestibule_coap::vectors::unhex;

use super::*;

/// The first hello of `openssl s_client -dtls1_2 -servername chat.example.org`.
const OPENSSL: &str = "\
    16feff000000000000000000d9010000cd00000000000000cdfefd8999732a1ebb8cf1765ad576f2ef60ecfaf5cd9484 \
    9746045dfed8d57a5a3f1600000038c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0 \
    140039c009c0130033009d009c003d003c0035002f00ff0100006b000000150013000010636861742e6578616d706c65 \
    2e6f7267000b000403000102000a000c000a001d0017001e00190018002300000016000000170000000d002a00280403 \
    05030603080708080809080a080b080408050806040105010601030303010302040205020602";

fn record(kind: u8, epoch: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = [kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 7];
    [&header[..], &length, content].concat()
}

/// A fragment of a handshake message: `part` of it, from `offset` on.
fn fragment(kind: u8, length: u32, offset: u32, part: &[u8]) -> Vec<u8> {
    let uint24 = |value: u32| value.to_be_bytes()[1..].to_vec();
    let part_length = u32::try_from(part.len()).unwrap();
    [
        vec![kind],
        uint24(length),
        vec![0, 1],
        uint24(offset),
        uint24(part_length),
        part.to_vec(),
    ]
    .concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    fragment(kind, u32::try_from(body.len()).unwrap(), 0, body)
}

fn server_hello(random: [u8; 4], suite: u16, extensions: &str) -> Vec<u8> {
    let mut body = unhex("fefd");
    body.extend(random);
    body.extend([0; 28]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let extensions = unhex(extensions);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    record(HANDSHAKE, 0, &message(SERVER_HELLO, &body))
}

#[test]
fn hellos_of_clients() {
    assert_eq!(
        datagram(&unhex(OPENSSL)),
        "ClientHello (DTLS 1.2, for chat.example.org)"
    );
    // With a cookie, a ticket, a Connection ID and 1.3.
    let mut body = unhex("fefd");
    body.extend([1; 32]);
    body.extend(unhex("00 03 010203 0002 1301 01 00"));
    let extensions = unhex(
        "0023 0002 0102 \
         0036 0001 00 \
         002b 0005 04 fefc fefd \
         002c 0004 0002 0506",
    );
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    assert_eq!(
        datagram(&record(HANDSHAKE, 0, &message(CLIENT_HELLO, &body))),
        "ClientHello (DTLS 1.3 or DTLS 1.2, cookie of 3 bytes, session ticket, Connection ID, \
         cookie of 2 bytes)"
    );
    // In two pieces it is not taken apart.
    let piece = fragment(CLIENT_HELLO, 200, 0, &body[..20]);
    assert_eq!(
        datagram(&record(HANDSHAKE, 0, &piece)),
        "ClientHello (bytes 0 to 20 of 200)"
    );
}

#[test]
fn hellos_of_servers() {
    assert_eq!(
        datagram(&server_hello([1; 4], 0xc02b, "0036 0005 04 01020304")),
        "ServerHello (DTLS 1.2, ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, Connection ID 0x01020304)"
    );
    assert_eq!(
        datagram(&server_hello(
            [1; 4],
            0x1301,
            "002b 0002 fefc 0029 0002 0000 0036 0001 00"
        )),
        "ServerHello (DTLS 1.3, AES_128_GCM_SHA256, session resumed, Connection ID: none towards \
         it)"
    );
    assert_eq!(
        datagram(&server_hello(
            [0xcf, 0x21, 0xad, 0x74],
            0x1301,
            "002b 0002 fefc"
        )),
        "HelloRetryRequest (DTLS 1.3, AES_128_GCM_SHA256)"
    );
    assert_eq!(
        datagram(&server_hello([1; 4], 0xabcd, "")),
        "ServerHello (DTLS 1.2, suite 0xabcd)"
    );
}

#[test]
fn flights() {
    let flight = [
        record(HANDSHAKE, 0, &message(11, &[0; 10])),
        record(
            HANDSHAKE,
            0,
            &[message(12, &[0; 3]), message(14, &[])].concat(),
        ),
    ];
    assert_eq!(
        datagram(&flight.concat()),
        "Certificate + ServerKeyExchange, ServerHelloDone"
    );
    let flight = [
        record(HANDSHAKE, 0, &message(16, &[0; 33])),
        record(CHANGE_CIPHER_SPEC, 0, &[1]),
        record(HANDSHAKE, 1, &[0; 40]),
    ];
    assert_eq!(
        datagram(&flight.concat()),
        "ClientKeyExchange + ChangeCipherSpec + protected handshake message"
    );
    let parts = [
        record(HANDSHAKE, 0, &fragment(11, 1500, 0, &[0; 1100])),
        record(HANDSHAKE, 0, &fragment(11, 1500, 1100, &[0; 400])),
    ];
    assert_eq!(
        datagram(&parts.concat()),
        "Certificate (bytes 0 to 1100 of 1500) + Certificate (bytes 1100 to 1500 of 1500)"
    );
}

#[test]
fn what_is_protected_and_what_is_not() {
    for (bytes, said) in [
        (record(ALERT, 1, &[0; 26]), "protected alert"),
        (record(APPLICATION_DATA, 1, &[0; 26]), "protected payload"),
        (record(CID, 1, &[0; 26]), "protected, with a Connection ID"),
        (vec![0x2c, 1, 2, 0, 2, 9, 9], "protected"),
        (
            vec![0x3c, 1, 2, 0, 2, 9, 9],
            "protected, with a Connection ID",
        ),
        (
            record(ALERT, 0, &[2, 40]),
            "unprotected fatal alert handshake_failure",
        ),
        (
            record(ALERT, 0, &[1, 0]),
            "unprotected warning alert close_notify",
        ),
        (record(ALERT, 0, &[2, 99]), "unprotected fatal alert 99"),
        (record(ALERT, 0, &[2]), "a malformed alert"),
        (record(HANDSHAKE, 0, &[]), "an empty handshake record"),
        (
            record(HANDSHAKE, 0, &message(99, &[])),
            "handshake message 99",
        ),
        (b"hello".to_vec(), "5 bytes that are no DTLS record"),
        (
            b"HTTP/1.1 400 Bad Request".to_vec(),
            "24 bytes that are no DTLS record",
        ),
        (Vec::new(), "an empty datagram"),
    ] {
        assert_eq!(datagram(&bytes), said);
    }
}

#[test]
fn fatal_alerts() {
    assert!(is_fatal_alert(&record(ALERT, 0, &[2, 40])));
    for other in [
        record(ALERT, 0, &[1, 0]),
        record(ALERT, 1, &[2, 40]),
        record(HANDSHAKE, 0, &[2, 40]),
        record(ALERT, 0, &[2]),
        Vec::new(),
    ] {
        assert!(!is_fatal_alert(&other));
    }
}

#[test]
fn pieces_of_real_ones() {
    let hello = unhex(OPENSSL);
    for end in 0..hello.len() {
        assert!(!datagram(&hello[..end]).is_empty());
        let mut other = hello.clone();
        for value in [0, 1, 0x7f, 0xff] {
            other[end] = value;
            assert!(!datagram(&other).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn anything_can_be_explained(bytes: Vec<u8>, kind in 0_u8..30, message in 0_u8..25) {
        for bytes in [&bytes, &record(kind, 0, &bytes), &record(HANDSHAKE, 0, &self::message(message, &bytes))] {
            let said = datagram(bytes);
            prop_assert!(!said.is_empty() && !said.chars().any(char::is_control));
        }
    }
}
