//! A CoAP server over DTLS that answers every request with the same few bytes: a measure of what our
//! library costs. It does the work of the example server of libcoap.
//!
//! Its first line of output is the address it listens on. It runs until it is killed.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use bytes::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vestibule::coaps::coap::endpoint::{self, Response};
use vestibule::coaps::coap::{Code, OptionList, OptionNumber};
use vestibule::coaps::dtls::Identity;
use vestibule::coaps::dtls::server::Limits;
use vestibule::coaps::{Application, Associations, Config, CountingAllocator, Event, Peer, Server};

/// As in the program, so that counting is part of what is measured.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// More than any row needs, of everything that the benchmark does from few addresses.
const PLENTY: usize = 1_000_000;

/// As long as the answer of libcoap's server.
const ANSWER: [u8; 136] = [b'a'; 136];

/// The value of Max-Age in that answer.
const MAX_AGE: u64 = 196_607;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [chain, key] = &arguments[..] else {
        return Err("arguments: CHAIN KEY".into());
    };
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let chain = chain.iter().map(|certificate| certificate.to_vec());
    let identity = Identity::new(chain.collect(), key.secret_der())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::new(vec![address], identity);
    config.limits = Limits {
        half_open: PLENTY,
        half_open_per_source: PLENTY,
        associations: PLENTY,
        associations_per_source: PLENTY,
        handshakes_per_minute: u32::MAX,
        handshake_burst: u32::MAX,
    };
    let server = Server::start(config, |_| Index::new())?;
    for address in server.local_addrs() {
        writeln!(io::stdout(), "{address}")?;
    }
    loop {
        thread::park();
    }
}

/// Answers every request alike.
struct Index {
    options: OptionList,
}

impl Index {
    fn new() -> Self {
        let mut options = OptionList::new();
        options.push_uint(OptionNumber::MAX_AGE, MAX_AGE);
        Self { options }
    }
}

impl Application for Index {
    type Message = ();

    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
        if let Event::Coap(endpoint::Event::Request(request)) = event {
            let response = Response {
                code: Code::CONTENT,
                options: self.options.clone(),
                payload: Bytes::from_static(&ANSWER),
            };
            peer.respond(request.exchange, response);
        }
    }

    fn handle_message(&mut self, _: &mut Associations, (): ()) {}
}
