use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use purecrypto::tls::{Connection, ConnectionId as StackId, EntropySource, NamedGroup};

use super::{
    Acceptor, ClientSession, config, connect,
    entropy::{Entropy, MarkingEntropy},
    session::{MAX_SENT, StackSession},
};
use crate::{
    Accept, Answer, CookieSecrets, Identity, Session,
    session::{Fault, MAX_DATAGRAM, SendError, Version},
    vectors::{
        Kind, Pair, certificate_key, client_settings, identity, self_signed, server_settings,
    },
    wire::{DOWNGRADE, Hello, records},
};

const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

/// Who shows a certificate without having its key gets nowhere: the stack looks at that although the chain is not its
/// business.
#[test]
fn certificates_of_others() {
    for kind in [Kind::P256, Kind::Rsa] {
        let chain = identity(kind).chain().to_vec();
        let other = certificate_key(kind).serialize_der();
        let identity = Identity::of_somebody_else(chain, &other).unwrap();
        for version in VERSIONS {
            let mut pair = Pair::new(&server_settings(&identity), &client_settings(version));
            pair.run(Duration::from_secs(20));
            assert!(pair.server.is_some());
            assert!(!pair.client.is_established());
            let server = pair.server.as_ref().unwrap();
            assert!(!server.is_established());
        }
    }
}

/// No early data at either end, whatever a ticket says: that is how the stack is set unless asked.
#[test]
fn configs_have_no_early_data() {
    let settings = server_settings(&identity(Kind::P256));
    for version in VERSIONS {
        for config in [
            config::server(version, &settings),
            config::cookie(version, &settings),
            config::client(&client_settings(version)),
        ] {
            assert_eq!(config.max_early_data_size, 0);
            assert!(config.require_extended_master_secret);
        }
    }
}

/// What answers a hello without cookie can neither show a certificate nor take a ticket.
#[test]
fn the_config_for_cookies_knows_nothing() {
    let settings = server_settings(&identity(Kind::P256));
    for version in VERSIONS {
        let config = config::cookie(version, &settings);
        assert!(config.identity.unwrap().cert_chain.is_empty());
        assert!(config.ticket_key.is_none() && config.key_log.is_none());
    }
}

/// Remembers what was drawn.
#[derive(Default)]
struct Draws(Mutex<Vec<Vec<u8>>>);

impl EntropySource for Draws {
    fn fill(&self, dest: &mut [u8]) {
        Entropy.fill(dest);
        self.0.lock().unwrap().push(dest.to_vec());
    }
}

/// The hello with which a new client returns its cookie.
fn second_hello(
    acceptor: &mut Acceptor,
    client: &mut ClientSession,
    now: Instant,
    from: std::net::SocketAddr,
) -> Vec<u8> {
    let mut hello = Vec::new();
    client.poll_transmit(&mut hello, MAX_DATAGRAM);
    match acceptor.handle_hello(now, from, &hello, [1; 4], false) {
        Answer::Reply(reply) => client.handle_record(now, &reply).unwrap(),
        other => panic!("{other:?}"),
    }
    hello.clear();
    client.poll_transmit(&mut hello, MAX_DATAGRAM);
    assert!(Hello::peek(&hello).unwrap().cookie);
    hello
}

/// Where the stack draws what. This is how it is written, not what it promises: with another release this may fail, and
/// then `MarkingEntropy` must be thought about again.
#[test]
fn the_order_of_draws() {
    for (kind, groups) in [
        (Kind::P256, NamedGroup::X25519),
        (Kind::P256, NamedGroup::Secp256r1),
        (Kind::Rsa, NamedGroup::X25519),
    ] {
        let settings = server_settings(&identity(kind));
        for version in VERSIONS {
            let epoch = Instant::now();
            let now = epoch + Duration::from_secs(600);
            let cookies = CookieSecrets::new([9; 32]);
            let mut acceptor = Acceptor::new(&settings, cookies.clone(), epoch);
            let from = std::net::SocketAddr::from(([192, 0, 2, 1], 9));
            let mut wanted = config::client(&client_settings(version));
            wanted.key_exchange_groups = Some(vec![groups]);
            wanted.key_shares = Some(vec![groups]);
            let connection = Connection::client(&wanted).unwrap();
            let mut client = StackSession::client(connection, version, now, "");
            let hello = second_hello(&mut acceptor, &mut client, now, from);

            let draws = Arc::new(Draws::default());
            let mut config = config::server(version, &settings);
            config.rng = Some(draws.clone());
            config.connection_id = Some(StackId::Fixed(vec![1, 2, 3, 4]));
            config.peer_address = from_bytes(from);
            config.cookie_secret = Some((*cookies.clone().at(now - epoch).0).into());
            let connection = Connection::server(&config).unwrap();
            let identity = settings.identity.clone();
            let mut session = StackSession::server(connection, version, epoch, identity, &hello);
            session.handle_record(now, &hello).unwrap();
            let random = session.next_record()[27..59].to_vec();

            let draws = draws.0.lock().unwrap();
            let lengths: Vec<usize> = draws.iter().map(Vec::len).collect();
            match version {
                // The random, then the ephemeral key.
                Version::Dtls12 => {
                    assert_eq!(lengths, [32, 32]);
                    assert_eq!(draws[0], random);
                }
                // The ephemeral key, the random, then spare Connection IDs.
                Version::Dtls13 => {
                    assert_eq!(lengths, [32, 32, 4, 4, 4, 4, 4, 4, 4, 4]);
                    assert_eq!(draws[1], random);
                }
            }
        }
    }
}

