//! Any bytes as what a TLS client sends first.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_peek::vectors::{check_against_rustls, check_hello};

fuzz_target!(|input: &[u8]| {
    check_hello(input);
    check_against_rustls(input);
});
