//! Each limit of requests, what happens beyond it, and that it is counted.

use super::*;

/// A refusal by which the client learns when to come again.
pub(super) fn assert_overloaded(response: &Response) {
    assert_eq!(response.code, Code::SERVICE_UNAVAILABLE);
    assert_eq!(max_age(response), Some(5));
    assert!(json(response).contains("errcode"));
}

#[test]
fn names_are_unlike() {
    let mut names = Exceeded::ALL.map(Exceeded::name).to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Exceeded::ALL.len());
    for (at, which) in Exceeded::ALL.into_iter().enumerate() {
        assert_eq!(which as usize, at, "counted in the place of another");
    }
}

#[test]
fn so_many_requests_are_under_way_and_the_next_ones_wait_in_their_order() {
    let mut pair = Pair::new(Limits::default());
    let path = |n: usize| format!("B/!r{n}");
    let ids: Vec<RequestId> = (0..20)
        .map(|n| {
            pair.send(Sent {
                path: "D/!r",
                query: &[&path(n)],
                ..ROOMS
            })
        })
        .collect();
    assert_eq!(pair.asks.len(), 16);
    assert_eq!(pair.shared.present().requests, 16);
    assert_eq!(pair.exceeded(Exceeded::RequestsOfAssociation), 4);
    assert_eq!(pair.exceeded(Exceeded::Requests), 0);
    for (n, id) in ids.into_iter().enumerate() {
        let Asking {
            id: ask, request, ..
        } = pair.asked();
        assert_eq!(request.query.items().next(), Some(path(n).as_str()));
        pair.answer(ask, 200, "{}");
        assert_eq!(pair.answer_to(id).code, Code::CONTENT);
    }
    assert_eq!(pair.gateway.footprint(), Footprint::default());
}

#[test]
fn what_finds_no_place_to_wait_is_refused() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 2,
        queue_per_association: 3,
        ..Limits::default()
    });
    for _ in 0..5 {
        pair.send(ROOMS);
    }
    assert!(pair.heard.is_empty());
    let id = pair.send(ROOMS);
    assert_overloaded(&pair.answer_to(id));
    let outcome = Outcome::Answered {
        code: Code::SERVICE_UNAVAILABLE,
        status: None,
        refusal: Some("queue"),
    };
    assert_eq!(pair.record().outcome, outcome);
    assert_eq!(pair.exceeded(Exceeded::Queue), 1);
    pair.answer_next(200, "{}");
    pair.send(ROOMS);
    assert_eq!(pair.exceeded(Exceeded::Queue), 1);
}

#[test]
fn those_that_wait_for_a_token_take_places_too() {
    let mut pair = Pair::new(Limits {
        queue_per_association: 1,
        ..Limits::default()
    });
    let silent = Sent {
        token: None,
        ..ROOMS
    };
    pair.send(silent);
    let id = pair.send(silent);
    assert_overloaded(&pair.answer_to(id));
    assert_eq!(pair.exceeded(Exceeded::Queue), 1);
}

#[test]
fn the_endpoint_does_not_refuse_before_the_gateway() {
    let mut pair = Pair::new(Limits::default());
    let limits = Limits::default();
    for _ in 0..limits.requests_per_association + limits.queue_per_association {
        pair.send(ROOMS);
    }
    for _ in 0..limits.syncs_per_association {
        pair.send(Sent {
            query: LONG,
            ..SYNC
        });
    }
    assert!(pair.heard.is_empty());
    pair.observe(Sent {
        query: &["filter=1"],
        ..SYNC
    });
    assert!(pair.heard.is_empty());
    pair.send(ROOMS);
    assert_eq!(pair.exceeded(Exceeded::Queue), 1);
}

#[test]
fn nothing_waits_for_ever() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 1,
        ..Limits::default()
    });
    pair.send(ROOMS);
    let late = pair.send(ROOMS);
    pair.wait(29 * SECOND);
    let next = pair.send(ROOMS);
    assert!(pair.heard.is_empty());
    pair.wait(SECOND);
    assert_overloaded(&pair.answer_to(late));
    assert_eq!(pair.exceeded(Exceeded::QueueTime), 1);
    pair.answer_next(200, "{}");
    pair.answer_next(200, "{}");
    assert_eq!(pair.answer_to(next).code, Code::CONTENT);
}

#[test]
fn who_comes_after_counts_on() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 1,
        ..Limits::default()
    });
    pair.send(ROOMS);
    pair.send(ROOMS);
    let next = pair.shared.succeeding(Limits::default());
    assert_eq!(next.present(), Present::default());
    assert_eq!(next.exceeded(Exceeded::RequestsOfAssociation), 1);
    assert_eq!(next.limits(), &Limits::default());
    let known = token("secret");
    assert_eq!(next.digest(&known), pair.shared.digest(&known));
    next.note(Exceeded::Rate);
    assert_eq!(pair.exceeded(Exceeded::Rate), 1);
}

#[test]
fn associations_wait_for_each_other() {
    let mut one = Pair::new(Limits {
        requests: 1,
        ..Limits::default()
    });
    let mut other = Pair::beside(Arc::clone(&one.shared));
    one.send(ROOMS);
    let id = other.send(ROOMS);
    other.wait(SECOND);
    assert!(other.asks.is_empty());
    assert_eq!(one.exceeded(Exceeded::Requests), 1);
    assert_eq!(one.exceeded(Exceeded::RequestsOfAssociation), 0);
    one.answer_next(200, "{}");
    other.wait(SECOND / 10);
    other.answer_next(200, "{}");
    assert_eq!(other.answer_to(id).code, Code::CONTENT);
    assert_eq!(other.gateway.poll_timeout(), None);
    // One that is over leaves its place as well.
    one.send(ROOMS);
    assert_eq!(one.shared.present().requests, 1);
    drop(one);
    other.send(ROOMS);
    assert_eq!(other.asks.len(), 1);
}

