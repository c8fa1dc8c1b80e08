//! Requests, their answers, and what is logged of them.

use vestibule_coap::{self as coap, Header, Message, Type, encode};

use super::*;

#[test]
fn a_request_goes_to_the_homeserver_and_its_answer_back() {
    let mut pair = Pair::new(Limits::default());
    let body = br#"{"msgtype":"m.text"}"#;
    let id = pair.send(Sent {
        code: Code::PUT,
        path: "9/!r:hs/m.room.message/t1",
        query: &["ts=7"],
        payload: body,
        ..ROOMS
    });
    let Asking {
        id: ask,
        request,
        timeout,
    } = pair.asked();
    assert_eq!(request.method, Method::PUT);
    assert_eq!(
        request.path_and_query(),
        "/_matrix/client/v3/rooms/!r:hs/send/m.room.message/t1?ts=7"
    );
    assert_eq!(request.token, Some(token("secret")));
    assert_eq!(request.body, body);
    assert_eq!(timeout, Duration::from_secs(60));
    assert_eq!(pair.shared.present().requests, 1);
    let one = Footprint {
        requests: 1,
        ..Footprint::default()
    };
    assert_eq!(pair.gateway.footprint(), one);

    pair.wait(3 * SECOND);
    pair.answer(ask, 200, r#"{"event_id":"$e"}"#);
    let response = pair.answer_to(id);
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(json(&response), r#"{"event_id":"$e"}"#);
    let digest = pair.shared.digest(&token("secret"));
    let expected = Finished {
        exchange: Exchange::Request,
        outcome: Outcome::Answered {
            code: Code::CONTENT,
            status: Some(StatusCode::OK),
            refusal: None,
        },
        method: Some(Method::PUT),
        path: Some("/_matrix/client/v3/rooms/!r:hs/send/m.room.message/t1".to_owned()),
        token: Some(digest),
        received: body.len(),
        sent: response.payload.len(),
        duration: 3 * SECOND,
    };
    assert_eq!(pair.records, [expected]);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    assert_eq!(pair.shared.present(), Present::default());
}

#[test]
fn records_tell_no_secrets() {
    let mut pair = Pair::new(Limits::default());
    pair.send(Sent {
        query: &["secret_item=1"],
        ..ROOMS
    });
    pair.answer_next(200, r#"{"secret_name":"secret_value"}"#);
    let digest = pair.shared.digest(&token("secret"));
    assert_ne!(digest, pair.shared.digest(&token("other")));
    let other = Shared::new(Limits::default(), RandomState::new());
    assert_ne!(digest, other.digest(&token("secret")), "another key");
    let shown = format!("{:?}", pair.records);
    assert!(shown.contains(&digest.to_string()));
    assert!(!shown.contains("secret"), "{shown}");
    pair.send(ROOMS);
    let shown = format!("{:?} {:?}", pair.gateway, answer(200, "secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn what_takes_long_is_acknowledged_at_once() {
    let sliding = Sent {
        code: Code::POST,
        path: "_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
        ..ROOMS
    };
    let waiting = Sent {
        query: LONG,
        ..SYNC
    };
    for (sent, acknowledged) in [(waiting, 1), (sliding, 1), (SYNC, 0), (ROOMS, 0)] {
        let mut pair = Pair::new(Limits::default());
        let id = pair.send(sent);
        assert_eq!(pair.acknowledged, acknowledged, "{}", sent.path);
        pair.answer_next(200, NOTHING);
        assert_eq!(json(&pair.answer_to(id)), NOTHING);
    }
}

#[test]
fn syncs_may_take_longer_than_others() {
    let longest = Sent {
        query: &["timeout=999999999"],
        ..SYNC
    };
    for (sent, seconds) in [(ROOMS, 60), (SYNC, 300), (longest, 360)] {
        let mut pair = Pair::new(Limits::default());
        pair.send(sent);
        assert_eq!(pair.asked().timeout, Duration::from_secs(seconds));
    }
}

/// Asks for the second block of the answer to `I`, with a token of CoAP of its own, and says this token. What comes.
fn second_block(pair: &mut Pair, id: u16, carried: Option<&str>) -> (Code, Vec<u8>) {
    let mut options = OptionList::new();
    options.push(OptionNumber::URI_PATH, "I").unwrap();
    options.push_uint(OptionNumber::BLOCK2, 0x16);
    if let Some(carried) = carried {
        options.push(ACCESS_TOKEN, carried).unwrap();
    }
    let header = Header {
        kind: Type::Confirmable,
        code: Code::GET,
        id,
        token: coap::Token::try_from(&id.to_be_bytes()[..]).unwrap(),
    };
    let mut datagram = Vec::new();
    encode(header, &options, &[], &mut datagram);
    pair.server.handle_datagram(pair.now, &datagram).unwrap();
    let answer = pair.server.poll_transmit().expect("an answer");
    let answer = Message::parse(&answer).unwrap();
    pair.run();
    (answer.header.code, answer.payload.to_vec())
}

#[test]
fn a_body_is_for_the_token_it_was_fetched_with() {
    // Whether the request says its token, or has it from the one before.
    for carried in [Some("secret"), None] {
        let mut pair = Pair::new(Limits::default());
        pair.send(ROOMS);
        pair.answer_next(200, "{}");
        pair.send(Sent {
            token: carried,
            ..ROOMS
        });
        // Nobody asks for the rest yet.
        pair.is_deaf = true;
        pair.answer_next(200, &format!(r#"{{"x":"{}"}}"#, "y".repeat(1_500)));
        pair.is_deaf = false;
        let served = (Code::CONTENT, vec![b'y'; 482]);
        assert_eq!(second_block(&mut pair, 1, Some("secret")), served);
        assert_eq!(second_block(&mut pair, 2, None), served);
        assert_eq!(second_block(&mut pair, 3, Some("Bearer secret")), served);
        for (id, other) in [(4, "other"), (5, "")] {
            let (code, body) = second_block(&mut pair, id, Some(other));
            assert_eq!(code, Code::REQUEST_ENTITY_INCOMPLETE, "{other}");
            assert!(!body.windows(8).any(|it| it == b"yyyyyyyy"));
        }
        assert_eq!(second_block(&mut pair, 6, Some("secret")), served);
        assert!(pair.asks.is_empty(), "something was asked again");
    }
}

#[test]
fn without_an_answer_the_client_is_told_why() {
    for (failure, code, name) in [
        (
            PollFailure::TimedOut,
            Code::GATEWAY_TIMEOUT,
            "upstream_timeout",
        ),
        (PollFailure::Unreachable, Code::BAD_GATEWAY, "unreachable"),
        (PollFailure::TooLarge, Code::BAD_GATEWAY, "answer_too_large"),
        (
            PollFailure::Overloaded,
            Code::SERVICE_UNAVAILABLE,
            "overloaded",
        ),
    ] {
        let mut pair = Pair::new(Limits::default());
        let id = pair.send(ROOMS);
        let ask = pair.asked().id;
        pair.tell(ask, &Err(failure));
        let response = pair.answer_to(id);
        assert_eq!(response.code, code);
        assert!(json(&response).contains("errcode"));
        let outcome = Outcome::Answered {
            code,
            status: None,
            refusal: Some(name),
        };
        assert_eq!(pair.record().outcome, outcome);
    }
}

#[test]
fn an_answer_that_no_client_could_fetch_is_not_begun() {
    let mut pair = Pair::new(Limits {
        response_bytes: 100,
        ..Limits::default()
    });
    let id = pair.send(ROOMS);
    pair.answer_next(200, &format!(r#"{{"x":"{}"}}"#, "x".repeat(100)));
    let response = pair.answer_to(id);
    assert_eq!(response.code, Code::BAD_GATEWAY);
    assert!(json(&response).contains("too large"), "{}", json(&response));
}

#[test]
fn what_is_not_passed_on_has_a_record_as_well() {
    let mut pair = Pair::new(Limits::default());
    let admin = Sent {
        path: "_synapse/admin/v1/users",
        query: &["secret"],
        ..ROOMS
    };
    let id = pair.send(admin);
    assert_eq!(pair.answer_to(id).code, Code::NOT_FOUND);
    let record = pair.record();
    assert_eq!(record.path.as_deref(), Some("/_synapse/admin/v1/users"));
    assert_eq!(record.method, Some(Method::GET));
    assert_eq!(record.token, None);
    let outcome = Outcome::Answered {
        code: Code::NOT_FOUND,
        status: None,
        refusal: Some("denied"),
    };
    assert_eq!(record.outcome, outcome);

    let id = pair.send(Sent {
        path: "..",
        ..ROOMS
    });
    assert_eq!(pair.answer_to(id).code, Code::BAD_REQUEST);
    assert_eq!(pair.record().path, None);
    assert!(pair.asks.is_empty());
}

#[test]
fn a_request_without_a_token_waits_for_it() {
    let mut pair = Pair::new(Limits::default());
    let silent = Sent {
        token: None,
        ..ROOMS
    };
    let early = pair.send(silent);
    assert!(pair.asks.is_empty() && pair.heard.is_empty());
    assert_eq!(pair.gateway.footprint().requests, 1);
    pair.wait(SECOND / 2);
    let late = pair.send(ROOMS);
    for (id, waited) in [(late, 0), (early, 1)] {
        let Asking {
            id: ask, request, ..
        } = pair.asked();
        assert_eq!(request.token, Some(token("secret")));
        pair.answer(ask, 200, "{}");
        assert_eq!(pair.answer_to(id).code, Code::CONTENT);
        assert_eq!(pair.record().duration, waited * SECOND / 2);
    }
}

#[test]
fn a_request_whose_token_does_not_come_is_refused_after_a_second() {
    let mut pair = Pair::new(Limits::default());
    let id = pair.send(Sent {
        token: None,
        ..ROOMS
    });
    pair.wait(SECOND);
    let response = pair.answer_to(id);
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert!(json(&response).contains("M_MISSING_TOKEN"));
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    assert_eq!(pair.gateway.poll_timeout(), None);
}

#[test]
fn with_the_association_all_of_it_ends() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 1,
        ..Limits::default()
    });
    for sent in [ROOMS, ROOMS, SYNC] {
        pair.send(sent);
    }
    assert_eq!(pair.gateway.footprint().requests, 3);
    pair.gateway.handle_closed(pair.now);
    pair.run();
    let mut asked: Vec<AskId> = pair.asks.iter().map(|ask| ask.id).collect();
    asked.sort();
    pair.cancelled.sort();
    assert_eq!(pair.cancelled, asked);
    assert_eq!(asked.len(), 2);
    let outcomes = pair.records.iter().map(|record| record.outcome);
    assert!(outcomes.eq([Outcome::Abandoned; 3]));
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    assert_eq!(pair.shared.present(), Present::default());
    assert_eq!(pair.gateway.poll_timeout(), None);
    // An answer that was on its way.
    pair.answer(asked[0], 200, "{}");
    assert!(pair.heard.is_empty());
}

#[test]
fn what_was_not_asked_yet_is_not_cancelled() {
    let mut asks = ask::Asks::default();
    let mut pair = Pair::new(Limits::default());
    pair.send(ROOMS);
    let request = pair.asked().request;
    let first = asks.request(Box::new(request.clone()), SECOND);
    let second = asks.request(Box::new(request), SECOND);
    asks.cancel(first);
    assert!(matches!(asks.poll(), Some(Ask::Request { id, .. }) if id == second));
    assert!(asks.poll().is_none());
    asks.cancel(second);
    assert!(matches!(asks.poll(), Some(Ask::Cancel(id)) if id == second));
}

#[test]
fn a_resumed_association_has_no_token() {
    let shared = Shared::new(Limits::default(), RandomState::new());
    let mut pair = Pair::beside(Arc::clone(&shared));
    pair.send(ROOMS);
    pair.answer_next(200, "{}");
    pair.gateway = Gateway::new(Arc::default(), shared, 8);
    let id = pair.send(Sent {
        token: None,
        ..ROOMS
    });
    pair.wait(SECOND);
    assert_eq!(pair.answer_to(id).code, Code::UNAUTHORIZED);
}

#[test]
fn settings_can_be_replaced() {
    let mut pair = Pair::new(Limits::default());
    let mut settings = Settings::default();
    settings.timeouts.request = SECOND;
    pair.gateway.replace_settings(Arc::new(settings));
    pair.send(ROOMS);
    assert_eq!(pair.asked().timeout, SECOND);
}
