//! What is sent together, and how often a session is used.

use super::{
    pair::{Pair, VERSIONS, only},
    scripted::{NAME, good_server},
};
use crate::{
    client::{
        Client, Config,
        testing::{Authority, PRESENT},
    },
    session::Version,
    wire::Hello,
};

/// A pair that has been connected, and a client for another association.
fn pair(version: Version) -> (Pair, Config) {
    let authority = Authority::new("authority");
    let server = good_server(&authority);
    let config = Config::new(NAME.parse().unwrap(), 5684, authority.trust());
    let config = only(version, &config);
    let mut pair = Pair::new(&server, config.clone());
    pair.exchange();
    assert_eq!(pair.connected(), Some(false));
    (pair, config)
}

#[test]
fn a_session_of_13_is_used_once_and_one_of_12_again() {
    for version in VERSIONS {
        let (pair, config) = pair(version);
        let resumes = [(); 2].map(|()| {
            let memory = pair.memory.clone();
            let mut client = Client::new(config.clone(), memory, pair.now, PRESENT).unwrap();
            let hello = client.poll_transmit().unwrap();
            Hello::peek(&hello).unwrap().ticket
        });
        assert_eq!(resumes, [true, version == Version::Dtls12]);
    }
}

#[test]
fn each_payload_has_a_datagram_of_its_own() {
    for version in VERSIONS {
        let (mut pair, config) = pair(version);
        // In 1.2 the client's Finished is the last word of a handshake that resumes.
        pair.server = None;
        pair.begin(config);
        while pair.client.agreement().is_none() {
            assert!(pair.turn(), "not connected");
        }
        for payload in [b"one", b"two"] {
            pair.client.send(payload).unwrap();
        }
        let lengths: Vec<_> = std::iter::from_fn(|| pair.client.poll_transmit())
            .map(|datagram| datagram.len())
            .collect();
        let [finished, one, two] = lengths[..] else {
            panic!("{lengths:?}");
        };
        assert_eq!(one, two);
        assert!(one < finished && one < 50, "{lengths:?}");
    }
}
