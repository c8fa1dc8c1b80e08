//! A client of low bandwidth Matrix by our stack, which counts what it sends and gets.

use std::collections::VecDeque;
use std::mem;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{self, Acknowledge, Budget, RequestId, Response};
use vestibule_dtls::client::{Client, Config, Event, Memory, Roots, Trust, UnixTime};
use vestibule_dtls::session::{Agreement, Version};
use vestibule_e2e::PATIENCE;
use vestibule_lowband::mapping::client::{self, Exchange, Outcome, Session, Settings};
use vestibule_lowband::mapping::discovery::{Extensions, LowBandwidth};

use super::NAME;
use super::cost::Cost;

/// A client on one association.
pub(crate) struct Radio {
    socket: UdpSocket,
    dtls: Client,
    coap: Endpoint,
    session: Session,
    settings: Settings,
    authorization: Option<String>,
    agreement: Option<Agreement>,
    events: VecDeque<endpoint::Event>,
    cost: Cost,
    /// When a datagram went or came last.
    last: Instant,
}

/// What is observed.
pub(crate) struct Observation {
    id: RequestId,
    exchange: Exchange,
}

/// After so long a silence nothing more belongs to what was done: longer than the pauses after which
/// acknowledgements are sent.
const SILENCE: Duration = Duration::from_millis(700);

