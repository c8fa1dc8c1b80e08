use super::*;

#[track_caller]
fn option_of(text: &str) -> (u16, Vec<u8>) {
    match text.parse() {
        Ok(Header::Option(number, value)) => (number.0, value),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn headers_of_http() {
    for (text, number, value) in [
        ("Authorization: Bearer syt_x", 256, &b"syt_x"[..]),
        ("authorization:bearer  syt_x ", 256, b"syt_x"),
        ("Authorization: syt_x", 256, b"syt_x"),
        ("Authorization:", 256, b""),
        ("Authorization: Bearer ", 256, b""),
        ("Authorization;", 256, b""),
        ("Content-Type: application/cbor", 12, b"\x3c"),
        ("Content-Type: text/plain;charset=utf-8", 12, b""),
        ("content-format: 11050", 12, b"\x2b\x2a"),
        ("Accept: application/json, */*", 17, b"\x32"),
        ("ETag: \"ab\"", 4, b"ab"),
        ("ETag: 0x00ff", 4, b"\x00\xff"),
        ("If-Match: *", 1, b""),
        ("If-Match: 0x01", 1, b"\x01"),
        ("If-None-Match: *", 5, b""),
        ("If-None-Match: \"ab\"", 4, b"ab"),
        ("Host: example.org", 3, b"example.org"),
    ] {
        assert_eq!(option_of(text), (number, value.to_vec()), "{text}");
    }
    assert_eq!("Content-Type:".parse(), Ok(Header::NoContentFormat));
}

#[test]
fn options_by_name_and_number() {
    for (text, number, value) in [
        ("Uri-Port: 8008", 7, &b"\x1f\x48"[..]),
        ("proxy-uri: coap://x", 35, b"coap://x"),
        ("No-Response: 0", 258, b""),
        ("Echo: 0x0102", 252, b"\x01\x02"),
        ("257: 0x01", 257, b"\x01"),
        ("65001: text", 65_001, b"text"),
        ("256;", 256, b""),
        ("12: cbor", 12, b"\x3c"),
        ("Uri-Path: extra", 11, b"extra"),
    ] {
        assert_eq!(option_of(text), (number, value.to_vec()), "{text}");
    }
}

#[test]
fn what_coap_has_not() {
    for (text, error) in [
        ("User-Agent: x", HeaderError::Unknown),
        ("Authorization: Basic eDp5", HeaderError::Scheme),
        ("Authorization", HeaderError::NoColon),
        ("", HeaderError::NoColon),
        ("Content-Type: image/png", HeaderError::Format),
        ("Accept: */*", HeaderError::Format),
        ("Observe: 0", HeaderError::Flag("--observe")),
        ("23: 6", HeaderError::Flag("--block-size")),
        ("Uri-Port: x", HeaderError::Number),
        ("Uri-Port: 65536", HeaderError::Length(3, 0, 2)),
        ("ETag: 123456789", HeaderError::Length(9, 1, 8)),
        ("ETag;", HeaderError::Length(0, 1, 8)),
        ("If-None-Match: ab", HeaderError::NotATag),
        ("5: x", HeaderError::Length(1, 0, 0)),
        (
            &format!("256: {}", "x".repeat(70_000)),
            HeaderError::Length(70_000, 0, u16::MAX),
        ),
    ] {
        assert_eq!(text.parse::<Header>(), Err(error), "{text:.20}");
    }
    let said = HeaderError::Unknown.to_string();
    assert!(said.contains("Authorization") && said.contains("257: 0x01"));
    assert_eq!(
        HeaderError::Length(1, 0, 0).to_string(),
        "the value has 1 bytes, and the option 0"
    );
}

#[test]
fn values_are_not_shown() {
    let header: Header = "Authorization: secret".parse().unwrap();
    assert_eq!(format!("{header:?}"), "Option(option 256, 6 bytes)");
}
