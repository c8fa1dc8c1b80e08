//! What programs with the Go library of 2021 send, as it was captured, and what they must be sent.

use std::time::Duration;

use vestibule_coap::endpoint::{
    Acknowledge, Assurance, Config, Dialect, Event, ObservationId, Observe, Owner,
};
use vestibule_coap::{Code, ContentFormat, OptionNumber};

use crate::pair::{body, content, get, request};
use crate::peer::{Peer, told};

const SECOND: Duration = Duration::from_secs(1);
const ACCESS_TOKEN: OptionNumber = OptionNumber(256);

const REGISTRATION: &str = r#"48 01 0000 4a93f3fa44aa928b 60 51 "7" 48 "since=s1" 0d00 "timeout=30000"
    dde416 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c""#;

/// A client of the Go library with an observation.
fn observing_client() -> (Peer, ObservationId) {
    observing_client_of(Config::default())
}

fn observing_client_of(config: Config) -> (Peer, ObservationId) {
    let mut peer = Peer::of_server(config);
    peer.receives(REGISTRATION);
    let asked = peer.asked();
    assert_eq!(asked.observe, Some(Observe::Register { replaces: None }));
    let observation =
        peer.endpoint
            .respond_observed(peer.now, asked.exchange, content(""), Assurance::Silent);
    peer.sends("ACK 2.05 A t4a93f3fa44aa928b");
    (peer, observation.expect("an observation"))
}

/// Asks for the next block in an acknowledgement of the message of this name.
fn acknowledging_request(of: char, block: &str) -> String {
    format!(
        r#"68 01 {{{of}}} c5b086deb9494e68 b1 "7" 48 "since=s1" 0d00 "timeout=30000"
        81 {block} dddc16 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c""#
    )
}

#[test]
fn requests_of_the_client() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(
        r#"41 03 e6af 01 b1 "9" 0d0e "!7mqP7DYBUOmwAweF:localhost" 0d01 "m.room.message"
        0d00 "m1620000000.1" 11 3c dde716 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c" ff a0"#,
    );
    let asked = peer.asked();
    assert_eq!(asked.options.all(OptionNumber::URI_PATH).count(), 4);
    let token = asked.options.first(ACCESS_TOKEN);
    assert_eq!(token, Some(&b"syt_YWxpY2U_abcdefghijklmnop_1a2b3c"[..]));
    // Without a body it says octets all the same, and without a token an empty one.
    peer.receives(r#"41 01 e6b2 04 b1 "0" 11 2a d0e7"#);
    let asked = peer.asked();
    let format = u64::from(ContentFormat::OCTET_STREAM.0);
    assert_eq!(
        asked.options.uint(OptionNumber::CONTENT_FORMAT),
        Some(format)
    );
    assert_eq!(asked.options.first(ACCESS_TOKEN), Some(&b""[..]));
}

