//! Any bytes as what an HTTP client sends first.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_peek::vectors::check_request;

fuzz_target!(|input: &[u8]| check_request(input));
