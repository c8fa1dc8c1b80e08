//! The gateway: an endpoint, and what stands behind it, in front of a homeserver.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::Event;
use vestibule_lowband::gateway::{
    self, Ask, AskId, EndpointAt, Finished, Footprint, HttpAnswer, Limits, Settings, Shared,
};
use vestibule_lowband::mapping::server::HttpRequest;
use vestibule_lowband::mapping::token::Token;
use vestibule_lowband::sync::{self, PollFailure};

use crate::homeserver::Homeserver;
use crate::notes::{Call, Heard};
use crate::world::Clock;

/// One association, as the gateway has it.
pub(crate) struct Gateway {
    pub(crate) endpoint: Endpoint,
    gateway: gateway::Gateway,
    /// What the homeserver calls the requests that are under way.
    asked: HashMap<u64, AskId>,
    /// What was done, for those who look for a fault.
    pub(crate) notes: Vec<Note>,
    pub(crate) registered: u64,
    pub(crate) delivered: u64,
    pub(crate) undelivered: u64,
}

/// Something that a gateway has done.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when a seed has failed")]
pub(crate) enum Note {
    Asked(AskId, String),
    Cancelled(AskId),
    Finished(Finished),
}

impl Gateway {
    pub(crate) fn new(endpoint: Endpoint, shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            endpoint,
            gateway: gateway::Gateway::new(Arc::new(settings()), shared, seed),
            asked: HashMap::new(),
            notes: Vec::new(),
            registered: 0,
            delivered: 0,
            undelivered: 0,
        }
    }

    /// Something authentic has come.
    pub(crate) fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        let now = clock.instant();
        let taken = self.endpoint.handle_datagram(now, datagram);
        assert!(taken.is_ok(), "{taken:?}");
        let (gateway, mut replies) = self.parts(now);
        gateway.handle_peer_alive(now, &mut replies);
    }

    pub(crate) fn handle_event(&mut self, clock: Clock, homeserver: &mut Homeserver, event: Event) {
        match event {
            Event::NotificationDelivered(_) => self.delivered += 1,
            Event::NotificationFailed(..) => self.undelivered += 1,
            _ => {}
        }
        let now = clock.instant();
        let (gateway, mut replies) = self.parts(now);
        gateway.handle_event(now, &mut replies, event);
        self.drive(clock, homeserver);
    }

    /// The homeserver has answered a request, or has not.
    pub(crate) fn handle_answer(
        &mut self,
        clock: Clock,
        homeserver: &mut Homeserver,
        id: u64,
        answer: Result<Heard, PollFailure>,
    ) {
        // It may have been asked by an association that is over.
        let Some(id) = self.asked.remove(&id) else {
            return;
        };
        let now = clock.instant();
        let (gateway, mut replies) = self.parts(now);
        gateway.handle_answer(now, &mut replies, id, &answer.map(to_answer));
        self.drive(clock, homeserver);
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.gateway.poll_timeout()
    }

    pub(crate) fn handle_timer(&mut self, clock: Clock, homeserver: &mut Homeserver) {
        let now = clock.instant();
        let (gateway, mut replies) = self.parts(now);
        gateway.handle_timeout(now, &mut replies);
        let next = gateway.poll_timeout();
        assert!(next.is_none_or(|at| at > now), "still due");
        self.drive(clock, homeserver);
    }

    /// All that is kept for requests and observations.
    pub(crate) fn footprint(&self) -> Footprint {
        self.gateway.footprint()
    }

    pub(crate) fn observations(&self) -> usize {
        self.gateway.observations()
    }

    /// Asks what is to be asked.
    fn drive(&mut self, clock: Clock, homeserver: &mut Homeserver) {
        while let Some(ask) = self.gateway.poll_ask() {
            match ask {
                Ask::Request { id, request, .. } => {
                    self.notes.push(Note::Asked(id, request.path_and_query()));
                    let asked = homeserver.ask(clock.now, to_call(&request));
                    self.asked.insert(asked, id);
                }
                Ask::Cancel(id) => {
                    self.notes.push(Note::Cancelled(id));
                    let cancelled = self.asked.extract_if(|_, other| *other == id);
                    for (asked, _) in cancelled {
                        homeserver.cancel(asked);
                    }
                }
            }
        }
        while let Some(finished) = self.gateway.poll_record() {
            self.registered += u64::from(finished.exchange == gateway::Exchange::Register);
            self.notes.push(Note::Finished(finished));
        }
    }

    fn parts(&mut self, now: Instant) -> (&mut gateway::Gateway, EndpointAt<'_>) {
        let endpoint = &mut self.endpoint;
        (&mut self.gateway, EndpointAt { endpoint, now })
    }
}

/// What the gateways of a world share. In every other world requests wait for each other.
pub(crate) fn shared(seed: u64) -> Arc<Shared> {
    let requests_per_association = match seed % 2 {
        0 => Limits::default().requests_per_association,
        _ => 1,
    };
    let limits = Limits {
        requests_per_association,
        ..Limits::default()
    };
    Shared::new(limits, RandomState::new())
}

/// Patience that is short, so that much happens.
fn settings() -> Settings {
    Settings {
        sync: sync::Settings {
            upstream_backoff_limit: Duration::from_secs(20),
            delivery_backoff: Duration::from_secs(20),
            delivery_backoff_limit: Duration::from_secs(80),
            orphan: Duration::from_secs(400),
            ..sync::Settings::default()
        },
        ..Settings::default()
    }
}

/// The request as the homeserver gets it.
fn to_call(request: &HttpRequest) -> Call {
    Call {
        method: request.method.clone(),
        target: request.path_and_query(),
        token: request.token.as_ref().map(Token::as_str).map(str::to_owned),
        body: request.body.clone(),
    }
}

fn to_answer(heard: Heard) -> HttpAnswer {
    HttpAnswer {
        status: StatusCode::from_u16(heard.status).expect("a status"),
        retry_after: heard.retry_after.map(|seconds| seconds.to_string()),
        body: heard.body.into(),
    }
}
