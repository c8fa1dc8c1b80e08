//! How observations end: with their tokens, and by last answers.

use super::*;

const UNKNOWN: &str = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"no","soft_logout":true}"#;

#[test]
fn who_logs_out_observes_no_more() {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    let (_, other) = pair.observing(Sent {
        token: Some("other"),
        ..SYNC
    });
    pair.send(Sent {
        code: Code::POST,
        path: "3",
        ..ROOMS
    });
    pair.answer_next(200, "{}");
    assert_eq!(pair.cancelled, [poll.id]);
    let is_last = |heard: &Heard| matches!(heard, Heard::LastAnswer(_));
    let at = pair.heard.iter().position(is_last).unwrap();
    let Some(Heard::LastAnswer(response)) = pair.heard.remove(at) else {
        panic!("no last answer");
    };
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert!(json(&response).contains("M_UNKNOWN_TOKEN"));
    let record = pair.record();
    assert_eq!(record.outcome, Outcome::Delivered(Code::UNAUTHORIZED));
    // The other user is still there.
    assert_eq!(pair.gateway.observations(), 1);
    pair.heard.clear();
    pair.answer(other.id, 200, NEWS);
    assert_eq!(json(&pair.notified()), NEWS);
}

#[test]
fn a_token_that_the_homeserver_does_not_know_observes_no_more() {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    let id = pair.send(ROOMS);
    pair.answer_next(401, UNKNOWN);
    assert_eq!(pair.answer_to(id).code, Code::UNAUTHORIZED);
    let response = pair.last_answer();
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert_eq!(json(&response), UNKNOWN);
    assert_eq!(pair.cancelled, [poll.id]);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    // Nor is it the token of those that say nothing.
    let silent = pair.send(Sent {
        token: None,
        ..ROOMS
    });
    pair.wait(SECOND);
    assert_eq!(pair.answer_to(silent).code, Code::UNAUTHORIZED);
    assert!(pair.asks.is_empty());
}

