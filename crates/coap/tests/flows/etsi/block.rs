use vestibule_coap::endpoint::Config;
use vestibule_coap::{BlockSize, Code};

use crate::pair::{Pair, body, content, get, request, response};
use crate::peer::Peer;

fn blocks_of(bytes: usize) -> Config {
    Config {
        block_size: BlockSize::at_most(bytes),
        ..Config::default()
    }
}

#[test]
fn td_coap_block_01_large_get_with_early_negotiation() {
    let mut pair = Pair::with(blocks_of(64), Config::default());
    pair.request(get("large"));
    let asked = pair.asked();
    pair.respond(&asked, content(body(1280)));
    assert_eq!(pair.answered().payload, body(1280));
    let mut lines = "
        -> CON 0.01 A t01 Uri-Path=large Block2=0/0/64
        <- ACK 2.05 A t01 ETag Block2=0/1/64 Size2=1280 +64\n"
        .to_owned();
    for number in 1..20 {
        let id = char::from(b'A' + number);
        let more = u8::from(number < 19);
        lines.push_str(&format!(
            "-> CON 0.01 {id} t01 Uri-Path=large Block2={number}/0/64\n"
        ));
        lines.push_str(&format!(
            "<- ACK 2.05 {id} t01 ETag Block2={number}/{more}/64 +64\n"
        ));
    }
    pair.expect(&lines);
    pair.finish();
}

#[test]
fn td_coap_block_02_large_get_with_late_negotiation() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"41 01 0001 07 b5 "large""#);
    let asked = peer.asked();
    peer.endpoint
        .respond(peer.now, asked.exchange, content(body(1280)));
    peer.sends("ACK 2.05 A t07 ETag Block2=0/1/1024 Size2=1280 +1024");
    peer.receives(r#"41 01 0002 07 b5 "large" c1 44"#);
    peer.sends("ACK 2.05 B t07 ETag Block2=4/0/256 +256");
    peer.is_silent();
}

#[test]
fn td_coap_block_03_large_put() {
    let mut pair = Pair::new();
    pair.request(request(Code::PUT, "large-update", body(1280)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(1280));
    pair.respond(&asked, response(Code::CHANGED, ""));
    assert_eq!(pair.answered().code, Code::CHANGED);
    pair.expect(
        "
        -> CON 0.03 A t01 Uri-Path=large-update Block1=0/1/1024 Size1=1280 Request-Tag +1024
        <- ACK 2.31 A t01 Block1=0/1/1024
        -> CON 0.03 B t01 Uri-Path=large-update Block1=1/0/1024 Request-Tag +256
        <- ACK 2.04 B t01 Block1=1/0/1024
        ",
    );
    pair.finish();
}

#[test]
fn td_coap_block_04_large_post_that_creates() {
    let mut pair = Pair::new();
    pair.request(request(Code::POST, "large-create", body(1280)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(1280));
    pair.respond(&asked, response(Code::CREATED, ""));
    assert_eq!(pair.answered().code, Code::CREATED);
    pair.expect(
        "
        -> CON 0.02 A t01 Uri-Path=large-create Block1=0/1/1024 Size1=1280 Request-Tag +1024
        <- ACK 2.31 A t01 Block1=0/1/1024
        -> CON 0.02 B t01 Uri-Path=large-create Block1=1/0/1024 Request-Tag +256
        <- ACK 2.01 B t01 Block1=1/0/1024
        ",
    );
    pair.finish();
}

#[test]
fn td_coap_block_05_large_post_in_both_directions() {
    let mut pair = Pair::new();
    pair.request(request(Code::POST, "large-post", body(1280)));
    let asked = pair.asked();
    assert_eq!(asked.payload, body(1280));
    pair.respond(&asked, content(body(2000)));
    assert_eq!(pair.answered().payload, body(2000));
    assert!(pair.server.poll_event().is_none());
    pair.expect(
        "
        -> CON 0.02 A t01 Uri-Path=large-post Block1=0/1/1024 Size1=1280 Request-Tag +1024
        <- ACK 2.31 A t01 Block1=0/1/1024
        -> CON 0.02 B t01 Uri-Path=large-post Block1=1/0/1024 Request-Tag +256
        <- ACK 2.05 B t01 ETag Block2=0/1/1024 Block1=1/0/1024 Size2=2000 +1024
        -> CON 0.02 C t01 Uri-Path=large-post Block2=1/0/1024 Request-Tag
        <- ACK 2.05 C t01 ETag Block2=1/0/1024 +976
        ",
    );
    pair.finish();
}

#[test]
fn td_coap_block_06_blocks_of_sixteen_bytes() {
    let mut pair = Pair::with(blocks_of(16), Config::default());
    pair.request(get("large"));
    let asked = pair.asked();
    pair.respond(&asked, content(body(40)));
    assert_eq!(pair.answered().payload, body(40));
    pair.expect(
        "
        -> CON 0.01 A t01 Uri-Path=large Block2=0/0/16
        <- ACK 2.05 A t01 ETag Block2=0/1/16 Size2=40 +16
        -> CON 0.01 B t01 Uri-Path=large Block2=1/0/16
        <- ACK 2.05 B t01 ETag Block2=1/1/16 +16
        -> CON 0.01 C t01 Uri-Path=large Block2=2/0/16
        <- ACK 2.05 C t01 ETag Block2=2/0/16 +8
        ",
    );
    pair.finish();
}
