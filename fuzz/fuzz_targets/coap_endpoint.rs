//! Any script of datagrams, time and calls for an endpoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_coap::vectors::check_endpoint;

fuzz_target!(|input: &[u8]| check_endpoint(input));