#[test]
fn syncs_have_places_of_their_own() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 1,
        syncs_per_association: 2,
        ..Limits::default()
    });
    let sync = Sent {
        query: LONG,
        ..SYNC
    };
    pair.send(ROOMS);
    let first = pair.send(sync);
    pair.send(SYNC);
    assert_eq!(pair.asks.len(), 3);
    let present = pair.shared.present();
    assert_eq!((present.requests, present.polls), (1, 2));
    let refused = pair.send(sync);
    assert_overloaded(&pair.answer_to(refused));
    assert_eq!(pair.exceeded(Exceeded::Syncs), 1);
    pair.asked();
    pair.answer_next(200, NOTHING);
    assert_eq!(pair.answer_to(first).code, Code::CONTENT);
    pair.send(sync);
    assert_eq!(pair.exceeded(Exceeded::Syncs), 1);
}

#[test]
fn polls_have_a_ceiling() {
    let mut one = Pair::new(Limits {
        polls: 1,
        ..Limits::default()
    });
    let mut other = Pair::beside(Arc::clone(&one.shared));
    let sync = Sent {
        query: LONG,
        ..SYNC
    };
    one.send(sync);
    let id = other.send(sync);
    assert_overloaded(&other.answer_to(id));
    let id = other.observe(SYNC);
    assert_overloaded(&other.answer_to(id));
    assert_eq!(one.exceeded(Exceeded::Polls), 2);
    assert_eq!(other.gateway.footprint(), Footprint::default());

    // What is observed already waits.
    one.answer_next(200, NOTHING);
    let id = other.observe(SYNC);
    other.answer_next(200, NOTHING);
    assert_eq!(other.answer_to(id).code, Code::CONTENT);
    one.send(sync);
    other.wait(SECOND);
    assert_eq!(one.exceeded(Exceeded::Polls), 3);
    assert!(other.asks.is_empty() && other.heard.is_empty());
    assert_eq!(other.gateway.observations(), 1);
    one.answer_next(200, NOTHING);
    other.wait(10 * SECOND);
    other.answer_next(200, NEWS);
    assert_eq!(json(&other.notified()), NEWS);
}

#[test]
fn who_asks_too_often_is_told_when_to_ask_again() {
    let mut pair = Pair::new(Limits {
        requests_per_minute: 30,
        ..Limits::default()
    });
    for _ in 0..30 {
        pair.send(ROOMS);
        pair.answer_next(200, "{}");
    }
    let id = pair.send(ROOMS);
    let response = pair.answer_to(id);
    assert_eq!(response.code, Code::TOO_MANY_REQUESTS);
    assert_eq!(max_age(&response), Some(2));
    assert!(json(&response).contains("M_LIMIT_EXCEEDED"));
    assert_eq!(pair.exceeded(Exceeded::Rate), 1);
    pair.wait(2 * SECOND);
    pair.send(ROOMS);
    assert_eq!(pair.asks.len(), 1);
}

#[test]
fn what_a_request_says_that_came_too_early_counts() {
    let mut pair = Pair::new(Limits {
        requests_per_minute: 1,
        ..Limits::default()
    });
    let silent = Sent {
        token: None,
        ..ROOMS
    };
    pair.send(silent);
    let refused = pair.send(ROOMS);
    assert_eq!(pair.answer_to(refused).code, Code::TOO_MANY_REQUESTS);
    assert_eq!(pair.asked().request.token, Some(token("secret")));
}

#[test]
fn to_observe_no_more_is_never_too_often() {
    let mut pair = Pair::new(Limits {
        requests_per_minute: 1,
        ..Limits::default()
    });
    let (id, ask) = pair.observing(SYNC);
    pair.client.cancel(pair.now, id);
    pair.run();
    assert_eq!(pair.cancelled, [ask.id]);
    assert_eq!(pair.exceeded(Exceeded::Rate), 0);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
}

#[test]
fn where_too_much_is_held_no_request_waits() {
    let mut pair = Pair::new(Limits {
        requests_per_association: 1,
        held_bytes: 10,
        ..Limits::default()
    });
    let put = |payload| Sent {
        code: Code::PUT,
        path: "8/!r/m.room.name/x",
        payload,
        ..ROOMS
    };
    pair.send(put(br#"{"a":"this one goes at once"}"#));
    pair.send(put(br#"{"a":1}"#));
    assert_eq!(pair.shared.present().held_bytes, 7);
    assert_eq!(pair.gateway.footprint().bytes, 7);
    let id = pair.send(put(br#"{"a":2}"#));
    assert_overloaded(&pair.answer_to(id));
    assert_eq!(pair.exceeded(Exceeded::HeldBytes), 1);
    pair.answer_next(200, "{}");
    assert_eq!(pair.shared.present().held_bytes, 0);
}

#[test]
fn places_are_counted_whoever_takes_them() {
    let shared = Shared::new(
        Limits {
            requests: 3,
            observations: 3,
            observations_per_token: 2,
            ..Limits::default()
        },
        RandomState::new(),
    );
    let token = |number: u32| token(&format!("token{}", number % 3));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                for number in 0..1_000 {
                    let digest = shared.digest(&token(thread + number));
                    let _observation = shared.observe(digest);
                    let _request = shared.request();
                    let present = shared.present();
                    assert!(present.requests <= 3 && present.observations <= 3);
                }
            });
        }
    });
    assert_eq!(shared.present(), Present::default());
}
