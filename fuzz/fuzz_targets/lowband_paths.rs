//! Any lines as segments of a path and items of a query, and any text as both of HTTP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_lowband::vectors::check_paths;

fuzz_target!(|input: &[u8]| check_paths(input));
