//! What is agreed, and how it is come by.

use vestibule_dtls::{
    Session,
    session::{MAX_DATAGRAM, SendError, Version},
    stack::{ClientSettings, Offer, ServerSettings},
    vectors::{Kind, NAME, Pair, Tally, Way, client_settings, identity, server_settings},
    wire::Hello,
};

use crate::setup::{
    MOMENT, PLAIN, VERSIONS, check_payloads, ecdsa, established, resumed, resuming, rsa, sent,
    settle,
};

#[test]
fn full_and_resumed() {
    for kind in [Kind::P256, Kind::P384, Kind::Rsa] {
        let identity = identity(kind);
        for version in VERSIONS {
            let mut settings = client_settings(version);
            let mut pair = Pair::new(&server_settings(&identity), &settings);
            for resumed in [false, true, true] {
                settle(&mut pair);
                assert_eq!(pair.replies, 1);
                let client = pair.client.agreement().unwrap();
                let server = pair.server.as_ref().unwrap().agreement().unwrap();
                assert_eq!((client.version, server.version), (version, version));
                assert_eq!(client.suite, server.suite);
                assert_eq!((client.resumed, server.resumed), (resumed, resumed));
                assert_eq!(server.server_name.as_deref(), Some(NAME));
                let chain = if resumed { &[][..] } else { identity.chain() };
                assert_eq!(pair.client.peer_certificates(), chain);
                let id = pair.server.as_ref().unwrap().connection_id();
                assert_eq!(id, Some(&pair.id[..]));
                check_payloads(&mut pair);
                assert!(pair.newest);
                // In 1.2 only a full handshake gives a ticket.
                let ticket = pair.client.take_resumption();
                assert_eq!(ticket.is_some(), version == Version::Dtls13 || !resumed);
                settings.session = ticket.or(settings.session);
                pair.reconnect(&settings);
            }
        }
    }
}

#[test]
fn suites() {
    const AES256: Offer = Offer {
        suites: &[0xc02c, 0xc030, 0x1302],
        ..PLAIN
    };
    const CHACHA: Offer = Offer {
        suites: &[0xc02b, 0xcca9, 0xc02f, 0xcca8, 0x1303],
        ..PLAIN
    };
    for (server, offer, expected_12, expected_13) in [
        (ecdsa(), None, 0xcca9, 0x1301),
        (rsa(), None, 0xcca8, 0x1301),
        (ecdsa(), Some(PLAIN), 0xc02b, 0x1301),
        (rsa(), Some(PLAIN), 0xc02f, 0x1301),
        (ecdsa(), Some(AES256), 0xc02c, 0x1302),
        (rsa(), Some(AES256), 0xc030, 0x1302),
        // The order is ours.
        (ecdsa(), Some(CHACHA), 0xcca9, 0x1303),
        (rsa(), Some(CHACHA), 0xcca8, 0x1303),
    ] {
        for (version, expected) in VERSIONS.into_iter().zip([expected_12, expected_13]) {
            let settings = client_settings(version);
            let mut pair = Pair::new(&server, &settings);
            if let Some(offer) = offer {
                pair.reconnect_offering(&settings, &offer);
            }
            settle(&mut pair);
            assert_eq!(pair.client.agreement().unwrap().suite, expected);
            check_payloads(&mut pair);
            let id = pair.server.as_ref().unwrap().connection_id();
            assert_eq!(id.is_some(), offer.is_none());
            assert_eq!(pair.newest, offer.is_none());
        }
    }
}

#[test]
fn a_client_with_p256_only() {
    for version in VERSIONS {
        let settings = client_settings(version);
        let mut pair = Pair::new(&ecdsa(), &settings);
        pair.reconnect_offering(
            &settings,
            &Offer {
                p256: true,
                ..PLAIN
            },
        );
        settle(&mut pair);
        assert_eq!(pair.replies, 1);
        check_payloads(&mut pair);
    }
}

/// Nothing in common: silence, and the demultiplexer may say why.
#[test]
fn no_suite_in_common() {
    const NULL: Offer = Offer {
        // Those for a certificate with RSA.
        suites: &[0xcca8, 0xc02f],
        ..PLAIN
    };
    let settings = client_settings(Version::Dtls12);
    let mut pair = Pair::new(&ecdsa(), &settings);
    pair.reconnect_offering(&settings, &NULL);
    pair.run(MOMENT * 20);
    assert!(pair.server.is_none() && !pair.client.is_established());
}

