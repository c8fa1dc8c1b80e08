//! What is never said, taken or executed, though a message asks for it.

use super::*;
use crate::{BlockValue, Header, Token, Type, encode};

/// A message of another client than ours.
struct Scripted {
    kind: Type,
    code: Code,
    id: u16,
    token: u8,
    options: OptionList,
    payload: Vec<u8>,
}

impl Scripted {
    fn new(code: Code, id: u16, token: u8, path: &str) -> Self {
        Self {
            kind: Type::Confirmable,
            code,
            id,
            token,
            options: get(path).options,
            payload: Vec::new(),
        }
    }

    fn with(mut self, number: OptionNumber, value: u64) -> Self {
        self.options.push_uint(number, value);
        self
    }

    fn block1(mut self, number: u32, more: bool, byte: u8) -> Self {
        self.payload = vec![byte; 16];
        self.with(OptionNumber::BLOCK1, block(number, more))
    }

    fn to(&self, endpoint: &mut Endpoint, now: Instant) {
        let header = Header {
            kind: self.kind,
            code: self.code,
            id: self.id,
            token: Token::try_from(&[self.token][..]).unwrap(),
        };
        let mut datagram = Vec::new();
        encode(header, &self.options, &self.payload, &mut datagram);
        endpoint.handle_datagram(now, &datagram).unwrap();
    }
}

fn block(number: u32, more: bool) -> u64 {
    BlockValue {
        number,
        more,
        size: BlockSize::MIN,
    }
    .to_uint()
}

fn codes(endpoint: &mut Endpoint) -> Vec<Code> {
    std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|datagram| Message::parse(&datagram).unwrap().header.code)
        .collect()
}

fn register(pair: &mut Pair, acknowledge: Acknowledge, assurance: Assurance) -> RequestId {
    let id = pair
        .client
        .observe(pair.now, get("7"), acknowledge)
        .unwrap();
    let asked = pair.asked();
    pair.server
        .respond_observed(pair.now, asked.exchange, content("first"), assurance);
    pair.carry();
    pair.answered();
    id
}

#[test]
fn a_late_block_does_not_get_into_the_next_body() {
    let mut pair = Pair::new(Config::default());
    let (server, now) = (&mut pair.server, pair.now);
    let blocks = |first: u16, byte| {
        (0..3).map(move |at| {
            let number = u32::from(at);
            // A new token for each block, and no tag.
            let token = (first + at) as u8;
            Scripted::new(Code::POST, first + at, token, "g").block1(number, at < 2, byte)
        })
    };
    let late = blocks(10, b'a').nth(1).unwrap();
    blocks(10, b'a').for_each(|message| message.to(server, now));
    let mut next = blocks(13, b'b');
    next.next().unwrap().to(server, now);
    late.to(server, now);
    next.for_each(|message| message.to(server, now));
    for byte in [b'a', b'b'] {
        assert_eq!(pair.asked().payload, vec![byte; 48]);
    }
}

#[test]
fn the_options_of_an_upload_come_with_their_own_id() {
    let mut pair = Pair::new(Config::default());
    for (id, number, more) in [(10, 0, true), (12, 1, false)] {
        let message = Scripted::new(Code::POST, id, 1, "g").block1(number, more, 0);
        message.to(&mut pair.server, pair.now);
    }
    assert_eq!(pair.asked().message_id, 10);
}

#[test]
fn the_application_sees_the_options_of_what_it_does_not_get() {
    let mut pair = Pair::new(Config::default());
    let sticky = OptionNumber(256);
    let begun = Scripted::new(Code::POST, 10, 1, "g").block1(0, true, 0);
    let refused = Scripted::new(Code::GET, 11, 2, "g").with(OptionNumber(9), 1);
    let missing = Scripted::new(Code::GET, 12, 3, "g").with(OptionNumber::BLOCK2, block(1, false));
    for (message, refusal) in [
        (begun, None),
        (refused, Some(Refusal::BadOption(OptionNumber(9)))),
        (missing, Some(Refusal::MissingBlocks)),
    ] {
        let message = message.with(sticky, 77);
        message.to(&mut pair.server, pair.now);
        let Some(Event::Partial(partial)) = pair.server.poll_event() else {
            panic!("nothing is told");
        };
        assert_eq!((partial.refusal, partial.message_id), (refusal, message.id));
        assert_eq!(partial.options.uint(sticky), Some(77));
        assert!(pair.server.poll_event().is_none());
    }
}

