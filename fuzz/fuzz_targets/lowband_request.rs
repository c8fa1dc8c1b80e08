//! Any datagram as a request to the gateway, and what it carries as the homeserver's answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_request;

fuzz_target!(|input: &[u8]| check_request(input));
