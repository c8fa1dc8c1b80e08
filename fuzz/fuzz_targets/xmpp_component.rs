//! Any bytes as a plan of what happens to a component.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_xmpp::vectors::check_component;

fuzz_target!(|input: &[u8]| check_component(input));
