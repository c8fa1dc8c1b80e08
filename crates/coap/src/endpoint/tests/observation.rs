use super::*;

#[test]
fn states_are_notified_small_and_large() {
    let mut pair = Pair::new(Config::default());
    let request = get("7");
    let id = pair
        .client
        .observe(pair.now, request, Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    assert_eq!(asked.observe, Some(Observe::Register { replaces: None }));
    let first = content(large(3000));
    let observation = pair
        .server
        .respond_observed(pair.now, asked.exchange, first, Assurance::Acknowledged)
        .unwrap();
    pair.carry();
    let (request, response, observed) = pair.answered();
    assert_eq!(
        (request, observed, response.payload.len()),
        (id, true, 3000)
    );
    let delivered = pair.told();
    assert!(matches!(delivered, Some(Event::NotificationDelivered(id)) if id == observation));
    for length in [1, 1024, 1025, 4000, 10] {
        pair.notified(observation, &large(length));
    }
    pair.client.cancel(pair.now, id);
    let ended = {
        pair.carry();
        pair.told()
    };
    assert!(matches!(ended, Some(Event::ObservationEnded(id, _)) if id == observation));
    let asked = pair.asked();
    pair.answer(asked.exchange, content(""));
    pair.nothing_is_left();
}

/// Registers, and lets the server answer with a small first state.
pub(super) fn registered(
    pair: &mut Pair,
    acknowledge: Acknowledge,
    assurance: Assurance,
) -> (RequestId, ObservationId) {
    let id = pair.client.observe(pair.now, get("7"), acknowledge);
    let id = id.unwrap();
    let asked = pair.asked();
    let first = content(if assurance == Assurance::Silent {
        ""
    } else {
        "first"
    });
    let observation = pair
        .server
        .respond_observed(pair.now, asked.exchange, first, assurance)
        .unwrap();
    pair.carry();
    (id, observation)
}

#[test]
fn a_first_state_without_assurance_costs_one_message_each_way() {
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    assert_eq!(pair.seen.len(), 2);
    assert!(pair.answered().2);
    assert!(pair.told().is_none());
    pair.notified(observation, &large(10));
}

#[test]
fn a_first_state_with_assurance_holds_the_next_one_back() {
    let mut pair = Pair::new(Config::default());
    let id = pair
        .client
        .observe(pair.now, get("7"), Acknowledge::AtOnce)
        .unwrap();
    let asked = pair.asked();
    let assurance = Assurance::Acknowledged;
    let observation = pair
        .server
        .respond_observed(pair.now, asked.exchange, content("first"), assurance)
        .unwrap();
    let next = pair.server.notify(pair.now, observation, content("next"));
    assert_eq!(next, Err(NotifyError::Outstanding));
    pair.carry();
    assert_eq!(pair.answered().0, id);
    assert!(matches!(pair.told(), Some(Event::NotificationDelivered(_))));
    pair.notified(observation, &large(10));
}

#[test]
fn the_answer_of_the_go_proxy_registers_too() {
    let mut pair = Pair::new(Config {
        dialect: Dialect::Go,
        ..Config::default()
    });
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::Silent);
    let (_, response, observed) = pair.answered();
    assert!(observed && response.options.is_empty());
    pair.notified(observation, &large(10));

    let mut pair = Pair::new(Config::default());
    registered(&mut pair, Acknowledge::AtOnce, Assurance::Silent);
    assert!(!pair.answered().2);
}

#[test]
fn a_state_is_acknowledged_when_the_caller_says_so() {
    for length in [10, 3000] {
        let mut pair = Pair::new(Config::default());
        let (id, observation) = registered(&mut pair, Acknowledge::ByCaller, Assurance::None);
        pair.answered();
        let state = content(large(length));
        pair.server.notify(pair.now, observation, state).unwrap();
        pair.carry();
        assert!(matches!(
            pair.client.poll_event(),
            Some(Event::Notification { .. })
        ));
        assert!(pair.told().is_none());
        // The peer repeats it, and it is not told twice.
        pair.wait(Duration::from_secs(4));
        assert!(pair.client.poll_event().is_none());
        assert!(pair.told().is_none());
        pair.client.acknowledge(id);
        pair.client.acknowledge(id);
        pair.carry();
        assert!(matches!(pair.told(), Some(Event::NotificationDelivered(_))));
    }
}