#[test]
fn a_first_state_without_room_is_not_delivered() {
    let mut pair = Pair::new(Config::default());
    pair.server = Endpoint::new(Arc::new(Config::default()), Budget::new(100), [5; 32]);
    pair.client
        .observe(pair.now, get("7"), Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    let first = content(large(3000));
    let assurance = Assurance::Acknowledged;
    let observation = pair
        .server
        .respond_observed(pair.now, asked.exchange, first, assurance);
    assert_eq!(observation, None);
    pair.carry();
    let (_, response, observed) = pair.answered();
    assert_eq!(
        (response.code, observed),
        (Code::SERVICE_UNAVAILABLE, false)
    );
    assert!(pair.told().is_none());
}

#[test]
fn no_body_is_thrown_away_for_one_that_has_no_room() {
    let config = Config {
        max_snapshot_bytes: 4000,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    for (path, length) in [("a", 3000), ("b", 5000)] {
        Scripted::new(Code::GET, length as u16, path.as_bytes()[0], path)
            .to(&mut pair.server, pair.now);
        let asked = pair.taken();
        let response = content(large(length));
        pair.server.respond(pair.now, asked.exchange, response);
    }
    assert_eq!(
        codes(&mut pair.server),
        [Code::CONTENT, Code::SERVICE_UNAVAILABLE]
    );
    assert_eq!(pair.server.footprint().snapshots, 1);
}

#[test]
fn a_state_is_not_served_to_who_asks_for_something_else() {
    for (query, number, served) in [
        ("since=2", 1, false),
        ("", 2, false),
        ("", 1, true),
        ("since=1", 2, false),
        ("since=1", 1, true),
    ] {
        let mut pair = Pair::new(Config::default());
        let mut register = Scripted::new(Code::GET, 1, 1, "7").with(OptionNumber::OBSERVE, 0);
        let number_of_query = OptionNumber::URI_QUERY;
        register.options.push(number_of_query, "since=1").unwrap();
        register.to(&mut pair.server, pair.now);
        let asked = pair.asked();
        let first = content("");
        let observation = pair
            .server
            .respond_observed(pair.now, asked.exchange, first, Assurance::None)
            .unwrap();
        let state = content(large(3000));
        pair.server.notify(pair.now, observation, state).unwrap();
        codes(&mut pair.server);
        let asked = BlockValue {
            number,
            more: false,
            size: BlockSize::MAX,
        };
        let mut foreign =
            Scripted::new(Code::GET, 2, 2, "7").with(OptionNumber::BLOCK2, asked.to_uint());
        if !query.is_empty() {
            foreign.options.push(number_of_query, query).unwrap();
        }
        foreign.to(&mut pair.server, pair.now);
        let expected = if served {
            Code::CONTENT
        } else {
            Code::REQUEST_ENTITY_INCOMPLETE
        };
        assert_eq!(codes(&mut pair.server), [expected], "{query} {number}");
    }
}

#[test]
fn a_renewed_observation_rejects_what_was_held() {
    let mut pair = Pair::new(Config::default());
    let id = register(&mut pair, Acknowledge::ByCaller, Assurance::Acknowledged);
    pair.client.acknowledge(id);
    pair.carry();
    let Some(Event::NotificationDelivered(observation)) = pair.told() else {
        panic!("it is not delivered");
    };
    pair.server
        .notify(pair.now, observation, content("held"))
        .unwrap();
    pair.carry();
    pair.client.poll_event().unwrap();
    assert!(pair.client.renew(pair.now, id, get("7").options));
    pair.carry();
    assert!(matches!(
        pair.told(),
        Some(Event::ObservationEnded(_, ObservationEnd::Reset))
    ));
    let asked = pair.asked();
    let assurance = Assurance::Acknowledged;
    pair.server
        .respond_observed(pair.now, asked.exchange, content("first"), assurance);
    pair.carry();
    // It does not wait for what was held.
    assert_eq!(pair.answered().1.payload, "first");
}

#[test]
fn a_notification_that_meets_the_deregistration_is_rejected() {
    let mut pair = Pair::new(Config::default());
    let id = register(&mut pair, Acknowledge::AtOnce, Assurance::Acknowledged);
    let Some(Event::NotificationDelivered(observation)) = pair.told() else {
        panic!("it is not delivered");
    };
    pair.client.cancel(pair.now, id);
    let deregistration = pair.client.poll_transmit().unwrap();
    pair.server
        .notify(pair.now, observation, content("late"))
        .unwrap();
    pair.carry();
    assert!(matches!(
        pair.told(),
        Some(Event::ObservationEnded(_, ObservationEnd::Reset))
    ));
    pair.server
        .handle_datagram(pair.now, &deregistration)
        .unwrap();
    let asked = pair.asked();
    assert_eq!(asked.observe, Some(Observe::Deregister { ended: None }));
}

#[test]
fn a_malformed_notification_ends_the_observation() {
    for (value, length) in [(block(0, true), 3), (block(1, false), 16), (7, 0)] {
        let mut pair = Pair::new(Config::default());
        register(&mut pair, Acknowledge::AtOnce, Assurance::None);
        let mut notification = Scripted::new(Code::CONTENT, 999, 1, "")
            .with(OptionNumber::OBSERVE, 9)
            .with(OptionNumber::BLOCK2, value);
        notification.options.remove(OptionNumber::URI_PATH);
        notification.payload = vec![0; length];
        notification.to(&mut pair.client, pair.now);
        assert!(matches!(
            pair.client.poll_event(),
            Some(Event::RequestFailed(
                _,
                Failure::BadOption(OptionNumber::BLOCK2)
            ))
        ));
        assert_eq!(pair.client.poll_transmit().unwrap()[0], 0x70);
    }
}

#[test]
fn what_was_refused_is_not_executed_when_it_comes_again() {
    let config = Config {
        max_exchanges: 1,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    let first = Scripted::new(Code::POST, 1, 1, "a");
    let second = Scripted::new(Code::POST, 2, 2, "b");
    first.to(&mut pair.server, pair.now);
    second.to(&mut pair.server, pair.now);
    let asked = pair.taken();
    pair.server.respond(pair.now, asked.exchange, content("y"));
    second.to(&mut pair.server, pair.now);
    assert!(pair.told().is_none());
    let busy = Code::SERVICE_UNAVAILABLE;
    assert_eq!(codes(&mut pair.server), [busy, Code::CONTENT, busy]);
}

#[test]
fn answers_that_nobody_acknowledges_are_few() {
    let mut pair = Pair::new(Config::default());
    for id in 1..1000 {
        Scripted::new(Code::GET, id, id as u8, "a").to(&mut pair.server, pair.now);
        while let Some(event) = pair.server.poll_event() {
            if let Event::Request(asked) = event {
                pair.server.accept(asked.exchange);
                let response = content(large(1000));
                pair.server.respond(pair.now, asked.exchange, response);
            }
        }
        let held = pair.server.footprint();
        assert!(held.unsettled <= 64, "{held:?}");
        let sent = codes(&mut pair.server);
        assert!(id <= 4 || !sent.contains(&Code::CONTENT), "{id}: {sent:?}");
    }
}

#[test]
fn who_registers_is_answered() {
    let mut pair = Pair::new(Config::default());
    Scripted::new(Code::GET, 1, 1, "7")
        .with(OptionNumber::OBSERVE, 0)
        .with(OptionNumber::NO_RESPONSE, 2)
        .to(&mut pair.server, pair.now);
    let asked = pair.asked();
    let assurance = Assurance::Acknowledged;
    pair.server
        .respond_observed(pair.now, asked.exchange, content("first"), assurance);
    assert_eq!(codes(&mut pair.server), [Code::EMPTY, Code::CONTENT]);
}

#[test]
fn a_reset_with_content_is_none() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let sent = pair.client.poll_transmit().unwrap();
    let reset = [0x70, 0x45, sent[2], sent[3]];
    pair.client.handle_datagram(pair.now, &reset).unwrap();
    assert!(pair.client.poll_event().is_none());
    let reset = [0x70, 0, sent[2], sent[3]];
    pair.client.handle_datagram(pair.now, &reset).unwrap();
    assert!(matches!(
        pair.client.poll_event(),
        Some(Event::RequestFailed(_, Failure::Reset))
    ));
}

#[test]
fn a_dropped_exchange_is_acknowledged_once() {
    let mut pair = Pair::new(Config::default());
    let request = Scripted::new(Code::GET, 1, 1, "x");
    request.to(&mut pair.server, pair.now);
    let asked = pair.asked();
    pair.server.drop_exchange(asked.exchange);
    pair.server.respond(pair.now, asked.exchange, content("y"));
    request.to(&mut pair.server, pair.now);
    assert_eq!(codes(&mut pair.server), [Code::EMPTY, Code::EMPTY]);
    assert!(pair.told().is_none());
    pair.nothing_is_left();
}
