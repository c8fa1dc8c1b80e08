//! Addresses of clients that change on the way: three machines, of which the one in the middle
//! translates addresses and forgets how.

mod moves;
mod strangers;

use std::net::SocketAddr;
use std::process::Command;

use vestibule_coap::Code;
use vestibule_coap::endpoint::Request;
use vestibule_dtls::client::{Config, Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::Authority;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::dtls::{CoapsClient, CoapsServer, Nat, client_config, udp_in};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coaps-server");
const NAME: &str = "matrix.example.org";

/// The three machines, with a server of four workers on one and who vouches for it.
struct Site {
    nat: Nat,
    server: CoapsServer,
    authority: Authority,
}

impl Site {
    fn new() -> Self {
        Self::with(Nat::new(), &["10.2.0.2:5684"])
    }

    fn with(nat: Nat, addresses: &[&str]) -> Self {
        let authority = Authority::new();
        let leaf = authority.server(&[NAME]);
        let mut command: Command = nat.server().command(PROGRAM);
        for address in addresses {
            command.args(["--bind", address]);
        }
        let server = CoapsServer::run(&mut command, &leaf, "--workers 4 --tick 200");
        Self {
            nat,
            server,
            authority,
        }
    }

    fn config(&self, version: Version) -> Config {
        let mut config = client_config(&self.authority, NAME);
        config.versions = Versions::Only(version);
        config
    }

    /// A client on the client's machine.
    #[track_caller]
    fn client(&self, version: Version, memory: &Memory) -> CoapsClient {
        self.client_of(self.server.address(), version, memory)
    }

    #[track_caller]
    fn client_of(&self, server: SocketAddr, version: Version, memory: &Memory) -> CoapsClient {
        let any = match server {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let socket = udp_in(self.nat.client(), any.parse().expect("an address"));
        CoapsClient::connect(socket, server, self.config(version), memory.clone())
    }
}

fn echo(body: &str) -> Request {
    coap_request(Code::POST, "/echo", body.to_owned())
}

/// A request for a body of this length: answers to it are longer than three times itself.
fn large(length: usize) -> Request {
    coap_request(Code::GET, &format!("/large?n={length}"), "")
}
