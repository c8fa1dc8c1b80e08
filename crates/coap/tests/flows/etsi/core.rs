use std::time::Duration;

use vestibule_coap::endpoint::{Config, Event, Request};
use vestibule_coap::{Code, OptionNumber};

use crate::pair::{Pair, content, get, push, request, response};
use crate::peer::Peer;

const SECOND: Duration = Duration::from_secs(1);

/// One request and its answer, which rides on the acknowledgement or is non-confirmable like the request.
fn transaction(asking: Request, code: Code, lines: &str) {
    let mut pair = Pair::new();
    let (method, body) = (asking.code, asking.payload.clone());
    pair.request(asking);
    let asked = pair.asked();
    assert_eq!((asked.code, &asked.payload), (method, &body));
    assert!(asked.options.all(OptionNumber::URI_PATH).eq([b"test"]));
    pair.respond(&asked, response(code, "answer"));
    let answered = pair.answered();
    assert_eq!(
        (answered.code, &answered.payload[..]),
        (code, &b"answer"[..])
    );
    pair.expect(lines);
    pair.finish();
}

fn without_confirmation(asking: Request) -> Request {
    Request {
        confirmable: false,
        ..asking
    }
}

#[test]
fn td_coap_core_01_get_con() {
    transaction(
        get("test"),
        Code::CONTENT,
        r#"
        -> CON 0.01 A t01 Uri-Path=test
        <- ACK 2.05 A t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_02_delete_con() {
    transaction(
        request(Code::DELETE, "test", ""),
        Code::DELETED,
        r#"
        -> CON 0.04 A t01 Uri-Path=test
        <- ACK 2.02 A t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_03_put_con() {
    transaction(
        request(Code::PUT, "test", "new"),
        Code::CHANGED,
        r#"
        -> CON 0.03 A t01 Uri-Path=test "new"
        <- ACK 2.04 A t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_04_post_con() {
    transaction(
        request(Code::POST, "test", "new"),
        Code::CREATED,
        r#"
        -> CON 0.02 A t01 Uri-Path=test "new"
        <- ACK 2.01 A t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_05_get_non() {
    transaction(
        without_confirmation(get("test")),
        Code::CONTENT,
        r#"
        -> NON 0.01 A t01 Uri-Path=test
        <- NON 2.05 B t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_06_delete_non() {
    transaction(
        without_confirmation(request(Code::DELETE, "test", "")),
        Code::DELETED,
        r#"
        -> NON 0.04 A t01 Uri-Path=test
        <- NON 2.02 B t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_07_put_non() {
    transaction(
        without_confirmation(request(Code::PUT, "test", "new")),
        Code::CHANGED,
        r#"
        -> NON 0.03 A t01 Uri-Path=test "new"
        <- NON 2.04 B t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_08_post_non() {
    transaction(
        without_confirmation(request(Code::POST, "test", "new")),
        Code::CREATED,
        r#"
        -> NON 0.02 A t01 Uri-Path=test "new"
        <- NON 2.01 B t01 "answer"
        "#,
    );
}

#[test]
fn td_coap_core_09_separate_response() {
    let mut pair = Pair::new();
    pair.request(get("separate"));
    let asked = pair.asked();
    pair.pass(SECOND * 2);
    pair.respond(&asked, content("late"));
    assert_eq!(pair.answered().payload, "late");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=separate
        <- ACK 0.00 A
        <- CON 2.05 B t01 "late"
        -> ACK 0.00 B
        "#,
    );
    pair.finish();
}

#[test]
fn td_coap_core_10_token() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"48 01 0001 0102030405060708 b4 "test""#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content("x"));
    peer.sends(r#"ACK 2.05 A t0102030405060708 "x""#);
    peer.is_silent();
}

#[test]
fn td_coap_core_11_token_and_separate_response() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"44 01 0001 01020304 b8 "separate""#);
    let asked = peer.asked();
    peer.pass(SECOND * 2);
    peer.sends("ACK 0.00 A");
    peer.endpoint
        .respond(peer.now, asked.exchange, content("x"));
    peer.sends(r#"CON 2.05 B t01020304 "x""#);
    peer.receives("60 00 {B}");
    peer.is_silent();
    assert_eq!(peer.endpoint.footprint().unsettled, 0);
}

#[test]
fn td_coap_core_12_empty_token() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"40 01 0001 b4 "test""#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content("x"));
    peer.sends(r#"ACK 2.05 A "x""#);
    // Also where the answer comes by itself.
    peer.receives(r#"40 01 0002 b8 "separate""#);
    let asked = peer.asked();
    peer.pass(SECOND * 2);
    peer.sends("ACK 0.00 B");
    peer.endpoint
        .respond(peer.now, asked.exchange, content("x"));
    peer.sends(r#"CON 2.05 C "x""#);
    peer.is_silent();
}

#[test]
fn td_coap_core_13_several_uri_paths() {
    let mut pair = Pair::new();
    pair.request(get("seg1/seg2/seg3"));
    let asked = pair.asked();
    let segments = asked.options.all(OptionNumber::URI_PATH);
    assert!(segments.eq([b"seg1", b"seg2", b"seg3"]));
    pair.respond(&asked, content("x"));
    pair.answered();
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=seg1 Uri-Path=seg2 Uri-Path=seg3
        <- ACK 2.05 A t01 "x"
        "#,
    );
    pair.finish();
}

#[test]
fn td_coap_core_14_several_uri_queries() {
    let mut pair = Pair::new();
    let mut asking = get("query");
    for query in ["first=1", "second=2"] {
        push(&mut asking.options, OptionNumber::URI_QUERY, query);
    }
    pair.request(asking);
    let asked = pair.asked();
    let queries = asked.options.all(OptionNumber::URI_QUERY);
    assert!(queries.eq([&b"first=1"[..], b"second=2"]));
    pair.respond(&asked, content("x"));
    pair.answered();
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=query Uri-Query=first=1 Uri-Query=second=2
        <- ACK 2.05 A t01 "x"
        "#,
    );
    pair.finish();
}

/// Each of the two datagrams is lost once.
#[test]
fn td_coap_core_15_lossy_piggybacked_response() {
    for lost in [0, 1] {
        let mut pair = Pair::new();
        pair.lose(&[lost]);
        pair.request(request(Code::POST, "test", "new"));
        let answer = |pair: &mut Pair| {
            if let Some(Event::Request(asked)) = pair.server.poll_event() {
                pair.respond(&asked, content("once"));
            }
        };
        answer(&mut pair);
        pair.pass(SECOND * 3);
        answer(&mut pair);
        assert_eq!(pair.answered().payload, "once");
        pair.pass(SECOND * 10);
        assert!(pair.server.poll_event().is_none());
    }
}

/// Each of the four datagrams is lost once.
#[test]
fn td_coap_core_16_lossy_separate_response() {
    for lost in 0..4 {
        let mut pair = Pair::new();
        pair.lose(&[lost]);
        pair.request(request(Code::POST, "test", "new"));
        pair.pass(SECOND * 5);
        let asked = pair.asked();
        pair.respond(&asked, content("once"));
        pair.pass(SECOND * 10);
        assert_eq!(pair.answered().payload, "once");
        assert!(pair.server.poll_event().is_none(), "executed twice");
        assert!(pair.client.poll_event().is_none(), "answered twice");
    }
}

#[test]
fn td_coap_core_17_separate_response_to_non() {
    let mut pair = Pair::new();
    pair.request(without_confirmation(get("separate")));
    let asked = pair.asked();
    pair.pass(SECOND * 5);
    pair.respond(&asked, content("late"));
    assert_eq!(pair.answered().payload, "late");
    pair.expect(
        r#"
        -> NON 0.01 A t01 Uri-Path=separate
        <- NON 2.05 B t01 "late"
        "#,
    );
    pair.finish();
}

/// Conditions that nobody checks: the request must not be processed.
#[test]
fn td_coap_core_22_and_23_conditional_requests() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"41 03 0001 07 11 aa a4 "test""#);
    peer.sends("ACK 4.02 A t07 +45");
    peer.receives(r#"41 03 0002 07 50 64 "test""#);
    peer.sends("ACK 4.02 B t07 +45");
    peer.is_silent();
}

#[test]
fn td_coap_core_31_ping() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives("40 00 04d6");
    peer.sends("RST 0.00 A");
    peer.is_silent();
}
