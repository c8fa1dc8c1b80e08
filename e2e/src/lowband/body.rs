use serde_json::Value;
use vestibule_lowband::keys::Keys;
use vestibule_lowband::transcode::{Limits, cbor_to_json, json_to_cbor};

/// CBOR of this value, with the integers of the table.
pub fn to_cbor(value: &Value) -> Vec<u8> {
    let mut cbor = Vec::new();
    let json = value.to_string();
    json_to_cbor(json.as_bytes(), Keys::V1, &Limits::RESPONSE, &mut cbor).expect("a small value");
    cbor
}

/// What CBOR says, with or without integers of the table.
#[track_caller]
pub fn from_cbor(cbor: &[u8]) -> Value {
    let mut json = Vec::new();
    if let Err(error) = cbor_to_json(cbor, Keys::V1, &Limits::RESPONSE, &mut json) {
        panic!("no CBOR: {error}: {}", cbor.escape_ascii());
    }
    serde_json::from_slice(&json).expect("JSON of ours")
}
