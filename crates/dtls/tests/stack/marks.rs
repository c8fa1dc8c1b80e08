//! The mark of a server that has 1.3 too.

use vestibule_dtls::{
    Session,
    session::Version,
    stack::{ClientSettings, Offer, ServerSettings},
    vectors::{Pair, Way, client_settings},
    wire::{records_without_id, server_random_advertises_13},
};

use crate::setup::{PLAIN, VERSIONS, check_payloads, ecdsa, resuming, rsa, sent, settle};

/// What the ServerHellos of an association say; a HelloRetryRequest is none.
fn marks(pair: &Pair) -> Vec<bool> {
    sent(pair, Way::Down)
        .flat_map(records_without_id)
        .filter(|record| !vestibule_dtls::wire::is_retry(record.bytes))
        .filter_map(|record| server_random_advertises_13(record.bytes))
        .collect()
}

/// Full and resumed, with each group and kind of key.
fn each(server: &ServerSettings, version: Version, mut check: impl FnMut(&Pair)) {
    let settings = client_settings(version);
    let mut pair = Pair::new(server, &settings);
    settle(&mut pair);
    check(&pair);
    let settings = resuming(&mut pair, version);
    pair.reconnect(&settings);
    settle(&mut pair);
    assert!(pair.client.agreement().expect("established").resumed);
    check(&pair);
    let settings = ClientSettings {
        session: None,
        ..settings
    };
    pair.reconnect_offering(
        &settings,
        &Offer {
            p256: true,
            ..PLAIN
        },
    );
    settle(&mut pair);
    check(&pair);
    check_payloads(&mut pair);
}

#[test]
fn version_12_says_that_there_is_13() {
    for server in [ecdsa(), rsa()] {
        each(&server, Version::Dtls12, |pair| {
            assert_eq!(marks(pair), [true]);
        });
    }
}

#[test]
fn a_server_without_13_does_not_say_so() {
    let server = ServerSettings {
        versions: &VERSIONS[..1],
        ..ecdsa()
    };
    each(&server, Version::Dtls12, |pair| {
        assert_eq!(marks(pair), [false]);
    });
}

#[test]
fn version_13_does_not_say_it() {
    each(&ecdsa(), Version::Dtls13, |pair| {
        assert_eq!(marks(pair), [false]);
    });
}
