use std::sync::Arc;

use proptest::prelude::*;
use rustls::{
    RootCertStore,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};

use super::*;

const NAME: &str = "chat.example.org";

/// Both ends, with what each has sent and the other has not received yet.
struct Pair {
    client: Session,
    server: Session,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

impl Pair {
    fn new(versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Self {
            client: Session::client(
                Arc::new(client),
                ServerName::try_from(NAME).unwrap(),
                Vec::new(),
            )
            .unwrap(),
            server: Session::server(Arc::new(server)).unwrap(),
            to_client: Vec::new(),
            to_server: Vec::new(),
        }
    }

    /// Feeds the server up to `most` bytes; answers what it delivers.
    fn feed_server(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        feed(
            &mut self.server,
            &mut self.to_server,
            most,
            &mut self.to_client,
        )
    }

    /// Feeds the client up to `most` bytes; answers what it delivers.
    fn feed_client(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        feed(
            &mut self.client,
            &mut self.to_client,
            most,
            &mut self.to_server,
        )
    }

    fn shake(&mut self) {
        self.feed_client(0).unwrap();
        for _ in 0..10 {
            self.feed_server(usize::MAX).unwrap();
            self.feed_client(usize::MAX).unwrap();
        }
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
    }
}

fn send(session: &mut Session, plaintext: &[u8], to: &mut Vec<u8>) -> Result<(), Error> {
    session.queued(to);
    let mut room = vec![0; room_for(plaintext.len())];
    let written = session.encrypt(plaintext, &mut room)?;
    to.extend_from_slice(&room[..written]);
    Ok(())
}

fn feed(
    session: &mut Session,
    from: &mut Vec<u8>,
    most: usize,
    answer: &mut Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let mut incoming = session.partial().to_vec();
    incoming.extend(from.drain(..most.min(from.len())));
    let mut delivered = Vec::new();
    let mut deliver = |piece: &[u8]| delivered.extend_from_slice(piece);
    session.receive(&mut incoming, &mut deliver, answer)?;
    Ok(delivered)
}

#[test]
fn both_versions_carry_bytes_both_ways_and_close() {
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let mut pair = Pair::new(&[version]);
        pair.shake();
        assert_eq!(pair.server.version(), Some(name));
        let message: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
        send(&mut pair.client, &message, &mut pair.to_server).unwrap();
        assert_eq!(pair.feed_server(usize::MAX).unwrap(), message);
        send(&mut pair.server, &message, &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client).unwrap();
        assert_eq!(pair.feed_client(usize::MAX).unwrap(), message);
        assert!(pair.client.peer_closed() && !pair.server.peer_closed());
        // The other direction goes on.
        send(&mut pair.client, b"more", &mut pair.to_server).unwrap();
        assert_eq!(pair.feed_server(usize::MAX).unwrap(), b"more");
        assert!(send(&mut pair.server, b"no", &mut pair.to_client).is_err());
    }
}

#[test]
fn nothing_is_held_while_nothing_is_under_way() {
    let mut pair = Pair::new(&[&TLS13]);
    pair.shake();
    send(&mut pair.client, b"hello", &mut pair.to_server).unwrap();
    assert!(pair.feed_server(7).unwrap().is_empty());
    assert_eq!(pair.server.partial().len(), 7);
    assert_eq!(pair.feed_server(usize::MAX).unwrap(), b"hello");
    assert_eq!(pair.server.partial.capacity(), 0);
}

#[test]
fn a_client_that_does_not_believe_sends_an_alert() {
    let mut pair = Pair::new(&[&TLS13]);
    let mut other = Pair::new(&[&TLS13]);
    other.feed_client(0).unwrap();
    pair.to_server = std::mem::take(&mut other.to_server);
    pair.feed_server(usize::MAX).unwrap();
    other.to_client = std::mem::take(&mut pair.to_client);
    // All of the server's messages come at once, and the certificate is not the last.
    let error = other.feed_client(usize::MAX).unwrap_err();
    assert!(matches!(error, Error::InvalidCertificate(_)), "{error}");
    assert!(!other.to_server.is_empty());
    pair.to_server = other.to_server;
    let error = pair.feed_server(usize::MAX).unwrap_err();
    assert!(matches!(error, Error::AlertReceived(_)), "{error}");
}

#[test]
fn garbage_is_answered_with_an_alert() {
    let mut pair = Pair::new(&[&TLS12, &TLS13]);
    // A hello of two bytes.
    pair.to_server = b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03".to_vec();
    assert!(pair.feed_server(usize::MAX).is_err());
    assert_eq!(pair.to_client, b"\x15\x03\x03\x00\x02\x02\x32");
    // And once more, which is an error again.
    pair.to_server = b"\x17\x03\x03\x00\x01x".to_vec();
    assert!(pair.feed_server(usize::MAX).is_err());
}

