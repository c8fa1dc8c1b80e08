//! Any bytes as the JSON of a request or a response.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_json_to_cbor;

fuzz_target!(|input: &[u8]| check_json_to_cbor(input));
