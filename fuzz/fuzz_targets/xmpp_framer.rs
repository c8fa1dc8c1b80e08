//! Any bytes as what a server sends to a component.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_xmpp::vectors::check_framer;

fuzz_target!(|input: &[u8]| check_framer(input));
