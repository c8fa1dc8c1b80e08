//! What comes from the client, and where it goes.

use std::time::Instant;

use vestibule_coap::endpoint::{Event, IncomingRequest, Observe, PartialRequest};

use super::observers::Observers;
use super::rate::Rate;
use super::record::Asked;
use super::requests::{Arrived, Requests};
use super::shared::Exceeded;
use super::turn::Turn;
use crate::mapping::endpoint::Kind;
use crate::mapping::server::{self, HttpRequest, Opened, Refusal};

/// What is under way between a client and the homeserver.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) requests: Requests,
    pub(super) observers: Observers,
    rate: Rate,
}

impl Traffic {
    /// `seed` decides the jitter of observations.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            requests: Requests::default(),
            observers: Observers::new(seed),
            rate: Rate::default(),
        }
    }

    pub(super) fn handle_event(&mut self, turn: &mut Turn<'_>, event: Event) {
        match event {
            Event::Request(request) => self.handle_request(turn, request),
            Event::Partial(request) => self.handle_partial(turn, &request),
            Event::NotificationDelivered(id) => self.observers.handle_delivered(turn, id),
            Event::NotificationFailed(id, why) => self.observers.handle_undelivered(turn, id, why),
            Event::ObservationEnded(id, why) => self.observers.handle_ended(turn, id, why),
            // A gateway asks nothing of its clients.
            Event::Notification { .. }
            | Event::ObservationRefused { .. }
            | Event::PingFailed
            | Event::Pong(_)
            | Event::RequestFailed(..)
            | Event::Response { .. } => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        self.open_held(turn, false);
        self.requests.advance(turn);
        self.observers.handle_timeout(turn.now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let times = [self.requests.poll_timeout(), self.observers.poll_timeout()];
        times.into_iter().flatten().min()
    }

    /// Bytes of requests that wait, and of bodies that are not delivered.
    pub(super) fn held_bytes(&self) -> usize {
        self.requests.held_bytes() + self.observers.held_bytes()
    }

    fn handle_request(&mut self, turn: &mut Turn<'_>, request: IncomingRequest) {
        let arrived = Arrived {
            request,
            received: turn.now,
        };
        let is_asking = !matches!(arrived.request.observe, Some(Observe::Deregister { .. }));
        let per_minute = turn.core.shared.limits().requests_per_minute;
        match self.rate.take(turn.now, per_minute) {
            Err(retry_after) if is_asking => {
                turn.core.shared.note(Exceeded::Rate);
                let Arrived { request, received } = &arrived;
                // What it says counts all the same.
                let session = &mut turn.core.session;
                server::note(session, &request.options, request.message_id, turn.now);
                self.end_replaced(turn, request.observe);
                let refusal = Refusal::TooManyRequests { retry_after };
                turn.reject(request, *received, refusal, Exceeded::Rate.name());
            }
            _ => self.open(turn, arrived),
        }
        self.open_held_if_token(turn);
    }

    fn handle_partial(&mut self, turn: &mut Turn<'_>, request: &PartialRequest) {
        let session = &mut turn.core.session;
        server::note(session, &request.options, request.message_id, turn.now);
        self.open_held_if_token(turn);
    }

    /// The token that others wait for may have come.
    fn open_held_if_token(&mut self, turn: &mut Turn<'_>) {
        if turn.core.session.take_new_token() {
            self.open_held(turn, true);
        }
    }

    fn open_held(&mut self, turn: &mut Turn<'_>, has_token: bool) {
        for arrived in self.requests.take_held(turn.now, has_token) {
            self.open(turn, arrived);
        }
    }

    fn open(&mut self, turn: &mut Turn<'_>, arrived: Arrived) {
        let Arrived { request, received } = &arrived;
        let (observe, received) = (request.observe, *received);
        let opened = turn.open(request, received);
        if let Some(Observe::Deregister { .. }) = observe {
            return turn.let_go(request, received);
        }
        let registers = match (&opened, observe) {
            (Ok(Opened::Forward(http)), Some(Observe::Register { replaces })) if is_sync(http) => {
                let digest = turn.core.digest(http);
                digest.map(|digest| (replaces, digest))
            }
            _ => None,
        };
        if registers.is_none() {
            self.end_replaced(turn, observe);
        }
        match opened {
            Ok(Opened::Forward(http)) => {
                if let Some(owner) = server::owner(&http) {
                    turn.replies.set_owner(request.exchange, owner);
                }
                let asked = Asked::new(request, received);
                match registers {
                    Some((replaces, digest)) => {
                        let observers = &mut self.observers;
                        observers.register(turn, asked, replaces, *http, digest);
                    }
                    None => self.requests.forward(turn, asked, http),
                }
            }
            Ok(Opened::Hold { until }) => self.requests.hold(turn, until, arrived),
            Err(refusal) => turn.reject(request, received, refusal, refusal.name()),
        }
    }

    /// A request that registers and will not be observed ends the observation with the same token of
    /// CoAP: the endpoint forgets it with the answer, and does not say so.
    fn end_replaced(&mut self, turn: &mut Turn<'_>, observe: Option<Observe>) {
        if let Some(Observe::Register { replaces: Some(id) }) = observe {
            self.observers.forget(turn, id);
        }
    }
}

/// Whether it is the one resource that is observed.
fn is_sync(request: &HttpRequest) -> bool {
    matches!(request.kind, Kind::Sync { .. })
}
