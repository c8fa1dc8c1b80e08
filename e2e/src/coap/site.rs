use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use vestibule_coap::endpoint::{
    Assurance, Event, ExchangeId, IncomingRequest, ObservationEnd, ObservationId, Observe,
    Response, Undelivered,
};
use vestibule_coap::{Code, ContentFormat, Endpoint, OptionList, OptionNumber};

use super::driver::{Application, Endpoints};

/// What the server of the tests serves.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) asked: Vec<Asked>,
    pub(super) observers: Vec<Observer>,
    /// How observations have ended.
    pub(super) ended: Vec<ObservationEnd>,
    /// Why notifications were not acknowledged.
    pub(super) undelivered: Vec<Undelivered>,
    /// How many notifications were acknowledged.
    pub(super) delivered: usize,
    /// All states of the observable resource.
    pub(super) states: Vec<Bytes>,
    slow: Vec<Slow>,
}

/// A request that the server was asked to execute.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub code: Code,
    /// The path, with a slash before each segment.
    pub path: String,
    /// All options.
    pub options: OptionList,
    /// The body.
    pub payload: Bytes,
    /// Whether the client repeats it until it is acknowledged.
    pub confirmable: bool,
}

/// An observation, and how much of the states it has been told.
#[derive(Debug)]
pub(super) struct Observer {
    peer: SocketAddr,
    id: ObservationId,
    /// The first state that it does not have.
    next: usize,
    /// Whether that one is on its way.
    outstanding: bool,
}

#[derive(Debug)]
struct Slow {
    due: Instant,
    peer: SocketAddr,
    exchange: ExchangeId,
}

impl Observer {
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn id(&self) -> ObservationId {
        self.id
    }
}

impl Asked {
    fn new(request: &IncomingRequest) -> Self {
        let segments = request.options.all(OptionNumber::URI_PATH);
        let path = segments.map(|segment| format!("/{}", String::from_utf8_lossy(segment)));
        Self {
            code: request.code,
            path: path.collect(),
            options: request.options.clone(),
            payload: request.payload.clone(),
            confirmable: request.confirmable,
        }
    }

    /// The value of a parameter of the query that is a number.
    fn parameter(&self, name: &str) -> usize {
        let mut queries = self.options.all(OptionNumber::URI_QUERY);
        let value = queries.find_map(|query| {
            let query = std::str::from_utf8(query).ok()?;
            query.strip_prefix(name)?.strip_prefix('=')?.parse().ok()
        });
        value.unwrap_or_default()
    }

    fn asks_for(&self, query: &str) -> bool {
        let mut queries = self.options.all(OptionNumber::URI_QUERY);
        queries.any(|other| other == query.as_bytes())
    }
}

impl Site {
    fn handle_request(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        endpoint: &mut Endpoint,
        request: &IncomingRequest,
    ) {
        let asked = Asked::new(request);
        let exchange = request.exchange;
        if asked.path == "/state" && request.observe.is_some() {
            self.observe(now, peer, endpoint, request, &asked);
        } else if asked.path == "/slow" {
            let wait = Duration::from_millis(asked.parameter("ms") as u64);
            self.slow.push(Slow {
                due: now + wait,
                peer,
                exchange,
            });
        } else {
            endpoint.respond(now, exchange, self.answer(&asked));
        }
        self.asked.push(asked);
    }

    fn answer(&self, asked: &Asked) -> Response {
        let is_read = asked.code.is_safe();
        match asked.path.as_str() {
            "/echo" if is_read => text(Code::CONTENT, "echo"),
            "/echo" => text(Code::CHANGED, asked.payload.clone()),
            "/count" => {
                let others = self.asked.iter().filter(|other| other.path == "/count");
                text(Code::CONTENT, others.count().to_string())
            }
            "/large" => text(Code::CONTENT, pattern(asked.parameter("n"))),
            "/state" => text(Code::CONTENT, self.state()),
            "/error" => {
                let code = asked.parameter("code");
                let code = Code::new((code / 100) as u8, (code % 100) as u8);
                text(code, "the reason")
            }
            "/formats" => match asked.options.uint(OptionNumber::ACCEPT) {
                None | Some(60) => formatted(Code::CONTENT, ContentFormat::CBOR, vec![0xa0]),
                Some(50) => formatted(Code::CONTENT, ContentFormat::JSON, "{}"),
                Some(_) => text(Code::NOT_ACCEPTABLE, "CBOR or JSON"),
            },
            _ => text(Code::NOT_FOUND, "nothing here"),
        }
    }