#[test]
fn versions() {
    const BOTH: &[Version] = &VERSIONS;
    for (spoken, offered, agreed) in [
        (&BOTH[..1], Version::Dtls12, true),
        (&BOTH[..1], Version::Dtls13, false),
        (&BOTH[1..], Version::Dtls12, false),
        (&BOTH[1..], Version::Dtls13, true),
        (&BOTH[..0], Version::Dtls12, false),
        (&BOTH[..0], Version::Dtls13, false),
    ] {
        let server = ServerSettings {
            versions: spoken,
            ..ecdsa()
        };
        let mut pair = Pair::new(&server, &client_settings(offered));
        pair.run(MOMENT);
        assert_eq!(pair.is_established(), agreed, "{spoken:?} {offered:?}");
        assert_eq!(pair.server.is_some(), agreed);
    }
}

/// A ticket under another key, or one that somebody has changed, costs a full handshake and no more.
#[test]
fn a_ticket_of_another_key() {
    for version in VERSIONS {
        let mut pair = established(version);
        let settings = resuming(&mut pair, version);
        let server = ServerSettings {
            ticket_key: [8; 32],
            ..ecdsa()
        };
        for skip_cookie in [false, true] {
            let mut pair = Pair::new(&server, &settings);
            pair.skip_cookie = skip_cookie;
            settle(&mut pair);
            assert!(!pair.client.agreement().unwrap().resumed);
            assert_eq!(pair.client.peer_certificates().len(), 1);
            assert_eq!(pair.replies, 1);
            check_payloads(&mut pair);
        }
    }
}

/// A session is offered to nobody but who gave it: under the same name, in the same version.
#[test]
fn sessions_of_others_are_not_offered() {
    for (version, other) in VERSIONS.into_iter().zip(VERSIONS.into_iter().rev()) {
        let mut pair = established(version);
        let settings = resuming(&mut pair, version);
        let renamed = ClientSettings {
            server_name: "other.example.org".to_owned(),
            ..settings.clone()
        };
        let changed = ClientSettings {
            version: other,
            ..settings
        };
        for settings in [renamed, changed] {
            let mut pair = Pair::new(&ecdsa(), &settings);
            settle(&mut pair);
            assert!(!pair.client.agreement().unwrap().resumed);
            for hello in sent(&pair, Way::Up).filter_map(Hello::peek) {
                assert!(!hello.ticket);
            }
        }
    }
}

/// An address is no name to be sent, and the stack does not resume in 1.3 without one.
#[test]
fn addresses_as_names() {
    for version in VERSIONS {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let mut settings = ClientSettings {
                server_name: address.to_owned(),
                ..client_settings(version)
            };
            let mut pair = Pair::new(&ecdsa(), &settings);
            settle(&mut pair);
            let server = pair.server.as_ref().unwrap().agreement().unwrap();
            assert_eq!(server.server_name, None);
            settings.session = pair.client.take_resumption();
            pair.reconnect(&settings);
            settle(&mut pair);
            let resumed = pair.client.agreement().unwrap().resumed;
            assert_eq!(resumed, version == Version::Dtls12);
            // Not at another address.
            settings.server_name = "192.0.2.9".to_owned();
            pair.reconnect(&settings);
            settle(&mut pair);
            assert!(!pair.client.agreement().unwrap().resumed);
        }
    }
}

#[test]
fn early_data_is_off() {
    let (pair, _) = resumed(Version::Dtls13);
    for hello in sent(&pair, Way::Up).filter(|datagram| Hello::peek(datagram).is_some()) {
        assert!(extensions(hello).iter().all(|kind| *kind != 42));
    }
    let mut pair = Pair::new(&ecdsa(), &client_settings(Version::Dtls13));
    assert_eq!(pair.client.send(b"early"), Err(SendError::NotEstablished));
    pair.exchange();
    assert_eq!(pair.at_server, Vec::<Vec<u8>>::new());
}

/// The numbers of the extensions of a hello.
fn extensions(record: &[u8]) -> Vec<u16> {
    let mut rest = &record[25 + 34..];
    let skip = |rest: &mut &[u8], width: usize| {
        let length = rest[..width]
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        *rest = &rest[width + length..];
    };
    for width in [1, 1, 2, 1] {
        skip(&mut rest, width);
    }
    rest = &rest[2..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(u16::from_be_bytes([rest[0], rest[1]]));
        rest = &rest[2..];
        skip(&mut rest, 2);
    }
    all
}

