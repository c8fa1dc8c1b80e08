//! Answers that no server should give.

use super::*;
use crate::{Header, Token, Type, encode};

const UNKNOWN: OptionNumber = OptionNumber(65_001);

/// How an answer comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Acknowledgement,
    Separate,
    NonConfirmable,
}

const WAYS: [Way; 3] = [Way::Acknowledgement, Way::Separate, Way::NonConfirmable];

/// Answers the message of the client with these options.
fn answer(pair: &mut Pair, way: Way, code: Code, options: &[(OptionNumber, &[u8])]) {
    let asked = pair.client.poll_transmit().unwrap();
    let asked = Message::parse(&asked).unwrap().header;
    answer_to(pair, asked.id, asked.token, way, code, options);
}

fn answer_to(
    pair: &mut Pair,
    id: u16,
    token: Token,
    way: Way,
    code: Code,
    options: &[(OptionNumber, &[u8])],
) {
    let mut list = OptionList::new();
    for &(number, value) in options {
        list.push(number, value).unwrap();
    }
    let kind = match way {
        Way::Acknowledgement => Type::Acknowledgement,
        Way::Separate => Type::Confirmable,
        Way::NonConfirmable => Type::NonConfirmable,
    };
    let header = Header {
        kind,
        code,
        id,
        token,
    };
    let mut datagram = Vec::new();
    encode(header, &list, &[7; 16], &mut datagram);
    pair.client.handle_datagram(pair.now, &datagram).unwrap();
}

/// The request has failed at once, and what was confirmable is rejected.
#[track_caller]
fn has_failed(pair: &mut Pair, way: Way, number: OptionNumber) {
    match pair.client.poll_event() {
        Some(Event::RequestFailed(_, Failure::BadOption(bad))) => assert_eq!(bad, number),
        other => panic!("{way:?}: {other:?}"),
    }
    let sent = pair.client.poll_transmit();
    let first = sent.map(|datagram| datagram[0]);
    match way {
        Way::Acknowledgement => assert_eq!(first, None),
        Way::Separate => assert_eq!(first, Some(0x70)),
        Way::NonConfirmable => {}
    }
    assert_eq!(pair.client.footprint().requests, 0);
    assert_eq!(pair.client.footprint().unsettled, 0);
}

#[test]
fn what_must_be_understood_and_is_not_is_rejected() {
    for way in WAYS {
        let mut pair = Pair::new(Config::default());
        pair.client.request(pair.now, get("x")).unwrap();
        answer(&mut pair, way, Code::CONTENT, &[(UNKNOWN, b"1")]);
        has_failed(&mut pair, way, UNKNOWN);
    }
    // What is meant for requests only is not understood either.
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let options: [(OptionNumber, &[u8]); 1] = [(OptionNumber::PROXY_URI, b"coap://h")];
    answer(&mut pair, Way::Separate, Code::CONTENT, &options);
    has_failed(&mut pair, Way::Separate, OptionNumber::PROXY_URI);
}

#[test]
fn what_need_not_be_understood_does_no_harm() {
    for way in WAYS {
        let elective = OptionNumber(65_002);
        let mut pair = Pair::new(Config::default());
        pair.client.request(pair.now, get("x")).unwrap();
        answer(&mut pair, way, Code::CONTENT, &[(elective, b"1")]);
        assert_eq!(pair.answered().1.options.first(elective), Some(&b"1"[..]));
        let mut pair = Pair::new(Config {
            understood: vec![UNKNOWN],
            ..Config::default()
        });
        pair.client.request(pair.now, get("x")).unwrap();
        answer(&mut pair, way, Code::CONTENT, &[(UNKNOWN, b"1")]);
        assert_eq!(pair.answered().1.options.first(UNKNOWN), Some(&b"1"[..]));
    }
}

#[test]
fn a_block_that_cannot_be_is_not_waited_out() {
    let malformed: [&[(OptionNumber, &[u8])]; 5] = [
        // A reserved size, a value that is too long, and two of them.
        &[(OptionNumber::BLOCK2, &[7])],
        &[(OptionNumber::BLOCK2, &[0, 0, 0, 0])],
        &[(OptionNumber::BLOCK2, &[0]), (OptionNumber::BLOCK2, &[0])],
        // A later one than the first, and one that is shorter than it says.
        &[(OptionNumber::BLOCK2, &[0x10])],
        &[(OptionNumber::BLOCK2, &[0x0a])],
    ];
    for options in malformed {
        for way in WAYS {
            for code in [Code::GET, Code::POST] {
                let mut pair = Pair::new(Config::default());
                let request = Request { code, ..get("x") };
                pair.client.request(pair.now, request).unwrap();
                answer(&mut pair, way, Code::CONTENT, options);
                has_failed(&mut pair, way, OptionNumber::BLOCK2);
            }
        }
    }
    // Where blocks are sent.
    let mut pair = Pair::new(Config::default());
    let request = Request {
        code: Code::POST,
        payload: large(2_000),
        ..get("x")
    };
    pair.client.request(pair.now, request).unwrap();
    let options: [(OptionNumber, &[u8]); 1] = [(OptionNumber::BLOCK1, &[7])];
    answer(&mut pair, Way::Acknowledgement, Code::CONTINUE, &options);
    has_failed(&mut pair, Way::Acknowledgement, OptionNumber::BLOCK1);
}

#[test]
fn a_later_block_that_cannot_be() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let options: [(OptionNumber, &[u8]); 1] = [(OptionNumber::BLOCK2, &[0x08])];
    answer(&mut pair, Way::Acknowledgement, Code::CONTENT, &options);
    let options: [(OptionNumber, &[u8]); 1] = [(OptionNumber::BLOCK2, &[0x1f])];
    answer(&mut pair, Way::Acknowledgement, Code::CONTENT, &options);
    has_failed(&mut pair, Way::Acknowledgement, OptionNumber::BLOCK2);
}

#[test]
fn a_notification_that_must_not_be_processed_ends_the_observation() {
    let mut pair = Pair::new(Config::default());
    pair.client
        .observe(pair.now, get("x"), Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    pair.server
        .respond_observed(pair.now, asked.exchange, content("first"), Assurance::None)
        .unwrap();
    pair.carry();
    pair.answered();
    let token = Token::try_from(&[1][..]).unwrap();
    let options: [(OptionNumber, &[u8]); 2] = [(OptionNumber::OBSERVE, &[9]), (UNKNOWN, b"1")];
    answer_to(
        &mut pair,
        999,
        token,
        Way::Separate,
        Code::CONTENT,
        &options,
    );
    has_failed(&mut pair, Way::Separate, UNKNOWN);
}