    fn observe(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        endpoint: &mut Endpoint,
        request: &IncomingRequest,
        asked: &Asked,
    ) {
        let response = text(Code::CONTENT, self.state());
        let assurance = if asked.asks_for("assured") {
            Assurance::Acknowledged
        } else {
            Assurance::None
        };
        match request.observe {
            Some(Observe::Register { replaces }) => {
                self.observers
                    .retain(|other| other.peer != peer || Some(other.id) != replaces);
                let exchange = request.exchange;
                if let Some(id) = endpoint.respond_observed(now, exchange, response, assurance) {
                    self.observers.push(Observer {
                        peer,
                        id,
                        next: self.states.len(),
                        outstanding: assurance == Assurance::Acknowledged,
                    });
                }
            }
            _ => endpoint.respond(now, request.exchange, response),
        }
    }

    fn state(&self) -> Bytes {
        self.states.last().cloned().unwrap_or_default()
    }

    fn observer(&mut self, peer: SocketAddr, id: ObservationId) -> Option<&mut Observer> {
        let mut observers = self.observers.iter_mut();
        observers.find(|other| (other.peer, other.id) == (peer, id))
    }
}

impl Application for Site {
    fn handle_event(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        endpoint: &mut Endpoint,
        event: Event,
    ) {
        match event {
            Event::Request(request) => self.handle_request(now, peer, endpoint, &request),
            Event::NotificationDelivered(id) => {
                self.delivered += 1;
                if let Some(observer) = self.observer(peer, id) {
                    observer.outstanding = false;
                }
            }
            // It is sent again.
            Event::NotificationFailed(id, why) => {
                self.undelivered.push(why);
                if let Some(observer) = self.observer(peer, id) {
                    observer.outstanding = false;
                    observer.next = observer.next.saturating_sub(1);
                }
            }
            Event::ObservationEnded(id, end) => {
                self.ended.push(end);
                self.observers
                    .retain(|other| (other.peer, other.id) != (peer, id));
            }
            // Its options are of no interest here.
            Event::Partial(_) => {}
            other => panic!("a server that asks nothing got {other:?}"),
        }
    }

    fn handle_timeout(&mut self, now: Instant, endpoints: &mut Endpoints) {
        for slow in self.slow.extract_if(.., |slow| slow.due <= now) {
            if let Some(endpoint) = endpoints.of(slow.peer) {
                endpoint.respond(now, slow.exchange, text(Code::CONTENT, "at last"));
            }
        }
        for observer in &mut self.observers {
            let state = self.states.get(observer.next);
            if let Some(state) = state.filter(|_| !observer.outstanding)
                && let Some(endpoint) = endpoints.of(observer.peer)
            {
                let response = text(Code::CONTENT, state.clone());
                let notified = endpoint.notify(now, observer.id, response);
                notified.unwrap_or_else(|error| panic!("cannot notify: {error:?}"));
                observer.outstanding = true;
                observer.next += 1;
            }
        }
    }
}

/// A body of this length in which no block is like another: numbers of five digits that count on.
pub fn pattern(length: usize) -> Bytes {
    let mut text: String = (0..length.div_ceil(6))
        .map(|at| format!("{at:05} "))
        .collect();
    text.truncate(length);
    Bytes::from(text)
}

fn text(code: Code, payload: impl Into<Bytes>) -> Response {
    formatted(code, ContentFormat::TEXT, payload)
}

fn formatted(code: Code, format: ContentFormat, payload: impl Into<Bytes>) -> Response {
    let mut options = OptionList::new();
    options.push_uint(OptionNumber::CONTENT_FORMAT, u64::from(format.0));
    Response {
        code,
        options,
        payload: payload.into(),
    }
}
