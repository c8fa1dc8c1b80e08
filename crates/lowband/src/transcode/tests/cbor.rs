//! From CBOR to JSON, rule by rule.

use super::*;

#[track_caller]
fn becomes(cbor: &str, json: &str) {
    assert_eq!(to_json(cbor).as_deref(), Ok(json), "{cbor}");
}

#[track_caller]
fn fails(cbor: &str, reason: Reason, offset: usize) {
    assert_eq!(to_json(cbor), Err(error(reason, offset)), "{cbor}");
}

#[test]
fn an_integer_in_the_table_becomes_its_name() {
    becomes("a10101", r#"{"event_id":1}"#);
    becomes("a1186801", r#"{"room_alias":1}"#);
    becomes("a1190001 01", r#"{"event_id":1}"#);
    becomes("a11b000000000000000101", r#"{"event_id":1}"#);
    becomes("a103a1617881a117a0", r#"{"content":{"x":[{"rooms":{}}]}}"#);
}

#[test]
fn an_integer_that_is_not_in_the_table_becomes_its_decimal_digits() {
    becomes("a2186901 2402", r#"{"105":1,"-5":2}"#);
    becomes("a10001", r#"{"0":1}"#);
    becomes(
        "a21bffffffffffffffff01 3bffffffffffffffff02",
        r#"{"18446744073709551615":1,"-18446744073709551616":2}"#,
    );
}

#[test]
fn text_wins_over_the_integer_for_the_same_name() {
    becomes("a2 686576656e745f6964 01 01 02", r#"{"event_id":1}"#);
    becomes("a2 01 02 686576656e745f6964 01", r#"{"event_id":1}"#);
    becomes("a3 01 02 686576656e745f6964 01 01 03", r#"{"event_id":1}"#);
    becomes("a2 186901 6331303502", r#"{"105":2}"#);
    becomes("a2 6331303502 186901", r#"{"105":2}"#);
    becomes("a2 622d35 02 24 01", r#"{"-5":2}"#);
}

#[test]
fn of_keys_of_the_same_form_the_last_wins() {
    becomes("a2 01 01 01 02", r#"{"event_id":2}"#);
    becomes("a3 6161 01 6162 02 6161 03", r#"{"b":2,"a":3}"#);
    becomes("a2 1869 01 1869 02", r#"{"105":2}"#);
    // So do forms that differ only in the encoding.
    becomes("a2 01 01 190001 02", r#"{"event_id":2}"#);
    becomes("a2 6161 01 7f6161ff 02", r#"{"a":2}"#);
}

#[test]
fn text_is_never_replaced() {
    becomes("a1 6138 01", r#"{"8":1}"#);
    becomes("a2 6131 01 01 02", r#"{"1":1,"event_id":2}"#);
    becomes("8165 726f6f6d73", r#"["rooms"]"#);
    becomes("8101", "[1]");
}

#[test]
fn other_keys_are_an_error() {
    for key in [
        "f4",
        "f6",
        "f7",
        "f90000",
        "fb0000000000000000",
        "40",
        "80",
        "a0",
        "c101",
        "d9d9f76161",
        "e0",
    ] {
        fails(&format!("a1 {key} 00"), Reason::Key, 1);
        fails(&format!("bf {key} 00 ff"), Reason::Key, 1);
    }
}

#[test]
fn an_integral_float_becomes_an_integer() {
    for (cbor, json) in [
        ("f93c00", "1"),
        ("f98000", "0"),
        ("fb3ff0000000000000", "1"),
        ("fac2280000", "-42"),
        ("fb426d1a94a2004000", "1000000000002"),
        ("fb43dfffffffffffff", "9223372036854774784"),
        ("fbc3dfffffffffffff", "-9223372036854774784"),
        ("fb8000000000000000", "0"),
    ] {
        becomes(cbor, json);
    }
}

#[test]
fn another_float_becomes_the_shortest_decimal() {
    for (cbor, json) in [
        ("f93e00", "1.5"),
        ("fb3ff199999999999a", "1.1"),
        ("fb3fb999999999999a", "0.1"),
        ("fa3dcccccd", "0.10000000149011612"),
        ("fb43e0000000000000", "9.223372036854776e18"),
        ("fbc3e0000000000000", "-9.223372036854776e18"),
        ("fb7e37e43c8800759c", "1e300"),
        ("fbffefffffffffffff", "-1.7976931348623157e308"),
        ("fb0000000000000001", "5e-324"),
        ("fb3ee4f8b588e368f1", "0.00001"),
        ("fb3ee4f8b588e368f0", "9.999999999999999e-6"),
        ("f90001", "5.960464477539063e-8"),
        ("fb433fffffffffffff", "9007199254740991"),
        ("fb4320000000000001", "2251799813685248.5"),
    ] {
        becomes(cbor, json);
    }
}

#[test]
fn what_is_not_finite_is_an_error() {
    for float in [
        "f97e00",
        "f97c00",
        "f9fc00",
        "f97c01",
        "fa7fc00000",
        "fa7f800000",
        "faff800000",
        "fb7ff8000000000000",
        "fb7ff0000000000000",
        "fbfff0000000000000",
    ] {
        fails(&format!("81{float}"), Reason::NotFinite, 1);
    }
}

#[test]
fn undefined_is_null() {
    becomes("82f7f6", "[null,null]");
}

#[test]
fn a_byte_string_is_an_error() {
    fails("40", Reason::ByteString, 0);
    fails("a16161426869", Reason::ByteString, 3);
    fails("5f426869ff", Reason::ByteString, 0);
}

#[test]
fn a_byte_string_under_a_tag_is_written_as_the_tag_says() {
    becomes("d5 44 fbff00fe", r#""-_8A_g""#);
    becomes("d6 44 fbff00fe", r#""+/8A/g==""#);
    becomes("d7 44 fbff00fe", r#""FBFF00FE""#);
    becomes("d7 40", r#""""#);
    becomes("d6 5f 4101 420203 ff", r#""AQID""#);
    // Also of what is inside of an array or a map, where an inner tag counts more.
    becomes(
        "d7 82 4101 a1 6161 82 4102 d5 4103",
        r#"["01",{"a":["02","Aw"]}]"#,
    );
    becomes("d7 61 61", r#""a""#);
    fails("82 d7 4101 4101", Reason::ByteString, 4);
    let long = format!("d6 590400 {}", "00".repeat(1024));
    becomes(&long, &format!("\"{}==\"", "A".repeat(1366)));
}

#[test]
fn tag_55799_is_nothing() {
    becomes("d9d9f7 a10101", r#"{"event_id":1}"#);
    becomes("82 d9d9f701 d9d9f7d9d9f7da0000d9f702", "[1,2]");
}

#[test]
fn bignums_are_integers_when_128_bits_are_enough() {
    becomes("c240", "0");
    becomes("c340", "-1");
    becomes("c24101", "1");
    becomes("c249010000000000000000", "18446744073709551616");
    becomes("c349010000000000000000", "-18446744073709551617");
    becomes("c25f 420100 4107 ff", "65543");
    becomes(
        &format!("c250{}", "ff".repeat(16)),
        "340282366920938463463374607431768211455",
    );
    becomes(&format!("c25818{}{}", "00".repeat(23), "05"), "5");
    fails(&format!("81c25101{}", "00".repeat(16)), Reason::Bignum, 1);
    becomes(
        &format!("c350{}", "ff".repeat(16)),
        "-340282366920938463463374607431768211456",
    );
    fails(&format!("c35101{}", "00".repeat(16)), Reason::Bignum, 0);
    fails("c201", Reason::Tag, 0);
    fails("c26161", Reason::Tag, 0);
    fails("c2c24101", Reason::Tag, 0);
}

#[test]
fn other_tags_are_an_error() {
    for tag in [
        "c0",
        "c1",
        "c4",
        "c5",
        "d4",
        "d818",
        "d820",
        "d9d9f8",
        "dbffffffffffffffff",
    ] {
        fails(&format!("81 {tag} 00"), Reason::Tag, 1);
    }
}

#[test]
fn indefinite_lengths_are_accepted() {
    becomes("9fff", "[]");
    becomes("bfff", "{}");
    becomes("9f01bf61619f02ffff03ff", r#"[1,{"a":[2]},3]"#);
    becomes("7fff", r#""""#);
    becomes("7f 626162 60 7801 63 ff", r#""abc""#);
    becomes("a1 7f 64726f6f 6d 6173 ff 01", r#"{"rooms":1}"#);
    becomes("a2 7f 64726f6f 6d 6173 ff 01 17 02", r#"{"rooms":1}"#);
}

#[test]
fn what_is_not_utf8_is_an_error() {
    fails("61ff", Reason::Utf8, 1);
    fails("8263616161 62 61c3", Reason::Utf8, 7);
    fails("63eda080", Reason::Utf8, 1);
    fails("a161ff01", Reason::Utf8, 2);
    // A character may not be spread over two parts.
    fails("7f61c361bcff", Reason::Utf8, 2);
    becomes("7f62c3bcff", "\"ü\"");
}

#[test]
fn what_follows_the_item_is_an_error() {
    fails("0000", Reason::TrailingBytes, 1);
    fails("a0ff", Reason::TrailingBytes, 1);
    fails("fff6", Reason::Break, 0);
}

#[test]
fn characters_are_escaped_where_json_wants_it() {
    becomes(
        "6a 225c2f080c0a0d09001f",
        r#""\"\\/\b\f\n\r\t\u0000\u001f""#,
    );
    becomes("66 7f c2 80 3c 26 3e", "\"\u{7f}\u{80}<&>\"");
    becomes("a1 63 610962 01", r#"{"a\tb":1}"#);
    for position in 0..40 {
        let mut text = vec![b'x'; 40];
        text[position] = b'\n';
        let json = format!(
            "\"{}\"",
            str::from_utf8(&text).unwrap().replace('\n', "\\n")
        );
        becomes(&format!("7828{}", hex(&text)), &json);
        assert_eq!(to_cbor(&json), Ok(format!("7828{}", hex(&text))));
    }
}

#[test]
fn without_a_table_all_integers_are_digits() {
    let mut out = Vec::new();
    let cbor = bytes("a2 01 02 20 01");
    cbor_to_json(&cbor, Keys::None, &Limits::REQUEST, &mut out).unwrap();
    assert_eq!(out, br#"{"1":2,"-1":1}"#);
}
