//! The application of the server.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use vestibule_coap::endpoint::{
    Assurance, Event, ExchangeId, IncomingRequest, NotifyError, ObservationEnd, ObservationId,
    Observe, PartialRequest, Refusal, Response,
};
use vestibule_coap::{BlockValue, Code, Endpoint, OptionList, OptionNumber};

use crate::notes::{find_number, number, pattern, read_states, states};
use crate::scenario::Scenario;
use crate::side::Application;
use crate::world::Clock;

/// Answers what it is asked as the question says, and tells observers of new states: each only when
/// the one before is delivered, as the states say what has changed.
///
/// There is one client. When it registers again, the observation before is kept until a notification
/// for the new one is delivered: a registration that comes late must not end the one that is meant.
pub(crate) struct ServerApplication {
    /// How often each question was put to it.
    executions: HashMap<u64, u32>,
    /// When it was put for the first time.
    began: HashMap<u64, Duration>,
    /// The questions that the endpoint was too busy for.
    busy: HashSet<u64>,
    slow: BTreeMap<(Duration, ExchangeId), Response>,
    observers: BTreeMap<ObservationId, Observer>,
    /// Those that were given a last answer, and have not acknowledged it.
    refused: BTreeSet<ObservationId>,
    assurance: Assurance,
    /// Those to come, the next one last.
    states: Vec<(Duration, usize)>,
    /// When all observations end, the next one last.
    refusals: Vec<Duration>,
    state: u64,
    size: usize,
    /// The last state that the client has, as far as the endpoint has said so.
    delivered: u64,
    pub(crate) undelivered: u64,
}

struct Observer {
    /// The last state that it has for certain.
    delivered: u64,
    /// The last state that is on its way.
    pending: Option<u64>,
    retry: Duration,
}

/// How many observations there are at a time.
pub(crate) const MAX_OBSERVERS: usize = 2;

/// How long to wait after a notification that was not delivered, if there is no sign of life.
const RETRY: Duration = Duration::from_secs(20);

impl ServerApplication {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            executions: HashMap::new(),
            began: HashMap::new(),
            busy: HashSet::new(),
            delivered: 0,
            slow: BTreeMap::new(),
            observers: BTreeMap::new(),
            refused: BTreeSet::new(),
            assurance: scenario.assurance,
            states: scenario.states.iter().rev().copied().collect(),
            refusals: scenario.refusals.iter().rev().copied().collect(),
            state: 0,
            size: 0,
            undelivered: 0,
        }
    }

    pub(crate) fn state(&self) -> u64 {
        self.state
    }

    pub(crate) fn observers(&self) -> usize {
        self.observers.len() + self.refused.len()
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn was_busy_for(&self, nonce: u64) -> bool {
        self.busy.contains(&nonce)
    }

    /// How often this question was put.
    pub(crate) fn executions(&self, nonce: u64) -> u32 {
        self.executions.get(&nonce).copied().unwrap_or_default()
    }

    /// When this question was put.
    pub(crate) fn began(&self, nonce: u64) -> Option<Duration> {
        self.began.get(&nonce).copied()
    }

    /// Nobody is there any more.
    pub(crate) fn forget_observers(&mut self, clock: Clock, endpoint: &mut Endpoint) {
        for (id, _) in std::mem::take(&mut self.observers) {
            endpoint.forget_observation(clock.instant(), id);
        }
        for id in std::mem::take(&mut self.refused) {
            endpoint.forget_observation(clock.instant(), id);
        }
    }

    fn is_behind(&self, observer: &Observer) -> bool {
        observer.pending.is_none() && observer.delivered < self.state
    }

    fn execute(&mut self, clock: Clock, endpoint: &mut Endpoint, request: &IncomingRequest) {
        let get = |name| number(&request.options, name);
        assert_eq!(request.code.0, get("code") as u8);
        let nonce = match find_number(&request.options, "nonce") {
            Some(nonce) => {
                assert_eq!(request.payload, pattern(nonce, get("body") as usize));
                nonce
            }
            // An upload says all in its body.
            None => {
                let (length, nonce) = read_states(&request.payload);
                assert_eq!(request.payload.len() as u64, length);
                nonce
            }
        };
        *self.executions.entry(nonce).or_default() += 1;
        self.began.entry(nonce).or_insert(clock.now);

        let answer = pattern(nonce + 1, get("answer") as usize);
        let response = content(answer);
        let wait = Duration::from_millis(get("wait"));
        if get("accept") == 1 {
            endpoint.accept(request.exchange);
        }
        if wait.is_zero() {
            endpoint.respond(clock.instant(), request.exchange, response);
        } else {
            let key = (clock.now + wait, request.exchange);
            self.slow.insert(key, response);
        }
    }

    fn observe(&mut self, clock: Clock, endpoint: &mut Endpoint, request: &IncomingRequest) {
        let since = number(&request.options, "since");
        let body = match self.assurance {
            Assurance::Silent => Vec::new(),
            _ => states(since, self.state, self.size),
        };
        let response = content(body);
        if let Some(Observe::Deregister { .. }) = request.observe {
            return endpoint.respond(clock.instant(), request.exchange, response);
        }
        if self.observers.len() >= MAX_OBSERVERS
            && let Some((oldest, _)) = self.observers.pop_first()
        {
            endpoint.forget_observation(clock.instant(), oldest);
        }
        if let Some(Observe::Register {
            replaces: Some(before),
        }) = request.observe
        {
            self.observers.remove(&before);
            self.refused.remove(&before);
        }
        let observation =
            endpoint.respond_observed(clock.instant(), request.exchange, response, self.assurance);
        if let Some(observation) = observation {
            let assured = self.assurance == Assurance::Acknowledged;
            let observer = Observer {
                delivered: since,
                pending: assured.then_some(self.state),
                retry: clock.now,
            };
            self.observers.insert(observation, observer);
        }
    }

    fn notify(&mut self, clock: Clock, endpoint: &mut Endpoint) {
        let (state, size) = (self.state, self.size);
        // Only the newest one is served.
        if let Some((&id, observer)) = self.observers.iter_mut().next_back() {
            if observer.pending.is_some()
                || observer.delivered >= state
                || observer.retry > clock.now
            {
                return;
            }
            let response = content(states(observer.delivered, state, size));
            match endpoint.notify(clock.instant(), id, response) {
                Ok(()) => observer.pending = Some(state),
                Err(NotifyError::NoRoom) => observer.retry = clock.now + RETRY,
                Err(error) => panic!("cannot notify: {error:?}"),
            }
        }
    }
}

