//! Any text as a token, and any lines as addresses to make tokens of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_xmpp::vectors::check_token;

fuzz_target!(|input: &[u8]| check_token(input));
