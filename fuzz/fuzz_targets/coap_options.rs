//! Any steps to make a list of options, which is sent and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_coap::vectors::check_options;

fuzz_target!(|input: &[u8]| check_options(input));
