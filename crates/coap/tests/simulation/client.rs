//! The application of the client: what it asks.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use vestibule_coap::endpoint::{Event, Request, RequestId, Response};
use vestibule_coap::{Code, Endpoint};

use crate::notes::{options, pattern};
use crate::observer::Observer;
use crate::scenario::{Ask, CALM, Scenario};
use crate::side::{Application, Ours};
use crate::world::{Asked, Client, Clock, Outcome};

/// Asks what the scenario says, and observes one resource.
pub(crate) struct ClientApplication {
    /// Those to come, the next one last.
    asks: Vec<Ask>,
    open: HashMap<RequestId, Open>,
    /// When a request is given up that has no answer until then.
    cancels: BTreeSet<(Duration, RequestId)>,
    asked: Vec<Asked>,
    /// When to look whether the server is there, the next time last.
    pings: Vec<Duration>,
    /// How many of them are without an outcome.
    pinging: usize,
    observer: Observer,
    /// From when on no request may fail, if ever.
    calm: Duration,
    answered: u64,
    failed: u64,
    refused: u64,
    cancelled: u64,
}

#[derive(Clone, Copy)]
struct Open {
    nonce: u64,
    begun: Duration,
    deadline: Duration,
    answer: usize,
}

impl ClientApplication {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            asks: scenario.asks.iter().rev().cloned().collect(),
            open: HashMap::new(),
            cancels: BTreeSet::new(),
            asked: Vec::new(),
            pings: scenario.pings.iter().rev().copied().collect(),
            pinging: 0,
            observer: Observer::new(scenario),
            calm: if scenario.is_scarce() {
                Duration::MAX
            } else {
                scenario.heals + CALM
            },
            answered: 0,
            failed: 0,
            refused: 0,
            cancelled: 0,
        }
    }

    fn ask(&mut self, clock: Clock, endpoint: &mut Endpoint, ask: &Ask) {
        self.asked.push(Asked {
            code: ask.code,
            at: clock.now,
            body: ask.body,
            answer: ask.answer,
            refused: false,
        });
        let nonce = self.asked.len() as u64;
        let numbers = [
            ("nonce", nonce),
            ("code", u64::from(ask.code.0)),
            ("body", ask.body as u64),
            ("answer", ask.answer as u64),
            ("wait", ask.wait.as_millis() as u64),
            ("accept", u64::from(ask.accept)),
        ];
        let request = Request {
            code: ask.code,
            options: options("ask", &numbers),
            payload: Bytes::from(pattern(nonce, ask.body)),
            confirmable: ask.confirmable,
            deadline: ask.deadline,
            once: ask.once,
        };
        let id = endpoint
            .request(clock.instant(), request)
            .expect("room for requests");
        if let Some(after) = ask.cancel {
            self.cancels.insert((clock.now + after, id));
        }
        let open = Open {
            nonce,
            begun: clock.now,
            deadline: ask.deadline,
            answer: ask.answer,
        };
        assert!(self.open.insert(id, open).is_none());
    }

    fn answered(&mut self, clock: Clock, open: Open, response: &Response) {
        assert!(clock.now <= open.until(), "an answer after the deadline");
        let code = response.code;
        if code == Code::CONTENT {
            let expected = pattern(open.nonce + 1, open.answer);
            assert_eq!(response.payload, expected, "the answer to another request");
            self.answered += 1;
            return;
        }
        let may_be = [Code::SERVICE_UNAVAILABLE, Code::REQUEST_ENTITY_INCOMPLETE];
        assert!(may_be.contains(&code), "{code}");
        assert!(open.begun < self.calm, "{code} on a good path");
        self.refused += 1;
        if code == Code::SERVICE_UNAVAILABLE {
            self.asked[open.nonce as usize - 1].refused = true;
        }
    }
}

impl Application for ClientApplication {
    fn handle_event(&mut self, clock: Clock, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Response {
                request,
                response,
                observed,
            } => match self.open.remove(&request) {
                Some(open) => self.answered(clock, open, &response),
                None => self
                    .observer
                    .registered(clock, endpoint, request, &response, observed),
            },
            Event::RequestFailed(request, failure) => match self.open.remove(&request) {
                Some(open) => {
                    assert!(clock.now <= open.until(), "{failure:?} after the deadline");
                    assert!(open.begun < self.calm, "{failure:?} on a good path");
                    self.failed += 1;
                }
                None => self.observer.ended(clock, request),
            },
            Event::Notification { request, response } => {
                self.observer.notified(clock, endpoint, request, &response);
            }
            Event::ObservationRefused { request, .. } => self.observer.ended(clock, request),
            Event::Pong(_) | Event::PingFailed => {
                self.pinging = self.pinging.checked_sub(1).expect("a ping");
            }
            event => panic!("for a client: {event:?}"),
        }
    }

    fn next_timer(&self) -> Option<Duration> {
        let times = [
            self.asks.last().map(|ask| ask.at),
            self.cancels.first().map(|&(at, _)| at),
            self.pings.last().copied(),
            self.observer.next_timer(),
        ];
        times.into_iter().flatten().min()
    }

    fn handle_timer(&mut self, clock: Clock, endpoint: &mut Endpoint) {
        while let Some(ask) = self.asks.pop_if(|ask| ask.at <= clock.now) {
            self.ask(clock, endpoint, &ask);
        }
        while let Some(&(at, id)) = self.cancels.first()
            && at <= clock.now
        {
            self.cancels.pop_first();
            // From now on there is no event for it, which would be taken for one of the observer.
            if self.open.remove(&id).is_some() {
                endpoint.cancel(clock.instant(), id);
                self.cancelled += 1;
            }
        }
        while self.pings.pop_if(|at| *at <= clock.now).is_some() {
            endpoint.ping(clock.instant());
            self.pinging += 1;
        }
        self.observer.handle_timer(clock, endpoint);
    }
}

impl Client for Ours<ClientApplication> {
    fn requests(&self) -> &[Asked] {
        &self.application.asked
    }

    fn taken(&self) -> u64 {
        self.application.observer.safe
    }

    fn finish(self, last_state: u64) -> Outcome {
        self.assert_empty();
        let application = self.application;
        assert!(application.open.is_empty(), "requests without an end");
        assert!(application.asks.is_empty(), "requests that were not sent");
        assert_eq!(application.pinging, 0, "pings without an end");
        let observer = application.observer;
        if observer.registrations > 0 {
            assert_eq!(observer.state, last_state, "states that never arrived");
        }
        Outcome {
            requests: application.asked.len() as u64,
            answered: application.answered,
            failed: application.failed,
            refused: application.refused,
            cancelled: application.cancelled,
            notifications: observer.notifications,
            registrations: observer.registrations,
            ..Outcome::default()
        }
    }
}

impl Open {
    fn until(&self) -> Duration {
        self.begun + self.deadline
    }
}
