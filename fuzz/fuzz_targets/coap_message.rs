//! Any datagram as a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_coap::vectors::check_message;

fuzz_target!(|input: &[u8]| check_message(input));
