//! An hour in which nothing is told, without sockets and as fast as it goes: our stack at both ends, with
//! all their timers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vestibule_coap::endpoint::{self, Acknowledge, Assurance, Budget, Request, Response};
use vestibule_coap::{Code, Endpoint, OptionList};
use vestibule_dtls::client::{self, Client, Memory, Trust, UnixTime, Versions};
use vestibule_dtls::server::{self, AssociationId, Limits, Local, Server, Shared};
use vestibule_dtls::session::Version;
use vestibule_dtls::stack::{Acceptor, ServerSettings};
use vestibule_dtls::{CookieSecrets, Identity, server::Path as Way};

use super::NAME;
use super::cost::Cost;

/// One client that observes, and its server.
struct Pair {
    now: Instant,
    client: Client,
    client_coap: Endpoint,
    server: Server,
    server_coap: Endpoint,
    association: Option<AssociationId>,
    is_observed: bool,
    pongs: usize,
    cost: Cost,
}

/// What an hour costs in which the client asks for a sign of life whenever it was silent for `interval`.
pub(crate) fn hour(chain: &Path, key: &Path, version: Version, interval: Duration) -> Cost {
    let mut pair = Pair::new(chain, key, version);
    pair.observe();
    // What belongs to the beginning, and no longer.
    pair.run(Duration::from_secs(5));
    pair.cost = Cost::default();
    let pings = Duration::from_secs(3600).as_secs() / interval.as_secs();
    for _ in 0..pings {
        pair.run(interval);
        pair.client_coap.ping(pair.now);
        pair.carry();
    }
    pair.run(Duration::from_secs(3600) - interval * u32::try_from(pings).expect("few"));
    assert_eq!(pair.pongs as u64, pings);
    pair.cost
}

impl Pair {
    fn new(chain: &Path, key: &Path, version: Version) -> Self {
        let now = Instant::now();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key in PEM");
        let chain = CertificateDer::from_pem_file(chain).expect("a certificate in PEM");
        let settings = ServerSettings {
            identity: Identity::new(vec![chain.to_vec()], key.secret_der()).expect("an identity"),
            ticket_key: [1; 32],
            key_log: None,
            post_quantum: false,
            versions: &[Version::Dtls12, Version::Dtls13],
        };
        let acceptor = Acceptor::new(&settings, CookieSecrets::new([2; 32]), now);
        let config = server::Config {
            // As a gateway has it for those who observe.
            idle_lifetime: Duration::from_secs(24 * 3600),
            ..server::Config::default()
        };
        let shared = Shared::new(Limits::default());
        let server = Server::new(Arc::new(config), shared, Box::new(acceptor), 0, [3; 32]);
        let name = NAME.parse().expect("a name");
        let mut config = client::Config::new(name, 5684, Trust::Insecure);
        config.versions = Versions::Only(version);
        let client = Client::new(config, Memory::default(), now, UnixTime::now());
        let coap = |seed| Endpoint::new(Arc::default(), Budget::new(1 << 20), [seed; 32]);
        Self {
            now,
            client: client.expect("a stack that works"),
            client_coap: coap(4),
            server,
            server_coap: coap(5),
            association: None,
            is_observed: false,
            pongs: 0,
            cost: Cost::default(),
        }
    }

    fn observe(&mut self) {
        self.run(Duration::from_secs(1));
        assert!(self.association.is_some(), "a handshake");
        let request = Request {
            code: Code::GET,
            options: OptionList::new(),
            payload: Default::default(),
            confirmable: true,
            deadline: Duration::from_secs(60),
            once: &[],
        };
        let observed = self
            .client_coap
            .observe(self.now, request, Acknowledge::AtOnce);
        observed.expect("few requests");
        self.run(Duration::from_secs(1));
        assert!(self.is_observed);
    }

    /// Lets time pass, with all that happens in it.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.carry();
            let next = [
                self.client.poll_timeout(),
                self.client_coap.poll_timeout(),
                self.server.poll_timeout(),
                self.server_coap.poll_timeout(),
            ];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
            self.client.handle_timeout(self.now);
            self.client_coap.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.server_coap.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// Delivers everything that is ready, at once.
    fn carry(&mut self) {
        let remote = SocketAddr::from(([192, 0, 2, 1], 40_000));
        let local = Local::default();
        loop {
            let mut quiet = true;
            self.serve();
            while let Some(transmit) = self.server.poll_transmit() {
                self.cost.down.add(transmit.bytes.len(), 1);
                self.client.handle_datagram(self.now, &transmit.bytes);
                quiet = false;
            }
            self.read();
            while let Some(datagram) = self.client.poll_transmit() {
                self.cost.up.add(datagram.len(), 1);
                let way = Way { remote, local };
                self.server.handle_datagram(self.now, way, &datagram);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    /// The client's side.
    fn read(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Connected(_) => {}
                client::Event::Received(payload) => {
                    let read = self.client_coap.handle_datagram(self.now, &payload);
                    read.expect("a CoAP message");
                }
                client::Event::Closed(why) => panic!("closed: {why}"),
            }
        }
        while let Some(event) = self.client_coap.poll_event() {
            match event {
                endpoint::Event::Response { observed, .. } => self.is_observed = observed,
                endpoint::Event::Pong(_) => self.pongs += 1,
                other => panic!("{other:?}"),
            }
        }
        while let Some(message) = self.client_coap.poll_transmit() {
            self.client.send(&message).expect("an association");
        }
    }

    /// The server's side.
    fn serve(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Opened { id, .. } => self.association = Some(id),
                server::Event::Received { payload, .. } => {
                    let read = self.server_coap.handle_datagram(self.now, &payload);
                    read.expect("a CoAP message");
                }
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.server_coap.poll_event() {
            let endpoint::Event::Request(request) = event else {
                panic!("{event:?}");
            };
            let response = Response {
                code: Code::CONTENT,
                options: OptionList::new(),
                payload: "x".into(),
            };
            let (exchange, assurance) = (request.exchange, Assurance::None);
            let observed = self
                .server_coap
                .respond_observed(self.now, exchange, response, assurance);
            assert!(observed.is_some());
        }
        let Some(id) = self.association else {
            return;
        };
        while let Some(message) = self.server_coap.poll_transmit() {
            let sent = self.server.send(self.now, id, &message);
            sent.expect("an association");
        }
    }
}
