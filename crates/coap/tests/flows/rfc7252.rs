//! The examples of RFC 7252 appendix A, and what sections 4 and 5 ask for beside them.

use std::time::Duration;

use vestibule_coap::Code;
use vestibule_coap::endpoint::{Config, Event, Failure};

use crate::pair::{Pair, content, get, request};
use crate::peer::Peer;

const SECOND: Duration = Duration::from_secs(1);

/// Figures 16 to 19.
#[test]
fn a_piggybacked_response() {
    let mut pair = Pair::new();
    pair.request(get("temperature"));
    let asked = pair.asked();
    assert_eq!(asked.code, Code::GET);
    pair.respond(&asked, content("22.3 C"));
    assert_eq!(pair.answered().payload, "22.3 C");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=temperature
        <- ACK 2.05 A t01 "22.3 C"
        "#,
    );
    pair.finish();
}

/// Figure 20.
#[test]
fn the_request_is_lost() {
    let mut pair = Pair::new();
    pair.lose(&[0]);
    pair.request(get("temperature"));
    pair.pass(SECOND * 3);
    let asked = pair.asked();
    pair.respond(&asked, content("22.3 C"));
    assert_eq!(pair.answered().payload, "22.3 C");
    pair.expect(
        r#"
        -x CON 0.01 A t01 Uri-Path=temperature
        -> CON 0.01 A t01 Uri-Path=temperature
        <- ACK 2.05 A t01 "22.3 C"
        "#,
    );
    pair.finish();
}

/// Figure 21: the answer is sent again, without asking the application again.
#[test]
fn the_first_response_is_lost() {
    let mut pair = Pair::new();
    pair.lose(&[1]);
    pair.request(request(Code::POST, "count", ""));
    let asked = pair.asked();
    pair.respond(&asked, content("1"));
    pair.pass(SECOND * 3);
    assert!(pair.server.poll_event().is_none());
    assert_eq!(pair.answered().payload, "1");
    pair.expect(
        r#"
        -> CON 0.02 A t01 Uri-Path=count
        x- ACK 2.05 A t01 "1"
        -> CON 0.02 A t01 Uri-Path=count
        <- ACK 2.05 A t01 "1"
        "#,
    );
    pair.finish();
}

/// Figure 22.
#[test]
fn a_separate_response() {
    let mut pair = Pair::new();
    pair.request(get("temperature"));
    pair.pass(SECOND * 2);
    let asked = pair.asked();
    pair.respond(&asked, content("22.3 C"));
    assert_eq!(pair.answered().payload, "22.3 C");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=temperature
        <- ACK 0.00 A
        <- CON 2.05 B t01 "22.3 C"
        -> ACK 0.00 B
        "#,
    );
    pair.finish();
}

/// Figure 23: the response stands for the acknowledgement, which is lost.
#[test]
fn a_separate_response_before_the_acknowledgement() {
    let mut pair = Pair::new();
    pair.lose(&[1]);
    pair.request(get("temperature"));
    let asked = pair.asked();
    pair.server.accept(asked.exchange);
    pair.exchange();
    pair.respond(&asked, content("22.3 C"));
    assert_eq!(pair.answered().payload, "22.3 C");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Uri-Path=temperature
        x- ACK 0.00 A
        <- CON 2.05 B t01 "22.3 C"
        -> ACK 0.00 B
        "#,
    );
    pair.finish();
}

