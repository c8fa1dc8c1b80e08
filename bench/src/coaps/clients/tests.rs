use std::cell::Cell;
use std::time::Duration;

use vestibule::coaps::coap::endpoint::{self, Response};
use vestibule::coaps::coap::{Code, OptionList};
use vestibule::coaps::dtls::server::Limits;
use vestibule::coaps::dtls::{self, session::Version};
use vestibule::coaps::{Application, Associations, Config, Event, Peer, Server};

use super::{CONCURRENT, Clients};
use crate::coaps::{Handshake, Key};
use crate::error::Error;
use crate::tls::Identity;

/// Answers everything with one code.
struct Answer(Code);

impl Application for Answer {
    type Message = ();

    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
        if let Event::Coap(endpoint::Event::Request(request)) = event {
            let response = Response {
                code: self.0,
                options: OptionList::new(),
                payload: "x".into(),
            };
            peer.respond(request.exchange, response);
        }
    }

    fn handle_message(&mut self, _: &mut Associations, (): ()) {}
}

fn server(key: Key, versions: &'static [Version], code: Code) -> Server {
    let (chain, key) = Identity::generate().unwrap().der(key);
    let identity = dtls::Identity::new(vec![chain], &key).unwrap();
    let mut config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], identity);
    config.security.versions = versions;
    config.limits = Limits {
        handshakes_per_minute: u32::MAX,
        handshake_burst: u32::MAX,
        ..Limits::default()
    };
    Server::start(config, move |_| Answer(code)).unwrap()
}

const BOTH: &[Version] = &[Version::Dtls12, Version::Dtls13];

#[test]
fn every_kind_of_handshake_goes_on_and_on() {
    for key in [Key::Ecdsa, Key::Rsa] {
        let server = server(key, BOTH, Code::CONTENT);
        for handshake in [Handshake::DTLS12, Handshake::DTLS13] {
            for handshake in [handshake, handshake.resumed()] {
                let handshake = handshake.with_key(key);
                let address = server.local_addrs()[0];
                let mut clients = Clients::new(address, handshake).unwrap();
                // So many that each client has had more than one association.
                let (goal, done) = (4 * CONCURRENT as u64, Cell::new(0));
                let outcome = clients
                    .connect_again(|| done.get() >= goal, |count| done.set(done.get() + count));
                outcome.unwrap();
                assert_eq!(clients.clients.len(), CONCURRENT, "{handshake:?}");
            }
        }
    }
}

#[test]
fn associations_stay_and_are_asked_again() {
    for handshake in [Handshake::DTLS12, Handshake::DTLS13] {
        let server = server(Key::Ecdsa, BOTH, Code::CONTENT);
        let mut clients = Clients::new(server.local_addrs()[0], handshake).unwrap();
        clients.open(2 * CONCURRENT + 1).unwrap();
        clients.open(3).unwrap();
        clients.settle(Duration::from_millis(300)).unwrap();
        assert_eq!(server.present(), (0, 2 * CONCURRENT + 4));
        let done = Cell::new(0);
        let asked = clients.ask_again(|| done.get() >= 500, |count| done.set(done.get() + count));
        asked.unwrap();
        assert_eq!(server.present(), (0, 2 * CONCURRENT + 4));
    }
}

#[test]
fn other_answers_and_other_handshakes_end_the_load() {
    let open = |server: &Server, handshake| {
        let mut clients = Clients::new(server.local_addrs()[0], handshake).unwrap();
        clients.open(1)
    };
    let gone = server(Key::Ecdsa, BOTH, Code::NOT_FOUND);
    let outcome = open(&gone, Handshake::DTLS12);
    assert!(matches!(outcome, Err(Error::WrongAnswer)), "{outcome:?}");
    // The suite tells the key of the certificate.
    let right = server(Key::Ecdsa, BOTH, Code::CONTENT);
    let outcome = open(&right, Handshake::DTLS12.with_key(Key::Rsa));
    assert!(
        matches!(outcome, Err(Error::Negotiated { .. })),
        "{outcome:?}"
    );
}
