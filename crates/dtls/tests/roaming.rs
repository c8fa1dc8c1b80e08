//! Peers that move, with the real stack: four workers, a virtual clock, and no handshake after the first.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use vestibule_dtls::{
    CookieSecrets, Identity, Server, Session,
    server::{AssociationId, Config, Event, Handled, Limits, Local, Path, Shared, Transmit},
    session::{MAX_DATAGRAM, Version},
    stack::{Acceptor, ClientSession, ClientSettings, Resumption, ServerSettings, connect},
    wire,
};

const WORKERS: usize = 4;

/// Four workers and one client.
struct World {
    workers: Vec<Server>,
    shared: Arc<Shared>,
    client: ClientSession,
    /// Where the client is.
    at: SocketAddr,
    now: Instant,
    events: Vec<Event>,
    /// What the client was sent.
    received: Vec<Vec<u8>>,
    /// Bytes of handshake records that went either way.
    handshake_bytes: usize,
    /// The datagrams of the client.
    sent: Vec<Vec<u8>>,
}

fn address(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    ([198, 51, high, low], 1024 + n).into()
}

fn identity() -> Identity {
    let names = vec!["lb.example.org".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let chain = vec![certified.cert.der().to_vec()];
    Identity::new(chain, &certified.signing_key.serialize_der()).expect("an identity")
}

impl World {
    fn new(version: Version, identity: Identity, session: Option<Resumption>) -> Self {
        let epoch = Instant::now();
        let now = epoch + Duration::from_secs(1000);
        let shared = Shared::new(Limits::default());
        let settings = ServerSettings {
            identity,
            ticket_key: [4; 32],
            key_log: None,
            post_quantum: false,
            versions: &[Version::Dtls12, Version::Dtls13],
        };
        let cookies = CookieSecrets::new([5; 32]);
        let worker = |number| {
            let accept = Acceptor::new(&settings, cookies.clone(), epoch);
            let config = Arc::new(Config::default());
            let seed = [number; 32];
            Server::new(config, shared.clone(), Box::new(accept), number, seed)
        };
        let settings = ClientSettings {
            version,
            server_name: "lb.example.org".to_owned(),
            session,
            key_log: None,
            post_quantum: false,
        };
        Self {
            workers: (0..WORKERS as u8).map(worker).collect(),
            shared: shared.clone(),
            client: connect(&settings, now).expect("a client"),
            at: address(0),
            now,
            events: Vec::new(),
            received: Vec::new(),
            handshake_bytes: 0,
            sent: Vec::new(),
        }
    }

    /// Carries what there is to be carried, until there is nothing more.
    fn run(&mut self) {
        loop {
            let mut datagram = Vec::new();
            let sends = self.client.poll_transmit(&mut datagram, MAX_DATAGRAM);
            if sends {
                self.count_handshake(&datagram);
                self.sent.push(datagram.clone());
                self.give(self.at, &datagram);
            }
            let answers = self.collect();
            if !sends && answers.is_empty() {
                return;
            }
            let at = self.at;
            for answer in answers.into_iter().filter(|it| it.path.remote == at) {
                self.count_handshake(&answer.bytes);
                for record in wire::records_without_id(&answer.bytes) {
                    self.client
                        .handle_record(self.now, record.bytes)
                        .expect("no fault");
                    let mut payload = Vec::new();
                    if self.client.receive(&mut payload) > 0 {
                        self.received.push(payload);
                    }
                }
            }
        }
    }

    fn count_handshake(&mut self, datagram: &[u8]) {
        let plain = wire::records_without_id(datagram).filter(|it| {
            matches!(
                it.kind,
                wire::Kind::Plain {
                    content: 20..=22,
                    ..
                }
            )
        });
        self.handshake_bytes += plain.map(|it| it.bytes.len()).sum::<usize>();
    }

    /// Gives a datagram to the worker that it belongs to.
    fn give(&mut self, from: SocketAddr, datagram: &[u8]) {
        let path = Path {
            remote: from,
            local: Local::default(),
        };
        let worker = self.shared.worker_of(datagram, from, WORKERS);
        if self.workers[worker].handle_datagram(self.now, path, datagram) == Handled::Elsewhere {
            let worker = self.shared.worker_of_address(from, WORKERS);
            self.workers[worker].handle_stray(self.now, path, datagram);
        }
    }

    fn collect(&mut self) -> Vec<Transmit> {
        let mut answers = Vec::new();
        for worker in &mut self.workers {
            answers.extend(std::iter::from_fn(|| worker.poll_transmit()));
            self.events
                .extend(std::iter::from_fn(|| worker.poll_event()));
        }
        answers
    }

    fn open(&mut self) -> AssociationId {
        self.run();
        let opened = self.events.iter().find_map(|event| match event {
            Event::Opened { id, .. } => Some(*id),
            _ => None,
        });
        opened.expect("the handshake is over")
    }

    /// The worker of the association.
    fn worker(&mut self, id: AssociationId) -> &mut Server {
        let found = self
            .workers
            .iter_mut()
            .find(|worker| worker.association(id).is_some());
        found.expect("it is somewhere")
    }

    /// Sends a request of the client, and an answer of `length` bytes to it.
    fn ask(&mut self, id: AssociationId, length: usize) -> usize {
        self.events.clear();
        let before = self.received.len();
        self.client.send(b"a request").expect("it is open");
        self.run();
        let asked = |event: &Event| matches!(event, Event::Received { id: found, payload, .. } if *found == id && payload == "a request");
        assert!(self.events.iter().any(asked), "{:?}", self.events);
        let now = self.now;
        let answer = vec![1; length];
        self.worker(id).send(now, id, &answer).expect("it is open");
        self.run();
        self.received.len() - before
    }
}

/// An association with a session that can be resumed.
fn resumption(version: Version, identity: &Identity) -> Resumption {
    let mut world = World::new(version, identity.clone(), None);
    world.open();
    world.client.take_resumption().expect("a ticket")
}

#[test]
fn a_hundred_addresses_and_one_handshake() {
    let identity = identity();
    for version in [Version::Dtls12, Version::Dtls13] {
        for resumed in [false, true] {
            let session = resumed.then(|| resumption(version, &identity));
            let mut world = World::new(version, identity.clone(), session);
            let id = world.open();
            let view = world.worker(id).association(id).unwrap();
            assert_eq!(view.agreement.version, version);
            assert_eq!(view.agreement.resumed, resumed);
            assert!(view.connection_id.is_some());
            world.handshake_bytes = 0;
            let mut workers = [0; WORKERS];
            for n in 1..=100 {
                world.at = address(n);
                workers[world.shared.worker_of_address(world.at, WORKERS)] += 1;
                assert_eq!(world.ask(id, 20), 1, "answered at {}", world.at);
            }
            assert_eq!(world.handshake_bytes, 0);
            assert_eq!(world.shared.counters.trials.value(), 100);
            assert!(workers.iter().all(|&count| count > 5), "{workers:?}");
        }
    }
}

#[test]
fn a_long_answer_waits_until_the_peer_has_shown_where_it_is() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = World::new(version, identity(), None);
        let id = world.open();
        world.at = address(1);
        assert_eq!(world.ask(id, 900), 0);
        let wanted = world.events.iter().find_map(|event| match event {
            Event::ProofWanted { trial, .. } => Some(*trial),
            _ => None,
        });
        let trial = wanted.expect("a proof is wanted");
        let now = world.now;
        assert!(world.worker(id).ask(now, id, trial, b"ping"));
        world.run();
        assert_eq!(world.received.pop().unwrap(), b"ping");
        world.client.send(b"pong").unwrap();
        world.run();
        let path = Path {
            remote: world.at,
            local: Local::default(),
        };
        world.worker(id).confirm(now, id, trial, path);
        world.run();
        assert_eq!(world.received.pop().unwrap().len(), 900);
        assert!(world.events.contains(&Event::Moved { id, path }));
    }
}

