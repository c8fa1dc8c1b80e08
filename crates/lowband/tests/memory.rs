//! What conversions hold at most, whatever they are given.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use vestibule_lowband::keys::Keys;
use vestibule_lowband::transcode::{
    Error, Limits, Reason, cbor_to_json, json_to_canonical_cbor, json_to_cbor,
};

/// Counts the bytes that a thread allocates; what grows is held twice while it is copied. The harness of the tests has
/// a thread of its own.
struct Counting;

thread_local! {
    // Far from zero, because it also frees what others have allocated.
    static HELD: Cell<usize> = const { Cell::new(1 << 40) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is done by the allocator of the system, as it was asked for.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().wrapping_add(layout.size());
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        // SAFETY: the caller's promises are those that this wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KB: usize = 1 << 10;
const MB: usize = 1 << 20;

type Convert = fn(&[u8], Keys, &Limits, &mut Vec<u8>) -> Result<(), Error>;

/// How it ended, and how many bytes were held at a time, with those of the result.
fn peak(convert: Convert, input: &[u8], limits: &Limits) -> (Result<(), Reason>, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let mut out = Vec::new();
    let result = convert(input, Keys::V1, limits, &mut out).map_err(|error| error.reason);
    (result, PEAK.get() - before)
}

#[test]
fn bombs_are_held_to_the_limits() {
    for limits in [Limits::REQUEST, Limits::RESPONSE] {
        // As many members as may be open, beside the half of them that they grew from.
        let members = 16 * (131_072 + 65_536);
        // A result as long as it may be, beside the smaller one that it grew from.
        let output = 2 * limits.output;
        // One string, beside what it grew from, and the containers that are open.
        let rest = 2 * MB + 128 * KB;
        for (convert, input) in bombs() {
            let (result, peak) = peak(convert, &input, &limits);
            assert!(
                peak <= output + members + rest,
                "{peak} bytes for {:02x?}… of {} bytes: {result:?}",
                &input[..input.len().min(12)],
                input.len(),
            );
        }
    }
}

#[test]
fn claims_cost_nothing() {
    for claim in [
        &b"\x9b\x00\x00\x00\x01\x00\x00\x00\x00"[..],
        b"\xbb\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x9a\x00\x01\x86\xa0",
        b"\xba\x00\x01\x86\xa0",
        b"\x7a\x00\x0f\xff\xff",
        b"\xd6\x5a\x00\x0f\xff\xff",
    ] {
        let (result, peak) = peak(cbor_to_json, claim, &Limits::RESPONSE);
        assert!(
            result.is_err() && peak <= KB,
            "{peak} for {claim:02x?}: {result:?}"
        );
    }
}

#[test]
fn depth_costs_what_is_allowed() {
    for (convert, input) in [
        (json_to_cbor as Convert, "[".repeat(10_000).into_bytes()),
        (json_to_cbor, "{\"a\":".repeat(10_000).into_bytes()),
        (cbor_to_json, vec![0x81; 10_000]),
        (cbor_to_json, [0xbf, 0x01].repeat(10_000)),
    ] {
        let (result, peak) = peak(convert, &input, &Limits::RESPONSE);
        assert_eq!(result, Err(Reason::Depth));
        let reserved = input.len() * 3 / 2;
        assert!(peak <= reserved + 128 * KB, "{peak}");
    }
}

#[test]
fn small_bombs_cost_little() {
    // What ends the Go proxy.
    let (result, six) = peak(cbor_to_json, b"\xa1\x61\x61\x42\x68\x69", &Limits::REQUEST);
    assert_eq!(result, Err(Reason::ByteString));
    assert!(six <= KB, "{six}");

    // A kilobyte of the shortest keys with the longest names.
    let limits = Limits {
        output: 4 * KB,
        ..Limits::REQUEST
    };
    let mut expanding = vec![0x98, 0xff];
    expanding.extend([0xa1, 0x18, 0x48, 0x00].repeat(255));
    let (result, kilobyte) = peak(cbor_to_json, &expanding, &limits);
    assert_eq!(result, Err(Reason::Output));
    assert!(kilobyte <= 8 * KB, "{kilobyte}");
}

/// Documents that exhaust one thing each.
fn bombs() -> Vec<(Convert, Vec<u8>)> {
    let names: Vec<String> = (0..100_000).map(|n| format!("\"{n}\":{{}}")).collect();
    let names = format!("{{{}}}", names.join(","));
    let repeated = format!("{{{}", "\"type\":0,".repeat(200_000));
    let numbers = format!("[{}", "1.1,".repeat(100_000));
    let escapes = format!("[\"{}", "\\n".repeat(MB + 1));
    let nested: String = (0..511).map(|_| format!("[{}", "0,".repeat(190))).collect();
    let keys = [&[0xbf], &[0x01, 0x01].repeat(100_001)[..]].concat();
    let arrays = [&[0x9f], &[0x81, 0x18, 0x48].repeat(99_999)[..]].concat();
    let control_characters = [&[0x7a, 0x00, 0x10, 0x00, 0x00][..], &[0; MB]].concat();
    let control_characters = [&[0x9f], &control_characters.repeat(4)[..]].concat();
    let chunks = [&[0xd6, 0x5f], &[0x44, 1, 2, 3, 4].repeat(300_000)[..]].concat();
    vec![
        (json_to_cbor, names.clone().into_bytes()),
        (json_to_canonical_cbor, names.into_bytes()),
        (json_to_cbor, repeated.into_bytes()),
        (json_to_cbor, numbers.into_bytes()),
        (json_to_cbor, escapes.into_bytes()),
        (json_to_cbor, nested.into_bytes()),
        (cbor_to_json, keys),
        (cbor_to_json, arrays),
        (cbor_to_json, control_characters),
        (cbor_to_json, chunks),
    ]
}
