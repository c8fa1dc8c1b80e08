use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use vestibule::low_bandwidth::{self, Gateway};
use vestibule_miniature_homeserver::{Fault, Homeserver};

use super::{Companion, Errand, start_homeserver, users, wait_for_polls};
use crate::coaps::{Clients, Handshake};
use crate::error::Error;
use crate::tls::{CERTIFICATE, Identity, KEY};

const COUNT: usize = 5;

/// A homeserver and a gateway in front of it, which ends with it.
struct Place {
    homeserver: Homeserver,
    gateway: Gateway,
    _directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let identity = Identity::generate().unwrap();
        identity.write(directory.path()).unwrap();
        let homeserver = start_homeserver().unwrap();
        let [chain, key] = [CERTIFICATE, KEY].map(|name| directory.path().join(name));
        let url = format!("http://{}", homeserver.address());
        let config = low_bandwidth::Config::new(url, chain, key).bind(["127.0.0.1:0"]);
        let config = config.options("limits = { requests_per_minute = 0 }");
        Self {
            homeserver,
            gateway: low_bandwidth::start(&config).unwrap(),
            _directory: directory,
        }
    }

    fn address(&self) -> SocketAddr {
        self.gateway.local_addrs()[0]
    }

    /// Clients on so many errands.
    fn clients(&self, handshake: Handshake, errand: Errand) -> Clients {
        let users = users(&self.homeserver, COUNT).unwrap();
        let companion = move |number: usize| {
            Box::new(Companion::new(users[number].clone(), errand, number)) as _
        };
        Clients::with(self.address(), handshake, companion).unwrap()
    }
}

#[test]
fn messages_are_sent_again_and_again() {
    let place = Place::new();
    let mut clients = place.clients(Handshake::DTLS12, Errand::Send);
    clients.open(COUNT).unwrap();
    let done = Cell::new(COUNT as u64);
    let asked = clients.ask_again(|| done.get() >= 100, |count| done.set(done.get() + count));
    asked.unwrap();
    assert!(place.homeserver.requests() >= 100);
}

#[test]
fn syncs_are_observed() {
    for handshake in [Handshake::DTLS12, Handshake::DTLS13] {
        let place = Place::new();
        let mut clients = place.clients(handshake, Errand::Observe);
        clients.open(COUNT).unwrap();
        let act = || clients.settle(Duration::from_millis(20));
        wait_for_polls(&place.homeserver, COUNT, act).unwrap();
        // One for each, and the gateway's own question for the versions may have had another one.
        let connections = place.homeserver.connections();
        let expected = COUNT as u64..=COUNT as u64 + 1;
        assert!(expected.contains(&connections), "{connections}");
    }
}

#[test]
fn refusals_end_the_load() {
    let place = Place::new();
    let mut clients = place.clients(Handshake::DTLS12, Errand::Send);
    place.homeserver.set_fault(Fault::Error {
        status: 403,
        code: "M_FORBIDDEN",
    });
    let outcome = clients.open(1);
    assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
}
