//! The application of the client: what it observes.

use std::time::Duration;

use bytes::Bytes;
use vestibule_coap::endpoint::{Acknowledge, Request, RequestId, Response};
use vestibule_coap::{Code, Endpoint};

use crate::notes::{options, read_states};
use crate::scenario::{END, Scenario};
use crate::world::Clock;

/// Observes one resource until the end, registering again and again.
pub(crate) struct Observer {
    observing: Observing,
    acknowledge: Acknowledge,
    /// How long it takes until an arrived state is safe.
    safe_after: Duration,
    /// When the state that arrived last is safe.
    safe_at: Option<(Duration, RequestId)>,
    /// When to begin anew, the next time last.
    breaks: Vec<Duration>,
    /// When to register again, the next time last.
    renewals: Vec<Duration>,
    end: Duration,
    /// The last state it knows of.
    pub(crate) state: u64,
    /// The last state that it will not lose: all that is acknowledged.
    pub(crate) safe: u64,
    pub(crate) notifications: u64,
    pub(crate) registrations: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Observing {
    /// Not, and not again before this time.
    No(Duration),
    /// It was asked for, or registers again.
    Registering(RequestId),
    /// The last sign of it was at this time.
    Yes(RequestId, Duration),
}

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// How long to do without a sign of the observation.
const PATIENCE: Duration = Duration::from_secs(90);
/// The time for a registration.
const REGISTRATION: Duration = Duration::from_secs(100);

impl Observer {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let end = scenario.heals + END;
        let begin = if scenario.observes {
            Duration::ZERO
        } else {
            end
        };
        Self {
            observing: Observing::No(begin),
            acknowledge: scenario.acknowledge,
            safe_after: scenario.safe_after,
            safe_at: None,
            breaks: scenario.breaks.iter().rev().copied().collect(),
            renewals: scenario.renewals.iter().rev().copied().collect(),
            end,
            state: 0,
            safe: 0,
            notifications: 0,
            registrations: 0,
        }
    }

    pub(crate) fn registered(
        &mut self,
        clock: Clock,
        endpoint: &mut Endpoint,
        request: RequestId,
        response: &Response,
        observed: bool,
    ) {
        assert!(
            self.observing == Observing::Registering(request),
            "nobody has asked"
        );
        if response.code == Code::CONTENT {
            self.take_states(response);
        }
        self.observing = if observed {
            self.arrived(clock, endpoint, request);
            Observing::Yes(request, clock.now)
        } else {
            self.safe = self.state;
            Observing::No(clock.now + PAUSE)
        };
    }

    pub(crate) fn notified(
        &mut self,
        clock: Clock,
        endpoint: &mut Endpoint,
        request: RequestId,
        response: &Response,
    ) {
        match &mut self.observing {
            Observing::Registering(id) => assert_eq!(*id, request),
            Observing::Yes(id, last) => {
                assert_eq!(*id, request);
                *last = clock.now;
            }
            Observing::No(_) => panic!("a notification for nobody"),
        }
        self.notifications += 1;
        self.take_states(response);
        self.arrived(clock, endpoint, request);
    }

    /// The observation is over, or has not begun.
    pub(crate) fn ended(&mut self, clock: Clock, request: RequestId) {
        match self.observing {
            Observing::Registering(id) | Observing::Yes(id, _) if id == request => {
                self.observing = Observing::No(clock.now + PAUSE);
            }
            _ => panic!("the end of nothing"),
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let observing = match self.observing {
            Observing::No(until) if until < self.end => Some(until),
            Observing::No(_) => None,
            Observing::Registering(_) => Some(self.end),
            Observing::Yes(_, last) => Some((last + PATIENCE).min(self.end)),
        };
        let safe = self.safe_at.map(|(at, _)| at);
        let breaks = self.breaks.last().copied();
        let renewals = self.renewals.last().copied();
        let times = [observing, safe, breaks, renewals];
        times.into_iter().flatten().min()
    }

    pub(crate) fn handle_timer(&mut self, clock: Clock, endpoint: &mut Endpoint) {
        if let Some((_, request)) = self.safe_at.take_if(|(at, _)| *at <= clock.now) {
            self.safe = self.state;
            endpoint.acknowledge(request);
        }
        let mut renews = false;
        while self.renewals.pop_if(|at| *at <= clock.now).is_some() {
            renews = true;
        }
        let mut over = clock.now >= self.end;
        while self.breaks.pop_if(|at| *at <= clock.now).is_some() {
            over = true;
        }
        match self.observing {
            Observing::No(until) if until <= clock.now && clock.now < self.end => {
                let id = endpoint
                    .observe(clock.instant(), self.request(), self.acknowledge)
                    .expect("room for requests");
                self.registrations += 1;
                self.observing = Observing::Registering(id);
            }
            Observing::Registering(id) | Observing::Yes(id, _) if over => {
                self.safe_at = None;
                endpoint.cancel(clock.instant(), id);
                self.observing = Observing::No(clock.now);
            }
            Observing::Yes(id, last) if renews || last + PATIENCE <= clock.now => {
                self.safe_at = None;
                let options = self.request().options;
                assert!(endpoint.renew(clock.instant(), id, options), "it was there");
                self.registrations += 1;
                self.observing = Observing::Registering(id);
            }
            _ => {}
        }
    }

    fn request(&self) -> Request {
        Request {
            code: Code::GET,
            options: options("states", &[("since", self.safe)]),
            payload: Bytes::new(),
            confirmable: true,
            deadline: REGISTRATION,
            once: &[],
        }
    }

    fn arrived(&mut self, clock: Clock, endpoint: &mut Endpoint, request: RequestId) {
        if self.acknowledge == Acknowledge::AtOnce {
            self.safe = self.state;
        } else if self.safe_after.is_zero() {
            self.safe = self.state;
            endpoint.acknowledge(request);
        } else {
            self.safe_at = Some((clock.now + self.safe_after, request));
        }
    }

    /// States may come again, but never in another order, and none is left out.
    fn take_states(&mut self, response: &Response) {
        let (from, to) = read_states(&response.payload);
        let known = self.state;
        assert!(from <= known, "a gap: {from} to {to} after {known}");
        assert!(to >= known, "old news: {from} to {to} after {known}");
        self.state = to;
    }
}
