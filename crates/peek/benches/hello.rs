//! Time to read one ClientHello, one request head, one request for a tunnel and one answer to it.
//!
//! `cargo bench -p vestibule-peek`; the limit is a median of 1 µs for Chromium's hello without its
//! fingerprint. Allocations would be listed beside the times; only the credentials
//! of a request for a tunnel may have one.

use std::hint::black_box;

use divan::{AllocProfiler, Bencher};
use vestibule_peek::http::{self, connect, response};
use vestibule_peek::tls::{HelloReader, MAX_MESSAGE_LEN, Sni};
use vestibule_peek::vectors::{CAPTURES, records};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = ["openssl_default", "chromium"])]
fn in_one_record(bencher: Bencher<'_, '_>, name: &str) {
    let wire = capture(name);
    bencher.bench_local(|| read(black_box(wire), &mut []));
}

#[divan::bench(args = ["openssl_default", "chromium"])]
fn in_one_byte_records(bencher: Bencher<'_, '_>, name: &str) {
    let wire = records(&capture(name)[5..], &[1]);
    let mut scratch = vec![0; MAX_MESSAGE_LEN];
    bencher.bench_local(|| read(black_box(&wire), &mut scratch));
}

#[divan::bench(args = ["openssl_default", "chromium"])]
fn fingerprint(bencher: Bencher<'_, '_>, name: &str) {
    let wire = capture(name);
    let mut reader = HelloReader::new();
    reader.advance(wire).expect("a hello");
    let hello = reader.hello(wire, &mut []).expect("a hello");
    bencher.bench_local(|| black_box(&hello).ja4());
}

#[divan::bench]
fn request_head() -> Result<http::Progress<'static>, http::Malformed> {
    http::request(black_box(
        b"GET / HTTP/1.1\r\nHost: web.example.org\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
    ))
}

#[divan::bench]
fn tunnel() -> Result<connect::Progress<'static>, connect::Malformed> {
    connect::request(black_box(
        b"CONNECT chat.example.org:5222 HTTP/1.1\r\nHost: chat.example.org:5222\r\nUser-Agent: curl/7.88.1\r\nProxy-Connection: Keep-Alive\r\n\r\n",
    ))
}

#[divan::bench]
fn tunnel_with_credentials() -> Result<connect::Progress<'static>, connect::Malformed> {
    connect::request(black_box(
        b"CONNECT chat.example.org:5222 HTTP/1.1\r\nHost: chat.example.org:5222\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n",
    ))
}

#[divan::bench]
fn answer() -> Result<response::Progress<'static>, response::Malformed> {
    response::head(black_box(b"HTTP/1.1 200 Connection established\r\n\r\n"))
}

fn read(wire: &[u8], scratch: &mut [u8]) -> Sni {
    let mut reader = HelloReader::new();
    reader.advance(wire).expect("a hello");
    reader.hello(wire, scratch).expect("a hello").sni()
}

fn capture(name: &str) -> &'static [u8] {
    let capture = CAPTURES.iter().find(|capture| capture.name == name);
    capture.expect("a capture").bytes
}
