//! Any bytes as a plan for a header to write and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_proxy_protocol::vectors::check_encode;

fuzz_target!(|plan: &[u8]| check_encode(plan));
