//! What a client with keys may say in an association.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_dtls::vectors::check_protected;

fuzz_target!(|input: &[u8]| check_protected(input));
