//! Observations of an association, beyond what each does by itself.

use super::*;

#[test]
fn what_is_new_is_pushed_until_the_client_has_enough() {
    let mut pair = Pair::new(Limits::default());
    let (id, poll) = pair.observing(Sent {
        query: &["since=s0", "filter=1", "timeout=1"],
        ..SYNC
    });
    assert_eq!(
        poll.request.path_and_query(),
        "/_matrix/client/v3/sync?since=s0&timeout=30000&filter=1"
    );
    assert_eq!(poll.timeout, Duration::from_secs(90));
    assert_eq!(pair.record().exchange, Exchange::Register);
    assert_eq!(pair.gateway.observations(), 1);

    pair.answer(poll.id, 200, NEWS);
    let response = pair.notified();
    assert_eq!(json(&response), NEWS);
    let record = pair.record();
    assert_eq!(record.exchange, Exchange::Notification);
    assert_eq!(record.outcome, Outcome::Delivered(Code::CONTENT));
    assert_eq!(record.sent, response.payload.len());
    assert_eq!(record.path.as_deref(), Some("/_matrix/client/v3/sync"));

    pair.wait(SECOND);
    let poll = pair.asked();
    assert_eq!(poll.request.query.value("since"), Some("s1"));
    pair.client.cancel(pair.now, id);
    pair.run();
    assert_eq!(pair.cancelled, [poll.id]);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    assert_eq!(pair.shared.present(), Present::default());
    assert_eq!(pair.gateway.poll_timeout(), None);
}

#[test]
fn the_first_body_may_take_long() {
    let mut pair = Pair::new(Limits::default());
    pair.observe(SYNC);
    assert_eq!(pair.asked().timeout, Duration::from_secs(300));
}

#[test]
fn nothing_but_sync_is_observed() {
    let mut pair = Pair::new(Limits::default());
    let id = pair.observe(ROOMS);
    pair.answer_next(200, "{}");
    let Some(Heard::Answer {
        request, observed, ..
    }) = pair.heard.pop_front()
    else {
        panic!("no answer");
    };
    assert_eq!((request, observed), (id, false));
    assert_eq!(pair.gateway.observations(), 0);
}

/// A register as a client writes it that uses its token again.
fn register(message_id: u8, since: [u8; 2]) -> Vec<u8> {
    let [a, b] = since;
    let head = [0x41, 0x01, 0x70, message_id, 0xaa, 0x60, 0x51, b'7', 0x48];
    let since = [b's', b'i', b'n', b'c', b'e', b'=', a, b];
    let token = [0xd6, 0xe4, b's', b'e', b'c', b'r', b'e', b't'];
    [&head[..], &since, &token].concat()
}

