//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_lowband::vectors::{
    check_answer, check_cbor_to_json, check_gateway, check_json_to_cbor, check_paths, check_request,
};
use vestibule_test_corpus::replay;

#[test]
fn lowband_answer() {
    replay("lowband_answer", check_answer);
}

#[test]
fn lowband_cbor_to_json() {
    replay("lowband_cbor_to_json", check_cbor_to_json);
}

#[test]
fn lowband_gateway() {
    replay("lowband_gateway", check_gateway);
}

#[test]
fn lowband_json_to_cbor() {
    replay("lowband_json_to_cbor", check_json_to_cbor);
}

#[test]
fn lowband_paths() {
    replay("lowband_paths", check_paths);
}

#[test]
fn lowband_request() {
    replay("lowband_request", check_request);
}
