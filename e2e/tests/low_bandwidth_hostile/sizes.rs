//! Each limit of sizes, times and associations, once.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::client::Memory;
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::Association;
use vestibule_e2e::eventually;
use vestibule_e2e::lowband::{LowbandGateway, Reply, Script, StubHomeserver, to_cbor};

use crate::stage::{
    ALICE, BOB, assert_fine, assert_overloaded, assert_refused, begin_upload, get, holding,
    limited, send_block, upload,
};

/// One request is at the homeserver, which does not answer; the bodies of others wait, as many as there
/// is room for.
#[test]
fn bytes_that_wait() {
    const BODY: usize = 120 << 10;
    const ROOM: usize = 256 << 10;
    let (homeserver, held) = holding();
    let limits = "requests_per_association = 1\nwaiting_bodies = \"256KiB\"";
    let mut gateway = limited(&homeserver, limits);
    let mut script = gateway.script();
    let mut waiting = vec![script.begins(&get(&["I"], ALICE))];
    homeserver.wait_for_asked(1);
    let body = to_cbor(&json!({"body": "x".repeat(BODY)}));
    for _ in 0..ROOM / BODY {
        let begun = begin_upload(&mut script, &["G"], &body);
        waiting.push(begun.expect("blocks that are taken"));
    }
    let refused = upload(&mut script, &["G"], &body);
    assert_overloaded(&gateway, &refused, "held_bytes");
    drop(held);
    for token in &waiting {
        assert_eq!(script.answer(token).header.code, Code::CONTENT);
    }
    assert_eq!(homeserver.asked().len(), waiting.len());
    assert_fine(&mut gateway);
}

