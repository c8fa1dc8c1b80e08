//! A homeserver with two users, and clients of a gateway in front of it.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use vestibule_coap::endpoint::{Request, Response};
use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::client::{Config, Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::dtls::{CoapsClient, client_config};
use vestibule_e2e::{Authority, Leaf, Vestibule, wait_for};
use vestibule_lowband::keys::Keys;
use vestibule_lowband::transcode::{Limits, cbor_to_json};
use vestibule_miniature_homeserver::{Homeserver, Options};

/// The name in the certificates of gateways.
pub(crate) const NAME: &str = "lb.example.org";

pub(crate) const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
pub(crate) const VERSIONS: &str = "/_matrix/client/versions";

/// The code of `/_matrix/client/…/sync`.
pub(crate) const SYNC: &str = "/7";

const TOKEN: OptionNumber = OptionNumber(256);

/// A homeserver with two users in one room, and what a gateway shows to clients.
pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) leaf: Leaf,
    pub(crate) homeserver: Homeserver,
    pub(crate) alice: String,
    /// Of Alice.
    pub(crate) token: String,
    pub(crate) room: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let authority = Authority::new();
        let leaf = authority.server(&[NAME]);
        let homeserver = Homeserver::start(Options::default()).expect("a homeserver");
        let alice = homeserver.register("alice", "wonderland");
        let token = homeserver.log_in(&alice).expect("a token");
        let room = homeserver.create_room(&alice, &[]);
        Self {
            authority,
            leaf,
            homeserver,
            alice,
            token,
            room,
        }
    }

    /// The table of a gateway at any port, with these further keys.
    pub(crate) fn table(&self, keys: &str) -> String {
        self.table_at("lb", "127.0.0.1:0", keys)
    }

    /// The table of a gateway with this name, at these addresses.
    pub(crate) fn table_at(&self, name: &str, bind: &str, keys: &str) -> String {
        format!(
            "[[low_bandwidth]]\nname = \"{name}\"\nbind = \"{bind}\"\n\
             homeserver = \"http://{}\"\ncertificate = {}\n{keys}\n",
            self.homeserver.address(),
            self.leaf.table(),
        )
    }

    /// A client of the gateway that is there.
    #[track_caller]
    pub(crate) fn client(&self, address: SocketAddr) -> CoapsClient {
        self.client_with(address, &Memory::default())
    }

    /// As [`Self::client`]; it remembers the session.
    #[track_caller]
    pub(crate) fn client_with(&self, address: SocketAddr, memory: &Memory) -> CoapsClient {
        let config = trusting(&self.authority);
        CoapsClient::connect(any_port(address), address, config, memory.clone())
    }

    /// A request of Alice.
    pub(crate) fn request(&self, target: &str) -> Request {
        request(target, Some(&self.token))
    }

    /// Panics unless Alice is served.
    #[track_caller]
    pub(crate) fn is_served(&self, client: &mut CoapsClient) {
        let answer = client.request(self.request(WHOAMI));
        assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
        assert_eq!(json(&answer)["user_id"], self.alice.as_str());
    }

    /// Sends a message to the room.
    pub(crate) fn say(&self, text: &str) {
        let sent = self.homeserver.send_text(&self.room, &self.alice, text);
        sent.expect("a message of a member");
    }

    /// The paths that the homeserver was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        let journal = self.homeserver.journal();
        journal.into_iter().map(|record| record.path).collect()
    }
}

/// A client that trusts this authority, by DTLS 1.3.
pub(crate) fn trusting(authority: &Authority) -> Config {
    let mut config = client_config(authority, NAME);
    config.versions = Versions::Only(Version::Dtls13);
    config
}

/// A GET.
pub(crate) fn request(target: &str, token: Option<&str>) -> Request {
    let mut request = coap_request(Code::GET, target, "");
    request.deadline = Duration::from_secs(60);
    if let Some(token) = token {
        let pushed = request.options.push(TOKEN, token.as_bytes());
        pushed.expect("a short token");
    }
    request
}

/// The body of an answer.
#[track_caller]
pub(crate) fn json(answer: &Response) -> Value {
    let mut json = Vec::new();
    let read = cbor_to_json(&answer.payload, Keys::V1, &Limits::RESPONSE, &mut json);
    read.unwrap_or_else(|error| panic!("no CBOR: {error}: {answer:?}"));
    serde_json::from_slice(&json).expect("JSON of ours")
}

/// Where the gateway of this name listens: first what it has said first.
pub(crate) fn addresses(vestibule: &Vestibule, name: &str) -> Vec<SocketAddr> {
    let events = vestibule.events("listening for DTLS");
    let of_it = events.iter().filter(|event| event["gateway"] == name);
    let addresses = of_it.map(|event| event["address"].as_str()?.parse().ok());
    addresses.collect::<Option<_>>().expect("addresses")
}

/// Where the gateway `lb` listens, when it is there.
pub(crate) fn address(vestibule: &Vestibule) -> SocketAddr {
    wait_for("the gateway", || {
        addresses(vestibule, "lb").first().copied()
    })
}

/// The associations that the program shows.
#[track_caller]
pub(crate) fn associations(vestibule: &Vestibule) -> Vec<Value> {
    let answer = vestibule.ask(&["show", "associations"]);
    answer["associations"].as_array().expect("a list").clone()
}

/// Waits until the gateway `lb` has said this often that it listens.
#[track_caller]
pub(crate) fn wait_for_starts(vestibule: &Vestibule, count: usize) -> Vec<SocketAddr> {
    wait_for("the gateway to begin again", || {
        Some(addresses(vestibule, "lb")).filter(|it| it.len() >= count)
    })
}

fn any_port(server: SocketAddr) -> UdpSocket {
    let any = match server {
        SocketAddr::V4(_) => "127.0.0.1:0",
        SocketAddr::V6(_) => "[::1]:0",
    };
    UdpSocket::bind(any).expect("a free port")
}
