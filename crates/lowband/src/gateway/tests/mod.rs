mod endings;
mod limits;
mod observation_limits;
mod observing;
mod requests;

use std::collections::VecDeque;
use std::hash::RandomState;
use std::time::Duration;

use http::{Method, StatusCode};
use vestibule_coap::endpoint::{
    Acknowledge, Assurance, Budget, Config, ExchangeId, NotifyError, ObservationId, Owner, Request,
    RequestId, Response,
};
use vestibule_coap::{Code, Endpoint, OptionList, OptionNumber};

use super::*;
use crate::keys::Keys;
use crate::mapping::server::HttpRequest;
use crate::mapping::token::Token;
use crate::mapping::{ACCESS_TOKEN, client};
use crate::transcode::{Limits as Transcode, cbor_to_json};

/// A client, and its gateway, on a path without delay.
struct Pair {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    gateway: Gateway,
    shared: Arc<Shared>,
    /// Whether what the gateway sends is lost.
    is_deaf: bool,
    /// Whether the gateway is not told what the endpoint says.
    is_untold: bool,
    /// Empty acknowledgements that the client was sent.
    acknowledged: usize,
    asks: VecDeque<Asking>,
    cancelled: Vec<AskId>,
    records: Vec<Finished>,
    heard: VecDeque<Heard>,
}

/// What the homeserver was asked.
struct Asking {
    id: AskId,
    request: HttpRequest,
    timeout: Duration,
}

/// What the client has heard.
#[derive(Debug)]
enum Heard {
    Answer {
        request: RequestId,
        response: Response,
        observed: bool,
    },
    Notification(Response),
    LastAnswer(Response),
}

/// What a client sends.
#[derive(Clone, Copy)]
struct Sent<'a> {
    code: Code,
    path: &'a str,
    query: &'a [&'a str],
    token: Option<&'a str>,
    payload: &'a [u8],
}

const ROOMS: Sent<'static> = Sent {
    code: Code::GET,
    path: "I",
    query: &[],
    token: Some("secret"),
    payload: &[],
};
const SYNC: Sent<'static> = Sent { path: "7", ..ROOMS };
const LONG: &[&str] = &["timeout=30000"];
const NEWS: &str = r#"{"next_batch":"s1","rooms":{"join":{"!r":{}}}}"#;
const NOTHING: &str = r#"{"next_batch":"s0"}"#;
const SECOND: Duration = Duration::from_secs(1);

impl Pair {
    fn new(limits: Limits) -> Self {
        Self::beside(Shared::new(limits, RandomState::new()))
    }

    /// Another association with the same gateway.
    fn beside(shared: Arc<Shared>) -> Self {
        let mut ours = Config {
            nstart: 1_000,
            max_requests: 1_000,
            ..Config::default()
        };
        client::configure(&mut ours);
        let mut theirs = Config::default();
        shared.limits().configure(&mut theirs);
        let budget = Budget::new(64 << 20);
        Self {
            now: Instant::now(),
            client: Endpoint::new(Arc::new(ours), budget.clone(), [1; 32]),
            server: Endpoint::new(Arc::new(theirs), budget, [2; 32]),
            gateway: Gateway::new(Arc::default(), Arc::clone(&shared), 7),
            shared,
            is_deaf: false,
            is_untold: false,
            acknowledged: 0,
            asks: VecDeque::new(),
            cancelled: Vec::new(),
            records: Vec::new(),
            heard: VecDeque::new(),
        }
    }

    fn send(&mut self, sent: Sent<'_>) -> RequestId {
        let id = self.client.request(self.now, sent.request()).unwrap();
        self.run();
        id
    }

    fn observe(&mut self, sent: Sent<'_>) -> RequestId {
        let request = sent.request();
        let id = self
            .client
            .observe(self.now, request, Acknowledge::AtOnce)
            .unwrap();
        self.run();
        id
    }

    /// Observes, from an answer that has nothing new on. The homeserver is polled then.
    fn observing(&mut self, sent: Sent<'_>) -> (RequestId, Asking) {
        let id = self.observe(sent);
        self.answer_next(200, NOTHING);
        assert_eq!(self.answer_to(id).code, Code::CONTENT);
        self.wait(SECOND);
        (id, self.asked())
    }

    /// The homeserver answers.
    fn answer(&mut self, id: AskId, status: u16, body: &str) {
        self.tell(id, &Ok(answer(status, body)));
    }

    fn answer_next(&mut self, status: u16, body: &str) {
        let id = self.asked().id;
        self.answer(id, status, body);
    }

    fn tell(&mut self, id: AskId, answer: &Result<HttpAnswer, PollFailure>) {
        let (now, endpoint) = (self.now, &mut self.server);
        let mut replies = EndpointAt { endpoint, now };
        self.gateway.handle_answer(now, &mut replies, id, answer);
        self.run();
    }

