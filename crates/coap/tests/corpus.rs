//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_coap::vectors::{check_endpoint, check_message, check_options};
use vestibule_test_corpus::replay;

#[test]
fn coap_endpoint() {
    replay("coap_endpoint", check_endpoint);
}

#[test]
fn coap_message() {
    replay("coap_message", check_message);
}

#[test]
fn coap_options() {
    replay("coap_options", check_options);
}
