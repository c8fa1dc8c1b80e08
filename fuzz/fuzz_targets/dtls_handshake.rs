//! Handshakes over any line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_dtls::vectors::check_handshake;

fuzz_target!(|input: &[u8]| check_handshake(input));
