use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use vestibule_coap::endpoint::{Acknowledge, Config, Event, Failure, Request, RequestId, Response};
use vestibule_coap::{Code, Endpoint, OptionList, OptionNumber};

use super::driver::{Application, Driver, Endpoints};
use super::trace::Traced;
use crate::{PATIENCE, wait_for};

/// A client by our endpoint.
pub struct CoapClient {
    driver: Driver<Inbox>,
    server: SocketAddr,
}

/// What has happened and nobody has looked for yet.
#[derive(Debug, Default)]
struct Inbox {
    events: VecDeque<Event>,
}

impl CoapClient {
    /// A client of this server, on a port of its own.
    pub fn to(server: SocketAddr, config: Config) -> Self {
        Self {
            driver: Driver::start(Inbox::default(), config),
            server,
        }
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn request(&self, request: Request) -> Result<Response, Failure> {
        let id = self.with(|now, endpoint| endpoint.request(now, request).expect("few requests"));
        self.answer(id).map(|(response, _)| response)
    }

    /// Registers, and waits for the first answer, which must allow it.
    pub fn observe(&self, request: Request, acknowledge: Acknowledge) -> (RequestId, Response) {
        let id = self.with(|now, endpoint| {
            let id = endpoint.observe(now, request, acknowledge);
            id.expect("few requests")
        });
        let (response, observed) = self.answer(id).expect("an answer");
        assert!(observed, "not observed: {response:?}");
        (id, response)
    }

    /// Waits for a notification.
    pub fn notification(&self, id: RequestId) -> Response {
        self.wait("a notification", |event| match event {
            Event::Notification { request, response } if *request == id => Some(response.clone()),
            _ => None,
        })
    }

    /// Waits until the server ends the observation with an answer.
    pub fn refusal(&self, id: RequestId) -> Response {
        self.wait("the end of an observation", |event| match event {
            Event::ObservationRefused { request, response } if *request == id => {
                Some(response.clone())
            }
            _ => None,
        })
    }

    /// Acknowledges what was notified last.
    pub fn acknowledge(&self, id: RequestId) {
        self.with(|_, endpoint| endpoint.acknowledge(id));
    }

    /// Ends a request or an observation.
    pub fn cancel(&self, id: RequestId) {
        self.with(|now, endpoint| endpoint.cancel(now, id));
    }

    /// Asks for a sign of life; how long it took.
    pub fn ping(&self) -> Duration {
        self.with(|now, endpoint| endpoint.ping(now));
        self.wait("a pong", |event| match event {
            Event::Pong(time) => Some(*time),
            _ => None,
        })
    }

    /// Waits until nothing of ours is on its way any more.
    pub fn wait_for_silence(&self) {
        wait_for("silence", || {
            let footprint = self.with(|_, endpoint| endpoint.footprint());
            (footprint.unsettled == 0 && footprint.requests == 0).then_some(())
        });
    }

    /// Every datagram so far.
    pub fn trace(&self) -> Vec<Traced> {
        self.driver.trace()
    }

    fn answer(&self, id: RequestId) -> Result<(Response, bool), Failure> {
        self.wait("an answer", |event| match event {
            Event::Response {
                request,
                response,
                observed,
            } if *request == id => Some(Ok((response.clone(), *observed))),
            Event::RequestFailed(request, failure) if *request == id => Some(Err(*failure)),
            _ => None,
        })
    }

    /// Waits for the first event that `look` likes, and takes it.
    fn wait<T>(&self, what: &str, look: impl Fn(&Event) -> Option<T>) -> T {
        wait_for(what, || {
            self.driver.with(|_, inbox, _| {
                let events = inbox.events.iter().enumerate();
                let (at, found) = events.filter_map(|(at, it)| Some((at, look(it)?))).next()?;
                inbox.events.remove(at);
                Some(found)
            })
        })
    }

    fn with<R>(&self, act: impl FnOnce(Instant, &mut Endpoint) -> R) -> R {
        self.driver.with(|now, _, endpoints| {
            let endpoint = endpoints.of(self.server);
            act(now, endpoint.expect("room for one peer"))
        })
    }
}

impl Application for Inbox {
    fn handle_event(&mut self, _: Instant, _: SocketAddr, _: &mut Endpoint, event: Event) {
        self.events.push_back(event);
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut Endpoints) {}
}

impl fmt::Debug for CoapClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CoapClient").field(&self.server).finish()
    }
}

/// A confirmable request; the target is a path, perhaps with a query.
pub fn coap_request(code: Code, target: &str, payload: impl Into<Bytes>) -> Request {
    let mut options = OptionList::new();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts = [
        (OptionNumber::URI_PATH, path.trim_start_matches('/'), '/'),
        (OptionNumber::URI_QUERY, query, '&'),
    ];
    for (number, text, separator) in parts {
        for part in text.split(separator).filter(|part| !part.is_empty()) {
            options.push(number, part).expect("a short part");
        }
    }
    Request {
        code,
        options,
        payload: payload.into(),
        once: &[],
        confirmable: true,
        deadline: PATIENCE,
    }
}
