//! What the clients of one association observe.

use std::time::{Duration, Instant};

use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{self, Assurance, ExchangeId, NotifyError, ObservationId, Response};
use vestibule_lowband::mapping::query::Query;
use vestibule_lowband::mapping::server::{HttpRequest, Refusal};
use vestibule_lowband::mapping::status;
use vestibule_lowband::sync::{
    self, Action, Answer, DeliveryId, Observation, Poll, PollFailure, PollId, Registration,
    Settings, Undelivered,
};

use crate::gateway::{Mapping, to_call};
use crate::homeserver::Homeserver;
use crate::notes::Heard;
use crate::world::Clock;

/// All observations of an association, in the order of their registers.
///
/// A client that registers again uses a new token of CoAP. Its earlier observation is kept until a
/// body of the later one is delivered, but only the latest of a user is served: a register that comes
/// late must not end the one that is meant.
pub(crate) struct Observers {
    observers: Vec<Observer>,
    seed: u64,
    /// What they have done, for those who look for a fault.
    pub(crate) notes: Vec<(Option<ObservationId>, Action)>,
    pub(crate) registered: u64,
    pub(crate) delivered: u64,
    pub(crate) undelivered: u64,
}

struct Observer {
    observation: Observation,
    /// The request that has registered.
    request: HttpRequest,
    /// The register, as long as it is not answered.
    exchange: Option<ExchangeId>,
    /// What the endpoint calls it.
    id: Option<ObservationId>,
    /// The request for the homeserver that is under way.
    poll: Option<(u64, PollId)>,
    delivery: Option<DeliveryId>,
    /// The last answer, until it is acknowledged.
    ending: Option<Ending>,
}

/// A last answer, which is given again at a sign of life if it was not acknowledged.
struct Ending {
    response: Response,
    has_failed: bool,
}

/// How many observations each user may have.
pub(crate) const MAX_OBSERVERS: usize = 2;

