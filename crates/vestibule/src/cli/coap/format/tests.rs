use super::*;

#[test]
fn names_and_numbers() {
    for (text, number) in [
        ("application/json", 50),
        ("Application/CBOR", 60),
        ("text/plain; charset=utf-8", 0),
        ("cbor", 60),
        ("octets", 42),
        ("11050", 11_050),
        ("0", 0),
    ] {
        assert_eq!(by_name(text), Some(ContentFormat(number)), "{text}");
    }
    for text in ["", "application/x", "65536", "-1"] {
        assert_eq!(by_name(text), None, "{text}");
    }
    assert_eq!(name(ContentFormat::CBOR), Some("application/cbor"));
    assert_eq!(name(ContentFormat(11_050)), None);
    assert!(names().contains("application/json, application/cbor"));
}

#[test]
fn bodies_are_known_by_their_beginning() {
    for (body, format) in [
        (&b"{}"[..], Some(ContentFormat::JSON)),
        (b" \n[1]", Some(ContentFormat::JSON)),
        (b"\xa0", Some(ContentFormat::CBOR)),
        (b"\x9f\xff", Some(ContentFormat::CBOR)),
        (b"\xd9\xd9\xf7\x01", Some(ContentFormat::CBOR)),
        (b"", None),
        (b"hello", None),
        (b"\xd9\xd9", None),
    ] {
        assert_eq!(guess(body), format, "{body:?}");
    }
}
