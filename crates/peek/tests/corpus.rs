//! The corpus of the fuzz targets, without a fuzzer.

use vestibule_peek::vectors::{
    check_against_rustls, check_against_uri, check_connect, check_hello, check_request,
    check_response,
};
use vestibule_test_corpus::replay;

#[test]
fn client_hello() {
    replay("client_hello", |input| {
        check_hello(input);
        check_against_rustls(input);
    });
}

#[test]
fn connect_head() {
    replay("connect_head", |input| {
        check_connect(input);
        check_against_uri(input);
    });
}

#[test]
fn http_head() {
    replay("http_head", check_request);
}

#[test]
fn response_head() {
    replay("response_head", check_response);
}