fn from_bytes(from: std::net::SocketAddr) -> Vec<u8> {
    let mut bytes = vec![0; 10];
    bytes.extend([0xff, 0xff, 192, 0, 2, 1]);
    bytes.extend(from.port().to_be_bytes());
    bytes
}

#[test]
fn the_first_draw_is_marked() {
    let entropy = MarkingEntropy::new();
    let mut seen = Vec::new();
    for number in 0..10 {
        let mut drawn = [0; 32];
        entropy.fill(&mut drawn);
        assert_eq!(drawn.ends_with(&DOWNGRADE), number == 0);
        assert!(drawn[..24] != [0; 24] && !seen.contains(&drawn));
        seen.push(drawn);
    }
}

#[test]
fn nothing_is_marked_that_is_no_random() {
    for length in [0, 4, 12, 31, 33, 48] {
        let entropy = MarkingEntropy::new();
        let mut drawn = vec![0; length];
        entropy.fill(&mut drawn);
        assert!(!drawn.ends_with(&DOWNGRADE));
        let mut drawn = [0; 32];
        entropy.fill(&mut drawn);
        assert!(!drawn.ends_with(&DOWNGRADE), "{length}");
    }
}

/// A client of 1.3 may take another Connection ID. The session knows it, though nobody who has given it out.
#[test]
fn connection_ids_that_the_stack_gives() {
    let mut pair = Pair::simple(Version::Dtls13);
    pair.run(Duration::from_secs(2));
    pair.client.connection.request_connection_ids(2).unwrap();
    pair.run(Duration::from_secs(2));
    pair.client.connection.use_spare_connection_id().unwrap();
    pair.client.send(b"other id").unwrap();
    pair.exchange();
    let record = records(&pair.sent.last().unwrap().1).next().unwrap();
    assert!(record.connection_id().is_some_and(|id| id != pair.id));
    assert_eq!(pair.at_server, [b"other id"]);
    assert!(pair.newest);
    assert_eq!(pair.server.unwrap().connection_id(), Some(&pair.id[..]));
}

/// Whose record numbers are used up can still say goodbye.
#[test]
fn record_numbers_end() {
    for version in VERSIONS {
        let mut pair = Pair::simple(version);
        pair.run(Duration::from_secs(2));
        pair.client.sent = MAX_SENT - 1;
        assert_eq!(pair.client.send(&[0; 20_000]), Err(SendError::TooLong));
        assert_eq!(pair.client.send(b"last"), Ok(()));
        assert_eq!(pair.client.send(b"none"), Err(SendError::Exhausted));
        pair.client.close();
        pair.exchange();
        assert_eq!(pair.at_server, [b"last"]);
        assert!(pair.server.unwrap().is_closed_by_peer());
    }
}

#[test]
fn names_that_are_none() {
    for version in VERSIONS {
        let error = |name: &str| {
            let settings = super::ClientSettings {
                server_name: name.to_owned(),
                ..client_settings(version)
            };
            connect(&settings, Instant::now()).err()
        };
        for bad in [
            "",
            "a b",
            "\u{e4}",
            "a\0",
            &"a".repeat(256),
            &"a".repeat(70_000),
        ] {
            assert_eq!(error(bad), Some(Fault::Internal));
        }
        for good in ["a", "a.example.", "[::1]", "::1", &"a".repeat(255)] {
            assert_eq!(error(good), None);
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    let key = certificate_key(Kind::P256);
    let identity = Identity::new(vec![self_signed(&key, 0)], &key.serialize_der()).unwrap();
    let mut pair = Pair::new(
        &server_settings(&identity),
        &client_settings(Version::Dtls12),
    );
    pair.run(Duration::from_millis(200));
    let resumption = pair.client.take_resumption().unwrap();
    assert_eq!(format!("{resumption:?}"), "Resumption");
}