/// RFC 7252 section 5.10 has at most 255 bytes; the client does not count.
#[test]
fn queries_that_are_too_long() {
    let mut peer = Peer::of_server(Config::default());
    let query = "q".repeat(302);
    peer.receives(&format!(r#"41 01 0001 07 b1 "7" 4e 0021 "{query}""#));
    let asked = peer.asked();
    let value = asked.options.first(OptionNumber::URI_QUERY);
    assert_eq!(value, Some(query.as_bytes()));
    let query = "q".repeat(4097);
    peer.receives(&format!(r#"41 01 0002 07 b1 "7" 4e 0ef4 "{query}""#));
    peer.sends("ACK 4.02 B t07 +45");
    peer.is_silent();
}

/// The client sends each request again after nine seconds, four times.
#[test]
fn requests_that_are_repeated_at_a_constant_rate() {
    let mut peer = Peer::of_server(Config::default());
    let datagram = r#"41 02 e6c0 10 b1 "h" 11 3c ff a0"#;
    peer.receives(datagram);
    let asked = peer.asked();
    for _ in 0..4 {
        peer.pass(SECOND * 9);
        peer.receives(datagram);
        peer.sends("ACK 0.00 A");
        while peer.endpoint.poll_transmit().is_some() {}
    }
    assert!(told(&mut peer.endpoint).is_none());
    peer.endpoint
        .respond(peer.now, asked.exchange, content("x"));
    peer.sends(r#"CON 2.05 B t10 "x""#);
    peer.receives("60 00 {B}");
    peer.is_silent();
}

/// Every message of a registration has the id 0; only the same bytes are a repetition.
#[test]
fn registrations_with_the_id_0() {
    let (mut peer, first) = observing_client();
    peer.receives(REGISTRATION);
    peer.sends("ACK 2.05 A t4a93f3fa44aa928b");
    peer.is_silent();
    peer.receives(r#"48 01 0000 0102030405060708 60 51 "7" 48 "since=s2""#);
    let asked = peer.asked();
    assert_eq!(asked.observe, Some(Observe::Register { replaces: None }));
    let second =
        peer.endpoint
            .respond_observed(peer.now, asked.exchange, content(""), Assurance::Silent);
    peer.sends("ACK 2.05 A t0102030405060708");
    assert_ne!(second, Some(first));
}

#[test]
fn a_small_notification() {
    let (mut peer, observation) = observing_client();
    let notified = peer.endpoint.notify(peer.now, observation, content("{}"));
    assert_eq!(notified, Ok(()));
    peer.sends(r#"CON 2.05 B t4a93f3fa44aa928b Observe=3 "{}""#);
    // An empty acknowledgement with a token.
    peer.receives("68 00 {B} 4a93f3fa44aa928b");
    let Event::NotificationDelivered(delivered) = peer.event() else {
        panic!("it was not delivered")
    };
    assert_eq!(delivered, observation);
    peer.is_silent();
}

/// Each further block is asked for in the acknowledgement of the one before, with a token of its own and the flag for
/// more blocks; the last one is acknowledged with four bytes.
#[test]
fn a_large_notification() {
    let (mut peer, observation) = observing_client();
    let state = content(body(2500));
    peer.endpoint.notify(peer.now, observation, state).unwrap();
    peer.sends("CON 2.05 B t4a93f3fa44aa928b ETag Observe=3 Block2=0/1/1024 Size2=2500 +1024");
    peer.receives(&acknowledging_request('B', "1e"));
    peer.sends("CON 2.05 C tc5b086deb9494e68 ETag Block2=1/1/1024 Size2=2500 +1024");
    peer.is_silent();
    // The acknowledgement comes again: the block is on its way.
    peer.receives(&acknowledging_request('B', "1e"));
    peer.is_silent();
    // The block is lost once.
    peer.pass(SECOND * 2);
    peer.sends("CON 2.05 C tc5b086deb9494e68 ETag Block2=1/1/1024 Size2=2500 +1024");
    peer.receives(&acknowledging_request('C', "2e"));
    peer.sends("CON 2.05 D tc5b086deb9494e68 ETag Block2=2/0/1024 +452");
    peer.is_silent();
    peer.receives("60 00 {D}");
    let Event::NotificationDelivered(delivered) = peer.event() else {
        panic!("it was not delivered")
    };
    assert_eq!(delivered, observation);
    peer.is_silent();
    assert_eq!(peer.endpoint.footprint().snapshots, 0);
}

/// The acknowledgement need not say whose the notification is, but nobody else gets it.
#[test]
fn a_large_notification_for_somebody() {
    const SAME: &str = r#"dddc16 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c""#;
    const OTHER: &str = r#"dddc16 "syt_YWxpY2U_abcdefghijklmnop_9z8y7x""#;
    for (carried, is_served) in [("", true), (SAME, true), (OTHER, false)] {
        let (mut peer, observation) = observing_client_of(Config {
            owner: |options| {
                let last = options.first(ACCESS_TOKEN)?.last()?;
                Some(Owner(u64::from(*last)))
            },
            sticky: vec![ACCESS_TOKEN],
            ..Config::default()
        });
        let state = content(body(1500));
        peer.endpoint.notify(peer.now, observation, state).unwrap();
        peer.sends("CON 2.05 B t4a93f3fa44aa928b ETag Observe=3 Block2=0/1/1024 Size2=1500 +1024");
        peer.receives(&format!(
            r#"68 01 {{B}} c5b086deb9494e68 b1 "7" 48 "since=s1" 0d00 "timeout=30000" 81 1e {carried}"#
        ));
        if is_served {
            peer.sends("CON 2.05 C tc5b086deb9494e68 ETag Block2=1/0/1024 +476");
        }
        peer.is_silent();
    }
}

/// An acknowledgement that asks for a block comes again when another notification is under way, whose blocks it must
/// not get: the client would acknowledge what it cannot use.
#[test]
fn a_late_request_for_a_block() {
    let (mut peer, observation) = observing_client();
    let now = peer.now;
    peer.endpoint
        .notify(now, observation, content(body(1500)))
        .unwrap();
    peer.sends("CON 2.05 B t4a93f3fa44aa928b ETag Observe=3 Block2=0/1/1024 Size2=1500 +1024");
    peer.receives(&acknowledging_request('B', "1e"));
    peer.sends("CON 2.05 C tc5b086deb9494e68 ETag Block2=1/0/1024 +476");
    peer.receives("60 00 {C}");
    assert!(matches!(peer.event(), Event::NotificationDelivered(_)));
    peer.endpoint
        .notify(now, observation, content(body(1600)))
        .unwrap();
    peer.sends("CON 2.05 D t4a93f3fa44aa928b ETag Observe=4 Block2=0/1/1024 Size2=1600 +1024");
    peer.receives(&acknowledging_request('B', "1e"));
    peer.receives(&acknowledging_request('C', "1e"));
    peer.is_silent();
}

/// An acknowledgement that asks for nothing: the rest is not fetched, and the state was not delivered.
#[test]
fn a_large_notification_that_is_not_fetched() {
    let (mut peer, observation) = observing_client();
    let state = content(body(2500));
    peer.endpoint.notify(peer.now, observation, state).unwrap();
    peer.sends("CON 2.05 B t4a93f3fa44aa928b ETag Observe=3 Block2=0/1/1024 Size2=2500 +1024");
    peer.receives("60 00 {B}");
    peer.is_silent();
    peer.pass(SECOND * 130);
    assert!(matches!(peer.event(), Event::NotificationFailed(..)));
}

/// A request for a block says that more blocks follow, which means nothing there.
#[test]
fn requests_for_blocks_with_the_flag_for_more() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"41 01 e6c0 05 b1 "B" 11 2a"#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content(body(2500)));
    peer.sends("ACK 2.05 A t05 ETag Block2=0/1/1024 Size2=2500 +1024");
    peer.receives(r#"41 01 e6c1 05 b1 "B" 11 2a b1 1e"#);
    peer.sends("ACK 2.05 B t05 ETag Block2=1/1/1024 +1024");
    peer.receives(r#"41 01 e6c2 05 b1 "B" 11 2a b1 2e"#);
    peer.sends("ACK 2.05 C t05 ETag Block2=2/0/1024 +452");
    peer.is_silent();
}

/// A large body in each direction: the requests for blocks of the answer still carry the last block of the question,
/// and are not executed.
#[test]
fn blocks_in_both_directions() {
    let mut peer = Peer::of_server(Config::default());
    let block = |number: usize| -> String {
        let whole = body(2509);
        let end = whole.len().min((number + 1) * 1024);
        let bytes = whole[number * 1024..end].iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    };
    for (id, value, number, line) in [
        ("e6c5", "0e", 0, "ACK 2.31 A t12 Block1=0/1/1024"),
        ("e6c6", "1e", 1, "ACK 2.31 B t12 Block1=1/1/1024"),
    ] {
        let payload = block(number);
        peer.receives(&format!(
            r#"41 02 {id} 12 b1 "h" 11 3c d102 {value} d214 09cd ff {payload}"#
        ));
        peer.sends(line);
    }
    let last = block(2);
    peer.receives(&format!(
        r#"41 02 e6c7 12 b1 "h" 11 3c d102 26 d214 09cd ff {last}"#
    ));
    let asked = peer.asked();
    assert_eq!(asked.payload, body(2509));
    peer.endpoint
        .respond(peer.now, asked.exchange, content(body(1500)));
    peer.sends("ACK 2.05 C t12 ETag Block2=0/1/1024 Block1=2/0/1024 Size2=1500 +1024");
    peer.receives(r#"41 02 e6c8 12 b1 "h" 11 3c b1 1e 41 26 d214 09cd"#);
    peer.sends("ACK 2.05 D t12 ETag Block2=1/0/1024 +476");
    peer.is_silent();
}

/// libcoap takes a new token for each block, and says a port.
#[test]
fn blocks_with_new_tokens() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"47 02 159d 01000000000001 72 4676 41 "h" 11 3c ff a0"#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content(body(1500)));
    peer.sends("ACK 2.05 A t01000000000001 ETag Block2=0/1/1024 Size2=1500 +1024");
    peer.receives(r#"47 02 159e 02000000000002 72 4676 41 "h" 11 3c b1 16"#);
    peer.sends("ACK 2.05 B t02000000000002 ETag Block2=1/0/1024 +476");
    peer.is_silent();
}

/// The client takes a reset for a sign of life as well as an acknowledgement.
#[test]
fn pings_of_the_client() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives("40 00 04d6");
    peer.sends("RST 0.00 A");
    peer.is_silent();
}

/// The Go proxy, and us as its client.
fn of_the_proxy() -> Peer {
    Peer::of_client(Config {
        dialect: Dialect::Go,
        ..Config::default()
    })
}

#[test]
fn the_proxy_acknowledges_twice() {
    let mut peer = of_the_proxy();
    peer.endpoint.request(peer.now, get("B")).unwrap();
    peer.sends("CON 0.01 A t01 Uri-Path=B");
    peer.receives("60 00 {A}");
    peer.is_silent();
    peer.pass(SECOND * 10);
    peer.is_silent();
    peer.receives("61 45 {A} 01 c1 32 ff a0");
    let Event::Response { response, .. } = peer.event() else {
        panic!("no answer")
    };
    assert_eq!(
        (response.code, &response.payload[..]),
        (Code::CONTENT, &[0xa0][..])
    );
    peer.is_silent();
}

#[test]
fn the_proxy_has_no_code() {
    let mut peer = of_the_proxy();
    peer.endpoint.request(peer.now, get("B")).unwrap();
    peer.sends("CON 0.01 A t01 Uri-Path=B");
    peer.receives(r#"61 00 {A} 01 48 5709010500e11476 81 32 ff a2 1866 63 "M_X" 1867 61 "c""#);
    let Event::Response { response, .. } = peer.event() else {
        panic!("no answer")
    };
    assert_eq!(response.code, Code::EMPTY);
    assert_eq!(response.payload.len(), 11);
    peer.is_silent();
}

/// The answer to a registration has no Observe, and every notification has the id 0.
#[test]
fn notifications_of_the_proxy() {
    let mut peer = of_the_proxy();
    let now = peer.now;
    let registered = peer.endpoint.observe(now, get("7"), Acknowledge::AtOnce);
    peer.sends("CON 0.01 A t01 Observe=0 Uri-Path=7");
    peer.receives("61 45 {A} 01");
    let Event::Response {
        request,
        observed: true,
        ..
    } = peer.event()
    else {
        panic!("it is not observed")
    };
    assert_eq!(registered, Ok(request));
    for (sequence, payload) in [(2, "a0"), (3, "a1"), (4, "a0")] {
        let notification = format!("41 45 0000 01 61 0{sequence} 61 0{sequence} ff {payload}");
        peer.receives(&notification);
        peer.sends("ACK 0.00 B");
        assert!(matches!(peer.event(), Event::Notification { .. }));
        // It comes again.
        peer.receives(&notification);
        peer.sends("ACK 0.00 B");
        peer.is_silent();
    }
}

#[test]
fn a_large_notification_of_the_proxy() {
    let mut peer = of_the_proxy();
    let now = peer.now;
    peer.endpoint
        .observe(now, get("7"), Acknowledge::AtOnce)
        .unwrap();
    peer.sends("CON 0.01 A t01 Observe=0 Uri-Path=7");
    peer.receives("61 45 {A} 01");
    assert!(matches!(
        peer.event(),
        Event::Response { observed: true, .. }
    ));
    let whole: Vec<String> = body(1040)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (first, rest) = (whole[..1024].concat(), whole[1024..].concat());
    peer.receives(&format!(
        "41 45 0000 01 61 02 61 02 b1 0e 52 0410 ff {first}"
    ));
    peer.sends("ACK 0.00 B");
    peer.sends("CON 0.01 C t02 Uri-Path=7 Block2=1/0/1024");
    peer.receives(&format!(
        "61 45 {{C}} 02 48 59fc4cfe0ef88331 81 32 b1 16 52 0410 ff {rest}"
    ));
    let Event::Notification { response, .. } = peer.event() else {
        panic!("it is not whole")
    };
    assert_eq!(response.payload, body(1040));
    peer.is_silent();
}

/// The last answer to a request in blocks does not say which block it is for.
#[test]
fn answers_of_the_proxy_without_block1() {
    let mut peer = of_the_proxy();
    let now = peer.now;
    let asking = request(Code::POST, "h", body(1500));
    peer.endpoint.request(now, asking).unwrap();
    peer.sends("CON 0.02 A t01 Uri-Path=h Block1=0/1/1024 Size1=1500 Request-Tag +1024");
    peer.receives("61 5f {A} 01 d10e 0e");
    peer.sends("CON 0.02 B t01 Uri-Path=h Block1=1/0/1024 Request-Tag +476");
    peer.receives("61 45 {B} 01 c1 32 ff a0");
    assert!(matches!(peer.event(), Event::Response { .. }));
    peer.is_silent();
}

#[test]
fn pings_that_the_proxy_acknowledges() {
    let mut peer = of_the_proxy();
    peer.endpoint.ping(peer.now);
    peer.sends("CON 0.00 A");
    peer.receives("60 00 {A}");
    assert!(matches!(peer.event(), Event::Pong(_)));
    peer.is_silent();
}
