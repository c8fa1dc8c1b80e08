use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use vestibule_coap::endpoint::{Budget, Config};
use vestibule_coap::{Code, Endpoint, Message, Type};

use crate::gateway::{
    Ask, AskId, EndpointAt, Footprint, Gateway, HttpAnswer, Limits, Present, Settings, Shared,
};
use crate::mapping::server::HttpRequest;
use crate::sync::PollFailure;

/// Any script of datagrams, answers of a homeserver, and time, for a gateway and its endpoint: it keeps
/// to its limits, asks for nothing that it must not, and in the end holds nothing.
///
/// # Panics
///
/// When it does not hold.
pub fn check_gateway(input: &[u8]) {
    let mut world = World::new();
    let mut script = Script(input);
    while let Some(step) = script.byte() {
        match step % 8 {
            0 | 1 => {
                let datagram = script.bytes();
                world.take(datagram);
            }
            2 => {
                let which = script.byte().unwrap_or_default();
                world.settle(which, Type::Acknowledgement);
            }
            3 => {
                let which = script.byte().unwrap_or_default();
                world.settle(which, Type::Reset);
            }
            4 => world.wait(script.byte().unwrap_or_default()),
            5 => {
                let which = script.byte().unwrap_or_default();
                let status = script.byte().unwrap_or_default();
                let body = script.bytes();
                world.answer(which, &Ok(answer(status, body)));
            }
            6 => {
                let which = script.byte().unwrap_or_default();
                let failure = match script.byte().unwrap_or_default() % 3 {
                    0 => PollFailure::TimedOut,
                    1 => PollFailure::TooLarge,
                    _ => PollFailure::Unreachable,
                };
                world.answer(which, &Err(failure));
            }
            _ => {
                let which = script.byte().unwrap_or_default();
                let body = match script.byte().unwrap_or_default() % 3 {
                    0 => &b"{\"next_batch\":\"s0\"}"[..],
                    1 => b"{\"next_batch\":\"s1\",\"presence\":{\"events\":[1]}}",
                    _ => b"{\"next_batch\":\"s2\",\"to_device\":{\"events\":[2]}}",
                };
                world.answer(which, &Ok(answer(0, body)));
            }
        }
        world.check();
    }
    world.close();
}

/// Few of everything, so that all limits are reached.
const LIMITS: Limits = Limits {
    requests_per_association: 2,
    queue_per_association: 2,
    syncs_per_association: 2,
    requests_per_minute: 60,
    observers_per_association: 2,
    response_bytes: 2_048,
    requests: 2,
    polls: 3,
    observations: 2,
    observations_per_token: 1,
    held_bytes: 100,
};

const STATUSES: [u16; 8] = [200, 401, 403, 404, 429, 500, 502, 302];

struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A length, and as many bytes, or what there is.
    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte().unwrap_or_default());
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

struct World {
    now: Instant,
    endpoint: Endpoint,
    gateway: Gateway,
    shared: Arc<Shared>,
    budget: Budget,
    asked: BTreeSet<AskId>,
    /// The ids of confirmable messages that were sent.
    sent: Vec<u16>,
}

