//! Each limit of the room and the time that bodies in blocks may take, once.

use std::thread;
use std::time::Duration;

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::eventually;
use vestibule_e2e::lowband::{Heard, LowbandGateway, Reply, Script, StubHomeserver, to_cbor};

use crate::stage::{
    ALICE, BOB, TOKEN, assert_fine, assert_refused, get, limited, limited_by, send_block, upload,
};

/// Little room: for two bodies and two blocks.
const LITTLE: &str = "bodies = \"64KiB\"\nrequest_body = \"32KiB\"\nresponse_body = \"32KiB\"";

/// The length of the longest of them, but for what is around it.
const LONG: usize = 31_000;

/// How many bytes of bodies are held.
fn held(gateway: &LowbandGateway) -> u64 {
    gateway.metrics().sum("vestibule_coap_held_body_bytes", &[])
}

/// There is no room, now.
#[track_caller]
fn assert_no_room(gateway: &LowbandGateway, answer: &Heard) {
    assert_refused("bodies", answer, Code::SERVICE_UNAVAILABLE, "M_UNKNOWN");
    assert_eq!(answer.options.uint(OptionNumber::MAX_AGE), Some(5));
    assert_eq!(limited_by(gateway, "no_room"), 1);
    assert_eq!(limited_by(gateway, "busy"), 0);
}

#[test]
fn bytes_of_uploads() {
    const FIRST: usize = 31;
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, LITTLE);
    let (mut script, mut other) = (gateway.script(), gateway.script());
    let body = to_cbor(&json!({"body": "x".repeat(31 * 1024)}));
    let blocks: Vec<_> = body.chunks(1024).collect();
    assert_eq!(blocks.len(), FIRST + 1);
    let send = |script: &mut Script, path: &str, number: usize| {
        let more = number < FIRST;
        let token = send_block(script, &["L", path], number, more, blocks[number]);
        script.answer(&token)
    };
    for path in ["a", "b"] {
        for number in 0..FIRST {
            let answer = send(&mut script, path, number);
            assert_eq!(answer.header.code, Code::CONTINUE, "{answer:?}");
        }
    }
    assert_eq!(held(&gateway), 2 * 31 * 1024);
    let refused = upload(&mut other, &["G"], &body);
    assert_no_room(&gateway, &refused);
    // It has given back what it had, and is served, if it wants little.
    assert_eq!(held(&gateway), 2 * 31 * 1024);
    let answer = other.requests(&get(&["I"], BOB));
    assert_eq!(answer.header.code, Code::CONTENT);
    // Who has begun before comes to the end, and then there is room.
    for path in ["a", "b"] {
        let answer = send(&mut script, path, FIRST);
        assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
        let answer = upload(&mut other, &["G"], &body);
        assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
    }
    assert_eq!(held(&gateway), 0);
    assert_eq!(homeserver.asked().len(), 1 + 4);
    assert_fine(&mut gateway);
}

#[test]
fn bytes_of_answers() {
    let long = json!({"body": "x".repeat(LONG)});
    let homeserver = StubHomeserver::start(move |asked| {
        let is_versions = asked.path() == "/_matrix/client/versions";
        let body = match asked.path().ends_with("/joined_rooms") {
            true => json!({}),
            false => long.clone(),
        };
        (!is_versions).then(|| Reply::json(200, &body))
    });
    let mut gateway = limited(&homeserver, LITTLE);
    let mut script = gateway.script();
    // They have their first block, and ask for no other one.
    let slow = [1, 2].map(|count| {
        let mut client = gateway.coaps(Version::Dtls12);
        let mut request = coap_request(Code::GET, "/B/!a:hs", "");
        let pushed = request.options.push(TOKEN, ALICE[0].1);
        pushed.expect("a short token");
        client.begin(request);
        eventually("an answer", || held(&gateway) >= count * LONG as u64);
        client
    });
    let refused = script.requests(&get(&["B", "!a:hs"], BOB));
    assert_no_room(&gateway, &refused);
    let answer = script.requests(&get(&["I"], BOB));
    assert_eq!(answer.header.code, Code::CONTENT);
    let [gone, _stays] = slow;
    gone.close();
    eventually("room", || held(&gateway) < 2 * LONG as u64);
    let answer = script.requests(&get(&["B", "!a:hs"], BOB));
    assert_eq!(answer.header.code, Code::CONTENT);
    assert!(
        answer.block2().is_some_and(|block| block.more),
        "{answer:?}"
    );
    assert_eq!(homeserver.asked().len(), 5);
    assert_fine(&mut gateway);
}

/// Block after block, until it has taken too long, and without a pause.
#[test]
fn the_time_of_an_upload() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, "upload_timeout = \"2s\"");
    let mut script = gateway.script();
    let mut numbers = 0..128;
    let last = loop {
        let number = numbers.next().expect("an end before that of the body");
        let token = send_block(&mut script, &["L", "a"], number, true, &[b' '; 1024]);
        let answer = script.answer(&token);
        if answer.header.code != Code::CONTINUE {
            break answer;
        }
        thread::sleep(Duration::from_millis(100));
    };
    let incomplete = Code::REQUEST_ENTITY_INCOMPLETE;
    assert_refused("too slow", &last, incomplete, "M_UNKNOWN");
    assert_eq!(limited_by(&gateway, "upload_timeout"), 1);
    assert_eq!(limited_by(&gateway, "upload_idle"), 0);
    assert_eq!(held(&gateway), 0);
    assert!(homeserver.asked().is_empty());
    let answer = script.requests(&get(&["I"], ALICE));
    assert_eq!(answer.header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

#[test]
fn the_time_between_blocks_of_an_upload() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, "upload_idle_timeout = \"1s\"");
    let mut script = gateway.script();
    let mut send = |number: usize, payload: &[u8]| {
        let more = number == 0;
        let token = send_block(&mut script, &["L", "a"], number, more, payload);
        script.answer(&token).header.code
    };
    assert_eq!(send(0, &[b' '; 1024]), Code::CONTINUE);
    eventually("the end of the upload", || {
        limited_by(&gateway, "upload_idle") == 1
    });
    assert_eq!(held(&gateway), 0);
    assert_eq!(send(1, b" "), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_eq!(limited_by(&gateway, "upload_timeout"), 0);
    assert!(homeserver.asked().is_empty());
    assert_fine(&mut gateway);
}

#[test]
fn the_time_between_blocks_of_an_answer() {
    let homeserver = StubHomeserver::saying(json!({"body": "x".repeat(3_000)}));
    let mut gateway = limited(&homeserver, "response_idle_timeout = \"1s\"");
    let mut script = gateway.script();
    let mut fetch = |number: u8| {
        let block = [number << 4 | 6];
        let options = [ALICE[0], (OptionNumber::BLOCK2, &block[..])];
        let answer = script.requests(&get(&["B", "!a:hs"], &options));
        answer.header.code
    };
    assert_eq!(fetch(0), Code::CONTENT);
    eventually("the end of the answer", || {
        limited_by(&gateway, "response_expired") == 1
    });
    assert_eq!(held(&gateway), 0);
    // It is not asked for anew: that would be another body.
    assert_eq!(fetch(1), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_eq!(homeserver.asked().len(), 1);
    // Who begins anew gets it.
    assert_eq!(fetch(0), Code::CONTENT);
    assert_fine(&mut gateway);
}