impl Observers {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            observers: Vec::new(),
            seed,
            notes: Vec::new(),
            registered: 0,
            delivered: 0,
            undelivered: 0,
        }
    }

    pub(crate) fn register(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        exchange: ExchangeId,
        replaces: Option<ObservationId>,
        request: HttpRequest,
    ) {
        self.registered += 1;
        let registration = Registration::from_query(request.query.items());
        let known = self
            .observers
            .iter_mut()
            .find(|it| it.id.is_some() && it.id == replaces);
        if let Some(observer) = known {
            observer.exchange = Some(exchange);
            observer.request = request;
            observer.ending = None;
            observer.observation.handle_register(now, registration);
            return;
        }
        let of_user = |other: &&Observer| other.request.token == request.token;
        if self.observers.iter().filter(of_user).count() == MAX_OBSERVERS
            && let Some(at) = self
                .observers
                .iter()
                .position(|other| other.request.token == request.token)
        {
            self.remove(now, endpoint, at);
        }
        self.seed += 1;
        let mut observation = Observation::new(settings(), self.seed);
        observation.handle_register(now, registration);
        self.observers.push(Observer {
            observation,
            request,
            exchange: Some(exchange),
            id: None,
            poll: None,
            delivery: None,
            ending: None,
        });
    }

    pub(crate) fn handle_peer_alive(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for observer in &mut self.observers {
            observer.observation.handle_peer_alive(now);
            if let (Some(id), Some(ending)) = (observer.id, &mut observer.ending)
                && std::mem::take(&mut ending.has_failed)
            {
                endpoint.refuse_observation(now, id, ending.response.clone());
            }
        }
    }

    pub(crate) fn handle_delivered(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ObservationId,
    ) {
        self.delivered += 1;
        let at = self.position(id).expect("an observer");
        let observer = &mut self.observers[at];
        let delivery = observer.delivery.take().expect("something was on its way");
        observer.observation.handle_delivered(now, delivery);
        let token = observer.request.token.clone();
        for earlier in (0..at).rev() {
            if self.observers[earlier].request.token == token {
                self.remove(now, endpoint, earlier);
            }
        }
    }

    pub(crate) fn handle_undelivered(
        &mut self,
        now: Instant,
        id: ObservationId,
        why: endpoint::Undelivered,
    ) {
        self.undelivered += 1;
        let at = self.position(id).expect("an observer");
        let observer = &mut self.observers[at];
        if let Some(ending) = &mut observer.ending {
            ending.has_failed = true;
            return;
        }
        let delivery = observer.delivery.take().expect("something was on its way");
        let why = match why {
            endpoint::Undelivered::Abandoned => Undelivered::Abandoned,
            endpoint::Undelivered::TimedOut => Undelivered::TimedOut,
        };
        observer.observation.handle_undelivered(now, delivery, why);
    }

    pub(crate) fn handle_ended(&mut self, id: ObservationId) {
        let at = self.position(id).expect("an observer");
        let observer = &mut self.observers[at];
        observer.id = None;
        observer.ending = None;
        observer.observation.handle_reset();
    }

    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        asked: u64,
        answer: &Result<Heard, PollFailure>,
    ) {
        for observer in &mut self.observers {
            if let Some((_, poll)) = observer.poll.take_if(|(other, _)| *other == asked) {
                let observation = &mut observer.observation;
                match answer {
                    Ok(heard) => observation.handle_answer(now, poll, &to_answer(heard)),
                    Err(failure) => observation.handle_failure(now, poll, *failure),
                }
            }
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let served = (0..self.observers.len()).filter(|at| self.is_served(*at));
        served
            .filter_map(|at| self.observers[at].observation.poll_timeout())
            .min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for at in 0..self.observers.len() {
            if self.is_served(at) {
                self.observers[at].observation.handle_timeout(now);
            }
        }
    }

    /// Does what the observations want.
    pub(crate) fn drive(
        &mut self,
        clock: Clock,
        endpoint: &mut Endpoint,
        mapping: &mut Mapping,
        homeserver: &mut Homeserver,
    ) {
        let mut at = 0;
        while at < self.observers.len() {
            let is_over = self.observers[at].observation.is_over();
            let action = match self.is_served(at) || is_over {
                true => self.observers[at].observation.poll_action(),
                false => None,
            };
            let Some(action) = action else {
                let observer = &self.observers[at];
                if is_over && observer.id.is_none() && observer.exchange.is_none() {
                    self.remove(clock.instant(), endpoint, at);
                } else {
                    at += 1;
                }
                continue;
            };
            let observer = &mut self.observers[at];
            self.notes.push((observer.id, action.clone()));
            observer.act(clock, endpoint, mapping, homeserver, action);
            if observer.observation.is_over() && observer.ending.is_none() {
                self.remove(clock.instant(), endpoint, at);
                // An earlier one may be served now.
                at = 0;
            }
        }
    }

    /// Bytes of bodies that are not delivered, and observers.
    pub(crate) fn held(&self) -> usize {
        let held = self.observers.iter().map(|it| it.observation.held());
        held.sum::<usize>() + self.observers.len()
    }

    pub(crate) fn len(&self) -> usize {
        let known = self.observers.iter().filter(|it| it.id.is_some());
        known.count()
    }

    /// Whether it is the latest of its user, or its register waits for an answer.
    fn is_served(&self, at: usize) -> bool {
        let (before, later) = self.observers.split_at(at + 1);
        let observer = &before[at];
        observer.exchange.is_some()
            || later.iter().all(|other| {
                other.ending.is_some() || other.request.token != observer.request.token
            })
    }

    fn position(&self, id: ObservationId) -> Option<usize> {
        self.observers.iter().position(|it| it.id == Some(id))
    }

    fn remove(&mut self, now: Instant, endpoint: &mut Endpoint, at: usize) {
        let observer = self.observers.remove(at);
        if let Some(id) = observer.id {
            endpoint.forget_observation(now, id);
        }
        if let Some(exchange) = observer.exchange {
            let busy = Refusal::Overloaded {
                retry_after: Duration::from_secs(1),
            };
            endpoint.respond(now, exchange, busy.response(observer.request.format));
        }
    }
}

