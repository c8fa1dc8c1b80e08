use super::*;
use crate::endpoint::Counted;

#[test]
fn further_requests_are_refused_while_too_many_are_open() {
    let config = Config {
        max_exchanges: 2,
        nstart: 3,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    for path in ["a", "b", "c"] {
        pair.client.request(pair.now, get(path)).unwrap();
    }
    let asked = [pair.asked(), pair.asked()];
    let (_, response, _) = pair.answered();
    assert_eq!(response.code, Code::SERVICE_UNAVAILABLE);
    assert_eq!(response.options.uint(OptionNumber::MAX_AGE), Some(5));
    for asked in asked {
        pair.answer(asked.exchange, content("y"));
        assert_eq!(pair.answered().1.payload, "y");
    }
    pair.nothing_is_left();
}

#[test]
fn a_request_is_refused_rather_than_executed_twice() {
    let config = Config {
        max_received: 1,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    for (path, code) in [
        ("a", Code::CONTENT),
        ("b", Code::SERVICE_UNAVAILABLE),
        ("c", Code::SERVICE_UNAVAILABLE),
    ] {
        pair.client.request(pair.now, get(path)).unwrap();
        pair.carry();
        if let Some(Event::Request(asked)) = pair.told() {
            pair.answer(asked.exchange, content("y"));
        }
        assert_eq!(pair.answered().1.code, code);
    }
    pair.wait(EXCHANGE_LIFETIME);
    pair.client.request(pair.now, get("d")).unwrap();
    let asked = pair.asked();
    pair.answer(asked.exchange, content("y"));
    assert_eq!(pair.answered().1.code, Code::CONTENT);
}

#[test]
fn bodies_end_at_the_limit_of_the_receiver() {
    let config = Config {
        max_request_body: 2000,
        max_response_body: 2000,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    let request = Request {
        code: Code::POST,
        payload: large(2001),
        ..get("x")
    };
    pair.client.request(pair.now, request).unwrap();
    pair.carry();
    assert!(pair.told().is_none());
    let (_, response, _) = pair.answered();
    assert_eq!(response.code, Code::REQUEST_ENTITY_TOO_LARGE);

    pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.answer(asked.exchange, content(large(2001)));
    let failure = pair.client.poll_event();
    assert!(matches!(
        failure,
        Some(Event::RequestFailed(_, Failure::BodyTooLarge))
    ));
    pair.nothing_is_left();
}

#[test]
fn there_is_an_end_to_our_requests() {
    let config = Config {
        max_requests: 3,
        ..Config::default()
    };
    let mut pair = Pair::new(config);
    for _ in 0..3 {
        pair.client.request(pair.now, get("x")).unwrap();
    }
    let refused = pair.client.request(pair.now, get("x"));
    assert_eq!(refused, Err(RequestError::TooMany));
}

#[test]
fn observations_beyond_the_limit_are_plain_requests() {
    let mut pair = Pair::new(Config::default());
    for observed in [true, true, false] {
        let request = pair
            .client
            .observe(pair.now, get("7"), Acknowledge::AtOnce)
            .unwrap();
        let asked = pair.asked();
        let first = content("first");
        let observation =
            pair.server
                .respond_observed(pair.now, asked.exchange, first, Assurance::None);
        assert_eq!(observation.is_some(), observed);
        pair.carry();
        assert_eq!(pair.answered().2, observed);
        assert_eq!(pair.client.footprint().requests > 0, request.0 > 0);
    }
}

#[test]
fn a_body_without_room_is_answered_with_an_error() {
    let mut pair = Pair::new(Config::default());
    let config = Arc::new(Config::default());
    let budget = Budget::new(1000);
    pair.server = Endpoint::new(config, budget.clone(), [4; 32]);
    pair.client.request(pair.now, get("x")).unwrap();
    let asked = pair.asked();
    pair.answer(asked.exchange, content(large(2000)));
    assert_eq!(pair.answered().1.code, Code::SERVICE_UNAVAILABLE);
    assert_eq!(budget.counted(Counted::NoRoom), 1);
    assert_eq!(budget.counted(Counted::Busy), 0);
}

#[test]
fn what_is_refused_or_gives_way_is_counted() {
    let config = Config {
        max_uploads: 1,
        max_snapshots: 1,
        max_request_body: 3000,
        nstart: 2,
        ..Config::default()
    };
    let mut pair = Pair::new(config.clone());
    let budget = Budget::new(1 << 20);
    pair.server = Endpoint::new(Arc::new(config), budget.clone(), [4; 32]);
    let post = |path, size| Request {
        code: Code::POST,
        payload: large(size),
        ..get(path)
    };
    pair.client.request(pair.now, post("x", 3001)).unwrap();
    pair.carry();
    assert_eq!(pair.answered().1.code, Code::REQUEST_ENTITY_TOO_LARGE);
    assert_eq!(budget.counted(Counted::BodyTooLarge), 1);

    for path in ["a", "b"] {
        pair.client.request(pair.now, post(path, 2500)).unwrap();
    }
    pair.carry();
    assert!(budget.counted(Counted::UploadReplaced) > 0);

    let mut pair = Pair::new(Config {
        nstart: 2,
        ..Config::default()
    });
    let config = Config {
        max_snapshots: 1,
        ..Config::default()
    };
    pair.server = Endpoint::new(Arc::new(config), budget.clone(), [5; 32]);
    for path in ["a", "b"] {
        pair.client.request(pair.now, get(path)).unwrap();
    }
    let asked = [pair.asked(), pair.asked()];
    for asked in asked {
        let body = content(large(2500));
        pair.server.respond(pair.now, asked.exchange, body);
    }
    assert_eq!(budget.counted(Counted::ResponseReplaced), 1);
    let names = Counted::ALL.map(Counted::name);
    assert!(names.is_sorted());
}

#[test]
fn an_answer_that_is_not_fetched_is_counted_when_it_goes() {
    let idle = Config::default().snapshot_idle;
    for is_fetched in [false, true] {
        let mut pair = Pair::new(Config::default());
        let budget = Budget::new(1 << 20);
        pair.server = Endpoint::new(Arc::default(), budget.clone(), [5; 32]);
        pair.client.request(pair.now, get("a")).unwrap();
        let asked = pair.asked();
        let body = content(large(2500));
        match is_fetched {
            true => pair.answer(asked.exchange, body),
            false => pair.server.respond(pair.now, asked.exchange, body),
        }
        assert_eq!(budget.used(), 2500);
        pair.server.handle_timeout(pair.now + idle);
        assert_eq!(budget.used(), 0);
        let counted = budget.counted(Counted::ResponseExpired);
        assert_eq!(counted, u64::from(!is_fetched));
    }
}

#[test]
fn any_script_keeps_the_limits() {
    let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1);
    for _ in 0..3000 {
        let mut script = vec![0; rand::Rng::random_range(&mut rng, 0..400)];
        rand::RngCore::fill_bytes(&mut rng, &mut script);
        crate::vectors::check_endpoint(&script);
    }
}
