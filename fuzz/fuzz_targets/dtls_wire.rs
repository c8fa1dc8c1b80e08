//! Any datagram, taken apart without keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_dtls::vectors::check_wire;

fuzz_target!(|input: &[u8]| check_wire(input));
