//! Peers that send without end: each gets its error, and no more is kept for it than the limits say.

use std::time::Duration;

use vestibule_coap::endpoint::{Assurance, Config, Event, Failure, Footprint};
use vestibule_coap::{
    BlockSize, BlockValue, Code, Header, Message, OptionList, OptionNumber, Token, Type, encode,
};

use crate::pair::{body, content, get};
use crate::peer::{Peer, told};

const SECOND: Duration = Duration::from_secs(1);

/// A message with this id, a token made of `token`, and one path segment.
fn message(
    kind: Type,
    code: Code,
    id: u16,
    token: u32,
    options: &[(OptionNumber, u64)],
    payload: &[u8],
) -> Vec<u8> {
    let header = Header {
        kind,
        code,
        id,
        token: Token::try_from(&token.to_be_bytes()[..]).expect("four bytes"),
    };
    let mut list = OptionList::new();
    if code.is_request() {
        list.push(OptionNumber::URI_PATH, "x")
            .expect("a short value");
    }
    for &(number, value) in options {
        list.push_uint(number, value);
    }
    let mut datagram = Vec::new();
    encode(header, &list, payload, &mut datagram);
    datagram
}

fn block(number: u32) -> u64 {
    let size = BlockSize::MAX;
    let more = true;
    BlockValue { number, more, size }.to_uint()
}

/// Takes a datagram in, and says which codes it was answered with.
fn feed(peer: &mut Peer, datagram: &[u8]) -> Vec<Code> {
    let taken = peer.endpoint.handle_datagram(peer.now, datagram);
    assert!(taken.is_ok(), "{taken:?}");
    let sent = std::iter::from_fn(|| peer.endpoint.poll_transmit());
    sent.map(|datagram| Message::parse(&datagram).expect("a message").header.code)
        .collect()
}

/// When the peer falls silent, everything is forgotten.
fn assert_forgotten(mut peer: Peer) {
    peer.pass(SECOND * 700);
    while told(&mut peer.endpoint).is_some() || peer.endpoint.poll_transmit().is_some() {}
    assert_eq!(peer.endpoint.footprint(), Footprint::default());
}

#[test]
fn a_body_without_end() {
    let mut peer = Peer::of_server(Config::default());
    let payload = body(1024);
    for number in 0..200 {
        let id = number as u16 + 1;
        let options = [(OptionNumber::BLOCK1, block(number))];
        let datagram = message(Type::Confirmable, Code::POST, id, 7, &options, &payload);
        let expected = match number {
            ..128 => Code::CONTINUE,
            128 => Code::REQUEST_ENTITY_TOO_LARGE,
            _ => Code::REQUEST_ENTITY_INCOMPLETE,
        };
        assert_eq!(feed(&mut peer, &datagram), [expected], "{number}");
        assert!(peer.endpoint.footprint().bytes < 300_000);
    }
    assert!(told(&mut peer.endpoint).is_none());
    assert_forgotten(peer);
}

#[test]
fn bodies_that_only_begin() {
    let mut peer = Peer::of_server(Config::default());
    let payload = body(1024);
    for id in 1..5_000 {
        let options = [(OptionNumber::BLOCK1, block(0))];
        let datagram = message(
            Type::Confirmable,
            Code::POST,
            id,
            id.into(),
            &options,
            &payload,
        );
        assert_eq!(feed(&mut peer, &datagram), [Code::CONTINUE]);
        let footprint = peer.endpoint.footprint();
        assert!(footprint.uploads <= 4 && footprint.received <= 2048);
        assert!(footprint.bytes < 600_000, "{footprint:?}");
    }
    assert_forgotten(peer);
}

#[test]
fn requests_that_nobody_answers() {
    let mut peer = Peer::of_server(Config::default());
    let mut refused = 0;
    for id in 1..5_000 {
        let datagram = message(Type::Confirmable, Code::GET, id, id.into(), &[], b"");
        refused += usize::from(feed(&mut peer, &datagram) == [Code::SERVICE_UNAVAILABLE]);
        let footprint = peer.endpoint.footprint();
        assert!(footprint.exchanges <= 64, "{footprint:?}");
        assert!(footprint.bytes < 600_000, "{footprint:?}");
    }
    assert_eq!(refused, 5_000 - 1 - 64);
}

