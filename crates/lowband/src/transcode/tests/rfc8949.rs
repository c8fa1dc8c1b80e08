//! The examples of RFC 8949.

use super::*;

/// Appendix A: what JSON has. Integers as keys are those of the table where they are in it.
const EXAMPLES: [(&str, &str); 61] = [
    ("00", "0"),
    ("01", "1"),
    ("0a", "10"),
    ("17", "23"),
    ("1818", "24"),
    ("1819", "25"),
    ("1864", "100"),
    ("1903e8", "1000"),
    ("1a000f4240", "1000000"),
    ("1b000000e8d4a51000", "1000000000000"),
    ("1bffffffffffffffff", "18446744073709551615"),
    ("c249010000000000000000", "18446744073709551616"),
    ("3bffffffffffffffff", "-18446744073709551616"),
    ("c349010000000000000000", "-18446744073709551617"),
    ("20", "-1"),
    ("29", "-10"),
    ("3863", "-100"),
    ("3903e7", "-1000"),
    ("f90000", "0"),
    ("f98000", "0"),
    ("f93c00", "1"),
    ("fb3ff199999999999a", "1.1"),
    ("f93e00", "1.5"),
    ("f97bff", "65504"),
    ("fa47c35000", "100000"),
    ("fa7f7fffff", "3.4028234663852886e38"),
    ("fb7e37e43c8800759c", "1e300"),
    ("f90001", "5.960464477539063e-8"),
    ("f90400", "0.00006103515625"),
    ("f9c400", "-4"),
    ("fbc010666666666666", "-4.1"),
    ("f4", "false"),
    ("f5", "true"),
    ("f6", "null"),
    ("f7", "null"),
    ("d74401020304", "\"01020304\""),
    ("60", "\"\""),
    ("6161", "\"a\""),
    ("6449455446", "\"IETF\""),
    ("62225c", r#""\"\\""#),
    ("62c3bc", "\"ü\""),
    ("63e6b0b4", "\"水\""),
    ("64f0908591", "\"𐅑\""),
    ("80", "[]"),
    ("83010203", "[1,2,3]"),
    ("8301820203820405", "[1,[2,3],[4,5]]"),
    (
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
    ),
    ("a0", "{}"),
    ("a201020304", r#"{"event_id":2,"content":4}"#),
    ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
    ("826161a161626163", r#"["a",{"b":"c"}]"#),
    (
        "a56161614161626142616361436164614461656145",
        r#"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#,
    ),
    ("7f657374726561646d696e67ff", "\"streaming\""),
    ("9fff", "[]"),
    ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
    ("9f01820203820405ff", "[1,[2,3],[4,5]]"),
    ("83018202039f0405ff", "[1,[2,3],[4,5]]"),
    ("83019f0203ff820405", "[1,[2,3],[4,5]]"),
    ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
    ("826161bf61626163ff", r#"["a",{"b":"c"}]"#),
    ("bf6346756ef563416d7421ff", r#"{"Fun":true,"Amt":-2}"#),
];

/// Appendix A: what JSON does not have.
const WITHOUT_JSON: [(&str, Reason); 20] = [
    ("f97c00", Reason::NotFinite),
    ("f97e00", Reason::NotFinite),
    ("f9fc00", Reason::NotFinite),
    ("fa7f800000", Reason::NotFinite),
    ("fa7fc00000", Reason::NotFinite),
    ("faff800000", Reason::NotFinite),
    ("fb7ff0000000000000", Reason::NotFinite),
    ("fb7ff8000000000000", Reason::NotFinite),
    ("fbfff0000000000000", Reason::NotFinite),
    ("f0", Reason::Simple),
    ("f8ff", Reason::Simple),
    ("c074323031332d30332d32315432303a30343a30305a", Reason::Tag),
    ("c11a514b67b0", Reason::Tag),
    ("c1fb41d452d9ec200000", Reason::Tag),
    ("d818456449455446", Reason::Tag),
    (
        "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
        Reason::Tag,
    ),
    ("40", Reason::ByteString),
    ("4401020304", Reason::ByteString),
    ("5f42010243030405ff", Reason::ByteString),
    ("d9d9f740", Reason::ByteString),
];

#[test]
fn examples_become_json() {
    for (cbor, json) in EXAMPLES {
        assert_eq!(to_json(cbor).as_deref(), Ok(json), "{cbor}");
    }
    let long = "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff";
    assert_eq!(to_json(long).as_deref(), Ok(EXAMPLES[46].1));
}

#[test]
fn examples_without_json_are_errors() {
    for (cbor, reason) in WITHOUT_JSON {
        let offset = if cbor == "d9d9f740" { 3 } else { 0 };
        assert_eq!(to_json(cbor), Err(error(reason, offset)), "{cbor}");
    }
}

/// Where JSON says all that the CBOR did, and the CBOR is in the preferred form, it comes back as it
/// was.
#[test]
fn examples_come_back() {
    for (cbor, json) in EXAMPLES {
        let item = bytes(cbor);
        let is_tagged_or_special =
            item[0] >= 0xc0 && item[0] != 0xf4 && item[0] != 0xf5 && item[0] != 0xf6;
        let is_fraction = json.contains('.') && !json.contains('e');
        let is_indefinite = item.iter().any(|byte| matches!(byte, 0x7f | 0x9f | 0xbf));
        if !is_indefinite && (!is_tagged_or_special || is_fraction) {
            assert_eq!(to_cbor(json).as_deref(), Ok(cbor), "{json}");
        }
    }
}

/// Appendix F: what is not well-formed, and what is wrong with it.
const NOT_WELL_FORMED: [(Reason, &str); 9] = [
    (
        Reason::UnexpectedEnd,
        "18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000 \
         d741 d761 81 818181818181818181 8200 a1 a20102 a100 a2000000 d9d9f7 d75f4100 7f6100 9f 9f0102 bf \
         bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff",
    ),
    // A length that was claimed is compared with the limits first.
    (
        Reason::String,
        "d75affffffff00 d75bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203",
    ),
    (
        Reason::Head,
        "1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe f800 f801 f818 f81f \
         1f 3f df",
    ),
    (
        Reason::Chunk,
        "d75f00ff d75f21ff d75f6100ff d75f80ff d75fa0ff d75fc000ff d75fe0ff 7f4100ff d75f5f4100ffff \
         7f7f6100ffff",
    ),
    (
        Reason::Break,
        "ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff bf00ff bf000000ff",
    ),
    (Reason::Tag, "c0"),
    (
        Reason::ByteString,
        "41 5affffffff00 5bffffffffffffffff010203 5f4100 5f00ff 5fc000ff 5f5f4100ffff",
    ),
    (Reason::Utf8, "61ff"),
    (Reason::TrailingBytes, "0000"),
];

#[test]
fn what_is_not_well_formed_is_an_error() {
    for (reason, items) in NOT_WELL_FORMED {
        for item in items.split_whitespace() {
            let result = to_json(item).map_err(|error| error.reason);
            assert_eq!(result, Err(reason), "{item}");
        }
    }
}

/// Each example, cut anywhere, ends too early: there or in what it is then taken for.
#[test]
fn a_part_of_an_example_is_an_error() {
    for (cbor, _) in EXAMPLES {
        for len in (0..cbor.len()).step_by(2) {
            assert!(
                matches!(
                    to_json(&cbor[..len]),
                    Err(Error { reason: Reason::UnexpectedEnd, offset }) if offset == len / 2
                ),
                "{cbor} {len}"
            );
        }
    }
}