impl World {
    fn new() -> Self {
        let shared = Shared::new(LIMITS, RandomState::new());
        let mut config = Config::default();
        LIMITS.configure(&mut config);
        let budget = Budget::new(1 << 20);
        let settings = Arc::new(Settings::default());
        Self {
            now: Instant::now(),
            endpoint: Endpoint::new(Arc::new(config), budget.clone(), [7; 32]),
            gateway: Gateway::new(settings, Arc::clone(&shared), 7),
            shared,
            budget,
            asked: BTreeSet::new(),
            sent: Vec::new(),
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        // What is no message is answered as well.
        let _ = endpoint.handle_datagram(now, datagram);
        let mut replies = EndpointAt { endpoint, now };
        self.gateway.handle_peer_alive(now, &mut replies);
        self.run();
    }

    /// The client acknowledges or rejects one of the messages that it was sent last.
    fn settle(&mut self, which: u8, kind: Type) {
        let Some(id) = self.sent.iter().rev().nth(usize::from(which % 4)) else {
            return;
        };
        let kind = match kind {
            Type::Reset => 0x70,
            _ => 0x60,
        };
        let [high, low] = id.to_be_bytes();
        self.take(&[kind, 0, high, low]);
    }

    /// Time passes, with a step for each timer.
    fn wait(&mut self, time: u8) {
        let until = self.now + Duration::from_millis(200) * u32::from(time);
        for _ in 0..1_000 {
            let timers = [self.endpoint.poll_timeout(), self.gateway.poll_timeout()];
            let next = timers.into_iter().flatten().min();
            self.now = next.map_or(until, |next| next.max(self.now).min(until));
            let (now, endpoint) = (self.now, &mut self.endpoint);
            endpoint.handle_timeout(now);
            let mut replies = EndpointAt { endpoint, now };
            self.gateway.handle_timeout(now, &mut replies);
            let next = self.gateway.poll_timeout();
            assert!(next.is_none_or(|at| at > now), "still due");
            self.run();
            if self.now == until {
                return;
            }
        }
        panic!("timers do not end");
    }

    fn answer(&mut self, which: u8, answer: &Result<HttpAnswer, PollFailure>) {
        let len = self.asked.len().max(1);
        let id = self.asked.iter().nth(usize::from(which) % len).copied();
        let Some(id) = id else { return };
        self.asked.remove(&id);
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let mut replies = EndpointAt { endpoint, now };
        self.gateway.handle_answer(now, &mut replies, id, answer);
        self.run();
    }

    fn run(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            let (now, endpoint) = (self.now, &mut self.endpoint);
            let mut replies = EndpointAt { endpoint, now };
            self.gateway.handle_event(now, &mut replies, event);
        }
        while let Some(datagram) = self.endpoint.poll_transmit() {
            let message = Message::parse(&datagram).expect("a message");
            if message.header.kind == Type::Confirmable {
                self.sent.push(message.header.id);
            }
            let code = message.header.code;
            // Clients written in Go do not survive an empty body. Further blocks are asked for without one.
            let has_body = !message.payload.is_empty();
            assert!(has_body || !code.is_response() || code == Code::CONTINUE);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(ask) = self.gateway.poll_ask() {
            match ask {
                Ask::Request { id, request, .. } => {
                    check_request(&request);
                    assert!(self.asked.insert(id), "asked twice");
                }
                Ask::Cancel(id) => assert!(self.asked.remove(&id), "not asked"),
            }
        }
        while self.gateway.poll_record().is_some() {}
    }

    fn check(&self) {
        let Footprint {
            requests,
            observations,
            bytes,
        } = self.gateway.footprint();
        let present = self.shared.present();
        assert!(requests <= 6 && observations <= 4);
        assert_eq!(present.requests + present.polls, self.asked.len());
        assert!(present.requests <= 2 && present.polls <= 3 && present.observations <= 2);
        assert_eq!(present.held_bytes, bytes);
        assert_eq!(
            self.endpoint.footprint().observations,
            self.gateway.observations()
        );
    }

    fn close(mut self) {
        self.gateway.handle_closed(self.now);
        self.drain();
        assert!(self.asked.is_empty());
        assert_eq!(self.gateway.footprint(), Footprint::default());
        assert_eq!(self.shared.present(), Present::default());
        assert_eq!(self.gateway.poll_timeout(), None);
        drop(self.endpoint);
        assert_eq!(self.budget.used(), 0);
    }
}

fn answer(status: u8, body: &[u8]) -> HttpAnswer {
    let status = STATUSES[usize::from(status) % STATUSES.len()];
    HttpAnswer {
        status: StatusCode::from_u16(status).expect("a status"),
        retry_after: str::from_utf8(body).ok().map(str::to_owned),
        body: body.to_vec().into(),
    }
}

/// Nothing but the client-server API is asked for, whatever the path was.
fn check_request(request: &HttpRequest) {
    let target = request.path_and_query();
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()));
    let path = request.path.as_str();
    assert!(path.starts_with("/_matrix/client/") || path == "/.well-known/matrix/client");
    assert!(!path.contains(['?', '#']));
    let mut segments = path.split('/');
    assert!(segments.all(|segment| !matches!(segment, "." | ".." | "admin")));
}
