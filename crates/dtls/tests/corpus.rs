//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_dtls::{
    client::vectors::check_client,
    server::vectors::check_server,
    vectors::{check_handshake, check_protected, check_wire},
};
use vestibule_test_corpus::replay;

#[test]
fn dtls_client() {
    replay("dtls_client", check_client);
}

#[test]
fn dtls_handshake() {
    replay("dtls_handshake", check_handshake);
}

#[test]
fn dtls_protected() {
    replay("dtls_protected", check_protected);
}

#[test]
fn dtls_server() {
    replay("dtls_server", check_server);
}

#[test]
fn dtls_wire() {
    replay("dtls_wire", check_wire);
}