    /// Time passes, in steps as the timers want them.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let timers = [
                self.client.poll_timeout(),
                self.server.poll_timeout(),
                self.gateway.poll_timeout(),
            ];
            let next = timers.into_iter().flatten().min();
            self.now = next.map_or(until, |next| next.max(self.now).min(until));
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            let (now, endpoint) = (self.now, &mut self.server);
            let mut replies = EndpointAt { endpoint, now };
            self.gateway.handle_timeout(now, &mut replies);
            let timer = self.gateway.poll_timeout();
            assert!(timer.is_none_or(|at| at > now), "still due");
            self.run();
            if self.now == until {
                return;
            }
        }
    }

    /// Carries what there is to be carried.
    fn run(&mut self) {
        let now = self.now;
        loop {
            let mut is_idle = true;
            while let Some(datagram) = self.client.poll_transmit() {
                is_idle = false;
                self.server.handle_datagram(now, &datagram).unwrap();
                let endpoint = &mut self.server;
                let mut replies = EndpointAt { endpoint, now };
                self.gateway.handle_peer_alive(now, &mut replies);
            }
            while !self.is_untold
                && let Some(event) = self.server.poll_event()
            {
                is_idle = false;
                let endpoint = &mut self.server;
                let mut replies = EndpointAt { endpoint, now };
                self.gateway.handle_event(now, &mut replies, event);
            }
            while let Some(datagram) = self.server.poll_transmit() {
                is_idle = false;
                if !self.is_deaf {
                    self.acknowledged += usize::from(datagram.len() == 4);
                    self.client.handle_datagram(now, &datagram).unwrap();
                }
            }
            while let Some(event) = self.client.poll_event() {
                self.hear(event);
            }
            if is_idle {
                break;
            }
        }
        while let Some(ask) = self.gateway.poll_ask() {
            match ask {
                Ask::Request {
                    id,
                    request,
                    timeout,
                } => self.asks.push_back(Asking {
                    id,
                    request: *request,
                    timeout,
                }),
                Ask::Cancel(id) => self.cancelled.push(id),
            }
        }
        while let Some(finished) = self.gateway.poll_record() {
            self.records.push(finished);
        }
    }

    fn hear(&mut self, event: Event) {
        self.heard.push_back(match event {
            Event::Response {
                request,
                response,
                observed,
            } => Heard::Answer {
                request,
                response,
                observed,
            },
            Event::Notification { response, .. } => Heard::Notification(response),
            Event::ObservationRefused { response, .. } => Heard::LastAnswer(response),
            // It was deaf.
            Event::RequestFailed(..) => return,
            other => panic!("{other:?}"),
        });
    }

    /// The gateway is sent this, as other clients may write it.
    fn write(&mut self, datagram: &[u8]) {
        self.server.handle_datagram(self.now, datagram).unwrap();
        self.run();
    }

    /// What the homeserver was asked next.
    fn asked(&mut self) -> Asking {
        self.asks.pop_front().expect("something is asked")
    }

    /// The answer to a request, which must be there.
    fn answer_to(&mut self, id: RequestId) -> Response {
        let is_it =
            |heard: &Heard| matches!(heard, Heard::Answer { request, .. } if *request == id);
        let at = self.heard.iter().position(is_it).expect("an answer");
        match self.heard.remove(at) {
            Some(Heard::Answer { response, .. }) => response,
            other => panic!("{other:?}"),
        }
    }

    fn last_answer(&mut self) -> Response {
        match self.heard.pop_front() {
            Some(Heard::LastAnswer(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn notified(&mut self) -> Response {
        match self.heard.pop_front() {
            Some(Heard::Notification(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The last record, which must be there.
    fn record(&self) -> &Finished {
        self.records.last().expect("a record")
    }

    fn exceeded(&self, which: Exceeded) -> u64 {
        self.shared.exceeded(which)
    }
}

impl Sent<'_> {
    fn request(&self) -> Request {
        let mut options = OptionList::new();
        let mut push = |number, value: &str| options.push(number, value.as_bytes()).unwrap();
        for segment in self.path.split('/') {
            push(OptionNumber::URI_PATH, segment);
        }
        for item in self.query {
            push(OptionNumber::URI_QUERY, item);
        }
        if let Some(token) = self.token {
            push(ACCESS_TOKEN, token);
        }
        Request {
            code: self.code,
            options,
            payload: self.payload.to_vec().into(),
            confirmable: true,
            deadline: Duration::from_secs(3600),
            once: &[],
        }
    }
}

fn answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer {
        status: StatusCode::from_u16(status).unwrap(),
        retry_after: None,
        body: body.to_owned().into(),
    }
}

/// The body of a response as JSON, which it may be already.
fn json(response: &Response) -> String {
    let payload = response.payload.to_vec();
    if payload.starts_with(b"{") {
        return String::from_utf8(payload).unwrap();
    }
    let mut json = Vec::new();
    cbor_to_json(&payload, Keys::V1, &Transcode::RESPONSE, &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

fn max_age(response: &Response) -> Option<u64> {
    response.options.uint(OptionNumber::MAX_AGE)
}

fn token(text: &str) -> Token {
    Token::parse(text.as_bytes()).unwrap().unwrap()
}

/// An endpoint that does as it is told.
#[derive(Default)]
struct Scripted {
    notify: Option<NotifyError>,
    observation: Option<ObservationId>,
    responses: Vec<Response>,
}

impl Replies for Scripted {
    fn accept(&mut self, _: ExchangeId) {}

    fn drop_exchange(&mut self, _: ExchangeId) {}

    fn set_owner(&mut self, _: ExchangeId, _: Owner) {}

    fn respond(&mut self, _: ExchangeId, response: Response) {
        self.responses.push(response);
    }

    fn respond_observed(
        &mut self,
        _: ExchangeId,
        response: Response,
        _: Assurance,
    ) -> Option<ObservationId> {
        self.responses.push(response);
        self.observation
    }

    fn notify(&mut self, _: ObservationId, response: Response) -> Result<(), NotifyError> {
        self.responses.push(response);
        self.notify.map_or(Ok(()), Err)
    }

    fn refuse_observation(&mut self, _: ObservationId, response: Response) {
        self.responses.push(response);
    }

    fn forget_observation(&mut self, _: ObservationId) {}
}