#[test]
fn post_quantum_is_an_option() {
    let hello = |pair: &Pair| -> usize { sent(pair, Way::Up).take(2).map(<[u8]>::len).sum() };
    for (client, server) in [(false, false), (false, true), (true, false), (true, true)] {
        let server = ServerSettings {
            post_quantum: server,
            ..ecdsa()
        };
        for version in VERSIONS {
            let settings = ClientSettings {
                post_quantum: client,
                ..client_settings(version)
            };
            let mut pair = Pair::new(&server, &settings);
            settle(&mut pair);
            // The share is 1,216 bytes, and is offered in 1.3 only.
            let large = client && version == Version::Dtls13;
            assert_eq!(hello(&pair) > 1300, large, "{version:?} {}", hello(&pair));
            // The server answers with a ciphertext of 1,088 where both want that.
            let chosen = large && server.post_quantum;
            assert_eq!(
                pair.down.bytes > 1800,
                chosen,
                "{version:?} {:?}",
                pair.down
            );
        }
    }
}

#[test]
fn nothing_is_sent_before_the_handshake_is_over() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        assert_eq!(pair.client.send(b"x"), Err(SendError::NotEstablished));
        assert_eq!(pair.client.agreement(), None);
        assert!(!pair.client.export(b"EXPORTER-x", b"", &mut [0; 32]));
        assert!(pair.client.peer_certificates().is_empty());
        pair.line = Box::new(|way, _, datagram| match way {
            Way::Up => vec![datagram],
            Way::Down if datagram.len() < 200 => vec![datagram],
            Way::Down => Vec::new(),
        });
        pair.exchange();
        let server = pair.server.as_mut().unwrap();
        assert!(!server.is_established());
        assert_eq!(server.send(b"x"), Err(SendError::NotEstablished));
        assert_eq!(server.agreement(), None);
    }
}

#[test]
fn datagrams_are_packed() {
    for version in VERSIONS {
        for pair in [established(version), resumed(version).0] {
            assert!(pair.sent.iter().all(|(_, datagram)| datagram.len() <= 1200));
            let all = pair.up.datagrams + pair.down.datagrams;
            assert!(all <= 7, "{all}");
        }
        let mut pair = established(version);
        pair.forget();
        // Many records in few datagrams, and no datagram longer than asked.
        for length in [10, 400, 700, 90, 1000, 1, 16_383, 3] {
            pair.client.send(&vec![7; length]).unwrap();
        }
        let mut datagrams = Vec::new();
        let mut datagram = Vec::new();
        while pair.client.poll_transmit(&mut datagram, 1200) {
            datagrams.push(std::mem::take(&mut datagram));
        }
        for neighbours in datagrams.windows(2) {
            assert!(neighbours.concat().len() > 1200 || neighbours[1].len() < 100);
        }
        assert!(datagrams.iter().filter(|it| it.len() > 1200).count() == 1);
        for datagram in datagrams {
            pair.deliver_up(&datagram);
        }
        let lengths: Vec<usize> = pair.at_server.iter().map(Vec::len).collect();
        assert_eq!(lengths, [10, 400, 700, 90, 1000, 1, 16_383, 3]);
    }
}

#[test]
fn an_idle_association_is_silent() {
    for version in VERSIONS {
        for mut pair in [established(version), resumed(version).0] {
            check_payloads(&mut pair);
            pair.run(MOMENT * 20);
            pair.forget();
            pair.run(MOMENT * 50_000);
            assert_eq!((pair.up, pair.down), (Tally::default(), Tally::default()));
            assert_eq!(pair.client.poll_timeout(), None);
            assert_eq!(pair.server.as_ref().unwrap().poll_timeout(), None);
            check_payloads(&mut pair);
        }
    }
}

#[test]
fn records_are_longer_than_payloads_by_what_is_said() {
    for version in VERSIONS {
        let mut pair = Pair::new(&ecdsa(), &client_settings(version));
        settle(&mut pair);
        let server = pair.server.as_mut().unwrap();
        let sessions: [&mut dyn Session; 2] = [&mut pair.client, &mut **server];
        for session in sessions {
            for length in [0, 4, 1000] {
                let mut datagram = Vec::new();
                session.send(&vec![7; length]).unwrap();
                assert!(session.poll_transmit(&mut datagram, MAX_DATAGRAM));
                assert_eq!(datagram.len(), length + session.overhead(), "{version:?}");
            }
        }
    }
}
