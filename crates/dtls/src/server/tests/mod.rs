//! The demultiplexer with the toy stack, on a virtual clock.

mod any;
mod handshakes;
mod limits;
mod moving;
mod pieces;
mod timers;
mod unknown;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    AssociationId, Closed, Config, Event, Handled, Limits, Local, Path, Server, Shared, Transmit,
    TrialId,
    toy::{self, Does, ToyAccept},
};
use crate::session::ConnectionId;

/// A server and the time.
struct Scene {
    server: Server,
    shared: Arc<Shared>,
    now: Instant,
}

/// The address of peer `n`.
fn path(n: u16) -> Path {
    let [high, low] = n.to_be_bytes();
    Path {
        remote: ([192, 0, high, low], 4000).into(),
        local: Local::default(),
    }
}

impl Scene {
    fn new(with_id: bool) -> Self {
        Self::with(with_id, Config::default(), Limits::default())
    }

    fn with(with_id: bool, config: Config, limits: Limits) -> Self {
        let shared = Shared::new(limits);
        let accept = ToyAccept { with_id, made: 0 };
        Self {
            server: Server::new(
                Arc::new(config),
                shared.clone(),
                Box::new(accept),
                7,
                [1; 32],
            ),
            shared,
            now: Instant::now(),
        }
    }

    /// Gives the server a datagram, and returns what it sends.
    fn give(&mut self, path: Path, datagram: &[u8]) -> Vec<Transmit> {
        self.server.handle_stray(self.now, path, datagram);
        self.transmits()
    }

    fn transmits(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.server.poll_transmit()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }

    /// Lets time pass, in steps of what the server asks for.
    fn pass(&mut self, time: Duration) -> Vec<Transmit> {
        let end = self.now + time;
        while let Some(next) = self.server.poll_timeout().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.server.handle_timeout(self.now);
        }
        self.now = end;
        self.transmits()
    }

    /// Begins a handshake: a hello, and the same with its cookie. Returns the answers to the second.
    fn begin(&mut self, path: Path, attempt: u8) -> Vec<Transmit> {
        let reply = self.give(path, &toy::hello(attempt, &[], false));
        assert_eq!(reply.len(), 1, "one request for the cookie");
        let cookie = toy::cookie(path.remote);
        assert!(reply[0].bytes.ends_with(&cookie));
        self.give(path, &toy::hello(attempt, &cookie, false))
    }

    /// Makes an association with a peer.
    fn open(&mut self, path: Path, attempt: u8) -> Peer {
        self.begin(path, attempt);
        let mut peer = Peer::of(&self.server, path);
        let finish = peer.record(Does::Finish, b"");
        self.give(path, &finish);
        match self.events().pop() {
            Some(Event::Opened { id, .. }) => peer.id = Some(id),
            other => panic!("not opened but {other:?}"),
        }
        peer
    }

    /// The trial that the server has asked a proof for, once.
    fn asked(&mut self, id: AssociationId) -> TrialId {
        let events = self.events();
        let asked: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::ProofWanted {
                    id: found, trial, ..
                } if *found == id => Some(*trial),
                _ => None,
            })
            .collect();
        assert_eq!(asked.len(), 1, "{events:?}");
        asked[0]
    }

    /// Lets a peer move, and show that it has.
    fn move_to(&mut self, peer: &mut Peer, path: Path) {
        let says = peer.says(b"");
        self.give(path, &says);
        self.send(peer, 500);
        let trial = self.asked(peer.id());
        self.server.confirm(self.now, peer.id(), trial, path);
        self.transmits();
        self.events();
    }

    /// What is sent for a payload of `length` bytes.
    fn send(&mut self, peer: &Peer, length: usize) -> Vec<Transmit> {
        let payload = vec![b'x'; length];
        self.server.send(self.now, peer.id(), &payload).unwrap();
        self.transmits()
    }
}

/// The other end of an association.
struct Peer {
    id: Option<AssociationId>,
    cid: Option<ConnectionId>,
    sequence: u64,
}

impl Peer {
    /// The peer whose handshake goes on at `path`.
    fn of(server: &Server, path: Path) -> Self {
        let slot = server.table.at(&path).half_open.unwrap();
        let association = server.table.get(slot).unwrap();
        Self {
            id: None,
            cid: association.has_cid().then_some(association.cid),
            sequence: 0,
        }
    }

    fn id(&self) -> AssociationId {
        self.id.unwrap()
    }

    /// Its next record.
    fn record(&mut self, does: Does, payload: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        toy::record(self.cid, self.sequence, does, payload)
    }

    /// Its next record with a payload.
    fn says(&mut self, payload: &[u8]) -> Vec<u8> {
        self.record(Does::Carry, payload)
    }
}

/// The payloads that have come, and where from.
fn received(events: &[Event]) -> Vec<(Path, &[u8])> {
    let payloads = events.iter().filter_map(|event| match event {
        Event::Received { path, payload, .. } => Some((*path, &payload[..])),
        _ => None,
    });
    payloads.collect()
}

/// Why associations have ended.
fn closed(events: &[Event]) -> Vec<Closed> {
    let ends = events.iter().filter_map(|event| match event {
        Event::Closed { why, .. } => Some(*why),
        _ => None,
    });
    ends.collect()
}
