//! Any script of datagrams, time and calls for a client with a server behind somebody who changes things.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_dtls::client::vectors::check_client;

fuzz_target!(|input: &[u8]| check_client(input));
