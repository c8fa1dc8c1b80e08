use proptest::prelude::*;
use vestibule_coap::vectors::{CAPTURES, EXAMPLES, unhex};

use super::*;

fn said(hex: &str) -> Vec<String> {
    let datagram = unhex(hex);
    let message = Message::parse(&datagram).unwrap();
    let mut lines = vec![headline(&message)];
    lines.extend(options(&message));
    lines
}

#[test]
fn a_request() {
    // As the tool of matrix-org/lb sends it.
    assert_eq!(
        said("4101 61f6 01 b1 30 11 2a"),
        [
            "CON GET, id 0x61f6, token 01",
            "Uri-Path: \"0\"",
            "Content-Format: 42 (application/octet-stream)",
        ]
    );
    assert_eq!(
        said("40 03 0001 31 61 81 62 01 63 11 3c 34 \"a=b1\" 04 \"c=d1\" ff a0"),
        [
            "CON PUT, id 0x0001",
            "Uri-Host: \"a\"",
            "Uri-Path: \"b\", \"c\"",
            "Content-Format: 60 (application/cbor)",
            "Uri-Query: \"a=b1\", \"c=d1\"",
            "1 bytes of application/cbor",
        ]
    );
}

#[test]
fn answers_and_empty_messages() {
    assert_eq!(
        said("61 45 1234 0a 41 ab 21 05 61 3c d1 0a 26 50 ff 01")[..3],
        [
            "ACK 2.05 Content, id 0x1234, token 0a",
            "ETag: 0xab",
            "Observe: 5"
        ]
    );
    assert_eq!(said("40 00 0004"), ["CON ping, id 0x0004"]);
    assert_eq!(said("60 00 0004"), ["ACK, id 0x0004"]);
    assert_eq!(said("70 00 0004"), ["RST, id 0x0004"]);
    assert_eq!(said("50 e1 0004"), ["NON 7.01, id 0x0004"]);
}

#[test]
fn blocks() {
    // A block that is carried, and one that is asked for.
    let carried = said("40 02 0001 d1 0e 1e d1 14 06 ff 01");
    assert_eq!(carried[1], "Block1: number 1 of 1024 bytes, more follow");
    assert_eq!(
        said("60 5f 0001 d1 0e 1e")[1],
        "Block1: number 1 of 1024 bytes"
    );
    assert_eq!(
        said("40 01 0001 d1 0a 12")[1],
        "Block2: number 1 of 64 bytes"
    );
    assert_eq!(
        said("60 45 0001 d1 0a 12")[1],
        "Block2: number 1 of 64 bytes, the last"
    );
    assert_eq!(said("60 45 0001 d1 0a 17")[1], "Block2: 0x17");
}

#[test]
fn values() {
    for (number, bytes, request, shown) in [
        (6, &b""[..], true, "0 (register)"),
        (6, b"\x01", true, "1 (deregister)"),
        (6, b"\x01", false, "1"),
        (5, b"", true, "yes"),
        (1, b"", true, "empty"),
        (14, b"\x3c", false, "60"),
        (12, b"\x2b\x2a", false, "11050"),
        (11, b"\xff", true, "0xff"),
        (11, b"a\x1b[2Jb", true, "\"a\\u{1b}[2Jb\""),
        (65_001, b"\x01\x02", true, "0x0102"),
        (256, b"", true, "none"),
        (256, b"syt_secret", true, "10 bytes, not shown"),
        (
            15,
            b"access_token=secret",
            true,
            "\"access_token=...\" (6 bytes, not shown)",
        ),
    ] {
        assert_eq!(
            value(OptionNumber(number), bytes, request),
            shown,
            "{number}"
        );
    }
    let long = value(OptionNumber(65_001), &[0; 300], true);
    assert!(long.ends_with("00... (300 bytes)"), "{long}");
}

#[test]
fn all_that_was_captured_can_be_explained() {
    for vector in CAPTURES.iter().chain(EXAMPLES) {
        let datagram = vector.datagram();
        let message = Message::parse(&datagram).unwrap();
        let lines = [vec![headline(&message)], options(&message)].concat();
        assert!(lines.iter().all(|line| !line.contains("syt_")), "{lines:?}");
    }
}

proptest! {
    #[test]
    fn anything_can_be_explained(number: u16, bytes: Vec<u8>, request: bool) {
        let shown = value(OptionNumber(number), &bytes, request);
        prop_assert!(!shown.is_empty() && !shown.chars().any(char::is_control));
    }
}
