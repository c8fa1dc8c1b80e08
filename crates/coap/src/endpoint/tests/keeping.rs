//! What is kept, and for how long.

use super::{observation::registered, *};
use crate::BlockValue;

/// A GET of another client than ours, perhaps for a block.
fn ask(id: u16, token: u8, path: &str, block: Option<u32>) -> Vec<u8> {
    let mut options = get(path).options;
    if let Some(number) = block {
        let block = BlockValue {
            number,
            more: false,
            size: BlockSize::MAX,
        };
        options.push_uint(OptionNumber::BLOCK2, block.to_uint());
    }
    let header = crate::Header {
        kind: crate::Type::Confirmable,
        code: Code::GET,
        id,
        token: crate::Token::try_from(&[token][..]).unwrap(),
    };
    let mut datagram = Vec::new();
    crate::encode(header, &options, &[], &mut datagram);
    datagram
}

fn sent(endpoint: &mut Endpoint) -> Vec<Bytes> {
    std::iter::from_fn(|| endpoint.poll_transmit()).collect()
}

#[test]
fn a_body_is_kept_as_long_as_it_is_fetched_and_not_longer() {
    // Asked for the same block again and again; the next one at times; quickly.
    for (step, most) in [(0, 130), (100, 9 * 10 + 130), (5, 9 * 10 + 130)] {
        let mut pair = Pair::new(Config::default());
        let first = ask(1, 1, "a", None);
        pair.server.handle_datagram(pair.now, &first).unwrap();
        let asked = pair.taken();
        let response = content(large(9000));
        pair.server.respond(pair.now, asked.exchange, response);
        let begun = pair.now;
        for id in 2.. {
            pair.now += Duration::from_secs(if step == 0 { 10 } else { step });
            pair.server.handle_timeout(pair.now);
            if pair.server.footprint().snapshots == 0 {
                break;
            }
            let number = if step == 0 {
                1
            } else {
                u32::from(id - 1).min(8)
            };
            let next = ask(id, 1, "a", Some(number));
            pair.server.handle_datagram(pair.now, &next).unwrap();
            sent(&mut pair.server);
        }
        let kept = (pair.now - begun).as_secs();
        assert!(kept <= most, "{step}: {kept}");
    }
}

#[test]
fn a_large_body_can_be_fetched_slowly() {
    let mut pair = Pair::new(Config::default());
    let first = ask(1, 1, "a", None);
    pair.server.handle_datagram(pair.now, &first).unwrap();
    let asked = pair.taken();
    let response = content(large(2 << 20));
    pair.server.respond(pair.now, asked.exchange, response);
    for number in 1..2048 {
        pair.now += Duration::from_secs(2);
        pair.server.handle_timeout(pair.now);
        let next = ask(number as u16 + 1, 1, "a", Some(number));
        pair.server.handle_datagram(pair.now, &next).unwrap();
        let sent = sent(&mut pair.server);
        let block = Message::parse(sent.last().unwrap()).unwrap();
        assert_eq!(block.header.code, Code::CONTENT, "{number}");
    }
}

