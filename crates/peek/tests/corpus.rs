//! The corpus of the fuzz targets, without a fuzzer.

use std::fs;
use std::path::Path;

use vestibule_peek::vectors::{
    check_against_rustls, check_against_uri, check_connect, check_hello, check_request,
    check_response,
};

#[test]
fn client_hello() {
    run("client_hello", |input| {
        check_hello(input);
        check_against_rustls(input);
    });
}

#[test]
fn connect_head() {
    run("connect_head", |input| {
        check_connect(input);
        check_against_uri(input);
    });
}

#[test]
fn http_head() {
    run("http_head", check_request);
}

#[test]
fn response_head() {
    run("response_head", check_response);
}

fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
        let file = entry.expect("a readable folder").path();
        check(&fs::read(file).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 5, "{count} files in {}", folder.display());
}