impl Observer {
    fn act(
        &mut self,
        clock: Clock,
        endpoint: &mut Endpoint,
        mapping: &mut Mapping,
        homeserver: &mut Homeserver,
        action: Action,
    ) {
        let now = clock.instant();
        match action {
            Action::Poll(poll) => self.poll(clock, homeserver, poll),
            Action::AnswerRegister { delivery, body } => {
                let response = mapping.close(&self.request, &ok(&body));
                let assurance = match delivery {
                    Some(_) => Assurance::Acknowledged,
                    None => Assurance::None,
                };
                let exchange = self.exchange.take().expect("a register");
                self.id = endpoint.respond_observed(now, exchange, response, assurance);
                self.delivery = delivery;
                if self.id.is_none() {
                    self.observation.handle_reset();
                }
            }
            Action::Push { delivery, body } => {
                let response = mapping.close(&self.request, &ok(&body));
                let id = self.id.expect("an observation");
                if !response.code.is_success() {
                    let observation = &mut self.observation;
                    return observation.handle_undelivered(now, delivery, Undelivered::Unsendable);
                }
                match endpoint.notify(now, id, response) {
                    Ok(()) => self.delivery = Some(delivery),
                    Err(NotifyError::NoRoom) => {
                        let observation = &mut self.observation;
                        observation.handle_undelivered(now, delivery, Undelivered::Abandoned);
                    }
                    Err(error) => panic!("cannot notify: {error:?}"),
                }
            }
            Action::RefuseRegister(refusal) => {
                let response = mapping.close(&self.request, &refused(&refusal));
                let exchange = self.exchange.take().expect("a register");
                endpoint.respond(now, exchange, response);
            }
            Action::EndWith(refusal) => {
                let response = mapping.close(&self.request, &refused(&refusal));
                if let Some(id) = self.id {
                    endpoint.refuse_observation(now, id, response.clone());
                    self.ending = Some(Ending {
                        response,
                        has_failed: false,
                    });
                }
            }
            Action::Ended(_) => {}
        }
        if self.observation.is_over()
            && let Some((asked, _)) = self.poll.take()
        {
            homeserver.cancel(asked);
        }
    }

    fn poll(&mut self, clock: Clock, homeserver: &mut Homeserver, poll: Poll) {
        if let Some((asked, _)) = self.poll.take() {
            homeserver.cancel(asked);
        }
        let request = HttpRequest {
            query: Query::from_items(poll.query),
            ..self.request.clone()
        };
        let asked = homeserver.ask(clock.now, to_call(&request));
        self.poll = Some((asked, poll.id));
    }
}

/// Patience that is short, so that much happens.
fn settings() -> Settings {
    Settings {
        upstream_backoff_limit: Duration::from_secs(20),
        delivery_backoff: Duration::from_secs(20),
        delivery_backoff_limit: Duration::from_secs(80),
        orphan: Duration::from_secs(400),
        ..Settings::default()
    }
}

fn ok(body: &sync::Body) -> Heard {
    Heard {
        status: 200,
        retry_after: None,
        body: body.as_bytes().to_vec(),
    }
}

fn refused(refusal: &sync::Refusal) -> Heard {
    Heard {
        status: refusal.status,
        retry_after: refusal.retry_after.map(|wait| wait.as_secs()),
        body: refusal.body.as_bytes().to_vec(),
    }
}

fn to_answer(heard: &Heard) -> Answer {
    let status = http::StatusCode::from_u16(heard.status).expect("a status");
    let seconds = status::max_age(status, None, &heard.body);
    Answer {
        status: heard.status,
        retry_after: seconds.map(|seconds| Duration::from_secs(seconds.into())),
        body: heard.body.clone().into(),
    }
}
