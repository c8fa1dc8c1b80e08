//! Any bytes as the CBOR of a request or a response.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_cbor_to_json;

fuzz_target!(|input: &[u8]| check_cbor_to_json(input));