#[test]
fn a_damaged_record_ends_the_session() {
    let mut pair = Pair::new(&[&TLS13]);
    pair.shake();
    send(&mut pair.client, b"good", &mut pair.to_server).unwrap();
    let good = pair.to_server.len();
    send(&mut pair.client, b"damaged", &mut pair.to_server).unwrap();
    pair.to_server[good + 8] ^= 1;
    let mut incoming = std::mem::take(&mut pair.to_server);
    let mut delivered = Vec::new();
    let result = pair.server.receive(
        &mut incoming,
        &mut |piece| delivered.extend_from_slice(piece),
        &mut pair.to_client,
    );
    assert!(result.is_err());
    assert_eq!(delivered, b"good");
    assert!(!pair.to_client.is_empty());
    assert!(send(&mut pair.server, b"x", &mut pair.to_client).is_err());
}

#[test]
fn a_session_that_failed_inside_a_message_can_be_asked_and_says_so_again() {
    let mut pair = Pair::new(&[&TLS13]);
    pair.shake();
    // rustls sends no half messages, so the keys are taken from a session of its own.
    let (mut client, mut server) = (pair.client, pair.server);
    let mut begun = Vec::new();
    client.queued(&mut begun);
    // A record of another kind, in clear: rustls refuses it while it waits for more.
    let mut wire = Vec::new();
    send(&mut client, b"first", &mut wire).unwrap();
    let first = wire.len();
    send(&mut client, b"second", &mut wire).unwrap();
    wire[first] = 22;
    wire.extend_from_slice(b"\x16\x03\x03\x00\x05hello and more");
    let mut answer = Vec::new();
    let failed = server.receive(&mut wire, &mut |_| {}, &mut answer);
    assert!(failed.is_err());
    let alert = answer.len();
    assert!(alert > 0);
    server.queued(&mut answer);
    server.close(&mut answer).unwrap();
    assert_eq!(answer.len(), alert, "nothing follows the alert");
    assert_eq!(
        server.receive(&mut b"more".to_vec(), &mut |_| {}, &mut answer),
        failed
    );
    assert!(server.encrypt(b"x", &mut [0; 1024]).is_err());
}

#[test]
fn nothing_is_kept_or_answered_after_the_end() {
    let mut pair = Pair::new(&[&TLS13]);
    pair.shake();
    pair.client.close(&mut pair.to_server).unwrap();
    pair.to_server.extend_from_slice(&[0x17; 1000]);
    assert!(pair.feed_server(usize::MAX).unwrap().is_empty());
    assert!(pair.server.peer_closed());
    assert_eq!(pair.server.partial.capacity(), 0);
}

#[test]
fn a_message_that_is_only_begun_does_not_stop_the_other_direction() {
    // A NewSessionTicket in two records, as a server may send it at any time: here with the first
    // half only, which the client must keep, and write nevertheless.
    let mut pair = Pair::new(&[&TLS13]);
    pair.feed_client(0).unwrap();
    pair.feed_server(usize::MAX).unwrap();
    pair.feed_client(usize::MAX).unwrap();
    // The server's tickets follow the client's last message, one record each.
    pair.feed_server(usize::MAX).unwrap();
    let whole = pair.to_client.len();
    for cut in 1..whole {
        let mut pair = Pair::new(&[&TLS13]);
        pair.feed_client(0).unwrap();
        pair.feed_server(usize::MAX).unwrap();
        pair.feed_client(usize::MAX).unwrap();
        pair.feed_server(usize::MAX).unwrap();
        pair.feed_client(cut.min(pair.to_client.len())).unwrap();
        send(&mut pair.client, b"meanwhile", &mut pair.to_server).unwrap();
        assert_eq!(pair.feed_server(usize::MAX).unwrap(), b"meanwhile");
        pair.feed_client(usize::MAX).unwrap();
        if cut > 64 {
            break;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However ciphertext is cut, and whoever writes meanwhile, everything arrives.
    #[test]
    fn any_cuts_give_the_same(
        cuts in prop::collection::vec(1_usize..3000, 1..60),
        thirteen in any::<bool>(),
    ) {
        let mut pair = Pair::new(&[if thirteen { &TLS13 } else { &TLS12 }]);
        pair.feed_client(0).unwrap();
        let (mut sent, mut to_server, mut to_client) = (0_usize, Vec::new(), Vec::new());
        for cut in cuts.iter().cycle().take(400) {
            to_server.extend(pair.feed_server(*cut).unwrap());
            to_client.extend(pair.feed_client(*cut).unwrap());
            if !pair.client.is_handshaking() && !pair.server.is_handshaking() && sent < 20 {
                sent += 1;
                send(&mut pair.client, &[sent as u8; 900], &mut pair.to_server).unwrap();
                send(&mut pair.server, &[sent as u8; 700], &mut pair.to_client).unwrap();
            }
        }
        to_server.extend(pair.feed_server(usize::MAX).unwrap());
        to_client.extend(pair.feed_client(usize::MAX).unwrap());
        to_server.extend(pair.feed_server(usize::MAX).unwrap());
        let expected = |len: usize| (1..=sent).flat_map(|n| vec![n as u8; len]).collect::<Vec<_>>();
        prop_assert_eq!(to_server, expected(900));
        prop_assert_eq!(to_client, expected(700));
    }
}
