//! Bodies that are small and pretend to be large, are deep, or are none.

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_coap::vectors::unhex;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::{Asking, LowbandGateway, StubHomeserver, to_cbor};

use crate::stage::{ALICE, assert_fine, post, upload};

/// No bomb may cost more than a request does. Generous, for machines that do much else.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Somebody who says that the body is CBOR.
const CBOR: &[(OptionNumber, &[u8])] = &[ALICE[0], (OptionNumber::CONTENT_FORMAT, &[60])];

#[test]
fn bombs() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let deep = |byte: u8, depth: usize| vec![byte; depth];
    let mut of_maps = Vec::new();
    for _ in 0..10_000 {
        of_maps.extend([0xa1, 0x61, b'a']);
    }
    let mut closed = deep(0x81, 10_000);
    closed.push(0x80);
    let mut many = unhex("a1 01 9a 0001ffff");
    many.extend(vec![0; 0x1ffff]);
    let bombs: Vec<(&str, Vec<u8>)> = vec![
        ("an array of 2^32 elements", unhex("9a ffffffff")),
        ("an array of 2^64 elements", unhex("9b ffffffffffffffff")),
        ("a map of 2^32 members", unhex("ba ffffffff")),
        ("a text of 2^32 bytes", unhex("7a ffffffff")),
        ("bytes of 2^64 bytes", unhex("5b ffffffffffffffff")),
        (
            "a map of a text that is longer than all",
            unhex("a1 01 7a 7fffffff 61"),
        ),
        ("arrays 10,000 deep", closed),
        ("arrays 10,000 deep without an end", deep(0x81, 10_000)),
        ("open arrays 10,000 deep", deep(0x9f, 10_000)),
        ("maps 10,000 deep", of_maps),
        ("tags 10,000 deep", deep(0xc1, 10_000)),
        ("tag 55799 10,000 times", unhex("d9d9f7").repeat(10_000)),
        ("texts in pieces without an end", deep(0x7f, 1_000)),
        ("131,071 elements", many),
        // Which ends the Go proxy.
        ("a byte string", unhex("a1 61 61 42 6869")),
        ("a byte string as a key", unhex("a1 42 6869 01")),
        ("an array as a key", unhex("a1 80 01")),
        ("not a number", unhex("a1 01 f9 7e00")),
        ("infinity", unhex("a1 01 fb 7ff0000000000000")),
        ("half a surrogate", unhex("a1 01 63 eda080")),
        ("a reserved head", unhex("1c")),
        ("half of a map", unhex("a2 01 01")),
        ("something behind the end", unhex("a0 00")),
        (
            "a number of 2,000 bytes",
            [unhex("a1 01 c2 5907d0"), vec![0xff; 2_000]].concat(),
        ),
    ];
    for (what, bomb) in &bombs {
        let start = Instant::now();
        let answer = match bomb.len() {
            0..=1024 => script.requests(&Asking {
                options: CBOR,
                ..post(&["G"], bomb)
            }),
            _ => upload(&mut script, &["G"], bomb),
        };
        let code = answer.header.code;
        let refused = [Code::BAD_REQUEST, Code::REQUEST_ENTITY_TOO_LARGE].contains(&code);
        assert!(refused, "{what}: {answer:?}");
        let errcode = answer.errcode();
        assert!(
            ["M_NOT_JSON", "M_TOO_LARGE"].contains(&&*errcode),
            "{what}: {errcode}"
        );
        assert!(start.elapsed() < AT_ONCE, "{what}: {:?}", start.elapsed());
    }
    assert!(homeserver.asked().is_empty(), "{:?}", homeserver.asked());
    assert_fine(&mut gateway);
}

/// A kilobyte of short keys is more as JSON, but no more than is allowed.
#[test]
fn what_grows_on_the_way() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    // The name of key 81 is one of the longest; a map of one member in an array each.
    let member = unhex("a1 18 51 00");
    let body = |count: usize| {
        let head = [
            vec![0xa1, 0x01, 0x9a],
            (count as u32).to_be_bytes().to_vec(),
        ]
        .concat();
        [head, member.repeat(count)].concat()
    };
    let answer = upload(&mut script, &["G"], &body(5_000));
    assert_eq!(answer.header.code, Code::CONTENT);
    let longest = homeserver.wait_for_asked(1).body.len();
    assert!(longest <= 256 << 10, "{longest}");
    let answer = upload(&mut script, &["G"], &body(30_000));
    assert_eq!(answer.header.code, Code::REQUEST_ENTITY_TOO_LARGE);
    assert_eq!(answer.errcode(), "M_TOO_LARGE");
    assert_eq!(homeserver.asked().len(), 1);
    assert_fine(&mut gateway);
}

/// 128 KiB, at the end or as soon as it is said.
#[test]
fn bodies_that_are_too_large() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let text = |length: usize| {
        let body = |padding| to_cbor(&json!({"body": "x".repeat(padding)}));
        let least = body(70_000).len() - 70_000;
        body(length - least)
    };
    let most = text(128 << 10);
    assert_eq!(most.len(), 128 << 10);
    let answer = upload(&mut script, &["G"], &most);
    assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
    assert!(homeserver.wait_for_asked(1).body.len() >= 128 << 10);
    let answer = upload(&mut script, &["G"], &text((128 << 10) + 1));
    assert_eq!(answer.header.code, Code::REQUEST_ENTITY_TOO_LARGE);
    answer.map();
    // Who says how much it will be is told at once.
    let size = 0x4000_0000_u32.to_be_bytes();
    let options = [
        ALICE[0],
        (OptionNumber::BLOCK1, &[0x0e][..]),
        (OptionNumber::SIZE1, &size[..]),
    ];
    let answer = script.requests(&Asking {
        options: &options,
        ..post(&["G"], &[0; 1024])
    });
    assert_eq!(answer.header.code, Code::REQUEST_ENTITY_TOO_LARGE);
    answer.map();
    assert_eq!(homeserver.asked().len(), 1);
    assert_fine(&mut gateway);
}
