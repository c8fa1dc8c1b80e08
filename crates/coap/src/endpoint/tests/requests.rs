use super::*;

#[test]
fn a_request_is_answered_on_its_acknowledgement() {
    let mut pair = Pair::new(Config::default());
    let id = pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    assert_eq!(asked.options.first(OptionNumber::URI_PATH), Some(&b"x"[..]));
    pair.answer(asked.exchange, content("y"));
    let (request, response, observed) = pair.answered();
    assert_eq!((request, observed), (id, false));
    assert_eq!(
        (response.code, &response.payload[..]),
        (Code::CONTENT, &b"y"[..])
    );
    assert_eq!(pair.seen, [(true, 7), (false, 7)]);
    pair.nothing_is_left();
}

#[test]
fn a_slow_answer_is_separate() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.wait(Duration::from_millis(1500));
    pair.wait(Duration::from_secs(60));
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.answered().1.payload, "y");
    assert_eq!(pair.seen, [(true, 7), (false, 4), (false, 7), (true, 4)]);
    pair.nothing_is_left();
}

#[test]
fn a_lost_answer_is_repeated_and_not_made_again() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.server.respond(pair.now, asked.exchange, content("y"));
    let lost = pair.server.poll_transmit().unwrap();
    pair.wait(Duration::from_secs(4));
    assert_eq!(pair.answered().1.payload, "y");
    assert!(pair.told().is_none());
    assert_eq!(pair.seen.last(), Some(&(false, lost.len())));
    pair.nothing_is_left();
}

#[test]
fn a_lost_separate_answer_is_repeated() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.server.accept(asked.exchange);
    pair.server.accept(asked.exchange);
    pair.carry();
    pair.server.respond(pair.now, asked.exchange, content("y"));
    pair.server.poll_transmit().unwrap();
    assert!(pair.client.poll_event().is_none());
    pair.wait(Duration::from_secs(4));
    assert_eq!(pair.answered().1.payload, "y");
    assert_eq!(pair.seen, [(true, 7), (false, 4), (false, 7), (true, 4)]);
    pair.nothing_is_left();
}

#[test]
fn without_a_peer_a_request_times_out() {
    let mut pair = Pair::new(Config::default());
    let id = pair.client.request(pair.now, get("x")).unwrap();
    let mut transmissions = 0;
    let begin = pair.now;
    let failure = loop {
        while pair.client.poll_transmit().is_some() {
            transmissions += 1;
        }
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
        if let Some(event) = pair.client.poll_event() {
            break event;
        }
    };
    assert!(matches!(failure, Event::RequestFailed(failed, Failure::TimedOut) if failed == id));
    assert_eq!(transmissions, 5);
    let time = pair.now - begin;
    assert!(
        time > Duration::from_secs(62) && time < Duration::from_secs(93),
        "{time:?}"
    );
}

#[test]
fn a_request_has_a_deadline() {
    let mut pair = Pair::new(Config::default());
    let id = pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.server.accept(asked.exchange);
    pair.wait(Duration::from_secs(99));
    assert!(pair.client.poll_event().is_none());
    pair.wait(Duration::from_secs(1));
    let failure = pair.client.poll_event();
    assert!(
        matches!(failure, Some(Event::RequestFailed(failed, Failure::Deadline)) if failed == id)
    );
    // What comes too late is rejected, so that the peer does not repeat it.
    pair.seen.clear();
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.seen, [(false, 7), (true, 4)]);
    assert!(pair.client.poll_event().is_none());
    pair.nothing_is_left();
}

#[test]
fn non_confirmable_requests_are_answered_in_kind() {
    let mut pair = Pair::new(Config::default());
    let request = Request {
        confirmable: false,
        ..get("x")
    };
    pair.client.request(pair.now, request).unwrap();
    let asked = pair.asked();
    assert!(!asked.confirmable);
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.answered().1.payload, "y");
    assert_eq!(pair.seen, [(true, 7), (false, 7)]);
    pair.nothing_is_left();
}

#[test]
fn requests_wait_for_each_other() {
    for (nstart, first) in [(1, 1), (3, 3), (10, 5)] {
        let mut pair = Pair::new(Config {
            nstart,
            ..Config::default()
        });
        for path in ["a", "b", "c", "d", "e"] {
            pair.client.request(pair.now, get(path)).unwrap();
        }
        pair.carry();
        assert_eq!(pair.seen.len(), first);
        let mut paths = Vec::new();
        while let Some(event) = pair.told() {
            let Event::Request(asked) = event else {
                panic!("{event:?}");
            };
            paths.extend_from_slice(asked.options.first(OptionNumber::URI_PATH).unwrap());
            pair.answer(asked.exchange, content("y"));
        }
        assert_eq!(paths, b"abcde");
        pair.client.request(pair.now, get("f")).unwrap();
    }
}

