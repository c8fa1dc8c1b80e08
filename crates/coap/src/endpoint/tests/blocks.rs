use super::*;

#[test]
fn bodies_travel_in_blocks_both_ways() {
    for length in [1024, 1025, 2048, 5000] {
        let mut pair = Pair::new(Config::default());
        let up = large(length);
        let request = Request {
            code: Code::POST,
            payload: up.clone(),
            ..get("x")
        };
        pair.client.request(pair.now, request).unwrap();
        let asked = pair.asked();
        assert_eq!(asked.payload, up);
        let down = large(length + 3);
        pair.answer(asked.exchange, content(down.clone()));
        assert_eq!(pair.answered().1.payload, down);
        assert!(pair.told().is_none());
        pair.nothing_is_left();
    }
}

#[test]
fn the_smaller_size_of_both_sides_is_used() {
    let small = Arc::new(Config {
        block_size: BlockSize::at_most(64),
        ..Config::default()
    });
    for client_is_small in [true, false] {
        let mut pair = Pair::new(Config::default());
        let budget = Budget::new(1 << 20);
        let endpoint = Endpoint::new(small.clone(), budget, [3; 32]);
        if client_is_small {
            pair.client = endpoint;
        } else {
            pair.server = endpoint;
        }
        let up = large(3000);
        let request = Request {
            code: Code::PUT,
            payload: up.clone(),
            ..get("x")
        };
        pair.client.request(pair.now, request).unwrap();
        let asked = pair.asked();
        assert_eq!(asked.payload, up);
        pair.seen.clear();
        pair.answer(asked.exchange, content(large(500)));
        assert_eq!(pair.answered().1.payload.len(), 500);
        let longest = pair.seen.iter().map(|&(_, length)| length).max();
        assert!(longest < Some(100), "{longest:?}");
        assert!(pair.told().is_none());
        pair.nothing_is_left();
    }
}

#[test]
fn two_bodies_to_one_path_do_not_mix() {
    let mut pair = Pair::new(Config {
        nstart: 2,
        ..Config::default()
    });
    for byte in [1, 2] {
        let request = Request {
            code: Code::POST,
            payload: vec![byte; 4000].into(),
            ..get("x")
        };
        pair.client.request(pair.now, request).unwrap();
    }
    for byte in [1, 2] {
        let asked = pair.asked();
        assert_eq!(asked.payload, vec![byte; 4000]);
        pair.answer(asked.exchange, content(vec![byte; 4000]));
    }
    for byte in [1, 2] {
        assert_eq!(pair.answered().1.payload, vec![byte; 4000]);
    }
    pair.nothing_is_left();
}

#[test]
fn an_answer_that_is_gone_is_asked_for_again_if_that_is_safe() {
    for (code, again) in [(Code::GET, true), (Code::POST, false)] {
        let mut pair = Pair::new(Config::default());
        let request = Request { code, ..get("x") };
        pair.client.request(pair.now, request).unwrap();
        let asked = pair.asked();
        let response = content(large(3000));
        pair.server.respond(pair.now, asked.exchange, response);
        let first = pair.server.poll_transmit().unwrap();
        pair.client.handle_datagram(pair.now, &first).unwrap();
        // The server is another one now: it has never seen the request.
        let config = Arc::new(Config::default());
        pair.server = Endpoint::new(config, Budget::new(1 << 20), [4; 32]);
        pair.carry();
        if again {
            let asked = pair.asked();
            pair.answer(asked.exchange, content(large(2000)));
            assert_eq!(pair.answered().1.payload, large(2000));
        } else {
            assert!(pair.told().is_none());
            let failure = pair.client.poll_event();
            assert!(matches!(
                failure,
                Some(Event::RequestFailed(_, Failure::BodyChanged))
            ));
        }
        pair.nothing_is_left();
    }
}

#[test]
fn a_body_that_the_server_has_forgotten_is_sent_again() {
    let mut pair = Pair::new(Config::default());
    let request = Request {
        code: Code::POST,
        payload: large(3000),
        ..get("x")
    };
    pair.client.request(pair.now, request).unwrap();
    let first = pair.client.poll_transmit().unwrap();
    pair.server.handle_datagram(pair.now, &first).unwrap();
    let next = pair.server.poll_transmit().unwrap();
    let config = Arc::new(Config::default());
    pair.server = Endpoint::new(config, Budget::new(1 << 20), [4; 32]);
    pair.client.handle_datagram(pair.now, &next).unwrap();
    let asked = pair.asked();
    assert_eq!(asked.payload, large(3000));
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.answered().1.payload, "y");
    assert!(pair.told().is_none());
}

#[test]
fn follow_ups_may_leave_options_out() {
    let mut pair = Pair::new(Config::default());
    let mut request = Request {
        once: &[OptionNumber::URI_QUERY],
        ..get("7")
    };
    request
        .options
        .push(OptionNumber::URI_QUERY, "q".repeat(200))
        .unwrap();
    pair.client.request(pair.now, request.clone()).unwrap();
    let asked = pair.asked();
    pair.answer(asked.exchange, content(large(5000)));
    assert_eq!(pair.answered().1.payload, large(5000));
    let longest = pair.seen[1..].iter().filter(|(up, _)| *up).max();
    assert!(longest < Some(&(true, 20)), "{longest:?}");

    let upload = Request {
        code: Code::PUT,
        payload: large(2100),
        ..request.clone()
    };
    pair.client.request(pair.now, upload).unwrap();
    let asked = pair.asked();
    assert_eq!(asked.payload, large(2100));
    let query = asked.options.first(OptionNumber::URI_QUERY);
    assert_eq!(query.map(<[u8]>::len), Some(200));
    pair.answer(asked.exchange, content("y"));
    pair.answered();

    let observe = pair.client.observe(pair.now, request, Acknowledge::AtOnce);
    observe.unwrap();
    let asked = pair.asked();
    let first = content(large(3000));
    let observation = pair
        .server
        .respond_observed(pair.now, asked.exchange, first, Assurance::Acknowledged)
        .unwrap();
    pair.carry();
    assert_eq!(pair.answered().1.payload, large(3000));
    pair.told().unwrap();
    pair.notified(observation, &large(5000));
}

/// Servers know the answer by it, too.
#[test]
fn the_tag_of_a_request_stays_until_the_last_block_of_its_answer() {
    let mut pair = Pair::new(Config::default());
    let mut request = Request {
        code: Code::POST,
        payload: large(2000),
        ..get("x")
    };
    let format = OptionNumber::CONTENT_FORMAT;
    request.options.push_uint(format, 60);
    pair.client.request(pair.now, request).unwrap();
    let mut tags = Vec::new();
    while let Some(datagram) = pair.client.poll_transmit() {
        let message = Message::parse(&datagram).unwrap();
        assert_eq!(message.options.uint(format), Some(60));
        tags.push(message.options.uint(OptionNumber::REQUEST_TAG).unwrap());
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        if let Some(Event::Request(asked)) = pair.told() {
            let answer = content(large(3000));
            pair.server.respond(pair.now, asked.exchange, answer);
        }
        while let Some(datagram) = pair.server.poll_transmit() {
            pair.client.handle_datagram(pair.now, &datagram).unwrap();
        }
    }
    assert_eq!(tags, [tags[0]; 4]);
    assert_eq!(pair.answered().1.payload, large(3000));
    pair.nothing_is_left();
}