/// Figure 24: after a restart the client does not know what the response is for.
#[test]
fn a_separate_response_to_nobody() {
    let mut peer = Peer::of_client(Config::default());
    peer.receives(r#"41 45 ad7b 74 ff "22.3 C""#);
    peer.sends("RST 0.00 A");
    peer.is_silent();
}

/// Figures 25 and 26.
#[test]
fn non_confirmable_messages() {
    let mut pair = Pair::new();
    let mut asking = get("temperature");
    asking.confirmable = false;
    pair.request(asking);
    let asked = pair.asked();
    assert!(!asked.confirmable);
    pair.respond(&asked, content("22.3 C"));
    assert_eq!(pair.answered().payload, "22.3 C");
    pair.expect(
        r#"
        -> NON 0.01 A t01 Uri-Path=temperature
        <- NON 2.05 B t01 "22.3 C"
        "#,
    );
    pair.finish();
}

/// Section 4.2: four repetitions, each timeout twice the one before.
#[test]
fn nobody_answers() {
    let mut pair = Pair::new();
    pair.lose(&[0, 1, 2, 3, 4]);
    pair.request(get("x"));
    let begin = pair.now;
    while pair.client.poll_timeout().is_some() {
        pair.pass(SECOND / 2);
        if let Some(Event::RequestFailed(_, failure)) = pair.client.poll_event() {
            assert_eq!(failure, Failure::TimedOut);
            break;
        }
    }
    let taken = pair.now - begin;
    // MAX_TRANSMIT_WAIT is 93 s, with the shortest timeouts it is 62 s.
    assert!((SECOND * 62..=SECOND * 94).contains(&taken), "{taken:?}");
    pair.expect(&"-x CON 0.01 A t01 Uri-Path=x\n".repeat(5));
    pair.finish();
}

/// Section 4.3: a ping.
#[test]
fn an_empty_confirmable_message_is_rejected() {
    let mut pair = Pair::new();
    pair.client.ping(pair.now);
    pair.exchange();
    assert!(matches!(pair.client.poll_event(), Some(Event::Pong(_))));
    pair.expect(
        "
        -> CON 0.00 A
        <- RST 0.00 A
        ",
    );
    pair.finish();
}

/// Section 4.2: what cannot be processed is rejected, if it is confirmable.
#[test]
fn malformed_messages() {
    let mut peer = Peer::of_server(Config::default());
    for datagram in [&[0x40, 1, 0x12, 0x34, 0xf0][..], &[0x40, 0, 0x12, 0x34, 0]] {
        assert!(peer.endpoint.handle_datagram(peer.now, datagram).is_err());
        assert_eq!(
            peer.endpoint.poll_transmit().unwrap(),
            [0x70, 0, 0x12, 0x34][..]
        );
    }
    for datagram in [
        &[0x50, 1, 0x12, 0x34, 0xf0][..],
        &[0x70, 1, 0x12, 0x34, 0xf0],
        &[0x80, 1, 0x12, 0x34],
        &[0x40],
    ] {
        assert!(peer.endpoint.handle_datagram(peer.now, datagram).is_err());
        peer.is_silent();
    }
}

/// Section 4.2: classes 1, 6 and 7 are reserved.
#[test]
fn codes_of_reserved_classes() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives("40 21 0001");
    peer.sends("RST 0.00 A");
    peer.receives("40 e1 0002");
    peer.sends("RST 0.00 B");
    peer.receives("50 c1 0003");
    peer.receives("60 21 0004");
    peer.is_silent();
}

/// Section 4.5: a message that is repeated is not processed again for the lifetime of the exchange, and is after it.
#[test]
fn repeated_requests() {
    let mut peer = Peer::of_server(Config::default());
    for _ in 0..3 {
        peer.receives(r#"41 02 0001 07 b1 "x""#);
        peer.pass(SECOND / 3);
    }
    let asked = peer.asked();
    peer.is_silent();
    peer.endpoint
        .respond(peer.now, asked.exchange, content("1"));
    peer.sends(r#"ACK 2.05 A t07 "1""#);
    peer.pass(SECOND * 240);
    peer.receives(r#"41 02 0001 07 b1 "x""#);
    peer.sends(r#"ACK 2.05 A t07 "1""#);
    peer.is_silent();
    peer.pass(SECOND * 10);
    peer.receives(r#"41 02 0001 07 b1 "x""#);
    peer.asked();
}

/// Section 4.5: also without confirmation, though nothing is sent again.
#[test]
fn repeated_requests_without_confirmation() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"51 02 0001 07 b1 "x""#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content("1"));
    peer.sends(r#"NON 2.05 B t07 "1""#);
    peer.receives(r#"51 02 0001 07 b1 "x""#);
    peer.is_silent();
}

/// Section 4.7: one confirmable request at a time.
#[test]
fn requests_wait_for_each_other() {
    let mut pair = Pair::new();
    pair.request(get("a"));
    pair.request(get("b"));
    pair.expect("-> CON 0.01 A t01 Uri-Path=a");
    let asked = pair.asked();
    pair.respond(&asked, content(""));
    pair.answered();
    let asked = pair.asked();
    pair.respond(&asked, content(""));
    pair.answered();
    pair.expect(
        "
        <- ACK 2.05 A t01
        -> CON 0.01 B t02 Uri-Path=b
        <- ACK 2.05 B t02
        ",
    );
    pair.finish();
}

/// Section 5.3.2: id and token must match. A response that is repeated is acknowledged again.
#[test]
fn responses_that_match_nothing() {
    let mut peer = Peer::of_client(Config::default());
    peer.endpoint.request(peer.now, get("x")).unwrap();
    peer.sends("CON 0.01 A t01 Uri-Path=x");
    peer.receives("61 45 {A} 02 ff 31");
    peer.receives("61 45 0000 01 ff 31");
    peer.is_silent();
    peer.receives("41 45 1234 01 ff 31");
    peer.sends("ACK 0.00 C");
    assert!(matches!(peer.event(), Event::Response { .. }));
    peer.receives("41 45 1234 01 ff 31");
    peer.sends("ACK 0.00 C");
    peer.receives("41 45 1235 01 ff 31");
    peer.sends("RST 0.00 D");
    peer.is_silent();
}
