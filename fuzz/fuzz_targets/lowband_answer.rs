//! Any bytes as what a homeserver says by HTTP/1.1.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_answer;

fuzz_target!(|input: &[u8]| check_answer(input));