#[test]
fn unwanted_answers_are_not_sent() {
    for (unwanted, code, sent) in [
        (2, Code::CONTENT, 4),
        (2, Code::NOT_FOUND, 7),
        (8, Code::NOT_FOUND, 4),
        (16, Code::BAD_GATEWAY, 4),
        (26, Code::CONTENT, 4),
        (24, Code::CONTENT, 7),
        (0, Code::CONTENT, 7),
    ] {
        let mut pair = Pair::new(Config::default());
        let mut request = get("x");
        request
            .options
            .push_uint(OptionNumber::NO_RESPONSE, unwanted);
        pair.client.request(pair.now, request).unwrap();
        let asked = pair.asked();
        assert!(asked.options.first(OptionNumber::NO_RESPONSE).is_none());
        let response = Response {
            code,
            ..content("y")
        };
        pair.answer(asked.exchange, response);
        assert_eq!(pair.seen.last(), Some(&(false, sent)), "{unwanted} {code}");
    }
}

#[test]
fn a_ping_is_answered() {
    let mut pair = Pair::new(Config::default());
    pair.client.ping(pair.now);
    pair.now += Duration::from_millis(300);
    pair.carry();
    let pong = pair.client.poll_event();
    assert!(matches!(pong, Some(Event::Pong(time)) if time.as_millis() == 300));
    assert_eq!(pair.seen, [(true, 4), (false, 4)]);
    pair.client.ping(pair.now);
    while let Some(timeout) = pair.client.poll_timeout() {
        while pair.client.poll_transmit().is_some() {}
        pair.now = timeout;
        pair.client.handle_timeout(timeout);
    }
    assert!(matches!(pair.client.poll_event(), Some(Event::PingFailed)));
}

#[test]
fn tokens_are_short_and_never_come_again() {
    let mut pair = Pair::new(Config::default());
    let mut tokens = std::collections::HashSet::new();
    for count in 1..=300 {
        pair.client.request(pair.now, get("x")).unwrap();
        let datagram = pair.client.poll_transmit().unwrap();
        let token = Message::parse(&datagram).unwrap().header.token;
        assert_eq!(token.as_bytes().len(), 1 + usize::from(count > 255));
        assert!(tokens.insert(token));
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        let asked = pair.asked();
        pair.answer(asked.exchange, content("y"));
        pair.answered();
    }
}

#[test]
fn an_acknowledgement_answers_by_id_and_token_only() {
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, get("x")).unwrap();
    let sent = pair.client.poll_transmit().unwrap();
    let [.., high, low, token, _, _] = sent[..] else {
        panic!("{sent:?}");
    };
    let answers: [[u8; 7]; 3] = [
        [0x61, 0x45, high, low ^ 1, token, 0xff, 0],
        [0x61, 0x45, high, low, token ^ 1, 0xff, 0],
        [0x61, 0x45, high ^ 1, low, token ^ 1, 0xff, 0],
    ];
    for answer in answers {
        pair.client.handle_datagram(pair.now, &answer).unwrap();
        assert!(pair.client.poll_event().is_none());
    }
    // As the Go proxy does it: an empty acknowledgement, then a second one with the answer, perhaps twice.
    let empty = [0x60, 0, high, low];
    pair.client.handle_datagram(pair.now, &empty).unwrap();
    let answer = [0x61, 0x45, high, low, token, 0xff, 7];
    for _ in 0..2 {
        pair.client.handle_datagram(pair.now, &answer).unwrap();
    }
    assert_eq!(&pair.answered().1.payload[..], [7]);
    assert!(pair.client.poll_event().is_none());
}

#[test]
fn what_is_carried_is_not_shown() {
    let secret = "syt_secret";
    let mut request = Request {
        payload: secret.into(),
        ..get("x")
    };
    request.options.push(OptionNumber(256), secret).unwrap();
    let mut pair = Pair::new(Config::default());
    pair.client.request(pair.now, request.clone()).unwrap();
    let datagram = pair.client.poll_transmit().unwrap();
    let message = Message::parse(&datagram).unwrap();
    pair.server.handle_datagram(pair.now, &datagram).unwrap();
    let asked = pair.asked();
    let shown = format!(
        "{request:?} {message:?} {asked:?} {:?} {:?} {:?}",
        content(secret),
        pair.client,
        Event::Request(asked.clone())
    );
    let bytes = format!("{:?}", secret.as_bytes());
    assert!(
        !shown.contains(secret) && !shown.contains(&bytes),
        "{shown}"
    );
}
