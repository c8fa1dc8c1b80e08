//! The companion: it takes the calls of local clients over HTTP and speaks CoAP to the gateway.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use http::Method;
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Event, Failure, Request, RequestId, Response};
use vestibule_lowband::mapping::client::{self, Exchange, Outcome, Session, Settings};

use crate::notes::{Call, Heard};
use crate::syncs::Syncs;
use crate::world::Clock;

/// One companion with one association, and all that it has promised to local clients.
pub(crate) struct Companion {
    pub(crate) link: Link,
    open: HashMap<RequestId, Open>,
    pub(crate) syncs: Syncs,
    /// What local clients are answered, by the numbers of their calls.
    pub(crate) answers: VecDeque<(u64, Heard)>,
    last_heard: Instant,
    is_pinging: bool,
}

/// The association, and what requests and answers are translated with.
pub(crate) struct Link {
    pub(crate) endpoint: Endpoint,
    session: Session,
    settings: Settings,
}

/// A request that the gateway has not answered.
struct Open {
    number: u64,
    call: Call,
    exchange: Exchange,
    deadline: Duration,
    tries: u32,
}

/// After this silence of the gateway it is asked whether it is there, if something is observed.
const SILENCE: Duration = Duration::from_secs(60);

/// How often a request is opened, at most.
pub(crate) const TRIES: u32 = 3;

impl Companion {
    pub(crate) fn new(now: Instant, endpoint: Endpoint, settings: Settings, renews: bool) -> Self {
        Self {
            link: Link::new(endpoint, settings),
            open: HashMap::new(),
            syncs: Syncs::new(renews),
            answers: VecDeque::new(),
            last_heard: now,
            is_pinging: false,
        }
    }

    /// The association is lost, and there is another one.
    pub(crate) fn reconnect(&mut self, now: Instant, endpoint: Endpoint) {
        self.link = Link::new(endpoint, self.link.settings.clone());
        self.is_pinging = false;
        self.last_heard = now;
        let lost = self.open.drain().map(|(_, open)| (open.number, gone(502)));
        self.answers.extend(lost);
        self.syncs.handle_disconnected(now);
        self.drive(now);
    }

    /// A client wants something.
    pub(crate) fn handle_call(
        &mut self,
        now: Instant,
        number: u64,
        user: usize,
        call: Call,
        deadline: Duration,
    ) {
        if call.target.starts_with("/_matrix/client/v3/sync?") {
            self.syncs.handle_call(now, number, user, &call);
        } else {
            self.open(now, number, call, deadline, 1);
        }
        self.drive(now);
    }

    /// A client does not wait for the answer to its sync any more.
    pub(crate) fn handle_gone(&mut self, user: usize, number: u64) {
        self.syncs.handle_gone(user, number);
    }

    pub(crate) fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        self.last_heard = clock.instant();
        let endpoint = &mut self.link.endpoint;
        let taken = endpoint.handle_datagram(clock.instant(), datagram);
        assert!(taken.is_ok(), "{taken:?}");
    }

    pub(crate) fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Response {
                request,
                response,
                observed,
            } => match self.open.remove(&request) {
                Some(open) => self.close(now, open, &response),
                None => {
                    let link = &mut self.link;
                    self.syncs
                        .handle_registered(now, link, request, &response, observed);
                }
            },
            Event::Notification { request, response } => {
                let link = &mut self.link;
                self.syncs
                    .handle_notification(now, link, request, &response);
            }
            Event::ObservationRefused { request, response } => {
                self.syncs
                    .handle_refused(&mut self.link, request, &response);
            }
            Event::RequestFailed(request, failure) => match self.open.remove(&request) {
                Some(open)
                    if failure == Failure::BodyChanged && open.call.method == Method::GET =>
                {
                    self.open_again(now, open);
                }
                Some(open) => self.answers.push_back((open.number, gone(504))),
                None => self.syncs.handle_failed(now, request),
            },
            Event::Pong(_) => self.is_pinging = false,
            Event::PingFailed => {
                self.is_pinging = false;
                self.last_heard = now;
                self.syncs.handle_silence(now, &mut self.link);
            }
            event => panic!("for a client: {event:?}"),
        }
        self.drive(now);
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let silence =
            (self.syncs.is_observing() && !self.is_pinging).then_some(self.last_heard + SILENCE);
        [silence, self.syncs.next_timer()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn handle_timer(&mut self, now: Instant) {
        if self.syncs.is_observing() && !self.is_pinging && self.last_heard + SILENCE <= now {
            self.is_pinging = true;
            self.link.endpoint.ping(now);
        }
        self.syncs.handle_timeout(now);
        self.drive(now);
    }

    fn drive(&mut self, now: Instant) {
        self.syncs.drive(now, &mut self.link, &mut self.answers);
    }

    fn open(&mut self, now: Instant, number: u64, call: Call, deadline: Duration, tries: u32) {
        let (request, exchange) = self.link.open(now, &call, deadline);
        match self.link.endpoint.request(now, request) {
            Ok(id) => {
                let open = Open {
                    number,
                    call,
                    exchange,
                    deadline,
                    tries,
                };
                assert!(self.open.insert(id, open).is_none());
            }
            Err(_) => self.answers.push_back((number, gone(503))),
        }
    }

    fn close(&mut self, now: Instant, open: Open, response: &Response) {
        match self.link.close(&open.exchange, response) {
            Some(heard) => self.answers.push_back((open.number, heard)),
            None => self.open_again(now, open),
        }
    }

    fn open_again(&mut self, now: Instant, open: Open) {
        if open.tries == TRIES {
            return self.answers.push_back((open.number, gone(503)));
        }
        self.open(now, open.number, open.call, open.deadline, open.tries + 1);
    }
}

impl Link {
    fn new(endpoint: Endpoint, settings: Settings) -> Self {
        Self {
            endpoint,
            session: Session::new(),
            settings,
        }
    }

    /// A request as the endpoint takes it.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        call: &Call,
        deadline: Duration,
    ) -> (Request, Exchange) {
        let authorization = call.token.as_ref().map(|token| format!("Bearer {token}"));
        let request = client::Request {
            method: &call.method,
            path_and_query: &call.target,
            authorization: authorization.as_deref(),
            body: &call.body,
        };
        let asked = client::open(&mut self.session, &self.settings, &request, now);
        let asked = asked.expect("it goes over CoAP");
        let request = Request {
            code: asked.code,
            options: asked.options,
            payload: asked.payload,
            confirmable: true,
            deadline,
            once: asked.once,
        };
        (request, asked.exchange)
    }

    /// A response as HTTP has it; `None` if the request is to be sent again.
    pub(crate) fn close(&mut self, exchange: &Exchange, response: &Response) -> Option<Heard> {
        match client::close(&mut self.session, &self.settings, exchange, response) {
            Outcome::Again => None,
            Outcome::Answer(answer) => Some(Heard {
                status: answer.status.as_u16(),
                retry_after: answer.retry_after,
                body: answer.body,
            }),
        }
    }
}

/// What a client is told when the gateway has said nothing.
fn gone(status: u16) -> Heard {
    Heard {
        status,
        retry_after: None,
        body: br#"{"errcode":"M_UNKNOWN"}"#.to_vec(),
    }
}
