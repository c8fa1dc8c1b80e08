//! Bodies of several blocks.

use serde_json::{Value, json};
use vestibule_coap::{BlockSize, Code, OptionNumber};
use vestibule_e2e::lowband::{Heard, StubHomeserver, from_cbor, to_cbor};

use super::{TOKEN, TOKEN_BEHIND_FORMAT, gateway, hex};

/// A body whose CBOR has so many bytes.
fn body_of(length: usize) -> (Value, Vec<u8>) {
    let body = |padding: usize| json!({"one_time_keys": {"padding": "k".repeat(padding)}});
    let least = to_cbor(&body(300)).len() - 300;
    let body = body(length - least);
    let cbor = to_cbor(&body);
    assert_eq!(cbor.len(), length);
    (body, cbor)
}

/// What a client says of a block: which one, that more follow, and 1,024 bytes.
fn block(heard: &Heard) -> (u32, bool, BlockSize) {
    let block = heard.block2().expect("a block");
    (block.number, block.more, block.size)
}

/// The rest of a large answer: the same token, all options again, and a flag for more blocks that
/// means nothing.
#[test]
fn an_answer_in_blocks() {
    let (body, cbor) = body_of(2_500);
    let homeserver = StubHomeserver::saying(body.clone());
    let (_gateway, mut client) = gateway(&homeserver);
    let get = |id: u16, block: &str| {
        format!(r#"41 01 {id:04x} 05 b1 "B" 02 "!r" 11 2a {block} "{TOKEN}""#)
    };
    let mut whole = Vec::new();
    let first = client.asks(&get(0xe6c0, "dde716"));
    assert_eq!(block(&first), (0, true, BlockSize::MAX));
    assert_eq!(
        first.options.uint(OptionNumber::SIZE2),
        Some(cbor.len() as u64)
    );
    let tag = first.options.first(OptionNumber::ETAG).map(<[u8]>::to_vec);
    assert!(tag.is_some());
    whole.extend(&first.payload);
    for (number, more, option) in [(1, true, "1e"), (2, false, "2e")] {
        let id = 0xe6c0 + number as u16;
        let next = client.asks(&get(id, &format!("b1 {option} dddc16")));
        assert_eq!(block(&next), (number, more, BlockSize::MAX));
        assert_eq!(next.options.first(OptionNumber::ETAG), tag.as_deref());
        assert_eq!(next.header.id, id);
        whole.extend(&next.payload);
    }
    assert_eq!(from_cbor(&whole), body);
    assert_eq!(homeserver.asked().len(), 1);
}

/// Both ways: the requests for blocks of the answer still carry the last block of the question, and
/// must not be executed.
#[test]
fn blocks_in_both_directions() {
    let (answered, _) = body_of(2_100);
    let (question, cbor) = body_of(2_509);
    let homeserver = StubHomeserver::saying(answered.clone());
    let (_gateway, mut client) = gateway(&homeserver);
    let part = |id: u16, block1: &str, payload: &[u8]| {
        let payload = hex(payload);
        format!(
            r#"41 02 {id:04x} 12 b1 "h" 11 3c d102 {block1} d214 09cd ddb716 "{TOKEN}" ff {payload}"#
        )
    };
    let mut blocks = cbor.chunks(1024);
    let mut next = || blocks.next().expect("three blocks");
    let first = client.asks(&part(0xe6c5, "0e", next()));
    // Captured: the code, the id, the token and Block1, and nothing else.
    assert_eq!(
        first.datagram,
        [0x61, 0x5f, 0xe6, 0xc5, 0x12, 0xd1, 0x0e, 0x0e]
    );
    let second = client.asks(&part(0xe6c6, "1e", next()));
    assert_eq!(second.header.code, Code::CONTINUE);
    assert!(homeserver.asked().is_empty());
    let third = client.asks(&part(0xe6c7, "26", next()));
    assert_eq!((third.header.code, block(&third).1), (Code::CONTENT, true));
    assert_eq!(
        third.block1().map(|it| (it.number, it.more)),
        Some((2, false))
    );
    let mut whole = third.payload.clone();
    for (number, more, option) in [(1, true, "1e"), (2, false, "2e")] {
        let id = 0xe6c7 + number as u16;
        let stale = format!(
            r#"41 02 {id:04x} 12 b1 "h" 11 3c b1 {option} 41 26 d214 09cd ddb716 "{TOKEN}""#
        );
        let answer = client.asks(&stale);
        assert_eq!(answer.header.code, Code::CONTENT);
        assert_eq!((block(&answer).0, block(&answer).1), (number, more));
        whole.extend(&answer.payload);
    }
    assert_eq!(from_cbor(&whole), answered);
    let asked = homeserver.asked();
    assert_eq!(asked.len(), 1, "nothing is executed twice");
    assert_eq!(asked[0].method, "POST");
    assert_eq!(asked[0].target, "/_matrix/client/v3/keys/query");
    assert_eq!(
        serde_json::from_str::<Value>(&asked[0].body).ok(),
        Some(question)
    );
}

/// libcoap takes a new token for each block, and says a port. The Go proxy would execute the second
/// request as an empty one.
#[test]
fn blocks_with_new_tokens() {
    let (body, _) = body_of(1_500);
    let homeserver = StubHomeserver::saying(body.clone());
    let (_gateway, mut client) = gateway(&homeserver);
    let first = client.asks(&format!(
        r#"47 02 159d 02000000000001 72 4676 41 "h" 11 3c {TOKEN_BEHIND_FORMAT} ff a0"#
    ));
    let rest = client.asks(r#"47 02 159e 02000000000002 72 4676 41 "h" 11 3c b1 16"#);
    assert_eq!(rest.header.code, Code::CONTENT);
    let whole = [first.payload, rest.payload].concat();
    assert_eq!(from_cbor(&whole), body);
    assert_eq!(homeserver.asked().len(), 1);
}

/// A request for a further block of what is not there is refused, by a map, and not executed.
#[test]
fn a_block_of_nothing() {
    let homeserver = StubHomeserver::saying(json!({}));
    let (_gateway, mut client) = gateway(&homeserver);
    let answer = client.asks(r#"41 02 e6c8 12 b1 "h" 11 3c b1 1e 41 26 d214 09cd"#);
    assert_eq!(answer.header.code, Code::REQUEST_ENTITY_INCOMPLETE);
    answer.map();
    assert!(homeserver.asked().is_empty());
}
