//! The gateway: an endpoint, the mapping, and observations of sync in front of a homeserver.

use std::collections::HashMap;
use std::time::Instant;

use http::StatusCode;
use vestibule_coap::endpoint::{
    Event, ExchangeId, IncomingRequest, Observe, PartialRequest, Response,
};
use vestibule_coap::{Code, Endpoint, OptionList};
use vestibule_lowband::mapping::endpoint::Kind;
use vestibule_lowband::mapping::server::{self, HttpRequest, Opened, Refusal, Settings, Upstream};
use vestibule_lowband::mapping::token::Token;
use vestibule_lowband::sync::PollFailure;

use crate::homeserver::Homeserver;
use crate::notes::{Call, Heard};
use crate::observers::Observers;
use crate::world::Clock;

/// One association, as the gateway has it.
pub(crate) struct Gateway {
    pub(crate) endpoint: Endpoint,
    pub(crate) mapping: Mapping,
    /// Requests that wait for a token.
    held: Vec<Held>,
    /// Requests that the homeserver has not answered.
    forwarded: HashMap<u64, (ExchangeId, HttpRequest)>,
    pub(crate) observers: Observers,
}

/// What requests and answers are translated with.
#[derive(Default)]
pub(crate) struct Mapping {
    session: server::Session,
    settings: Settings,
}

struct Held {
    until: Instant,
    received: Instant,
    request: IncomingRequest,
}

impl Gateway {
    pub(crate) fn new(endpoint: Endpoint, seed: u64) -> Self {
        Self {
            endpoint,
            mapping: Mapping::default(),
            held: Vec::new(),
            forwarded: HashMap::new(),
            observers: Observers::new(seed),
        }
    }

    /// Something authentic has come.
    pub(crate) fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        let taken = self.endpoint.handle_datagram(clock.instant(), datagram);
        assert!(taken.is_ok(), "{taken:?}");
        self.observers
            .handle_peer_alive(clock.instant(), &mut self.endpoint);
    }

    pub(crate) fn handle_event(&mut self, clock: Clock, homeserver: &mut Homeserver, event: Event) {
        match event {
            Event::Request(request) => {
                self.open(clock, homeserver, clock.instant(), request);
                self.open_held(clock, homeserver);
            }
            Event::Partial(request) => {
                self.mapping.hear(clock.instant(), &request);
                self.open_held(clock, homeserver);
            }
            Event::NotificationDelivered(id) => {
                self.observers
                    .handle_delivered(clock.instant(), &mut self.endpoint, id);
            }
            Event::NotificationFailed(id, why) => {
                self.observers.handle_undelivered(clock.instant(), id, why);
            }
            Event::ObservationEnded(id, _) => self.observers.handle_ended(id),
            Event::Pong(_) | Event::PingFailed => {}
            event => panic!("for a server: {event:?}"),
        }
        self.drive(clock, homeserver);
    }

    /// The homeserver has answered a request, or has not.
    pub(crate) fn handle_answer(
        &mut self,
        clock: Clock,
        homeserver: &mut Homeserver,
        id: u64,
        answer: &Result<Heard, PollFailure>,
    ) {
        if let Some((exchange, request)) = self.forwarded.remove(&id) {
            let response = match answer {
                Ok(heard) => self.mapping.close(&request, heard),
                Err(PollFailure::TimedOut) => Refusal::UpstreamTimeout.response(request.format),
                Err(_) => Refusal::Unreachable.response(request.format),
            };
            self.endpoint.respond(clock.instant(), exchange, response);
        } else {
            self.observers.handle_answer(clock.instant(), id, answer);
        }
        self.drive(clock, homeserver);
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let held = self.held.iter().map(|held| held.until);
        held.chain(self.observers.next_timer()).min()
    }

    pub(crate) fn handle_timer(&mut self, clock: Clock, homeserver: &mut Homeserver) {
        let now = clock.instant();
        let (due, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held: &Held| held.until <= now);
        self.held = held;
        for held in due {
            self.open(clock, homeserver, held.received, held.request);
        }
        self.observers.handle_timeout(now);
        self.drive(clock, homeserver);
    }

    /// All that is kept for requests and observations.
    pub(crate) fn held(&self) -> usize {
        self.held.len() + self.forwarded.len() + self.observers.held()
    }

    /// The token that others wait for may have come.
    fn open_held(&mut self, clock: Clock, homeserver: &mut Homeserver) {
        if self.mapping.session.take_new_token() {
            for held in std::mem::take(&mut self.held) {
                self.open(clock, homeserver, held.received, held.request);
            }
        }
    }

    fn open(
        &mut self,
        clock: Clock,
        homeserver: &mut Homeserver,
        received: Instant,
        request: IncomingRequest,
    ) {
        let now = clock.instant();
        let (exchange, observe) = (request.exchange, request.observe);
        let asked = server::Request {
            code: request.code,
            options: &request.options,
            payload: &request.payload,
            message_id: request.message_id,
            received,
        };
        let Mapping { session, settings } = &mut self.mapping;
        let opened = server::open(session, settings, &asked, now);
        if let Some(Observe::Deregister { .. }) = observe {
            // It is answered for the sake of it: the observation is gone already.
            return self.endpoint.respond(now, exchange, nothing());
        }
        match opened {
            Ok(Opened::Forward(http)) => match (http.kind, observe) {
                (Kind::Sync { .. }, Some(Observe::Register { replaces })) => {
                    let endpoint = &mut self.endpoint;
                    self.observers
                        .register(now, endpoint, exchange, replaces, *http);
                }
                _ => {
                    let id = homeserver.ask(clock.now, to_call(&http));
                    self.forwarded.insert(id, (exchange, *http));
                }
            },
            Ok(Opened::Hold { until }) => self.held.push(Held {
                until,
                received,
                request,
            }),
            Err(refusal) => {
                let response = server::refuse(session, settings, &asked, refusal);
                self.endpoint.respond(now, exchange, response);
            }
        }
    }

    fn drive(&mut self, clock: Clock, homeserver: &mut Homeserver) {
        let Self {
            endpoint,
            mapping,
            observers,
            ..
        } = self;
        observers.drive(clock, endpoint, mapping, homeserver);
    }
}

impl Mapping {
    /// What a request that is not whole, or was refused, says for those after it.
    fn hear(&mut self, now: Instant, request: &PartialRequest) {
        server::note(&mut self.session, &request.options, request.message_id, now);
    }

    /// An answer of the homeserver, or one in its place, as a response.
    pub(crate) fn close(&mut self, request: &HttpRequest, heard: &Heard) -> Response {
        let retry_after = heard.retry_after.map(|seconds| seconds.to_string());
        let upstream = Upstream {
            status: StatusCode::from_u16(heard.status).expect("a status"),
            retry_after: retry_after.as_deref(),
            body: &heard.body,
        };
        server::close(&mut self.session, &self.settings, request, &upstream)
    }
}

/// The request as the homeserver gets it.
pub(crate) fn to_call(request: &HttpRequest) -> Call {
    Call {
        method: request.method.clone(),
        target: request.path_and_query(),
        token: request.token.as_ref().map(Token::as_str).map(str::to_owned),
        body: request.body.clone(),
    }
}

fn nothing() -> Response {
    Response {
        code: Code::CONTENT,
        options: OptionList::new(),
        payload: bytes::Bytes::from_static(&[0xa0]),
    }
}
