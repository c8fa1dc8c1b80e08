//! Any bytes as stanzas, to be read, readdressed and answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_xmpp::vectors::check_stanza;

fuzz_target!(|input: &[u8]| check_stanza(input));
