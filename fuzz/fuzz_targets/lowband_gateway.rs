//! Any script of datagrams, answers of a homeserver and time for a gateway.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_gateway;

fuzz_target!(|input: &[u8]| check_gateway(input));