#[test]
fn another_401_ends_nothing() {
    let mut pair = Pair::new(Limits::default());
    pair.observing(SYNC);
    pair.send(ROOMS);
    pair.answer_next(401, r#"{"errcode":"M_FORBIDDEN","flows":[]}"#);
    assert_eq!(pair.gateway.observations(), 1);
    assert!(pair.cancelled.is_empty());
}

#[test]
fn a_register_under_way_is_refused_when_its_token_is_lost() {
    let mut pair = Pair::new(Limits::default());
    let rooms = pair.send(ROOMS);
    let rooms_ask = pair.asked();
    let register = pair.observe(SYNC);
    let poll = pair.asked();
    pair.answer(rooms_ask.id, 401, UNKNOWN);
    for id in [rooms, register] {
        assert_eq!(json(&pair.answer_to(id)), UNKNOWN);
    }
    assert_eq!(pair.cancelled, [poll.id]);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
}

#[test]
fn a_last_answer_is_repeated_at_a_sign_of_life() {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    pair.is_deaf = true;
    pair.answer(poll.id, 401, UNKNOWN);
    pair.wait(150 * SECOND);
    let record = pair.record();
    assert_eq!(record.outcome, Outcome::Undelivered(Code::UNAUTHORIZED));
    assert_eq!(pair.gateway.footprint().observations, 1);
    // It has no place any more.
    assert_eq!(pair.shared.present(), Present::default());
    pair.is_deaf = false;
    pair.send(Sent {
        path: "0",
        token: None,
        ..ROOMS
    });
    assert_eq!(json(&pair.last_answer()), UNKNOWN);
    let record = pair.record();
    assert_eq!(record.outcome, Outcome::Delivered(Code::UNAUTHORIZED));
    assert_eq!(pair.gateway.footprint().observations, 0);
}

#[test]
fn a_delivery_that_is_told_late_is_not_that_of_the_last_answer() {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    pair.send(ROOMS);
    let rooms = pair.asked();
    pair.is_untold = true;
    pair.answer(poll.id, 200, NEWS);
    assert_eq!(json(&pair.notified()), NEWS);
    pair.is_deaf = true;
    pair.answer(rooms.id, 401, UNKNOWN);
    pair.is_untold = false;
    pair.wait(150 * SECOND);
    assert_eq!(pair.gateway.footprint().observations, 1);
    pair.is_deaf = false;
    pair.send(ROOMS);
    assert_eq!(json(&pair.last_answer()), UNKNOWN);
    assert_eq!(pair.gateway.footprint().observations, 0);
}

#[test]
fn last_answers_give_way_to_users() {
    let mut pair = Pair::new(Limits {
        observers_per_association: 1,
        ..Limits::default()
    });
    for number in 0..5 {
        let user = format!("user{number}");
        let (_, poll) = pair.observing(Sent {
            token: Some(&user),
            ..SYNC
        });
        pair.is_deaf = true;
        let refused = r#"{"errcode":"M_FORBIDDEN","error":"no"}"#;
        pair.answer(poll.id, 403, refused);
        pair.wait(150 * SECOND);
        assert!(pair.gateway.footprint().observations <= 2);
        // Only what comes in the turn of the next register is heard.
        pair.is_deaf = false;
        pair.heard.clear();
    }
    assert_eq!(pair.exceeded(Exceeded::Observers), 0);
}

#[test]
fn a_body_that_cannot_be_sent_ends_it() {
    let mut pair = Pair::new(Limits {
        response_bytes: 1_000,
        ..Limits::default()
    });
    let large = format!(
        r#"{{"next_batch":"s1","account_data":{{"events":["{}"]}}}}"#,
        "x".repeat(1_000)
    );
    let register = pair.observe(SYNC);
    pair.answer_next(200, &large);
    let response = pair.answer_to(register);
    assert_eq!(response.code, Code::BAD_GATEWAY);
    assert!(json(&response).contains("M_TOO_LARGE"));
    assert_eq!(pair.gateway.footprint(), Footprint::default());

    let (_, poll) = pair.observing(SYNC);
    pair.answer(poll.id, 200, &large);
    let response = pair.last_answer();
    assert_eq!(response.code, Code::BAD_GATEWAY);
    assert!(json(&response).contains("M_TOO_LARGE"));
    assert_eq!(pair.gateway.footprint(), Footprint::default());
}

#[test]
fn who_waits_for_news_is_sent_away_at_the_end() {
    let mut pair = Pair::new(Limits::default());
    pair.observing(SYNC);
    let waits = pair.send(Sent {
        query: LONG,
        ..SYNC
    });
    let waiting = pair.asked();
    let is_quick = pair.send(ROOMS);
    let quick = pair.asked();
    let (now, endpoint) = (pair.now, &mut pair.server);
    let replies = &mut EndpointAt { endpoint, now };
    pair.gateway.handle_shutdown(now, replies);
    pair.run();
    let answer = pair.answer_to(waits);
    assert_eq!(answer.code, Code::SERVICE_UNAVAILABLE);
    assert!(json(&answer).contains("errcode"));
    assert_eq!(pair.cancelled, [waiting.id]);
    pair.answer(quick.id, 200, "{}");
    assert_eq!(pair.answer_to(is_quick).code, Code::CONTENT);
    assert_eq!(pair.gateway.observations(), 1);
}

#[test]
fn who_would_wait_for_news_is_sent_away_at_once_from_then_on() {
    let mut pair = Pair::new(Limits::default());
    let (now, endpoint) = (pair.now, &mut pair.server);
    let replies = &mut EndpointAt { endpoint, now };
    pair.gateway.handle_shutdown(now, replies);
    let waits = pair.send(Sent {
        query: LONG,
        ..SYNC
    });
    let answer = pair.answer_to(waits);
    assert_eq!(answer.code, Code::SERVICE_UNAVAILABLE);
    assert!(pair.asks.is_empty());
    assert_eq!(pair.shared.present().polls, 0);
    // Who asks what there is does not wait.
    let looks = pair.send(SYNC);
    pair.answer_next(200, NEWS);
    assert_eq!(pair.answer_to(looks).code, Code::CONTENT);
}
