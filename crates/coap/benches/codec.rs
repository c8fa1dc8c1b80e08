//! Time to read and to write one message.
//!
//! `cargo bench -p vestibule-coap`; the limit is a median of 150 ns to read the request that sends a
//! message, and to go through all of its options. Allocations are listed beside the times; reading
//! must have none.

use std::hint::black_box;

use coap_lite::Packet;
use divan::{AllocProfiler, Bencher};
use vestibule_coap::vectors::{CAPTURES, Vector};
use vestibule_coap::{Message, OptionList, encode};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = NAMES)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let datagram = vector(name).datagram();
    bencher.bench_local(|| {
        let message = Message::parse(black_box(&datagram)).expect("a message");
        for option in message.options {
            black_box(option);
        }
        message.payload.len()
    });
}

#[divan::bench(args = NAMES)]
fn decode_coap_lite(bencher: Bencher<'_, '_>, name: &str) {
    let datagram = vector(name).datagram();
    bencher.bench_local(|| {
        let packet = Packet::from_bytes(black_box(&datagram)).expect("a message");
        for option in packet.options() {
            black_box(option);
        }
        packet.payload.len()
    });
}

/// Into a buffer that is there, from options that are kept.
#[divan::bench(args = NAMES)]
fn encode_kept(bencher: Bencher<'_, '_>, name: &str) {
    let datagram = vector(name).datagram();
    let message = Message::parse(&datagram).expect("a message");
    let options = OptionList::from(message.options);
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        encode(
            black_box(message.header),
            black_box(&options),
            message.payload,
            &mut out,
        );
        out.len()
    });
}

/// With a new list of options for each message.
#[divan::bench(args = NAMES)]
fn encode_new(bencher: Bencher<'_, '_>, name: &str) {
    let datagram = vector(name).datagram();
    let message = Message::parse(&datagram).expect("a message");
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        let mut options = OptionList::new();
        for (number, value) in black_box(message.options) {
            options.push(number, value).expect("a short value");
        }
        encode(message.header, &options, message.payload, &mut out);
        out.len()
    });
}

#[divan::bench(args = NAMES)]
fn encode_coap_lite(bencher: Bencher<'_, '_>, name: &str) {
    let packet = Packet::from_bytes(&vector(name).datagram()).expect("a message");
    bencher.bench_local(|| black_box(&packet).to_bytes().expect("a short message"));
}

const NAMES: [&str; 3] = [
    "send with a token",
    "anonymous GET",
    "empty acknowledgement",
];

fn vector(name: &str) -> &'static Vector {
    let mut vectors = CAPTURES.iter();
    vectors
        .find(|vector| vector.name == name)
        .expect("a capture")
}
