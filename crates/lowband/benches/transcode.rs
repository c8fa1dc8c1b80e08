//! Time to convert the body of a sync, about 500 kB of JSON, both ways.
//!
//! `cargo bench -p vestibule-lowband --bench transcode`; rates count the bytes of the JSON. The limits
//! are 500 MB/s from JSON to CBOR and 300 MB/s from CBOR to JSON.

use std::fmt::Write;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use vestibule_lowband::keys::Keys;
use vestibule_lowband::transcode::{Limits, cbor_to_json, json_to_canonical_cbor, json_to_cbor};

fn main() {
    divan::main();
}

#[divan::bench(args = ["mixed", "plain", "encrypted", "state"])]
fn to_cbor(bencher: Bencher<'_, '_>, kind: &str) {
    let json = sync(kind);
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&json)).bench_local(|| {
        out.clear();
        json_to_cbor(
            black_box(json.as_bytes()),
            Keys::V1,
            &Limits::RESPONSE,
            &mut out,
        )
    });
}

#[divan::bench(args = ["mixed", "plain", "encrypted", "state"])]
fn to_json(bencher: Bencher<'_, '_>, kind: &str) {
    let json = sync(kind);
    let cbor = cbor(&json);
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&json)).bench_local(|| {
        out.clear();
        cbor_to_json(black_box(&cbor), Keys::V1, &Limits::RESPONSE, &mut out)
    });
    assert_eq!(String::from_utf8(out).expect("JSON"), json);
}

#[divan::bench]
fn to_canonical_cbor(bencher: Bencher<'_, '_>) {
    let json = sync("mixed");
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&json)).bench_local(|| {
        out.clear();
        json_to_canonical_cbor(
            black_box(json.as_bytes()),
            Keys::V1,
            &Limits::RESPONSE,
            &mut out,
        )
    });
}

/// 100,000 times the same name: sorted and cut out in the end.
#[divan::bench]
fn repeated_names(bencher: Bencher<'_, '_>) {
    let json = format!("{{{}\"x\":1}}", "\"body\":2,".repeat(99_999));
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&json)).bench_local(|| {
        out.clear();
        json_to_cbor(
            black_box(json.as_bytes()),
            Keys::V1,
            &Limits::RESPONSE,
            &mut out,
        )
    });
}

/// What the machine can do: the same bytes, copied.
#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    let json = sync("mixed");
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&json)).bench_local(|| {
        out.clear();
        out.extend_from_slice(black_box(json.as_bytes()));
    });
}

/// What another parser needs to read the same text and to keep nothing of it.
#[divan::bench]
fn serde_json_skip(bencher: Bencher<'_, '_>) {
    let json = sync("mixed");
    bencher
        .counter(BytesCount::of_str(&json))
        .bench_local(|| serde_json::from_str::<serde::de::IgnoredAny>(black_box(&json)).is_ok());
}

/// What it needs to make a tree of it.
#[divan::bench]
fn serde_json_tree(bencher: Bencher<'_, '_>) {
    let json = sync("mixed");
    bencher
        .counter(BytesCount::of_str(&json))
        .bench_local(|| serde_json::from_str::<serde_json::Value>(black_box(&json)).is_ok());
}

fn cbor(json: &str) -> Vec<u8> {
    let mut cbor = Vec::new();
    json_to_cbor(json.as_bytes(), Keys::V1, &Limits::RESPONSE, &mut cbor).expect("CBOR");
    cbor
}

/// The body of a sync: rooms with twenty lines each, of one kind or of all, until it has 485 kB.
fn sync(kind: &str) -> String {
    let mut body = String::from(
        r#"{"next_batch":"s72595_4483_1934_14_8_32_2_19_1","device_one_time_keys_count":{"signed_curve25519":50},"device_unused_fallback_key_types":["signed_curve25519"],"device_lists":{"changed":["@alice:example.org"],"left":[]},"to_device":{"events":[]},"account_data":{"events":[]},"presence":{"events":[]},"rooms":{"join":{"#,
    );
    let mut random = Random(7);
    let mut number = 0;
    while body.len() < 485_000 {
        room(&mut body, kind, number, &mut random);
        number += 1;
    }
    body.pop();
    body.push_str("},\"invite\":{},\"leave\":{}}}");
    body
}

fn room(body: &mut String, kind: &str, number: usize, random: &mut Random) {
    write!(
        body,
        r#""!{}:example.org":{{"timeline":{{"events":["#,
        random.text(18)
    )
    .expect("text");
    for line in 0..20 {
        let kind = match (kind, (number + line) % 4) {
            ("mixed", 0 | 1) => "encrypted",
            ("mixed", 2) => "state",
            ("mixed", _) => "plain",
            (kind, _) => kind,
        };
        event(body, kind, line, random);
        body.push(',');
    }
    body.pop();
    write!(
        body,
        r#"],"limited":true,"prev_batch":"t{line}-{line}_4483_1934_14_8_32_2_19_1"}},"state":{{"events":[]}},"account_data":{{"events":[]}},"ephemeral":{{"events":[{{"type":"m.receipt","content":{{"${id}":{{"m.read":{{"@bob:example.org":{{"ts":1763712{line}}}}}}}}}}}]}},"unread_notifications":{{"notification_count":{number},"highlight_count":0}},"summary":{{"m.heroes":["@bob:example.org"],"m.joined_member_count":2,"m.invited_member_count":0}}}},"#,
        id = random.text(43),
        line = 100_000 + number,
    )
    .expect("text");
}

fn event(body: &mut String, kind: &str, line: usize, random: &mut Random) {
    let content = match kind {
        "plain" => format!(
            r#""type":"m.room.message","content":{{"msgtype":"m.text","body":"Line {line}: the train leaves at \"ten\", bring\nyour ticket – and a coat {}","m.mentions":{{}}}}"#,
            random.text(12)
        ),
        "encrypted" => format!(
            r#""type":"m.room.encrypted","content":{{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"{}","device_id":"JLAFKJWSCS","sender_key":"{}","session_id":"{}"}}"#,
            random.text(260),
            random.text(43),
            random.text(43)
        ),
        _ => format!(
            r#""type":"m.room.member","state_key":"@user{line}:example.org","content":{{"membership":"join","displayname":"User {line}","avatar_url":"mxc://example.org/{}"}}"#,
            random.text(24)
        ),
    };
    write!(
        body,
        r#"{{{content},"event_id":"${}","sender":"@user{line}:example.org","origin_server_ts":{},"unsigned":{{"age":{},"membership":"join"}}}}"#,
        random.text(43),
        1_763_712_000_000_u64 + random.next() % 100_000_000,
        random.next() % 10_000_000,
    )
    .expect("text");
}

/// The same numbers each time (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Characters as in base64url.
    fn text(&mut self, len: usize) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..len)
            .map(|_| char::from(alphabet[(self.next() % 64) as usize]))
            .collect()
    }
}
