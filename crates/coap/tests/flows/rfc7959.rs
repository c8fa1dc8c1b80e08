//! The examples of RFC 7959 section 3, and what section 2 asks for beside them.

use std::time::Duration;

use vestibule_coap::endpoint::{Config, Event, Failure};
use vestibule_coap::{BlockSize, Code};

use crate::pair::{Pair, body, content, get, request, response};
use crate::peer::{Peer, told};

const SECOND: Duration = Duration::from_secs(1);

fn blocks_of(bytes: usize) -> Config {
    Config {
        block_size: BlockSize::at_most(bytes),
        ..Config::default()
    }
}

/// Figure 2.
#[test]
fn simple_get() {
    let mut pair = Pair::with(Config::default(), blocks_of(128));
    pair.request(get("status"));
    let asked = pair.asked();
    pair.respond(&asked, content(body(300)));
    assert_eq!(pair.answered().payload, body(300));
    pair.expect(
        "
        -> CON 0.01 A t01 Uri-Path=status
        <- ACK 2.05 A t01 ETag Block2=0/1/128 Size2=300 +128
        -> CON 0.01 B t01 Uri-Path=status Block2=1/0/128
        <- ACK 2.05 B t01 ETag Block2=1/1/128 +128
        -> CON 0.01 C t01 Uri-Path=status Block2=2/0/128
        <- ACK 2.05 C t01 ETag Block2=2/0/128 +44
        ",
    );
    pair.finish();
}

/// Figure 3.
#[test]
fn get_with_early_negotiation() {
    let mut pair = Pair::with(blocks_of(64), Config::default());
    pair.request(get("status"));
    let asked = pair.asked();
    pair.respond(&asked, content(body(100)));
    assert_eq!(pair.answered().payload, body(100));
    pair.expect(
        "
        -> CON 0.01 A t01 Uri-Path=status Block2=0/0/64
        <- ACK 2.05 A t01 ETag Block2=0/1/64 Size2=100 +64
        -> CON 0.01 B t01 Uri-Path=status Block2=1/0/64
        <- ACK 2.05 B t01 ETag Block2=1/0/64 +36
        ",
    );
    pair.finish();
}

