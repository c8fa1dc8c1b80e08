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
    limited, limited_by, send_block, upload,
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
    assert_eq!(limited_by(&gateway, "body_too_large"), 1);
    let answer = script.requests(&get(&["I"], ALICE));
    assert_refused("an answer", &answer, Code::BAD_GATEWAY, "M_UNKNOWN");
    let map = answer.map();
    let text = map["error"].as_str().unwrap_or_default();
    assert!(text.contains("HTTP"), "{text}");
    let too_large = [("outcome", "too_large")];
    assert_eq!(gateway.count("upstream_requests", &too_large), 1);
    assert_fine(&mut gateway);
}

/// One more takes the place of the one idle for longest.
#[test]
fn uploads() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, "uploads = 1");
    let mut script = gateway.script();
    let mut send = |path: &str, number: usize| {
        let more = number == 0;
        let payload = &[b' '; 1024][..if more { 1024 } else { 1 }];
        let token = send_block(&mut script, &["L", path], number, more, payload);
        script.answer(&token).header.code
    };
    assert_eq!(send("a", 0), Code::CONTINUE);
    assert_eq!(send("b", 0), Code::CONTINUE);
    assert_eq!(send("a", 1), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_eq!(limited_by(&gateway, "upload_replaced"), 1);
    assert!(homeserver.asked().is_empty());
    assert_fine(&mut gateway);
}

/// The same with answers that are fetched in blocks.
#[test]
fn answers_in_blocks() {
    let homeserver = StubHomeserver::saying(json!({"body": "x".repeat(3_000)}));
    let mut gateway = limited(&homeserver, "responses = 1");
    let mut script = gateway.script();
    let mut fetch = |room: &str, number: u8| {
        let block = [number << 4 | 6];
        let options = [ALICE[0], (OptionNumber::BLOCK2, &block[..])];
        let answer = script.requests(&get(&["B", room], &options));
        answer.header.code
    };
    assert_eq!(fetch("!a:hs", 0), Code::CONTENT);
    assert_eq!(fetch("!a:hs", 1), Code::CONTENT);
    assert_eq!(fetch("!b:hs", 0), Code::CONTENT);
    // It is not asked for anew: that would be another body.
    assert_eq!(fetch("!a:hs", 2), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_eq!(fetch("!b:hs", 1), Code::CONTENT);
    assert_eq!(limited_by(&gateway, "response_replaced"), 1);
    assert_eq!(homeserver.asked().len(), 2);
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