#[test]
fn the_sizes_of_bodies() {
    let long = json!({"body": "x".repeat(6_000)});
    let homeserver = StubHomeserver::saying(long.clone());
    let limits = "request_body = \"4KiB\"\nresponse_body = \"4KiB\"";
    let mut gateway = limited(&homeserver, limits);
    let mut script = gateway.script();
    let answer = upload(&mut script, &["G"], &to_cbor(&long));
    assert_refused(
        "a request",
        &answer,
        Code::REQUEST_ENTITY_TOO_LARGE,
        "M_TOO_LARGE",
    );
    assert!(homeserver.asked().is_empty());
    assert_limited(&gateway, "body_too_large");
    let answer = script.requests(&get(&["I"], ALICE));
    assert_refused("an answer", &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
    let map = answer.map();
    let text = map["error"].as_str().unwrap_or_default();
    assert!(text.contains("HTTP"), "{text}");
    assert_fine(&mut gateway);
}

/// One more takes the place of the one idle for longest.
#[test]
fn uploads() {
    fn send(script: &mut Script, path: &str, number: usize) -> Code {
        let more = number == 0;
        let payload = &[b' '; 1024][..if more { 1024 } else { 1 }];
        let token = send_block(script, &["L", path], number, more, payload);
        script.answer(&token).header.code
    }
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, "uploads = 1");
    let mut script = gateway.script();
    assert_eq!(send(&mut script, "a", 0), Code::CONTINUE);
    assert_eq!(send(&mut script, "b", 0), Code::CONTINUE);
    assert_eq!(send(&mut script, "a", 1), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_limited(&gateway, "upload_replaced");
    assert_fine(&mut gateway);
    // Or when it was idle for too long.
    let mut gateway = limited(&homeserver, "upload_idle_timeout = \"2s\"");
    let mut script = gateway.script();
    assert_eq!(send(&mut script, "c", 0), Code::CONTINUE);
    thread::sleep(Duration::from_secs(3));
    assert_eq!(send(&mut script, "c", 1), Code::REQUEST_ENTITY_INCOMPLETE);
    assert!(homeserver.asked().is_empty());
    assert_fine(&mut gateway);
}

/// The same with answers that are fetched in blocks.
#[test]
fn answers_in_blocks() {
    fn fetch(script: &mut Script, room: &str, number: u8) -> Code {
        let block = [number << 4 | 6];
        let options = [ALICE[0], (OptionNumber::BLOCK2, &block[..])];
        let answer = script.requests(&get(&["B", room], &options));
        answer.header.code
    }
    let homeserver = StubHomeserver::saying(json!({"body": "x".repeat(3_000)}));
    let mut gateway = limited(&homeserver, "responses = 1");
    let mut script = gateway.script();
    assert_eq!(fetch(&mut script, "!a:hs", 0), Code::CONTENT);
    assert_eq!(fetch(&mut script, "!a:hs", 1), Code::CONTENT);
    assert_eq!(fetch(&mut script, "!b:hs", 0), Code::CONTENT);
    // It is not asked for anew: that would be another body.
    assert_eq!(
        fetch(&mut script, "!a:hs", 2),
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(fetch(&mut script, "!b:hs", 1), Code::CONTENT);
    assert_limited(&gateway, "response_replaced");
    assert_eq!(homeserver.asked().len(), 2);
    assert_fine(&mut gateway);
    // Or when it was idle for too long.
    let mut gateway = limited(&homeserver, "response_idle_timeout = \"2s\"");
    let mut script = gateway.script();
    assert_eq!(fetch(&mut script, "!c:hs", 0), Code::CONTENT);
    thread::sleep(Duration::from_secs(3));
    let late = fetch(&mut script, "!c:hs", 1);
    assert_eq!(late, Code::REQUEST_ENTITY_INCOMPLETE);
    assert_fine(&mut gateway);
}

/// A sync may take longer than other requests, and no longer than it may.
#[test]
fn the_time_of_the_homeserver() {
    let homeserver = StubHomeserver::start(|asked| {
        let is_versions = asked.path() == "/_matrix/client/versions";
        let wait = if asked.path().ends_with("/sync") {
            6
        } else {
            3
        };
        (!is_versions).then(|| {
            thread::sleep(Duration::from_secs(wait));
            Reply::json(200, &json!({"next_batch": "s1"}))
        })
    });
    let keys = "request_timeout = \"1s\"\nsync_timeout = \"60s\"";
    let setup = LowbandGateway::setup(homeserver.address()).keys(keys);
    let mut gateway = setup.start();
    let mut script = gateway.script();
    let sync = script.begins(&get(&["7"], ALICE));
    let answer = script.requests(&get(&["I"], ALICE));
    assert_refused("a request", &answer, Code::GATEWAY_TIMEOUT, "M_UNKNOWN");
    assert_eq!(script.answer(&sync).header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

/// One more of the same address does not come to be. Those that are there go on.
#[test]
fn associations() {
    let homeserver = StubHomeserver::saying(json!({}));
    let setup = LowbandGateway::setup(homeserver.address()).at_a_port_of_its_own();
    let mut gateway = setup.limits("associations_per_source = 2").start();
    let (mut first, mut second) = (gateway.script(), gateway.script());
    assert_eq!(who(&mut first, ALICE), Code::CONTENT);
    assert_eq!(who(&mut second, BOB), Code::CONTENT);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut config = gateway.client_config(Version::Dtls13);
    config.handshake_timeout = Duration::from_secs(3);
    let third = Association::connect(socket, gateway.address(), config, Memory::default());
    assert!(third.is_err(), "{third:?}");
    assert_eq!(who(&mut first, &[]), Code::CONTENT);
    assert_eq!(who(&mut second, &[]), Code::CONTENT);
    eventually("a refusal that is counted", || {
        let metrics = gateway.metrics();
        metrics.sum("vestibule_dtls_handshakes_refused_total", &[]) > 0
    });
    gateway.stop();
    gateway.start_again();
    assert_fine(&mut gateway);
}

fn who(script: &mut Script, options: &[(OptionNumber, &[u8])]) -> Code {
    script.requests(&get(&["I"], options)).header.code
}

/// That something was refused, or gave way, before the homeserver could be asked, and is counted.
#[track_caller]
fn assert_limited(gateway: &LowbandGateway, reason: &str) {
    let metrics = gateway.metrics();
    let counted = metrics.sum("vestibule_coap_limited_total", &[("reason", reason)]);
    assert!(counted > 0, "{reason}");
}
