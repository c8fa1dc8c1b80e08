//! Any bytes as a request for a tunnel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_peek::vectors::{check_against_uri, check_connect};

fuzz_target!(|input: &[u8]| {
    check_connect(input);
    check_against_uri(input);
});