#[test]
fn a_flood_of_refused_requests_is_forgotten() {
    let config = Config {
        max_exchanges: 0,
        max_received: 64,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    for round in 0..5_u16 {
        for id in 1..=5000 {
            let datagram = ask(id, round as u8, "a", None);
            pair.server.handle_datagram(pair.now, &datagram).unwrap();
            sent(&mut pair.server);
            while pair.server.poll_event().is_some() {}
        }
        let held = pair.server.footprint();
        assert!(held.bytes < 40_000, "{held:?}");
        pair.now += Duration::from_secs(1);
    }
    pair.nothing_is_left();
}

#[test]
fn the_blocks_of_a_state_do_not_take_the_place_of_answers() {
    let mut pair = Pair::new(Config {
        max_reply_bytes: 10_000,
        ..Config::default()
    });
    let request = ask(1, 9, "x", None);
    pair.server.handle_datagram(pair.now, &request).unwrap();
    let asked = pair.taken();
    pair.server.respond(pair.now, asked.exchange, content("y"));
    let answer = sent(&mut pair.server);
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    pair.notified(observation, &large(50_000));
    pair.server.handle_datagram(pair.now, &request).unwrap();
    assert_eq!(sent(&mut pair.server), answer);
}

#[test]
fn another_observation_does_not_wait_for_a_forgotten_one() {
    let mut pair = Pair::new(Config::default());
    let [one, two] = ["1", "2"].map(|path| {
        pair.client
            .observe(pair.now, get(path), Acknowledge::AtOnce)
            .unwrap();
        let asked = pair.asked();
        let none = Assurance::None;
        let observation = pair
            .server
            .respond_observed(pair.now, asked.exchange, content(""), none);
        pair.carry();
        observation.unwrap()
    });
    pair.server.notify(pair.now, one, content("1")).unwrap();
    pair.server.notify(pair.now, two, content("2")).unwrap();
    assert_eq!(sent(&mut pair.server).len(), 1);
    pair.server.forget_observation(pair.now, one);
    assert_eq!(sent(&mut pair.server).len(), 1);
}

#[test]
fn a_late_answer_to_an_earlier_register_does_not_end_the_later() {
    let mut pair = Pair::new(Config::default());
    let mut register = get("7");
    register.options.push_uint(OptionNumber::OBSERVE, 0);
    let mut exchanges = Vec::new();
    for id in [1, 2] {
        let header = crate::Header {
            kind: crate::Type::Confirmable,
            code: Code::GET,
            id,
            token: crate::Token::try_from(&[1][..]).unwrap(),
        };
        let mut datagram = Vec::new();
        crate::encode(header, &register.options, &[], &mut datagram);
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        exchanges.push(pair.taken().exchange);
    }
    let none = Assurance::None;
    let later = pair
        .server
        .respond_observed(pair.now, exchanges[1], content(""), none)
        .unwrap();
    let earlier = pair
        .server
        .respond_observed(pair.now, exchanges[0], content(""), none);
    assert_eq!(earlier, None);
    assert!(pair.server.notify(pair.now, later, content("x")).is_ok());
}

#[test]
fn a_body_with_the_same_token_is_another_one() {
    let mut pair = Pair::new(Config::default());
    for (id, path, length) in [(1, "x", 3000), (2, "y", 4000)] {
        let datagram = ask(id, 1, path, None);
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        let asked = pair.taken();
        let response = content(large(length));
        pair.server.respond(pair.now, asked.exchange, response);
    }
    sent(&mut pair.server);
    for (id, path, length) in [(3, "x", 3000 - 2048), (4, "y", 1024)] {
        let datagram = ask(id, 1, path, Some(2));
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        let block = sent(&mut pair.server).remove(0);
        assert_eq!(Message::parse(&block).unwrap().payload.len(), length);
    }
}

#[test]
fn a_peer_is_answered_until_it_has_all_of_the_answer() {
    let mut pair = Pair::new(Config::default());
    assert!(!pair.server.is_answering(pair.now));
    // Not given yet; acknowledged without it; on its way as a message of its own.
    let question = ask(1, 1, "a", None);
    pair.server.handle_datagram(pair.now, &question).unwrap();
    let asked = pair.taken();
    assert!(pair.server.is_answering(pair.now));
    pair.server.accept(asked.exchange);
    pair.server
        .respond(pair.now, asked.exchange, content("late"));
    assert!(pair.server.is_answering(pair.now));
    let answer = sent(&mut pair.server).pop().unwrap();
    let [.., high, low] = *answer.first_chunk::<4>().unwrap();
    let acknowledgement = [0x60, 0, high, low];
    pair.server
        .handle_datagram(pair.now, &acknowledgement)
        .unwrap();
    assert!(!pair.server.is_answering(pair.now));
    // In twenty blocks.
    let question = ask(2, 2, "b", None);
    pair.server.handle_datagram(pair.now, &question).unwrap();
    let asked = pair.taken();
    let body = content(large(20 * 1024));
    pair.server.respond(pair.now, asked.exchange, body);
    for number in 1..20 {
        assert!(pair.server.is_answering(pair.now), "{number}");
        pair.now += Duration::from_secs(9);
        let next = ask(2 + number, 2, "b", Some(u32::from(number)));
        pair.server.handle_datagram(pair.now, &next).unwrap();
    }
    assert!(!pair.server.is_answering(pair.now));
}

#[test]
fn who_gives_up_an_answer_and_what_nobody_has_asked_for_is_not_waited_for() {
    let mut pair = Pair::new(Config::default());
    let question = ask(1, 1, "a", None);
    pair.server.handle_datagram(pair.now, &question).unwrap();
    let asked = pair.taken();
    pair.server
        .respond(pair.now, asked.exchange, content(large(9000)));
    let pause = Config::default().timing.initial * 5;
    assert!(pair.server.is_answering(pair.now));
    assert!(!pair.server.is_answering(pair.now + pause));
    // An observer that sleeps, with a state in one message and with one in blocks; a ping; a request of ours.
    for length in [10, 9000] {
        let mut pair = Pair::new(Config::default());
        let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
        assert!(!pair.server.is_answering(pair.now));
        let state = content(large(length));
        pair.server.notify(pair.now, observation, state).unwrap();
        pair.server.ping(pair.now);
        pair.server.request(pair.now, get("x")).unwrap();
        assert!(!pair.server.is_answering(pair.now), "{length}");
    }
}

#[test]
fn a_reserved_id_is_of_no_message_of_the_endpoint() {
    let mut pair = Pair::new(Config::default());
    let reserved: Vec<u16> = std::iter::from_fn(|| pair.server.reserve_id(pair.now)).collect();
    assert_eq!(reserved.len(), 64);
    for _ in 0..u16::MAX {
        pair.server.ping(pair.now);
        for ping in sent(&mut pair.server) {
            let id = Message::parse(&ping).unwrap().header.id;
            assert!(!reserved.contains(&id));
            let [high, low] = id.to_be_bytes();
            let pong = [0x70, 0, high, low];
            pair.server.handle_datagram(pair.now, &pong).unwrap();
            assert!(matches!(pair.told(), Some(Event::Pong(_))));
        }
    }
    // What is answered to it is for the caller.
    let [high, low] = reserved[0].to_be_bytes();
    let answer = [0x70, 0, high, low];
    pair.server.handle_datagram(pair.now, &answer).unwrap();
    assert!(pair.told().is_none());
    // Too many were used: an id would be guessed too easily.
    let later = pair.now + EXCHANGE_LIFETIME - Duration::from_millis(1);
    assert_eq!(pair.server.reserve_id(later), None);
    pair.wait(EXCHANGE_LIFETIME);
    assert!(pair.server.reserve_id(pair.now).is_some());
    pair.wait(EXCHANGE_LIFETIME);
    assert_eq!(pair.server.poll_timeout(), None);
}
