mod answers;
mod away;
mod blocks;
mod careful;
mod endings;
mod keeping;
mod limits;
mod observation;
mod requests;
mod timing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Acknowledge, Assurance, Budget, Config, Dialect, EXCHANGE_LIFETIME, Endpoint, Event,
    ExchangeId, Failure, Footprint, IncomingRequest, MAX_TRANSMIT_SPAN, NotifyError,
    ObservationEnd, ObservationId, Observe, Refusal, Request, RequestError, RequestId, Response,
    Undelivered,
};
use crate::{BlockSize, Code, Message, OptionList, OptionNumber};

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
        self.taken()
    }

    /// A request that has come already; nothing is carried.
    fn taken(&mut self) -> IncomingRequest {
        match self.told() {
            Some(Event::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The next event of the server but for requests that are not whole.
    fn told(&mut self) -> Option<Event> {
        loop {
            match self.server.poll_event() {
                Some(Event::Partial(_)) => {}
                other => return other,
            }
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
        self.wait(EXCHANGE_LIFETIME);
        for endpoint in [&mut self.client, &mut self.server] {
            assert_eq!(endpoint.footprint(), Footprint::default());
            assert_eq!(endpoint.poll_timeout(), None);
            while let Some(event) = endpoint.poll_event() {
                assert!(matches!(event, Event::Partial(_)), "{event:?}");
            }
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
        once: &[],
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
