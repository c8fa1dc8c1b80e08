//! Any bytes as the answer of a proxy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_peek::vectors::check_response;

fuzz_target!(|input: &[u8]| check_response(input));
