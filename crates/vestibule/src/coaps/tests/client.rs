//! A peer of a server: DTLS and CoAP over a socket of its own.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use vestibule_coap::{
    Code, Endpoint, OptionList, OptionNumber,
    endpoint::{Budget, Event, Request, Response},
};
use vestibule_dtls::{
    Session,
    session::Version,
    stack::{self, ClientSession, ClientSettings},
    wire,
};

use super::PATIENCE;

/// How long a client listens at a time.
const LISTEN: Duration = Duration::from_millis(5);

pub(super) struct Client {
    pub(super) session: ClientSession,
    pub(super) endpoint: Endpoint,
    /// Whole payloads that were no answers of CoAP.
    pub(super) payloads: Vec<Vec<u8>>,
    /// Datagrams sent.
    pub(super) sent: usize,
    events: Vec<Event>,
    socket: UdpSocket,
    to: SocketAddr,
}

impl Client {
    /// Has finished the handshake.
    pub(super) fn connect(to: SocketAddr, version: Version) -> Self {
        let mut client = Self {
            session: stack::connect(&settings(version), Instant::now()).unwrap(),
            endpoint: Endpoint::new(Arc::default(), Budget::new(1 << 20), rand::random()),
            payloads: Vec::new(),
            sent: 0,
            events: Vec::new(),
            socket: socket(to),
            to,
        };
        client.until("a handshake", |client| client.session.is_established());
        client
    }

    /// Goes on from another address.
    pub(super) fn move_on(&mut self) {
        self.socket = socket(self.to);
    }

    /// The answer to a request.
    pub(super) fn ask(&mut self, path: &str, payload: &[u8]) -> Response {
        self.begin(path, payload);
        self.until("answer", Self::has_answer);
        self.answered()
    }

    /// Whether something is answered.
    pub(super) fn has_answer(&self) -> bool {
        !self.events.is_empty()
    }

    /// What has been answered.
    pub(super) fn answered(&mut self) -> Response {
        match self.events.remove(0) {
            Event::Response { response, .. } => response,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request, and does not wait for the answer.
    pub(super) fn begin(&mut self, path: &str, payload: &[u8]) {
        let mut options = OptionList::new();
        options.push(OptionNumber::URI_PATH, path).unwrap();
        let request = Request {
            code: Code::POST,
            options,
            payload: payload.to_vec().into(),
            confirmable: true,
            deadline: PATIENCE,
            once: &[],
        };
        self.endpoint.request(Instant::now(), request).unwrap();
        self.turn();
    }

    /// Sends a payload as it is.
    pub(super) fn say(&mut self, payload: &[u8]) {
        self.session.send(payload).unwrap();
        self.turn();
    }

    /// Goes on until something is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < PATIENCE, "no {what}: {:?}", self.events);
            self.turn();
        }
    }

    /// Sends what is to be sent, and takes what has come.
    pub(super) fn turn(&mut self) {
        let now = Instant::now();
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
        }
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
        }
        self.flush();
        let mut datagram = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut datagram) {
            let now = Instant::now();
            for record in wire::records_without_id(&datagram[..length]) {
                self.session.handle_record(now, record.bytes).unwrap();
                let mut payload = Vec::new();
                if self.session.receive(&mut payload) > 0
                    && self.endpoint.handle_datagram(now, &payload).is_err()
                {
                    self.payloads.push(payload);
                }
            }
            self.flush();
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.events.push(event);
        }
    }

    /// Sends what is to be sent.
    pub(super) fn flush(&mut self) {
        while let Some(payload) = self.endpoint.poll_transmit() {
            // The server may have closed.
            let _ = self.session.send(&payload);
        }
        let mut datagram = Vec::new();
        while self.session.poll_transmit(&mut datagram, 1200) {
            self.sent += 1;
            // The server may be gone.
            let _ = self.socket.send(&datagram);
            datagram.clear();
        }
    }
}

/// A request without acknowledgement, as it is sent, for one at a time with other ids.
pub(super) fn plain_request(id: u8, path: &str) -> Vec<u8> {
    // Non-confirmable, no token; POST; Uri-Path (option 11).
    let mut request = vec![0x50, 0x02, 0x77, id, 0xb0 | path.len() as u8];
    request.extend(path.as_bytes());
    request
}

/// The first hello of a client.
pub(super) fn hello() -> Vec<u8> {
    let mut session = stack::connect(&settings(Version::Dtls12), Instant::now()).unwrap();
    let mut hello = Vec::new();
    session.poll_transmit(&mut hello, 1200);
    hello
}

/// The text of an answer, and its code.
pub(super) fn text(response: &Response) -> (Code, &str) {
    (
        response.code,
        std::str::from_utf8(&response.payload).unwrap(),
    )
}

/// An answer with a text.
pub(super) fn answer(payload: impl Into<bytes::Bytes>) -> Response {
    Response {
        code: Code::CONTENT,
        options: OptionList::new(),
        payload: payload.into(),
    }
}

/// What clients begin with.
pub(super) fn settings(version: Version) -> ClientSettings {
    ClientSettings {
        version,
        server_name: "localhost".to_owned(),
        session: None,
        key_log: None,
        post_quantum: false,
    }
}

/// Takes only what comes from `to`.
fn socket(to: SocketAddr) -> UdpSocket {
    let own: SocketAddr = match to.is_ipv4() {
        true => ([127, 0, 0, 1], 0).into(),
        false => (std::net::Ipv6Addr::LOCALHOST, 0).into(),
    };
    let socket = UdpSocket::bind(own).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(LISTEN)).unwrap();
    socket
}
