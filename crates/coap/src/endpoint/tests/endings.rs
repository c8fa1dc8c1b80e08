//! How observations end.

use super::{observation::registered, *};

#[test]
fn a_refused_registration_ends_the_one_with_its_token() {
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    // Another client than ours registers again with the token of the first time.
    let again = [0x41, 0x01, 0x77, 0x77, 0x01, 0x60, 0x51, b'7'];
    pair.server.handle_datagram(pair.now, &again).unwrap();
    let asked = pair.asked();
    let replaces = Some(observation);
    assert_eq!(asked.observe, Some(Observe::Register { replaces }));
    let refusal = Response {
        code: Code::BAD_GATEWAY,
        ..content("y")
    };
    let none =
        pair.server
            .respond_observed(pair.now, asked.exchange, refusal, Assurance::Acknowledged);
    assert_eq!(none, None);
    assert_eq!(pair.server.footprint().observations, 0);
}

#[test]
fn the_server_says_why_it_ends_an_observation() {
    let mut pair = Pair::new(Config::default());
    let (id, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    let reason = Response {
        code: Code::UNAUTHORIZED,
        ..content("token")
    };
    pair.server
        .refuse_observation(pair.now, observation, reason);
    pair.carry();
    match pair.client.poll_event() {
        Some(Event::ObservationRefused { request, response }) => {
            assert_eq!((request, response.code), (id, Code::UNAUTHORIZED));
            assert_eq!(response.payload, "token");
        }
        other => panic!("{other:?}"),
    }
    let late = pair.server.notify(pair.now, observation, content("x"));
    assert_eq!(late, Err(NotifyError::Gone));
    assert!(matches!(
        pair.told(),
        Some(Event::ObservationEnded(of, ObservationEnd::Refused)) if of == observation
    ));
    pair.nothing_is_left();
}

#[test]
fn a_peer_that_has_forgotten_the_token_ends_the_observation() {
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    let config = Arc::new(Config::default());
    pair.client = Endpoint::new(config, Budget::new(1 << 20), [4; 32]);
    pair.server
        .notify(pair.now, observation, content("x"))
        .unwrap();
    pair.carry();
    let ended = pair.told();
    assert!(
        matches!(ended, Some(Event::ObservationEnded(id, ObservationEnd::Reset)) if id == observation)
    );
    pair.nothing_is_left();
}

#[test]
fn a_state_that_was_not_acknowledged_is_rejected_with_its_observation() {
    let mut pair = Pair::new(Config::default());
    let (id, observation) = registered(&mut pair, Acknowledge::ByCaller, Assurance::None);
    pair.answered();
    let state = content(large(10));
    pair.server.notify(pair.now, observation, state).unwrap();
    pair.carry();
    pair.client.poll_event().unwrap();
    pair.client.cancel(pair.now, id);
    pair.carry();
    assert!(matches!(
        pair.told(),
        Some(Event::ObservationEnded(id, ObservationEnd::Reset)) if id == observation
    ));
    let asked = pair.asked();
    assert_eq!(asked.observe, Some(Observe::Deregister { ended: None }));
}

#[test]
fn a_last_answer_may_be_given_again() {
    for length in [10, 3000] {
        let mut pair = Pair::new(Config::default());
        let (id, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
        pair.answered();
        let refusal = |length| Response {
            code: Code::FORBIDDEN,
            ..content(large(length))
        };
        pair.server
            .refuse_observation(pair.now, observation, refusal(length));
        let late = pair.server.notify(pair.now, observation, content("x"));
        assert_eq!(late, Err(NotifyError::Gone));
        let failed = loop {
            while pair.server.poll_transmit().is_some() {}
            if let Some(event) = pair.told() {
                break event;
            }
            pair.now = pair.server.poll_timeout().unwrap();
            pair.server.handle_timeout(pair.now);
        };
        assert!(matches!(failed, Event::NotificationFailed(of, _) if of == observation));
        pair.server
            .refuse_observation(pair.now, observation, refusal(length));
        pair.carry();
        assert!(matches!(
            pair.client.poll_event(),
            Some(Event::ObservationRefused { request, response })
                if request == id && response.payload.len() == length
        ));
        assert!(matches!(
            pair.told(),
            Some(Event::ObservationEnded(of, ObservationEnd::Refused)) if of == observation
        ));
        pair.nothing_is_left();
    }
}

#[test]
fn the_end_of_an_observation_says_nothing_of_the_association() {
    let sticky = OptionNumber(256);
    let mut pair = Pair::new(Config {
        sticky: vec![sticky],
        ..Config::default()
    });
    let mut request = get("7");
    request.options.push(sticky, "token").unwrap();
    let id = pair
        .client
        .observe(pair.now, request, Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    assert!(asked.options.first(sticky).is_some());
    pair.server
        .respond_observed(pair.now, asked.exchange, content(""), Assurance::None);
    pair.carry();
    pair.client.cancel(pair.now, id);
    pair.carry();
    pair.told();
    let asked = pair.taken();
    assert!(asked.options.first(sticky).is_none());
}
