//! What holds for any document.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

use crate::transcode::float::{Shortest, from_half};
use crate::vectors::{check_cbor_to_json, check_json_to_cbor};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "event_id",
            "rooms",
            "join",
            "room_alias",
            "1",
            "-5",
            "105",
            "a",
            ""
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,12}",
        ".{0,9}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(|number| Value::Number(number.into())),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        (-30_i64..300).prop_map(|number| Value::Number(number.into())),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any::<f32>().prop_map(|number| {
            Number::from_f64(number.into()).map_or(Value::Null, Value::Number)
        }),
        any::<i16>().prop_map(|number| {
            Number::from_f64(f64::from(number) / 8.0).map_or(Value::Null, Value::Number)
        }),
        ".{0,30}".prop_map(Value::String),
        "[ -~\n\t\0]{0,40}".prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 200, 30, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..30).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..30)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Text that is nearly JSON, with names that are repeated.
fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\":",
        "\"type\":",
        "\"\\u0061\":",
        "1",
        "-0",
        "1.5",
        "1e3",
        "true",
        "null",
        "\"x\"",
        "\"\\ud800\"",
        " ",
        "\\",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Objects whose names are often the same, in CBOR of either form.
fn repeated() -> impl Strategy<Value = Vec<u8>> {
    let key = prop::sample::select(vec![
        &b"\x01"[..],
        b"\x68event_id",
        b"\x7f\x64even\x64t_id\xff",
        b"\x18\x69",
        b"\x63105",
        b"\x61a",
        b"\x7f\x61a\xff",
    ]);
    let value = prop::sample::select(vec![&b"\x01"[..], b"\xa0", b"\x82\x01\x02", b"\x61x"]);
    prop::collection::vec((key, value), 0..20).prop_map(|members| {
        let mut item = vec![0xbf];
        for (key, value) in members {
            item.extend(key);
            item.extend(value);
        }
        item.push(0xff);
        item
    })
}

proptest! {
    #[test]
    fn any_value_comes_back(value in value()) {
        check_json_to_cbor(value.to_string().as_bytes());
        check_json_to_cbor(serde_json::to_string_pretty(&value).unwrap().as_bytes());
    }

    #[test]
    fn any_text_is_converted_or_refused(text in text()) {
        check_json_to_cbor(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_converted_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        check_json_to_cbor(&bytes);
        check_cbor_to_json(&bytes);
    }

    #[test]
    fn any_members_are_converted_or_refused(item in repeated()) {
        check_cbor_to_json(&item);
    }

    #[test]
    fn the_shortest_float_is_equal(bits in any::<u64>(), single in any::<f32>(), half in any::<u16>()) {
        for value in [f64::from_bits(bits), single.into(), from_half(half)] {
            if value.is_finite() {
                let shortest = match Shortest::of(value) {
                    Shortest::Half(bits) => from_half(bits),
                    Shortest::Single(value) => value.into(),
                    Shortest::Double(value) => value,
                };
                prop_assert_eq!(shortest.to_bits(), value.to_bits());
            }
        }
    }
}

#[test]
fn all_halves_are_halves() {
    for bits in 0..=u16::MAX {
        let value = from_half(bits);
        if value.is_finite() {
            assert_eq!(Shortest::of(value), Shortest::Half(bits), "{value}");
        }
    }
}
