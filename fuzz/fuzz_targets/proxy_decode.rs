//! Any bytes as the beginning of a connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_proxy_protocol::vectors::check_decode;

fuzz_target!(|input: &[u8]| check_decode(input));
