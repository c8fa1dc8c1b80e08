//! Two endpoints with nothing between them but what is to be lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use vestibule_coap::endpoint::{
    Acknowledge, Assurance, Budget, Config, Endpoint, Event, Footprint, IncomingRequest,
    ObservationEnd, ObservationId, Request, RequestId, Response,
};
use vestibule_coap::{Code, OptionList, OptionNumber};

use crate::line::{Names, Owner};
use crate::peer::told;

/// A client and a server. Datagrams arrive at once.
pub(crate) struct Pair {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) now: Instant,
    names: Names,
    /// What was sent since it was looked at last.
    lines: Vec<String>,
    sent: usize,
    /// Which datagrams are lost, counted from 0.
    lost: Vec<usize>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Config::default())
    }

    pub(crate) fn with(client: Config, server: Config) -> Self {
        let endpoint = |config, seed| {
            let budget = Budget::new(1 << 20);
            Endpoint::new(Arc::new(config), budget, [seed; 32])
        };
        Self {
            client: endpoint(client, 1),
            server: endpoint(server, 2),
            now: Instant::now(),
            names: Names::default(),
            lines: Vec::new(),
            sent: 0,
            lost: Vec::new(),
        }
    }

    /// These datagrams will be lost, counted from the next one as 0.
    pub(crate) fn lose(&mut self, datagrams: &[usize]) {
        self.lost = datagrams.iter().map(|at| self.sent + at).collect();
    }

    pub(crate) fn request(&mut self, request: Request) -> RequestId {
        let id = self.client.request(self.now, request).expect("room");
        self.exchange();
        id
    }

    pub(crate) fn observe(&mut self, request: Request) -> RequestId {
        let acknowledge = Acknowledge::AtOnce;
        let id = self.client.observe(self.now, request, acknowledge);
        self.exchange();
        id.expect("room")
    }

    pub(crate) fn cancel(&mut self, request: RequestId) {
        self.client.cancel(self.now, request);
        self.exchange();
    }

    /// What the server is asked.
    pub(crate) fn asked(&mut self) -> IncomingRequest {
        match told(&mut self.server) {
            Some(Event::Request(request)) => request,
            event => panic!("{event:?} in place of a request"),
        }
    }

    pub(crate) fn respond(&mut self, request: &IncomingRequest, response: Response) {
        self.server.respond(self.now, request.exchange, response);
        self.exchange();
    }

    pub(crate) fn respond_observed(
        &mut self,
        request: &IncomingRequest,
        response: Response,
    ) -> ObservationId {
        let observation =
            self.server
                .respond_observed(self.now, request.exchange, response, Assurance::None);
        self.exchange();
        observation.expect("an observation")
    }

    pub(crate) fn notify(&mut self, observation: ObservationId, response: Response) {
        let notified = self.server.notify(self.now, observation, response);
        notified.expect("an observer that is ready");
        self.exchange();
    }

    pub(crate) fn delivered(&mut self) -> ObservationId {
        match told(&mut self.server) {
            Some(Event::NotificationDelivered(id)) => id,
            event => panic!("{event:?} in place of a delivery"),
        }
    }

    /// The server learns that its last answer has come.
    pub(crate) fn refused(&mut self, observation: ObservationId) {
        match told(&mut self.server) {
            Some(Event::ObservationEnded(id, ObservationEnd::Refused)) => {
                assert_eq!(id, observation);
            }
            event => panic!("{event:?} in place of an end"),
        }
    }

    /// What the client is answered.
    pub(crate) fn answered(&mut self) -> Response {
        match self.client.poll_event() {
            Some(Event::Response { response, .. }) => response,
            event => panic!("{event:?} in place of a response"),
        }
    }

    pub(crate) fn notified(&mut self) -> Response {
        match self.client.poll_event() {
            Some(Event::Notification { response, .. }) => response,
            event => panic!("{event:?} in place of a notification"),
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timeouts = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = timeouts.into_iter().flatten().min();
            let Some(next) = next.filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for endpoint in [&mut self.client, &mut self.server] {
                endpoint.handle_timeout(self.now);
            }
            self.exchange();
        }
        self.now = end;
    }

    /// Checks what was sent since the last call: a line for each datagram.
    pub(crate) fn expect(&mut self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).collect();
        let expected: Vec<&str> = expected
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect();
        let lines = std::mem::take(&mut self.lines);
        assert!(lines == expected, "sent:\n{}", lines.join("\n"));
    }

    /// Nothing happens that was not looked at, and in the end nothing is held.
    pub(crate) fn finish(mut self) {
        self.expect("");
        self.pass(Duration::from_secs(900));
        self.expect("");
        for mut endpoint in [self.client, self.server] {
            assert!(told(&mut endpoint).is_none());
            assert_eq!(endpoint.footprint(), Footprint::default());
        }
    }

    /// Hands datagrams on until there are none.
    pub(crate) fn exchange(&mut self) {
        loop {
            let (sender, datagram) = if let Some(datagram) = self.client.poll_transmit() {
                (Owner::Client, datagram)
            } else if let Some(datagram) = self.server.poll_transmit() {
                (Owner::Server, datagram)
            } else {
                return;
            };
            let lost = self.lost.contains(&self.sent);
            self.sent += 1;
            let (arrow, receiver) = match sender {
                Owner::Client => ("->", &mut self.server),
                Owner::Server => ("<-", &mut self.client),
            };
            let head = if lost { "-x" } else { arrow };
            let head = if lost && sender == Owner::Server {
                "x-"
            } else {
                head
            };
            let line = self.names.line(sender, &datagram);
            self.lines.push(format!("{head} {line}"));
            if !lost {
                receiver
                    .handle_datagram(self.now, &datagram)
                    .expect("a message");
            }
        }
    }
}

/// A confirmable request with a deadline of two minutes.
pub(crate) fn request(code: Code, path: &str, payload: impl Into<Vec<u8>>) -> Request {
    let mut options = OptionList::new();
    for segment in path.split('/') {
        push(&mut options, OptionNumber::URI_PATH, segment);
    }
    Request {
        code,
        options,
        payload: Bytes::from(payload.into()),
        confirmable: true,
        deadline: Duration::from_secs(120),
        once: &[],
    }
}

pub(crate) fn get(path: &str) -> Request {
    request(Code::GET, path, "")
}

pub(crate) fn response(code: Code, payload: impl Into<Vec<u8>>) -> Response {
    Response {
        code,
        options: OptionList::new(),
        payload: Bytes::from(payload.into()),
    }
}

pub(crate) fn content(payload: impl Into<Vec<u8>>) -> Response {
    response(Code::CONTENT, payload)
}

pub(crate) fn push(options: &mut OptionList, number: OptionNumber, value: impl AsRef<[u8]>) {
    options.push(number, value).expect("a short value");
}

/// Bytes that tell whether they were put together in the right order.
pub(crate) fn body(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 7 + (at >> 8) * 13) as u8)
        .collect()
}