/// Figure 4: the client asks for smaller blocks after the first one.
#[test]
fn get_with_late_negotiation() {
    let mut peer = Peer::of_server(blocks_of(128));
    peer.receives(r#"40 01 0001 b6 "status""#);
    let asked = peer.asked();
    let answer = content(body(300));
    peer.endpoint.respond(peer.now, asked.exchange, answer);
    peer.sends("ACK 2.05 A ETag Block2=0/1/128 Size2=300 +128");
    for (datagram, line) in [
        (
            r#"40 01 0002 b6 "status" c1 22"#,
            "ACK 2.05 B ETag Block2=2/1/64 +64",
        ),
        (
            r#"40 01 0003 b6 "status" c1 32"#,
            "ACK 2.05 C ETag Block2=3/1/64 +64",
        ),
        (
            r#"40 01 0004 b6 "status" c1 42"#,
            "ACK 2.05 D ETag Block2=4/0/64 +44",
        ),
    ] {
        peer.receives(datagram);
        peer.sends(line);
    }
    peer.is_silent();
}

/// Figures 5 and 6: a request for a block is lost, and then its answer.
#[test]
fn get_over_a_lossy_path() {
    let mut pair = Pair::with(Config::default(), blocks_of(128));
    pair.lose(&[2, 5]);
    pair.request(get("status"));
    let asked = pair.asked();
    pair.respond(&asked, content(body(300)));
    pair.pass(SECOND * 8);
    assert_eq!(pair.answered().payload, body(300));
    pair.expect(
        "
        -> CON 0.01 A t01 Uri-Path=status
        <- ACK 2.05 A t01 ETag Block2=0/1/128 Size2=300 +128
        -x CON 0.01 B t01 Uri-Path=status Block2=1/0/128
        -> CON 0.01 B t01 Uri-Path=status Block2=1/0/128
        <- ACK 2.05 B t01 ETag Block2=1/1/128 +128
        -x CON 0.01 C t01 Uri-Path=status Block2=2/0/128
        -> CON 0.01 C t01 Uri-Path=status Block2=2/0/128
        <- ACK 2.05 C t01 ETag Block2=2/0/128 +44
        ",
    );
    pair.finish();
}

/// Figures 7 and 8: the request is processed when it is whole.
#[test]
fn atomic_put() {
    let mut pair = Pair::with(blocks_of(128), Config::default());
    pair.request(request(Code::PUT, "options", body(300)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(300));
    pair.respond(&asked, response(Code::CHANGED, ""));
    assert_eq!(pair.answered().code, Code::CHANGED);
    pair.expect(
        "
        -> CON 0.03 A t01 Uri-Path=options Block2=0/0/128 Block1=0/1/128 Size1=300 Request-Tag +128
        <- ACK 2.31 A t01 Block1=0/1/128
        -> CON 0.03 B t01 Uri-Path=options Block2=0/0/128 Block1=1/1/128 Request-Tag +128
        <- ACK 2.31 B t01 Block1=1/1/128
        -> CON 0.03 C t01 Uri-Path=options Block2=0/0/128 Block1=2/0/128 Request-Tag +44
        <- ACK 2.04 C t01 Block1=2/0/128
        ",
    );
    pair.finish();
}

/// Figure 9: the server asks for smaller blocks. Numbers go on in the new size.
#[test]
fn put_with_negotiation() {
    let mut pair = Pair::with(Config::default(), blocks_of(512));
    pair.request(request(Code::PUT, "options", body(2000)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(2000));
    pair.respond(&asked, response(Code::CHANGED, ""));
    pair.answered();
    pair.expect(
        "
        -> CON 0.03 A t01 Uri-Path=options Block1=0/1/1024 Size1=2000 Request-Tag +1024
        <- ACK 2.31 A t01 Block1=0/1/512
        -> CON 0.03 B t01 Uri-Path=options Block1=2/1/512 Request-Tag +512
        <- ACK 2.31 B t01 Block1=2/1/512
        -> CON 0.03 C t01 Uri-Path=options Block1=3/0/512 Request-Tag +464
        <- ACK 2.04 C t01 Block1=3/0/512
        ",
    );
    pair.finish();
}

/// Figure 10: blocks in both directions.
#[test]
fn post_with_large_request_and_response() {
    let mut pair = Pair::with(Config::default(), blocks_of(128));
    pair.request(request(Code::POST, "soap", body(1100)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(1100));
    pair.respond(&asked, content(body(200)));
    assert_eq!(pair.answered().payload, body(200));
    pair.expect(
        "
        -> CON 0.02 A t01 Uri-Path=soap Block1=0/1/1024 Size1=1100 Request-Tag +1024
        <- ACK 2.31 A t01 Block1=0/1/128
        -> CON 0.02 B t01 Uri-Path=soap Block1=8/0/128 Request-Tag +76
        <- ACK 2.05 B t01 ETag Block2=0/1/128 Block1=8/0/128 Size2=200 +128
        -> CON 0.02 C t01 Uri-Path=soap Block2=1/0/128 Request-Tag
        <- ACK 2.05 C t01 ETag Block2=1/0/128 +72
        ",
    );
    pair.finish();
}

/// Figure 12: the rest of a notification is fetched with another token, and without Observe.
#[test]
fn observe_with_blocks() {
    let mut pair = Pair::with(Config::default(), blocks_of(128));
    pair.observe(get("status"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content(body(200)));
    assert_eq!(pair.answered().payload, body(200));
    pair.notify(observation, content(body(150)));
    assert_eq!(pair.notified().payload, body(150));
    assert_eq!(pair.delivered(), observation);
    pair.expect(
        "
        -> CON 0.01 A t01 Observe=0 Uri-Path=status
        <- ACK 2.05 A t01 ETag Observe=2 Block2=0/1/128 Size2=200 +128
        -> CON 0.01 B t02 Uri-Path=status Block2=1/0/128
        <- ACK 2.05 B t02 ETag Block2=1/0/128 +72
        <- CON 2.05 C t01 ETag Observe=3 Block2=0/1/128 Size2=150 +128
        -> ACK 0.00 C
        -> CON 0.01 D t03 Uri-Path=status Block2=1/0/128
        <- ACK 0.00 D
        <- CON 2.05 E t03 ETag Block2=1/0/128 +22
        -> ACK 0.00 E
        ",
    );
}

/// Figure 13: the registration says how large blocks are.
#[test]
fn observe_with_early_negotiation() {
    let mut pair = Pair::with(blocks_of(64), Config::default());
    pair.observe(get("status"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content("short"));
    pair.answered();
    pair.notify(observation, content(body(100)));
    assert_eq!(pair.notified().payload, body(100));
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=status Block2=0/0/64
        <- ACK 2.05 A t01 Observe=2 "short"
        <- CON 2.05 B t01 ETag Observe=3 Block2=0/1/64 Size2=100 +64
        -> ACK 0.00 B
        -> CON 0.01 C t02 Uri-Path=status Block2=1/0/64
        <- ACK 0.00 C
        <- CON 2.05 D t02 ETag Block2=1/0/64 +36
        -> ACK 0.00 D
        "#,
    );
}

/// Section 2.9.2: a block whose predecessors never came.
#[test]
fn a_block_is_missing() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"41 02 0001 07 b1 "x" d1 03 18 ff 0123456789abcdef0123456789abcdef"#);
    peer.sends(r#"ACK 4.08 A t07 +31"#);
    peer.is_silent();
}

/// Section 2.9.3: a body that is too large, told by its size or by its blocks.
#[test]
fn a_body_that_is_too_large() {
    let config_of_40 = || Config {
        max_request_body: 40,
        ..blocks_of(16)
    };
    let mut pair = Pair::with(blocks_of(16), config_of_40());
    pair.request(request(Code::POST, "x", body(50)));
    assert_eq!(pair.answered().code, Code::REQUEST_ENTITY_TOO_LARGE);
    assert!(told(&mut pair.server).is_none());
    assert_eq!(pair.server.footprint().uploads, 0);
    // Its size was told with the first block.
    assert_eq!(pair.server.footprint().received, 0);

    let mut peer = Peer::of_server(config_of_40());
    for (number, answer) in ["ACK 2.31", "ACK 2.31", "ACK 4.13"].iter().enumerate() {
        let block = (number << 4) | 8;
        let payload = "00".repeat(16);
        peer.receives(&format!(
            "40 02 00 0{} d1 0e {block:02x} ff {payload}",
            number + 1
        ));
        let datagram = peer.endpoint.poll_transmit().expect("an answer");
        let code = if answer.ends_with("2.31") {
            Code::CONTINUE
        } else {
            Code::REQUEST_ENTITY_TOO_LARGE
        };
        assert_eq!(datagram[1], code.0, "{answer}");
    }
    assert_eq!(peer.endpoint.footprint().uploads, 0);
}

/// Section 2.4: a body is kept for as long as somebody asks for it, then it is gone, and nothing is executed for it.
#[test]
fn a_body_that_was_forgotten() {
    let mut peer = Peer::of_server(blocks_of(16));
    peer.receives(r#"41 02 0001 07 b1 "x""#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content(body(40)));
    peer.sends("ACK 2.05 A t07 ETag Block2=0/1/16 Size2=40 +16");
    peer.pass(SECOND * 121);
    peer.receives(r#"41 02 0002 07 b1 "x" c1 10"#);
    peer.sends("ACK 4.08 B t07 +31");
    peer.is_silent();
}

/// Section 2.4: the body has changed while it was fetched. What only reads is asked again; what does not, fails.
#[test]
fn a_body_that_changes() {
    for (code, again) in [(Code::GET, true), (Code::POST, false)] {
        let mut peer = Peer::of_client(Config::default());
        peer.endpoint
            .request(peer.now, request(code, "x", ""))
            .unwrap();
        let line = format!("CON {code} A t01 Uri-Path=x");
        peer.sends(&line);
        peer.receives("61 45 {A} 01 41 01 d1 06 08 ff 0123456789abcdef0123456789abcdef");
        peer.sends(&format!("CON {code} B t01 Uri-Path=x Block2=1/0/16"));
        peer.receives("61 45 {B} 01 41 02 d1 06 10 ff 01");
        if again {
            peer.sends("CON 0.01 C t01 Uri-Path=x");
        } else {
            assert!(matches!(
                peer.event(),
                Event::RequestFailed(_, Failure::BodyChanged)
            ));
        }
        peer.is_silent();
    }
}

/// Section 2.2: what no block can be.
#[test]
fn malformed_blocks() {
    for datagram in [
        // The reserved size.
        r#"41 01 0001 07 b1 "x" c1 07"#,
        r#"41 02 0001 07 b1 "x" d1 03 0f ff 00"#,
        // More than the block holds, and less although more follow.
        r#"41 02 0001 07 b1 "x" d1 03 00 ff 0123456789abcdef0123456789abcdef 00"#,
        r#"41 02 0001 07 b1 "x" d1 03 08 ff 0123"#,
    ] {
        let mut peer = Peer::of_server(Config::default());
        peer.receives(datagram);
        peer.sends("ACK 4.00 A t07 +43");
        peer.is_silent();
    }
}

/// RFC 7252 section 4.5 holds for blocks that were refused as well: a copy that comes late does not get into the next
/// body, where nothing else tells the two apart.
#[test]
fn a_refused_block_that_comes_again() {
    let mut peer = Peer::of_server(Config::default());
    let late = r#"41 02 0002 07 b1 "x" d1 03 18 ff 0123456789abcdef0123456789abcdef"#;
    peer.receives(r#"41 02 0001 06 b1 "x" d1 03 08 ff "the first one...""#);
    peer.sends("ACK 2.31 A t06 Block1=0/1/16");
    peer.pass(Duration::from_secs(61));
    peer.receives(late);
    peer.sends("ACK 4.08 B t07 +31");
    peer.receives(r#"41 02 0003 08 b1 "x" d1 03 08 ff "the other begins""#);
    peer.sends("ACK 2.31 C t08 Block1=0/1/16");
    peer.receives(late);
    peer.sends("ACK 4.08 B t07 +31");
    peer.receives(r#"41 02 0004 09 b1 "x" d1 03 10 ff " and ends""#);
    assert_eq!(peer.asked().payload, "the other begins and ends");
}
