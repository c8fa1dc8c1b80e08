use serde_json::Value;

use crate::keys::Keys;
use crate::transcode::{
    Error, Limits, Reason, cbor_to_json, json_to_canonical_cbor, json_to_cbor, json_to_cbor_lossy,
};

/// JSON without white space, and its canonical CBOR in hexadecimal digits, with table version 1: what
/// the tool `jc` of matrix-org/lb makes of one and of the other, but for the order of JSON members.
pub const MSC_VECTORS: [(&str, &str); 6] = [
    (
        r#"{"type":"m.room.message","content":{"body":"Hello World","msgtype":"m.text"},"room_id":"!foo:localhost","sender":"@alice:localhost","unsigned":{"bool_value":true,"null_value":null}}"#,
        "a5026e6d2e726f6f6d2e6d65737361676503a2181b6b48656c6c6f20576f726c64181c666d2e74657874056e21666f6f3a6c6f63616c686f7374067040616c6963653a6c6f63616c686f737409a26a626f6f6c5f76616c7565f56a6e756c6c5f76616c7565f6",
    ),
    (
        r#"{"errcode":"M_UNKNOWN","error":"something"}"#,
        "a21866694d5f554e4b4e4f574e186769736f6d657468696e67",
    ),
    (r#"{"foo":"bar"}"#, "a163666f6f63626172"),
    (r#"{"event_id":"$something"}"#, "a1016a24736f6d657468696e67"),
    (
        r#"{"body":"Hello World","msgtype":"m.text"}"#,
        "a2181b6b48656c6c6f20576f726c64181c666d2e74657874",
    ),
    (
        r#"[{"event_id":[null,1.5,{"rooms":["rooms"]}]}]"#,
        "81a10183f6f93e00a1178165726f6f6d73",
    ),
];

/// Small enough that short inputs reach each of them.
const SMALL: Limits = Limits {
    depth: 3,
    items: 8,
    string: 40,
    output: 100,
};

/// As in use, but no deeper than the other parser goes.
const USUAL: Limits = Limits {
    depth: 64,
    ..Limits::RESPONSE
};

/// Room for whatever comes back the other way.
const AMPLE: Limits = Limits {
    depth: 64,
    items: 200_000,
    string: 1 << 20,
    output: 256 << 20,
};

/// What was in the buffer before.
const BEFORE: &[u8] = b"before";

/// Any bytes as JSON.
///
/// They become CBOR exactly when another parser takes them, too, and no limit is passed. On the way
/// back they are the same value; so they are by the way of canonical CBOR. Limits are kept.
///
/// # Panics
///
/// When any of that does not hold.
pub fn check_json_to_cbor(json: &[u8]) {
    let expected = serde_json::from_slice::<Value>(json);
    for keys in [Keys::V1, Keys::None] {
        for convert in [json_to_cbor, json_to_canonical_cbor] {
            let limited = run(convert, json, keys, &SMALL);
            let cbor = match (run(convert, json, keys, &USUAL), &expected) {
                (Ok(cbor), Ok(expected)) => {
                    let back = run(cbor_to_json, &cbor, keys, &AMPLE);
                    assert_same(&back.expect("what was written is read"), expected);
                    Ok(cbor)
                }
                (Err(error), Ok(_)) => {
                    assert!(error.reason.is_limit(), "{error}");
                    Err(error)
                }
                (Err(error), Err(_)) => Err(error),
                (Ok(_), Err(error)) => panic!("accepted, and not by another: {error}"),
            };
            assert_limited(&limited, &cbor);
        }
        assert_lossy(json, keys);
    }
}

/// Any bytes as CBOR.
///
/// What they become is JSON as another parser knows it, which is the same value after it was CBOR
/// again. Limits are kept.
///
/// # Panics
///
/// When any of that does not hold.
pub fn check_cbor_to_json(cbor: &[u8]) {
    for keys in [Keys::V1, Keys::None] {
        let limited = run(cbor_to_json, cbor, keys, &SMALL);
        let result = run(cbor_to_json, cbor, keys, &USUAL);
        if let Ok(json) = &result {
            let value: Value = serde_json::from_slice(json).expect("JSON");
            let again = run(json_to_cbor, json, keys, &AMPLE).expect("CBOR again");
            let back = run(cbor_to_json, &again, keys, &AMPLE);
            assert_same(&back.expect("JSON again"), &value);
        }
        assert_limited(&limited, &result);
    }
}

type Convert = fn(&[u8], Keys, &Limits, &mut Vec<u8>) -> Result<(), Error>;

/// What was appended to a buffer that was not empty, within the limit; after an error it is as it was.
fn run(convert: Convert, input: &[u8], keys: Keys, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut out = BEFORE.to_vec();
    let result = convert(input, keys, limits, &mut out);
    let appended = out.strip_prefix(BEFORE).expect("what was there before");
    assert!(appended.len() <= limits.output);
    match result {
        Ok(()) => Ok(appended.to_vec()),
        Err(error) => {
            assert!(appended.is_empty());
            assert!(error.offset <= input.len(), "{error}");
            Err(error)
        }
    }
}

/// Where surrogates are replaced, all else is as where they are refused.
fn assert_lossy(json: &[u8], keys: Keys) {
    let strict = run(json_to_cbor, json, keys, &USUAL);
    let lossy = run(json_to_cbor_lossy, json, keys, &USUAL);
    match (strict, lossy) {
        (Err(error), Ok(_)) => assert_eq!(error.reason, Reason::Surrogate),
        (Err(error), Err(later)) if error.reason == Reason::Surrogate => {
            assert!(
                later.reason != Reason::Surrogate && later.offset > 0,
                "{later}"
            );
        }
        (strict, lossy) => assert_eq!(strict, lossy),
    }
}

/// With small limits comes the same, or one of them is passed first.
fn assert_limited(limited: &Result<Vec<u8>, Error>, result: &Result<Vec<u8>, Error>) {
    match limited {
        Err(Error { reason, .. }) if reason.is_limit() => {}
        // Only one direction looks at the encoding before anything else.
        _ => assert_eq!(limited, result),
    }
}

/// The same value, where other parsers have floats of 64 bits for what is no integer of 64 bits.
fn assert_same(json: &[u8], expected: &Value) {
    let value: Value = serde_json::from_slice(json).expect("JSON");
    assert!(same(&value, expected), "{value} is not {expected}");
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64(), other.as_f64());
            let (one, other) = (one.unwrap_or(f64::NAN), other.unwrap_or(f64::NAN));
            // The other parser may be wrong in the last bit.
            (one - other).abs() <= one.abs() * f64::EPSILON
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && (one.iter())
                    .all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
