//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_proxy_protocol::vectors::{check_decode, check_encode};
use vestibule_test_corpus::replay;

#[test]
fn proxy_decode() {
    replay("proxy_decode", check_decode);
}

#[test]
fn proxy_encode() {
    replay("proxy_encode", check_encode);
}