#[test]
fn an_observation_is_registered_again() {
    let mut pair = Pair::new(Config::default());
    let (id, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    pair.notified(observation, &large(10));
    let mut options = get("7").options;
    options.push(OptionNumber::URI_QUERY, "since=2").unwrap();
    assert!(pair.client.renew(pair.now, id, options));
    let asked = pair.asked();
    assert_eq!(asked.observe, Some(Observe::Register { replaces: None }));
    assert!(asked.options.first(OptionNumber::URI_QUERY).is_some());
    let again =
        pair.server
            .respond_observed(pair.now, asked.exchange, content("y"), Assurance::None);
    let again = again.unwrap();
    pair.carry();
    assert_eq!(pair.answered().0, id);
    pair.notified(again, &large(20));
    // The peer learns that the earlier one is not wanted when it uses it.
    let stale = content("stale");
    pair.server.notify(pair.now, observation, stale).unwrap();
    pair.carry();
    assert!(pair.client.poll_event().is_none());
    assert!(matches!(
        pair.told(),
        Some(Event::ObservationEnded(id, ObservationEnd::Reset)) if id == observation
    ));
    assert_eq!(pair.server.footprint().observations, 1);
}

#[test]
fn a_state_that_is_not_acknowledged_is_told_and_may_be_sent_again() {
    for (length, why) in [(10, Undelivered::TimedOut), (3000, Undelivered::Abandoned)] {
        let mut pair = Pair::new(Config::default());
        let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
        pair.answered();
        let state = content(large(length));
        pair.server
            .notify(pair.now, observation, state.clone())
            .unwrap();
        if why == Undelivered::Abandoned {
            // The first block arrives; the path breaks before the next one is asked for.
            let first = pair.server.poll_transmit().unwrap();
            pair.client.handle_datagram(pair.now, &first).unwrap();
            let acknowledgement = pair.client.poll_transmit().unwrap();
            let acknowledgement = if acknowledgement.len() == 4 {
                acknowledgement
            } else {
                pair.client.poll_transmit().unwrap()
            };
            pair.server
                .handle_datagram(pair.now, &acknowledgement)
                .unwrap();
        }
        let failed = loop {
            while pair.server.poll_transmit().is_some() {}
            while pair.client.poll_transmit().is_some() {}
            if let Some(event) = pair.told() {
                break event;
            }
            pair.now = pair.server.poll_timeout().unwrap();
            pair.server.handle_timeout(pair.now);
            pair.client.handle_timeout(pair.now);
        };
        assert!(
            matches!(failed, Event::NotificationFailed(id, reason) if (id, reason) == (observation, why)),
            "{failed:?}"
        );
        pair.notified(observation, &large(length));
    }
}

#[test]
fn a_late_request_for_a_block_is_not_one_for_the_next_state() {
    let mut pair = Pair::new(Config::default());
    let (_, observation) = registered(&mut pair, Acknowledge::AtOnce, Assurance::None);
    pair.answered();
    let first = content(large(2000));
    pair.server.notify(pair.now, observation, first).unwrap();
    let notified = pair.server.poll_transmit().unwrap();
    pair.client.handle_datagram(pair.now, &notified).unwrap();
    let mut fetch = Bytes::new();
    while let Some(datagram) = pair.client.poll_transmit() {
        pair.server.handle_datagram(pair.now, &datagram).unwrap();
        fetch = datagram;
    }
    assert_eq!(Message::parse(&fetch).unwrap().header.code, Code::GET);
    pair.carry();
    let delivered = pair.told();
    assert!(matches!(delivered, Some(Event::NotificationDelivered(id)) if id == observation));
    let second = content(large(1999));
    pair.server.notify(pair.now, observation, second).unwrap();
    let notified = pair.server.poll_transmit().unwrap();
    pair.server.handle_datagram(pair.now, &fetch).unwrap();
    let acknowledgement = pair.server.poll_transmit().unwrap();
    assert_eq!(acknowledgement.len(), 4);
    assert_eq!(pair.server.poll_transmit(), None);
    pair.client.handle_datagram(pair.now, &notified).unwrap();
    pair.carry();
    let delivered = pair.told();
    assert!(matches!(delivered, Some(Event::NotificationDelivered(id)) if id == observation));
}

#[test]
fn two_observations_of_one_path_do_not_mix_their_blocks() {
    let mut pair = Pair::new(Config::default());
    let request = Request {
        once: &[OptionNumber::URI_QUERY],
        ..get("7")
    };
    let observations = ["since=1", "since=2"].map(|query| {
        let mut request = request.clone();
        request
            .options
            .push(OptionNumber::URI_QUERY, query)
            .unwrap();
        pair.client
            .observe(pair.now, request, Acknowledge::AtOnce)
            .unwrap();
        let asked = pair.asked();
        let observation =
            pair.server
                .respond_observed(pair.now, asked.exchange, content(""), Assurance::None);
        pair.carry();
        pair.answered();
        observation.unwrap()
    });
    for (observation, length) in observations.into_iter().zip([5000, 6000]) {
        let state = content(large(length));
        pair.server.notify(pair.now, observation, state).unwrap();
    }
    pair.carry();
    let mut lengths: Vec<usize> = std::iter::from_fn(|| pair.client.poll_event())
        .map(|event| match event {
            Event::Notification { response, .. } => response.payload.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [5000, 6000]);
}
