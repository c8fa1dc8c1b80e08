use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Acknowledge, Assurance, Budget, Config, Endpoint, Event, ExchangeId, IncomingRequest,
    ObservationId, Observe, Request, RequestId, Response,
};
use crate::{Code, OptionList, OptionNumber};

/// Two endpoints and a path without faults or delay.
struct Pair {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    /// The length of each datagram, and whether it went up.
    seen: Vec<(bool, usize)>,
}

impl Pair {
    fn new(config: Config) -> Self {
        let config = Arc::new(config);
        let budget = Budget::new(64 << 20);
        Self {
            now: Instant::now(),
            client: Endpoint::new(config.clone(), budget.clone(), [1; 32]),
            server: Endpoint::new(config, budget, [2; 32]),
            seen: Vec::new(),
        }
    }

    fn carry(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(datagram) = self.client.poll_transmit() {
                self.seen.push((true, datagram.len()));
                self.server.handle_datagram(self.now, &datagram).unwrap();
                quiet = false;
            }
            while let Some(datagram) = self.server.poll_transmit() {
                self.seen.push((false, datagram.len()));
                self.client.handle_datagram(self.now, &datagram).unwrap();
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        self.carry();
    }

    fn asked(&mut self) -> IncomingRequest {
        self.carry();
        match self.server.poll_event() {
            Some(Event::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, exchange: ExchangeId, response: Response) {
        self.server.respond(self.now, exchange, response);
        self.carry();
    }

    fn answered(&mut self) -> (RequestId, Response, bool) {
        match self.client.poll_event() {
            Some(Event::Response {
                request,
                response,
                observed,
            }) => (request, response, observed),
            other => panic!("{other:?}"),
        }
    }

    fn notified(&mut self, observation: ObservationId, payload: &Bytes) {
        let response = content(payload.clone());
        self.server.notify(self.now, observation, response).unwrap();
        self.carry();
        match self.client.poll_event() {
            Some(Event::Notification { response, .. }) => assert_eq!(response.payload, payload),
            other => panic!("{other:?}"),
        }
        match self.server.poll_event() {
            Some(Event::NotificationDelivered(id)) => assert_eq!(id, observation),
            other => panic!("{other:?}"),
        }
    }

    fn nothing_is_left(&mut self) {
        self.wait(super::EXCHANGE_LIFETIME);
        for endpoint in [&mut self.client, &mut self.server] {
            assert_eq!(endpoint.footprint(), super::Footprint::default());
            assert_eq!(endpoint.poll_timeout(), None);
            assert!(endpoint.poll_event().is_none());
        }
    }
}

fn get(path: &str) -> Request {
    let mut options = OptionList::new();
    options.push(OptionNumber::URI_PATH, path).unwrap();
    Request {
        code: Code::GET,
        options,
        payload: Bytes::new(),
        confirmable: true,
        deadline: Duration::from_secs(100),
    }
}

fn content(payload: impl Into<Bytes>) -> Response {
    Response {
        code: Code::CONTENT,
        options: OptionList::new(),
        payload: payload.into(),
    }
}

fn large(length: usize) -> Bytes {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

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
        assert!(pair.server.poll_event().is_none());
        pair.nothing_is_left();
    }
}

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
    let delivered = pair.server.poll_event();
    assert!(matches!(delivered, Some(Event::NotificationDelivered(id)) if id == observation));
    for length in [1, 1024, 1025, 4000, 10] {
        pair.notified(observation, &large(length));
    }
    pair.client.cancel(pair.now, id);
    let ended = {
        pair.carry();
        pair.server.poll_event()
    };
    assert!(matches!(ended, Some(Event::ObservationEnded(id, _)) if id == observation));
    let asked = pair.asked();
    pair.answer(asked.exchange, content(""));
    pair.nothing_is_left();
}