#[test]
fn requests_that_are_answered_at_length() {
    let mut peer = Peer::of_server(Config::default());
    for id in 1..5_000 {
        let datagram = message(Type::Confirmable, Code::GET, id, id.into(), &[], b"");
        let codes = feed(&mut peer, &datagram);
        if let Some(Event::Request(asked)) = told(&mut peer.endpoint) {
            let answer = content(body(3000));
            peer.endpoint.respond(peer.now, asked.exchange, answer);
            peer.endpoint.poll_transmit().expect("an answer");
        } else {
            // There is no room to remember that it was executed.
            assert_eq!(codes, [Code::SERVICE_UNAVAILABLE]);
        }
        let footprint = peer.endpoint.footprint();
        assert!(footprint.received <= 2048 && footprint.snapshots <= 4);
        assert!(footprint.bytes < 900_000, "{footprint:?}");
    }
    assert_forgotten(peer);
}

#[test]
fn registrations_without_end() {
    let mut peer = Peer::of_server(Config::default());
    for id in 1..2_000 {
        let options = [(OptionNumber::OBSERVE, 0)];
        let datagram = message(Type::Confirmable, Code::GET, id, id.into(), &options, b"");
        feed(&mut peer, &datagram);
        let asked = peer.asked();
        let endpoint = &mut peer.endpoint;
        endpoint.respond_observed(peer.now, asked.exchange, content("1"), Assurance::None);
        endpoint.poll_transmit().expect("an answer");
        assert!(endpoint.footprint().observations <= 2);
    }
}

#[test]
fn answers_that_nobody_asked_for() {
    let mut peer = Peer::of_client(Config::default());
    for id in 1..5_000 {
        let datagram = message(Type::Confirmable, Code::CONTENT, id, 7, &[], &body(1024));
        assert_eq!(feed(&mut peer, &datagram), [Code::EMPTY]);
        let footprint = peer.endpoint.footprint();
        assert!(footprint.received <= 2048 && footprint.bytes < 400_000);
    }
    assert_forgotten(peer);
}

#[test]
fn an_answer_without_end() {
    let config = Config {
        max_response_body: 100_000,
        ..Config::default()
    };
    let mut peer = Peer::of_client(config);
    peer.endpoint.request(peer.now, get("x")).expect("room");
    for number in 0..200 {
        let Some(asked) = peer.endpoint.poll_transmit() else {
            break;
        };
        let header = Message::parse(&asked).expect("a message").header;
        let mut options = OptionList::new();
        options.push_uint(OptionNumber::BLOCK2, block(number));
        let answer = Header {
            kind: Type::Acknowledgement,
            code: Code::CONTENT,
            ..header
        };
        let mut datagram = Vec::new();
        encode(answer, &options, &body(1024), &mut datagram);
        let taken = peer.endpoint.handle_datagram(peer.now, &datagram);
        assert!(taken.is_ok());
        assert!(peer.endpoint.footprint().bytes < 250_000);
    }
    assert!(matches!(
        told(&mut peer.endpoint),
        Some(Event::RequestFailed(_, Failure::BodyTooLarge))
    ));
    assert_forgotten(peer);
}

/// One byte each, as many as a datagram holds.
#[test]
fn options_without_end() {
    let mut peer = Peer::of_server(Config::default());
    let mut datagram = vec![0x40, 1, 0, 1, 0xc0];
    datagram.resize(8192, 0);
    assert_eq!(feed(&mut peer, &datagram), [Code::BAD_REQUEST]);
    assert_eq!(peer.endpoint.footprint(), Footprint::default());
}

/// Whatever is of no meaning leaves no trace.
#[test]
fn acknowledgements_and_resets_for_nothing() {
    let mut peer = Peer::of_server(Config::default());
    for id in 0..5_000 {
        for kind in [Type::Acknowledgement, Type::Reset] {
            let header = Header {
                kind,
                code: Code::EMPTY,
                id,
                token: Token::EMPTY,
            };
            let mut datagram = Vec::new();
            encode(header, &OptionList::new(), b"", &mut datagram);
            assert_eq!(feed(&mut peer, &datagram), []);
        }
        let options = [(OptionNumber::BLOCK2, block(1))];
        let asking = message(Type::Acknowledgement, Code::GET, id, 7, &options, b"");
        assert_eq!(feed(&mut peer, &asking), []);
    }
    assert_eq!(peer.endpoint.footprint(), Footprint::default());
}
