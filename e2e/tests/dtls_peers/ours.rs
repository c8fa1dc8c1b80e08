//! Our own client, against our server over real sockets.

use std::net::UdpSocket;

use vestibule_coap::Code;
use vestibule_dtls::client::{Closed, Config, Fingerprint, Memory, Trust, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::Authority;
use vestibule_e2e::coap::{coap_request, pattern};
use vestibule_e2e::dtls::{CoapsClient, CoapsServer, client_config, is_handshake};

use super::{KINDS, Kind, NAME, PROGRAM, Site};

const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

fn connect(site: &Site, config: &Config, memory: &Memory) -> CoapsClient {
    try_connect(&site.server, config, memory).expect("an association")
}

fn try_connect(
    server: &CoapsServer,
    config: &Config,
    memory: &Memory,
) -> Result<CoapsClient, Closed> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    CoapsClient::try_connect(socket, server.address(), config.clone(), memory.clone())
}

#[test]
fn full_and_resumed_in_both_versions() {
    for kind in KINDS {
        let site = Site::new(kind, "");
        for version in VERSIONS {
            let memory = Memory::default();
            let mut config = client_config(&site.authority, NAME);
            config.versions = Versions::Only(version);
            for resumed in [false, true, true] {
                let mut client = connect(&site, &config, &memory);
                let agreed = client.agreement();
                assert_eq!(
                    (agreed.version, agreed.resumed),
                    (version, resumed),
                    "{kind:?}"
                );
                client.ping();
                let body = pattern(3000);
                let echo = client.request(coap_request(Code::POST, "/echo", body.clone()));
                assert!(echo.payload == body);
                let large = client.request(coap_request(Code::GET, "/large?n=4000", ""));
                assert_eq!(large.payload.len(), 4000);
                client.close();
            }
        }
    }
}

/// 1.2 the first time, where the server says that it can do 1.3, and 1.3 from then on.
#[test]
fn the_version_is_learnt() {
    let site = Site::new(Kind::Ecdsa, "");
    let config = client_config(&site.authority, NAME);
    let memory = Memory::default();
    let versions: Vec<_> = (0..3)
        .map(|_| connect(&site, &config, &memory).agreement().version)
        .collect();
    assert_eq!(
        versions,
        [Version::Dtls12, Version::Dtls13, Version::Dtls13]
    );
}

/// A server that cannot do 1.3 does not say that it can.
#[test]
fn there_is_only_one_version_to_learn() {
    let site = Site::new(Kind::Ecdsa, "--versions 1.2");
    let config = client_config(&site.authority, NAME);
    let memory = Memory::default();
    for _ in 0..2 {
        let client = connect(&site, &config, &memory);
        assert_eq!(client.agreement().version, Version::Dtls12);
    }
}

/// A hello that does not fit one datagram, before anything is kept of it.
#[test]
fn post_quantum_hellos_need_two_datagrams() {
    let site = Site::new(Kind::Ecdsa, "--post-quantum");
    let mut config = client_config(&site.authority, NAME);
    config.versions = Versions::Only(Version::Dtls13);
    config.post_quantum = true;
    // On a machine that does much else some are sent again, but not always.
    let handshakes = (0..5).map(|_| {
        let mut client = connect(&site, &config, &Memory::default());
        client.ping();
        let hellos = client.trace().sent.iter().take_while(|it| is_handshake(it));
        hellos.map(Vec::len).collect::<Vec<usize>>()
    });
    let hellos = handshakes.min_by_key(Vec::len).expect("some handshakes");
    // Two for the first, two for the one with the cookie.
    assert_eq!(hellos.len(), 4, "{hellos:?}");
    assert!(hellos[0] > 1000, "{hellos:?}");
}

#[test]
fn an_observation() {
    let site = Site::new(Kind::Ecdsa, "");
    let config = client_config(&site.authority, NAME);
    let mut client = connect(&site, &config, &Memory::default());
    let (id, first) = client.observe(coap_request(Code::GET, "/ticks", ""));
    for _ in 0..3 {
        let next = client.notification(id);
        assert_ne!(next.payload, first.payload);
    }
}

/// Nothing of the application goes to a server that is not the one that was meant.
#[test]
fn the_wrong_server_is_refused() {
    let site = Site::new(Kind::Ecdsa, "");
    let strangers = Authority::new();
    let good = client_config(&site.authority, NAME);
    let mut pinned = good.clone();
    pinned.trust = Trust::Fingerprint(Fingerprint::of(&site.leaf.certificates()[0]));
    let mut wrongly_pinned = good.clone();
    wrongly_pinned.trust = Trust::Fingerprint(Fingerprint([7; 32]));
    let by_address = client_config(&site.authority, "127.0.0.1");
    for config in [&good, &pinned, &by_address] {
        connect(&site, config, &Memory::default()).ping();
    }
    let expired = site.authority.expired_server(&[NAME]);
    let expired = CoapsServer::start(PROGRAM, &expired, "");
    let server = &site.server;
    for (server, config) in [
        (server, client_config(&strangers, NAME)),
        (server, client_config(&site.authority, "other.example.org")),
        (server, client_config(&site.authority, "127.0.0.2")),
        (server, wrongly_pinned),
        (&expired, good),
    ] {
        for version in VERSIONS {
            let mut config = config.clone();
            config.versions = Versions::Only(version);
            let refused = try_connect(server, &config, &Memory::default());
            assert!(matches!(refused, Err(Closed::Refused(_))), "{refused:?}");
        }
    }
}
