mod bombs;
mod cbor;
mod json;
mod properties;
mod repeated;
mod rfc8949;

use super::*;
use crate::vectors::MSC_VECTORS;

fn to_cbor(json: &str) -> Result<String, Error> {
    convert(json_to_cbor, json.as_bytes(), &Limits::RESPONSE).map(|cbor| hex(&cbor))
}

fn to_json(hex: &str) -> Result<String, Error> {
    let json = convert(cbor_to_json, &bytes(hex), &Limits::RESPONSE)?;
    Ok(String::from_utf8(json).unwrap())
}

type Convert = fn(&[u8], Keys, &Limits, &mut Vec<u8>) -> Result<(), Error>;

fn convert(convert: Convert, input: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut out = b"before".to_vec();
    let result = convert(input, Keys::V1, limits, &mut out);
    let appended = out.strip_prefix(b"before").unwrap().to_vec();
    assert!(result.is_ok() || appended.is_empty());
    result.map(|()| appended)
}

fn error(reason: Reason, offset: usize) -> Error {
    Error { reason, offset }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    (digits.chunks(2))
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Each way the result is what `jc` of matrix-org/lb prints; what it reads may be in any order.
#[test]
fn documents_are_as_other_implementations_have_them() {
    for (json, cbor) in MSC_VECTORS {
        let canonical = convert(json_to_canonical_cbor, json.as_bytes(), &Limits::RESPONSE);
        assert_eq!(canonical.map(|cbor| hex(&cbor)).as_deref(), Ok(cbor));
        assert_eq!(to_cbor(json).as_deref(), Ok(cbor));
        assert_eq!(to_json(cbor).as_deref(), Ok(json));
    }
    let event = r#"{"type":"m.room.message","content":{"msgtype":"m.text","body":"Hello World"},"sender":"@alice:localhost","room_id":"!foo:localhost",
        "unsigned":{"bool_value":true,"null_value":null}}"#;
    let canonical = convert(json_to_canonical_cbor, event.as_bytes(), &Limits::RESPONSE);
    assert_eq!(
        canonical.map(|cbor| hex(&cbor)).as_deref(),
        Ok(MSC_VECTORS[0].1)
    );
    // What the Go client sends for {"slow":1}.
    assert_eq!(
        to_json("a164736c6f77fb3ff0000000000000").as_deref(),
        Ok(r#"{"slow":1}"#)
    );
}

#[test]
fn canonical_names_are_sorted_by_length_and_then_by_bytes() {
    let canonical = |json: &str| {
        convert(json_to_canonical_cbor, json.as_bytes(), &Limits::RESPONSE).map(|cbor| hex(&cbor))
    };
    // What counts is the length of the key in CBOR: 01, 60, 1818, 1868, 6162, 626161, 626262.
    assert_eq!(
        canonical(
            r#"{"bb":0,"b":1,"aa":[{"z":1,"a":2}],"room_alias":3,"event_id":4,"join":5,"":6}"#
        ),
        Ok(hex(&bytes(
            "a7 0104 6006 181805 186803 616201 626161 81a2616102617a01 62626200"
        )))
    );
    // Of repeated names the last one is left, and a number is as short as it can be.
    assert_eq!(
        canonical(r#"{"b":1,"a":[],"b":1e2,"a":-0.5e0}"#),
        Ok(hex(&bytes("a2 6161 f9b800 6162 1864")))
    );
}
