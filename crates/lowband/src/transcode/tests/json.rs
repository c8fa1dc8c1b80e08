//! From JSON to CBOR, rule by rule.

use super::*;

#[track_caller]
fn becomes(json: &str, cbor: &str) {
    assert_eq!(to_cbor(json), Ok(hex(&bytes(cbor))), "{json}");
}

#[track_caller]
fn fails(json: &str, reason: Reason, offset: usize) {
    assert_eq!(to_cbor(json), Err(error(reason, offset)), "{json}");
}

#[test]
fn names_in_the_table_become_integers_at_every_depth() {
    becomes(r#"{"event_id":1}"#, "a10101");
    becomes(
        r#"{"content":{"x":[{"rooms":{"join":{"room_alias":{}}}}]}}"#,
        "a103a1617881a117a11818a11868a0",
    );
    becomes(r#"{"\u0065vent_id":1}"#, "a10101");
}

#[test]
fn other_names_stay_text() {
    becomes(r#"{"slow":1}"#, "a164736c6f7701");
    becomes(r#"{"":1,"Event_id":2}"#, "a2600168 4576656e745f696402");
}

#[test]
fn names_that_look_like_numbers_stay_text() {
    becomes(r#"{"1":1,"105":2,"-5":3}"#, "a3613101 6331303502 622d3503");
}

#[test]
fn values_are_never_replaced() {
    becomes(r#"{"type":"event_id"}"#, "a102686576656e745f6964");
    becomes(r#"["rooms"]"#, "8165726f6f6d73");
}

#[test]
fn without_a_table_all_names_are_text() {
    let mut out = Vec::new();
    json_to_cbor(
        br#"{"type":{"body":1}}"#,
        Keys::None,
        &Limits::REQUEST,
        &mut out,
    )
    .unwrap();
    assert_eq!(hex(&out), "a16474797065a164626f647901");
}

#[test]
fn integers_have_their_shortest_form() {
    for (json, cbor) in [
        ("0", "00"),
        ("23", "17"),
        ("24", "1818"),
        ("255", "18ff"),
        ("256", "190100"),
        ("65535", "19ffff"),
        ("65536", "1a00010000"),
        ("4294967295", "1affffffff"),
        ("4294967296", "1b0000000100000000"),
        ("1234567890123456789", "1b112210f47de98115"),
        ("18446744073709551615", "1bffffffffffffffff"),
        ("-1", "20"),
        ("-24", "37"),
        ("-25", "3818"),
        ("-9223372036854775808", "3b7fffffffffffffff"),
        ("-18446744073709551616", "3bffffffffffffffff"),
    ] {
        becomes(json, cbor);
    }
}

#[test]
fn other_numbers_are_the_shortest_float_that_is_equal() {
    for (json, cbor) in [
        ("1.5", "f93e00"),
        ("-4.5", "f9c480"),
        ("8188.5", "fa45ffe400"),
        ("0.00006103515625", "f90400"),
        ("0.000000059604644775390625", "f90001"),
        ("0.0000000298023223876953125", "fa33000000"),
        ("0.10000000149011612", "fa3dcccccd"),
        ("1.1", "fb3ff199999999999a"),
        ("0.1", "fb3fb999999999999a"),
    ] {
        becomes(json, cbor);
    }
}

#[test]
fn zero_is_an_integer_whatever_its_sign() {
    for json in [
        "0", "-0", "0.0", "-0.0", "0e0", "-0e5", "-0.0E-1", "1e-999", "-1e-999",
    ] {
        becomes(json, "00");
    }
}

#[test]
fn integral_numbers_are_integers_however_they_are_written() {
    for (json, cbor) in [
        ("1.0", "01"),
        ("1.50e1", "0f"),
        ("-1.0", "20"),
        ("1e2", "1864"),
        ("1E+2", "1864"),
        ("100e-2", "01"),
        ("-1e2", "3863"),
        ("65504.0", "19ffe0"),
        ("16777217.0", "1a01000001"),
        ("9007199254740991.0", "1b001fffffffffffff"),
        // Not more exact than a float of 64 bits.
        ("9007199254740993.0", "1b0020000000000000"),
        // The largest floats below 2^63, and what is beyond.
        ("9223372036854774784.0", "1b7ffffffffffffc00"),
        ("-9223372036854774784e0", "3b7ffffffffffffbff"),
        ("9223372036854775808.0", "fa5f000000"),
        ("-9223372036854775808.0", "fadf000000"),
        ("1e19", "fb43e158e460913d00"),
        ("9223372036854775808", "1b8000000000000000"),
    ] {
        becomes(json, cbor);
    }
}

#[test]
fn large_integers_and_other_exponents_are_floats_of_64_bits() {
    for (json, cbor) in [
        ("18446744073709551616", "fb43f0000000000000"),
        ("-18446744073709551617", "fbc3f0000000000000"),
        ("1.5e0", "fb3ff8000000000000"),
        ("5e-324", "fb0000000000000001"),
        (
            "340282366920938463463374607431768211456",
            "fb47f0000000000000",
        ),
    ] {
        becomes(json, cbor);
    }
    fails("1e400", Reason::NumberRange, 0);
    fails("[1,-1e309]", Reason::NumberRange, 3);
    fails(&"9".repeat(310), Reason::NumberRange, 0);
}

#[test]
fn the_order_of_names_is_kept() {
    becomes(r#"{"b":1,"type":2,"a":3}"#, "a36162010202616103");
}

#[test]
fn lengths_are_definite() {
    for (count, head) in [
        (0, "80"),
        (1, "81"),
        (23, "97"),
        (24, "9818"),
        (255, "98ff"),
    ] {
        let json = format!("[{}]", vec!["0"; count].join(","));
        becomes(&json, &format!("{head}{}", "00".repeat(count)));
    }
    let json = format!("[[{}],1]", vec!["[]"; 65_536].join(","));
    becomes(&json, &format!("829a00010000{}01", "80".repeat(65_536)));
    let members: Vec<_> = (100..356).map(|n| format!("\"{n}\":0")).collect();
    let json = format!("{{{}}}", members.join(","));
    assert!(
        to_cbor(&json)
            .unwrap()
            .starts_with("b9010063313030006331303100")
    );
}

#[test]
fn strings_have_the_length_of_their_utf8() {
    becomes(r#""""#, "60");
    becomes(r#""ü水𐅑""#, "69c3bce6b0b4f0908591");
    becomes(
        &format!("\"{}\"", "a".repeat(23)),
        &format!("77{}", "61".repeat(23)),
    );
    becomes(
        &format!("\"{}\"", "a".repeat(24)),
        &format!("7818{}", "61".repeat(24)),
    );
    becomes(
        &format!("\"{}\"", "a".repeat(256)),
        &format!("790100{}", "61".repeat(256)),
    );
    becomes(
        &format!("\"{}\"", "a".repeat(65_536)),
        &format!("7a00010000{}", "61".repeat(65_536)),
    );
}

#[test]
fn escapes_are_what_they_stand_for() {
    becomes(r#""\"\\\/\b\f\n\r\t""#, "68225c2f080c0a0d09");
    becomes(
        r#""\u0000\u00fC\u6c34\ud800\udd51""#,
        "6a00c3bce6b0b4f0908591",
    );
    becomes(
        r#""abcdefghijklmnopqrstuvw\u0078""#,
        "78186162636465666768696a6b6c6d6e6f707172737475767778",
    );
    becomes(r#"{"a\tb":1}"#, "a16361096201");
}

#[test]
fn a_broken_escape_is_an_error() {
    fails(r#""\x""#, Reason::Escape, 1);
    fails(r#""a\u00g0""#, Reason::Escape, 2);
    fails(r#""\u+123""#, Reason::Escape, 1);
    fails(r#""\ud800""#, Reason::Surrogate, 1);
    fails(r#""\ud800\n""#, Reason::Surrogate, 1);
    fails(r#""\ud800\ud800""#, Reason::Surrogate, 1);
    fails(r#"["\udc00"]"#, Reason::Surrogate, 2);
    fails(r#""\u12"#, Reason::UnexpectedEnd, 5);
    fails("\"\\", Reason::UnexpectedEnd, 2);
    fails("\"a\nb\"", Reason::ControlCharacter, 2);
    fails("\"\0\"", Reason::ControlCharacter, 1);
}

#[test]
fn half_of_a_surrogate_pair_is_replaced_where_that_is_asked_for() {
    let lossy = |json: &str| {
        let mut out = Vec::new();
        let result = json_to_cbor_lossy(json.as_bytes(), Keys::V1, &Limits::RESPONSE, &mut out);
        result.map(|()| hex(&out))
    };
    for (json, same) in [
        (r#""\ud800""#, r#""\ufffd""#),
        (r#""a\ud800\n""#, r#""a\ufffd\n""#),
        (r#""\ud800\ud800\udc00""#, r#""\ufffd\ud800\udc00""#),
        (r#"["\udc00b"]"#, r#"["\ufffdb"]"#),
        (r#""\udc00\ud800""#, r#""\ufffd\ufffd""#),
        (r#"{"\ud800":1,"x":2,"\udc00":3}"#, r#"{"x":2,"\ufffd":3}"#),
    ] {
        assert_eq!(lossy(json), Ok(to_cbor(same).unwrap()), "{json}");
    }
    // All else is as strict as ever.
    assert_eq!(lossy(r#""\ud8zz""#), Err(error(Reason::Escape, 1)));
    assert_eq!(
        lossy(r#""\ud800\u12"#),
        Err(error(Reason::UnexpectedEnd, 11))
    );
    assert_eq!(lossy("[\"\\ud800\"}"), Err(error(Reason::Syntax, 9)));
}

#[test]
fn white_space_is_what_json_has() {
    becomes(
        " [ 1 , { \"a\" : [ ] , \"b\" : { } } ]\r\n\t",
        "8201a2616180 6162a0",
    );
    fails("[1,\u{c}2]", Reason::Syntax, 3);
    fails("\u{feff}1", Reason::Syntax, 0);
}

#[test]
fn what_is_no_json_is_an_error() {
    for (json, offset) in [
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1 2]", 3),
        ("[1}", 2),
        ("{]", 1),
        ("{\"a\"}", 4),
        ("{\"a\":1,}", 7),
        ("{\"a\":}", 5),
        ("{\"a\",1}", 4),
        ("{a:1}", 1),
        ("{1:1}", 1),
        ("'a'", 0),
        ("nul1", 3),
        ("True", 0),
        ("+1", 0),
        (".5", 0),
        ("-x", 1),
        ("01", 1),
        ("-01", 2),
        ("1.x", 2),
        ("1.e5", 2),
        ("1ex", 2),
        ("NaN", 0),
        ("-Infinity", 1),
        ("/**/1", 0),
    ] {
        fails(json, Reason::Syntax, offset);
    }
    for (json, offset) in [
        ("1 2", 2),
        ("{}}", 2),
        ("truefalse", 4),
        ("0x1", 1),
        ("\"\"\"", 2),
    ] {
        fails(json, Reason::TrailingBytes, offset);
    }
    for json in [
        "", " ", "[", "[1", "[1,", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "\"a", "tru", "-", "1.",
        "1e", "1e+",
    ] {
        fails(json, Reason::UnexpectedEnd, json.len());
    }
}

#[test]
fn bytes_that_are_not_utf8_are_an_error() {
    for (json, offset) in [
        (&b"\"a\xff\""[..], 2),
        (b"\"\xed\xa0\x80\"", 1),
        (b"\"\xc0\x80\"", 1),
        (b"[]\xe6\xb0", 2),
    ] {
        let result = convert(json_to_cbor, json, &Limits::RESPONSE);
        assert_eq!(result, Err(error(Reason::Utf8, offset)));
    }
}