impl Application for ServerApplication {
    fn handle_event(&mut self, clock: Clock, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request(request) => {
                for observer in self.observers.values_mut() {
                    observer.retry = clock.now;
                }
                if request.observe.is_some() {
                    self.observe(clock, endpoint, &request);
                } else {
                    self.execute(clock, endpoint, &request);
                }
            }
            Event::NotificationDelivered(id) => {
                let observer = self.observers.get_mut(&id).expect("an observer");
                observer.delivered = observer.pending.take().expect("something was on its way");
                self.delivered = self.delivered.max(observer.delivered);
                let current = self.observers.split_off(&id);
                for (before, _) in std::mem::replace(&mut self.observers, current) {
                    endpoint.forget_observation(clock.instant(), before);
                }
            }
            Event::NotificationFailed(id, _) => {
                self.undelivered += 1;
                let Some(observer) = self.observers.get_mut(&id) else {
                    assert!(self.refused.remove(&id), "an observer");
                    return endpoint.forget_observation(clock.instant(), id);
                };
                observer.pending.take().expect("something was on its way");
                observer.retry = clock.now + RETRY;
            }
            Event::ObservationEnded(id, ObservationEnd::Refused) => {
                assert!(self.refused.remove(&id), "an observer");
            }
            Event::ObservationEnded(id, _) => {
                let is_known = self.observers.remove(&id).is_some() || self.refused.remove(&id);
                assert!(is_known, "an observer");
            }
            Event::Partial(PartialRequest {
                options,
                refusal: Some(Refusal::Busy),
                ..
            }) => {
                // A first block that is repeated may find room. Who was refused sends no further ones.
                if !has_more_blocks(&options) {
                    self.busy.extend(find_number(&options, "nonce"));
                }
            }
            Event::Partial(_) | Event::Pong(_) | Event::PingFailed => {}
            event => panic!("for a server: {event:?}"),
        }
        self.notify(clock, endpoint);
    }

    fn next_timer(&self) -> Option<Duration> {
        let answer = self.slow.keys().map(|&(at, _)| at).next();
        let state = self.states.last().map(|&(at, _)| at);
        let newest = self.observers.values().next_back();
        let behind = newest.filter(|observer| self.is_behind(observer));
        let retry = behind.map(|observer| observer.retry);
        let refusal = self.refusals.last().copied();
        [answer, state, retry, refusal].into_iter().flatten().min()
    }

    fn handle_timer(&mut self, clock: Clock, endpoint: &mut Endpoint) {
        while let Some(entry) = self.slow.first_entry()
            && entry.key().0 <= clock.now
        {
            let ((_, exchange), response) = entry.remove_entry();
            endpoint.respond(clock.instant(), exchange, response);
        }
        while let Some((_, size)) = self.states.pop_if(|(at, _)| *at <= clock.now) {
            self.state += 1;
            self.size = size;
        }
        while self.refusals.pop_if(|at| *at <= clock.now).is_some() {
            for (id, _) in std::mem::take(&mut self.observers) {
                let response = Response {
                    code: Code::NOT_FOUND,
                    ..content(pattern(0, self.size))
                };
                endpoint.refuse_observation(clock.instant(), id, response);
                self.refused.insert(id);
            }
        }
        self.notify(clock, endpoint);
    }
}

fn has_more_blocks(options: &OptionList) -> bool {
    let block = options.first(OptionNumber::BLOCK1).map(BlockValue::parse);
    block.is_some_and(|block| block.expect("a block").more)
}

fn content(body: Vec<u8>) -> Response {
    Response {
        code: Code::CONTENT,
        options: OptionList::new(),
        payload: Bytes::from(body),
    }
}
