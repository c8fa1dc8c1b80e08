//! Requests that fit one datagram.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vestibule_coap::{Code, OptionNumber, Type};
use vestibule_e2e::lowband::{LowbandGateway, Reply, StubHomeserver};

use super::{TOKEN, TOKEN_BEHIND_FORMAT, gateway, hex};

const SEND: &str = r#"41 03 e6af 01 b1 "9" 0d0e "!7mqP7DYBUOmwAweF:localhost" 0d01 "m.room.message"
    0d00 "m1620000000.1" 11 3c dde716 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c"
    ff a2 181c 66 "m.text" 181b 6b "Hello World""#;

#[test]
fn a_message_is_sent() {
    let homeserver = StubHomeserver::saying(json!({"event_id": "$sent"}));
    // The answer is on the acknowledgement, unless the homeserver is slow.
    let setup = LowbandGateway::setup(homeserver.address());
    let gateway = setup.keys("ack_window = \"5s\"").start();
    let mut client = gateway.script();
    let answer = client.asks(SEND);
    assert_eq!(answer.header.kind, Type::Acknowledgement);
    assert_eq!(
        (answer.header.code, answer.header.id),
        (Code::CONTENT, 0xe6af)
    );
    assert_eq!(answer.options.uint(OptionNumber::CONTENT_FORMAT), Some(60));
    assert_eq!(answer.map(), json!({"event_id": "$sent"}));
    // One body of one block needs no tag.
    assert_eq!(answer.options.first(OptionNumber::ETAG), None);

    let asked = homeserver.wait_for_asked(1);
    assert_eq!(asked.method, "PUT");
    assert_eq!(
        asked.target,
        "/_matrix/client/v3/rooms/!7mqP7DYBUOmwAweF:localhost/send/m.room.message/m1620000000.1"
    );
    assert_eq!(asked.token(), Some(TOKEN));
    assert_eq!(asked.field("content-type"), Some("application/json"));
    assert_eq!(asked.body, r#"{"msgtype":"m.text","body":"Hello World"}"#);
}

/// An option of no bytes says that there is no token, and Content-Format 42 that there is no body. The
/// token of before is then not there either.
#[test]
fn a_request_without_a_token_has_none() {
    let homeserver = StubHomeserver::saying(json!({}));
    let (_gateway, mut client) = gateway(&homeserver);
    client.asks(SEND);
    let before = homeserver.versions_asked();
    for versions in [
        r#"41 01 e6b2 04 b1 "0" 11 2a d0e7"#,
        r#"41 01 61f6 01 b1 "0" 11 2a"#,
    ] {
        let answer = client.asks(versions);
        assert_eq!(answer.header.code, Code::CONTENT);
        let map = answer.map();
        assert_eq!(map["versions"], json!(["v1.11"]));
        let key = &map["org.matrix.msc3079.low_bandwidth"];
        assert_eq!(key["cbor_enum_version"], 1, "{map}");
    }
    assert!(homeserver.versions_asked() >= before + 2);

    // The Go proxy would ask for `/joined_rooms` with the token of before.
    let answer = client.asks(r#"41 01 e6b3 05 b1 "I" 11 2a"#);
    assert_eq!(answer.header.code, Code::UNAUTHORIZED);
    assert_eq!(answer.errcode(), "M_MISSING_TOKEN");
    assert_eq!(homeserver.asked().len(), 1);
    // It says it with the next request that needs one.
    let joined = format!(r#"41 01 e6b4 06 b1 "I" 11 2a {TOKEN_BEHIND_FORMAT}"#);
    assert_eq!(client.asks(&joined).header.code, Code::CONTENT);
    assert_eq!(homeserver.wait_for_asked(2).token(), Some(TOKEN));
}

/// Every number is a float of eight bytes. A homeserver takes no floats in events.
#[test]
fn numbers_that_are_floats() {
    let homeserver = StubHomeserver::saying(json!({}));
    let (_gateway, mut client) = gateway(&homeserver);
    let float = |number: f64| format!("fb {}", hex(&number.to_be_bytes()));
    for (at, (number, json)) in [
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "0"),
        (-2.0, "-2"),
        (30_000.0, "30000"),
        (1_620_000_000_000.0, "1620000000000"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (0.5, "0.5"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = float(number);
        let answer = client.asks(&format!(
            r#"41 03 01{at:02x} 01 b1 "9" 02 "!r" 01 "t" 01 "m" 11 3c {TOKEN_BEHIND_FORMAT}
            ff a1 64 "slow" {number}"#
        ));
        assert_eq!(answer.header.code, Code::CONTENT);
        let asked = homeserver.wait_for_asked(at + 1);
        assert_eq!(asked.body, format!(r#"{{"slow":{json}}}"#));
    }
}

/// RFC 7252 allows 255 bytes. The Go proxy would drop the filter.
#[test]
fn a_query_of_302_bytes() {
    let homeserver = StubHomeserver::saying(json!({"next_batch": "s1"}));
    let (_gateway, mut client) = gateway(&homeserver);
    let filter = format!("filter={}", "f".repeat(295));
    let answer = client.asks(&format!(
        r#"41 01 e6b5 08 b1 "7" 11 2a 3e 0021 "{filter}" 09 "timeout=0" dde416 "{TOKEN}""#
    ));
    assert_eq!(answer.header.code, Code::CONTENT, "{answer:?}");
    let asked = homeserver.wait_for_asked(1);
    assert_eq!(
        asked.target,
        format!("/_matrix/client/v3/sync?{filter}&timeout=0")
    );
}

/// Each request comes again every nine seconds until it is acknowledged, byte by byte. It is done
/// once.
#[test]
fn a_request_that_comes_again() {
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let homeserver = StubHomeserver::start(move |asked| {
        let slow = asked.path().ends_with("/joined_rooms");
        slow.then(|| {
            // Until the sender is gone.
            let _ = released.lock().map(|released| released.recv());
            Reply::json(200, &json!({"joined_rooms": []}))
        })
    });
    let (_gateway, mut client) = gateway(&homeserver);
    let request = format!(r#"41 01 e6b6 09 b1 "I" 11 2a {TOKEN_BEHIND_FORMAT}"#);
    client.says(&request);
    let acknowledgement = client.hears("an acknowledgement");
    assert_eq!(acknowledgement.datagram, [0x60, 0, 0xe6, 0xb6]);
    client.is_silent_for(Duration::from_secs(4));
    client.says(&request);
    let again = client.hears("an acknowledgement of the repetition");
    assert_eq!(again.datagram, acknowledgement.datagram);
    drop(release);
    let answer = client.hears("the answer");
    assert_eq!(
        (answer.header.kind, answer.header.code),
        (Type::Confirmable, Code::CONTENT)
    );
    assert_ne!(answer.header.id, 0);
    assert_eq!(answer.map(), json!({"joined_rooms": []}));
    client.acknowledges(&answer);
    client.says(&request);
    assert_eq!(homeserver.asked().len(), 1);

    // What was answered at once comes again as it was.
    let request = r#"41 01 e6b7 0a b1 "0" 11 2a d0e7"#;
    let before = homeserver.versions_asked();
    let first = client.asks(request);
    for _ in 0..4 {
        assert_eq!(client.asks(request).datagram, first.datagram);
    }
    assert_eq!(homeserver.versions_asked(), before + 1);
}

/// A ping after a minute of silence. A reset is what it waits for, or an acknowledgement.
#[test]
fn a_ping() {
    let homeserver = StubHomeserver::saying(json!({}));
    let (_gateway, mut client) = gateway(&homeserver);
    client.says("40 00 04d6");
    assert_eq!(client.hears("a pong").datagram, [0x70, 0, 0x04, 0xd6]);
}