#[test]
fn a_register_that_comes_again_takes_the_place_of_the_one_before() {
    let mut pair = Pair::new(Limits::default());
    // It answers what it does not know.
    pair.is_deaf = true;
    pair.write(&register(1, *b"s1"));
    pair.answer_next(200, r#"{"next_batch":"s1"}"#);
    pair.wait(SECOND);
    let poll = pair.asked();
    assert_eq!(pair.gateway.observations(), 1);

    pair.write(&register(2, *b"s7"));
    assert_eq!(pair.cancelled, [poll.id]);
    let first = pair.asked();
    assert_eq!(first.request.query.value("since"), Some("s7"));
    pair.write(&register(3, *b"s8"));
    assert_eq!(pair.cancelled, [poll.id, first.id]);
    assert_eq!(pair.record().outcome, Outcome::Abandoned);
    let second = pair.asked();
    assert_eq!(second.request.query.value("since"), Some("s8"));
    assert_eq!(pair.server.footprint().exchanges, 1);
    pair.answer(second.id, 200, NEWS);
    let answered = Outcome::Answered {
        code: Code::CONTENT,
        status: Some(StatusCode::OK),
        refusal: None,
    };
    assert_eq!(pair.record().outcome, answered);
    assert_eq!(pair.gateway.observations(), 1);
    assert_eq!(pair.shared.present().observations, 1);
    assert_eq!(pair.server.footprint().exchanges, 0);
}

#[test]
fn a_register_that_comes_again_gives_its_place_to_another_user() {
    let mut pair = Pair::new(Limits {
        observers_per_association: 1,
        observations: 1,
        ..Limits::default()
    });
    pair.is_deaf = true;
    pair.write(&register(1, *b"s1"));
    pair.answer_next(200, r#"{"next_batch":"s1"}"#);
    let mut other = register(2, *b"s1");
    other.pop();
    other.push(b'x');
    pair.write(&other);
    assert_eq!(pair.asked().request.token, Some(token("secrex")));
    assert_eq!(pair.gateway.observations(), 1);
    assert_eq!(pair.shared.present().observations, 1);
}

#[test]
fn a_register_that_comes_again_and_is_refused_ends_the_one_before() {
    let limits = Limits {
        requests_per_minute: 2,
        ..Limits::default()
    };
    let mut bad = register(2, *b"s7");
    bad.pop();
    bad.push(0);
    let mut rooms = register(2, *b"s7");
    rooms[7] = b'I';
    for (limits, again) in [
        (Limits::default(), bad),
        (Limits::default(), rooms),
        (limits, register(2, *b"s7")),
    ] {
        let mut pair = Pair::new(limits);
        pair.is_deaf = true;
        pair.send(Sent { path: "0", ..ROOMS });
        pair.asked();
        pair.write(&register(1, *b"s1"));
        pair.answer_next(200, r#"{"next_batch":"s1"}"#);
        pair.wait(SECOND);
        let poll = pair.asked();
        pair.write(&again);
        assert_eq!(pair.cancelled, [poll.id]);
        assert_eq!(pair.gateway.observations(), 0);
        assert_eq!(pair.server.footprint().observations, 0);
    }
}

#[test]
fn of_many_registers_of_a_user_the_last_ones_are_answered() {
    let mut pair = Pair::new(Limits::default());
    let ids = [(); 3].map(|()| pair.observe(SYNC));
    let asks = [(); 3].map(|()| pair.asked().id);
    assert_eq!(
        pair.answer_to(ids[0]).code,
        Code::SERVICE_UNAVAILABLE,
        "the first one has to go"
    );
    assert_eq!(pair.cancelled, asks[..1]);
    for at in [2, 1] {
        pair.answer(asks[at], 200, NOTHING);
        assert_eq!(pair.answer_to(ids[at]).code, Code::CONTENT);
    }
    assert_eq!(pair.gateway.observations(), 2);
    assert_eq!(pair.shared.present().observations, 1, "they share a place");
    // Only the later one is served.
    pair.wait(SECOND);
    assert_eq!(pair.asks.len(), 1);
}

#[test]
fn an_association_that_only_observes_is_small() {
    assert!(size_of::<Gateway>() <= 512, "{}", size_of::<Gateway>());
    let observer = size_of::<observer::Observer>();
    assert!(observer <= 1_280, "{observer}");
}

#[test]
fn with_the_association_observations_end() {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    pair.observe(Sent {
        token: Some("other"),
        ..SYNC
    });
    let register = pair.asked();
    pair.gateway.handle_closed(pair.now);
    pair.run();
    assert_eq!(pair.cancelled, [poll.id, register.id]);
    assert_eq!(pair.record().outcome, Outcome::Abandoned);
    assert_eq!(pair.record().exchange, Exchange::Register);
    assert_eq!(pair.gateway.footprint(), Footprint::default());
    assert_eq!(pair.shared.present(), Present::default());
}

/// A gateway whose client observes, and the poll that is under way, with an endpoint that does as it is
/// told.
fn scripted() -> (Gateway, AskId, Instant) {
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    (pair.gateway, poll.id, pair.now)
}

#[test]
fn an_endpoint_without_room_is_tried_again() {
    for error in [NotifyError::NoRoom, NotifyError::Outstanding] {
        let (mut gateway, poll, now) = scripted();
        let mut replies = Scripted {
            notify: Some(error),
            ..Scripted::default()
        };
        gateway.handle_answer(now, &mut replies, poll, &Ok(answer(200, NEWS)));
        assert_eq!(replies.responses.len(), 1);
        assert_eq!(gateway.footprint().bytes, NEWS.len());
        replies.notify = None;
        let later = now + Duration::from_secs(6);
        gateway.handle_peer_alive(later, &mut replies);
        gateway.handle_timeout(later, &mut replies);
        assert_eq!(replies.responses.len(), 2, "{error:?}");
    }
}

#[test]
fn an_endpoint_that_has_forgotten_an_observation_ends_it() {
    let (mut gateway, poll, now) = scripted();
    let mut replies = Scripted {
        notify: Some(NotifyError::Gone),
        ..Scripted::default()
    };
    gateway.handle_answer(now, &mut replies, poll, &Ok(answer(200, NEWS)));
    assert_eq!(gateway.footprint(), Footprint::default());
    assert!(gateway.poll_ask().is_none());
    assert_eq!(gateway.poll_timeout(), None);
}

#[test]
fn what_an_endpoint_says_of_nothing_known_changes_nothing() {
    let (mut known, _, now) = scripted();
    let (mut gateway, mut replies) = (
        Gateway::new(
            Arc::default(),
            Shared::new(Limits::default(), RandomState::new()),
            1,
        ),
        Scripted::default(),
    );
    let mut pair = Pair::new(Limits::default());
    let (_, poll) = pair.observing(SYNC);
    pair.is_deaf = true;
    pair.answer(poll.id, 200, NEWS);
    pair.server.handle_timeout(pair.now + 150 * SECOND);
    // Of another association, and of a delivery that was not begun.
    while let Some(event) = pair.server.poll_event() {
        for gateway in [&mut gateway, &mut known] {
            gateway.handle_event(now, &mut replies, event.clone());
        }
    }
    assert_eq!(gateway.footprint(), Footprint::default());
    assert_eq!(known.observations(), 1);
    gateway.handle_event(now, &mut replies, Event::PingFailed);
    assert!(replies.responses.is_empty());
}