#[test]
fn records_of_others_and_of_the_past_move_nothing() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = World::new(version, identity(), None);
        let id = world.open();
        for n in 1..20 {
            assert_eq!(world.ask(id, 20), 1);
            let stranger = address(100 + n);
            let last = world.sent.last().unwrap().clone();
            let mut forged = last.clone();
            let end = forged.len() - 1;
            forged[end] ^= 1;
            let mut renumbered = last.clone();
            renumbered[if version == Version::Dtls12 { 10 } else { 6 }] ^= 0x20;
            for datagram in [&last, &forged, &renumbered] {
                world.give(stranger, datagram);
            }
            let all: Vec<_> = world.sent.clone();
            for datagram in &all {
                world.give(stranger, datagram);
            }
            let answers = world.collect();
            assert!(
                answers.iter().all(|it| it.bytes.len() < 400),
                "requests for cookies and alerts only"
            );
            let view = world.worker(id).association(id).unwrap();
            assert_eq!((view.path.remote, view.trial), (address(0), None));
        }
        assert_eq!(world.shared.counters.trials.value(), 0);
    }
}

#[test]
fn shutdown_is_told_so_that_the_peer_believes_it() {
    for version in [Version::Dtls12, Version::Dtls13] {
        let mut world = World::new(version, identity(), None);
        world.open();
        let now = world.now;
        for worker in &mut world.workers {
            worker.close_all(now);
        }
        assert!(!world.client.is_closed_by_peer());
        world.run();
        assert!(world.client.is_closed_by_peer());
    }
}
