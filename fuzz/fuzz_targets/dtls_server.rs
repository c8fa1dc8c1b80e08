//! Any script of datagrams, time and calls for the demultiplexer of associations.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_dtls::server::vectors::check_server;

fuzz_target!(|input: &[u8]| check_server(input));