impl Radio {
    /// Does the handshake.
    pub(crate) fn connect(gateway: SocketAddr, certificate: &Path, version: Version) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(gateway).expect("a local address");
        let tick = socket.set_read_timeout(Some(Duration::from_millis(5)));
        tick.expect("a timeout that is not zero");
        let root = CertificateDer::from_pem_file(certificate).expect("a certificate in PEM");
        let roots = Roots::new([root.as_ref()]).expect("a certificate");
        let name = NAME.parse().expect("a name");
        let mut config = Config::new(name, gateway.port(), Trust::Roots(Arc::new(roots)));
        config.versions = vestibule_dtls::client::Versions::Only(version);
        let now = Instant::now();
        let dtls = Client::new(config, Memory::default(), now, UnixTime::now());
        let mut coap = endpoint::Config::default();
        client::configure(&mut coap);
        let mut radio = Self {
            socket,
            dtls: dtls.expect("a stack that works"),
            coap: Endpoint::new(Arc::new(coap), Budget::new(4 << 20), [7; 32]),
            session: Session::new(),
            settings: Settings::default(),
            authorization: None,
            agreement: None,
            events: VecDeque::new(),
            cost: Cost::default(),
            last: now,
        };
        radio.until("a handshake", |it| it.agreement.clone());
        radio
    }

    /// The number of the cipher suite.
    pub(crate) fn suite(&self) -> u16 {
        self.agreement.as_ref().expect("a handshake").suite
    }

    /// Asks for `/versions`, and speaks with the gateway as its answer allows.
    pub(crate) fn discover(&mut self) {
        let path = "/_matrix/client/versions";
        let versions = self.ask(&Method::GET, path, "").to_string();
        let low_bandwidth = LowBandwidth::parse(versions.as_bytes()).expect("a gateway");
        let extensions = Extensions::parse(versions.as_bytes());
        assert!(extensions.short_follow_ups);
        self.settings = Settings::new(low_bandwidth, extensions);
    }

    /// Has this access token from now on.
    pub(crate) fn log_in(&mut self, body: &str) {
        let answer = self.ask(&Method::POST, "/_matrix/client/v3/login", body);
        let token = answer["access_token"].as_str().expect("a token");
        self.authorization = Some(format!("Bearer {token}"));
    }

    /// Asks, and has the answer, which is a success.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &Method, path: &str, body: &str) -> Value {
        let (request, exchange) = self.open(method, path, body);
        let id = self.coap.request(Instant::now(), request);
        let id = id.expect("few requests");
        let response = self.event("an answer", |event| match event {
            endpoint::Event::Response {
                request, response, ..
            } if *request == id => Some(response.clone()),
            _ => None,
        });
        self.close(&exchange, &response)
    }

    /// Observes a sync; what it says first.
    pub(crate) fn observe(&mut self, path: &str) -> (Observation, Value) {
        let (request, exchange) = self.open(&Method::GET, path, "");
        let observed = self
            .coap
            .observe(Instant::now(), request, Acknowledge::AtOnce);
        let id = observed.expect("few requests");
        let response = self.event("a first state", |event| match event {
            endpoint::Event::Response {
                request,
                response,
                observed: true,
            } if *request == id => Some(response.clone()),
            _ => None,
        });
        let first = self.close(&exchange, &response);
        (Observation { id, exchange }, first)
    }

    /// What is told next.
    pub(crate) fn notification(&mut self, observation: &Observation) -> Value {
        let response = self.event("a notification", |event| match event {
            endpoint::Event::Notification { request, response } if *request == observation.id => {
                Some(response.clone())
            }
            _ => None,
        });
        self.close(&observation.exchange, &response)
    }

    /// Asks for a sign of life.
    pub(crate) fn ping(&mut self) {
        self.coap.ping(Instant::now());
        self.event("a pong", |event| {
            matches!(event, endpoint::Event::Pong(_)).then_some(())
        });
    }

    /// What was sent and has come since the last time this was asked, with what belongs to it and
    /// comes late.
    pub(crate) fn spent(&mut self) -> Cost {
        self.until("silence", |it| (it.last.elapsed() > SILENCE).then_some(()));
        mem::take(&mut self.cost)
    }

    fn open(&mut self, method: &Method, path: &str, body: &str) -> (endpoint::Request, Exchange) {
        let request = client::Request {
            method,
            path_and_query: path,
            authorization: self.authorization.as_deref(),
            body: body.as_bytes(),
        };
        let opened = client::open(&mut self.session, &self.settings, &request, Instant::now());
        let opened = opened.expect("it goes over CoAP");
        let request = endpoint::Request {
            code: opened.code,
            options: opened.options,
            payload: opened.payload,
            confirmable: true,
            deadline: Duration::from_secs(60),
            once: opened.once,
        };
        (request, opened.exchange)
    }

    #[track_caller]
    fn close(&mut self, exchange: &Exchange, response: &Response) -> Value {
        match client::close(&mut self.session, &self.settings, exchange, response) {
            Outcome::Answer(answer) if answer.status.is_success() => {
                serde_json::from_slice(&answer.body).expect("JSON")
            }
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the first event that `look` likes, and takes it.
    #[track_caller]
    fn event<T>(&mut self, what: &str, look: impl Fn(&endpoint::Event) -> Option<T>) -> T {
        self.until(what, |it| {
            let mut events = it.events.iter().enumerate();
            let (at, found) = events.find_map(|(at, event)| Some((at, look(event)?)))?;
            it.events.remove(at);
            Some(found)
        })
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, look: impl Fn(&mut Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            self.turn();
        }
    }

    /// Sends what is ready, and waits a little for a datagram or a time.
    fn turn(&mut self) {
        self.transmit();
        let mut datagram = [0; 4096];
        if let Ok(length) = self.socket.recv(&mut datagram) {
            self.last = Instant::now();
            self.cost.down.add(length, 1);
            self.dtls.handle_datagram(self.last, &datagram[..length]);
        }
        let now = Instant::now();
        if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
            self.dtls.handle_timeout(now);
        }
        if self.coap.poll_timeout().is_some_and(|at| at <= now) {
            self.coap.handle_timeout(now);
        }
        while let Some(event) = self.dtls.poll_event() {
            match event {
                Event::Connected(agreement) => self.agreement = Some(agreement),
                Event::Received(payload) => {
                    let read = self.coap.handle_datagram(now, &payload);
                    read.expect("a CoAP message");
                }
                Event::Closed(why) => panic!("closed: {why}"),
            }
        }
        self.transmit();
        while let Some(event) = self.coap.poll_event() {
            self.events.push_back(event);
        }
    }

    fn transmit(&mut self) {
        self.send();
        while let Some(message) = self.coap.poll_transmit() {
            self.dtls.send(&message).expect("an association");
            self.send();
        }
    }

    fn send(&mut self) {
        while let Some(datagram) = self.dtls.poll_transmit() {
            self.socket.send(&datagram).expect("a datagram is sent");
            self.cost.up.add(datagram.len(), 1);
            self.last = Instant::now();
        }
    }
}
