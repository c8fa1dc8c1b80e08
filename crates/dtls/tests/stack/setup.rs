//! What the tests have in common.

use std::{sync::LazyLock, time::Duration};

use vestibule_dtls::{
    Identity, Session,
    session::Version,
    stack::{ClientSettings, Offer, ServerSettings},
    vectors::{Kind, Pair, Way, client_settings, identity, server_settings},
};

pub(crate) const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

/// Less than any timeout: whatever happens in it happens without a repetition.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);

/// What clients without Connection ID offer, and only AES.
pub(crate) const PLAIN: Offer = Offer {
    suites: &[0xc02b, 0xc02f, 0x1301],
    connection_id: false,
    p256: false,
};

static ECDSA: LazyLock<Identity> = LazyLock::new(|| identity(Kind::P256));
static RSA: LazyLock<Identity> = LazyLock::new(|| identity(Kind::Rsa));

pub(crate) fn ecdsa() -> ServerSettings {
    server_settings(&ECDSA)
}

pub(crate) fn rsa() -> ServerSettings {
    server_settings(&RSA)
}

/// An association that is established.
pub(crate) fn established(version: Version) -> Pair {
    let mut pair = Pair::new(&ecdsa(), &client_settings(version));
    settle(&mut pair);
    pair
}

/// An association that was resumed, and the settings it was resumed with.
pub(crate) fn resumed(version: Version) -> (Pair, ClientSettings) {
    let mut pair = established(version);
    let settings = resuming(&mut pair, version);
    pair.reconnect(&settings);
    settle(&mut pair);
    let agreement = pair.client.agreement().expect("established");
    assert!(agreement.resumed);
    (pair, settings)
}

/// Ends the handshake.
pub(crate) fn settle(pair: &mut Pair) {
    pair.run(MOMENT);
    assert!(pair.is_established(), "{pair:?}");
}

/// Settings that resume the association of the client.
pub(crate) fn resuming(pair: &mut Pair, version: Version) -> ClientSettings {
    let session = pair.client.take_resumption();
    assert!(session.is_some());
    ClientSettings {
        session,
        ..client_settings(version)
    }
}

/// Payloads go both ways, each by itself.
pub(crate) fn check_payloads(pair: &mut Pair) {
    pair.at_server.clear();
    pair.at_client.clear();
    for payload in [&b"one"[..], b"two", &[5; 1100]] {
        pair.client.send(payload).expect("sent");
        pair.exchange();
        let server = pair.server.as_mut().expect("a session");
        server.send(payload).expect("sent");
        pair.exchange();
    }
    let expected = [b"one".to_vec(), b"two".to_vec(), vec![5; 1100]];
    assert_eq!(pair.at_server, expected);
    assert_eq!(pair.at_client, expected);
}

/// What went one way.
pub(crate) fn sent(pair: &Pair, way: Way) -> impl Iterator<Item = &[u8]> {
    pair.sent
        .iter()
        .filter(move |sent| sent.0 == way)
        .map(|sent| &sent.1[..])
}
