//! Streams on top of streams, over real sockets.

use std::{future::poll_fn, rc::Rc, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::tls::{Turns, shake};

const NAME: &str = "chat.example.org";

/// More than all buffers of the way hold.
const LENGTH: usize = 12 * 1024 * 1024;

fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Arc::new(client), Arc::new(server))
}

/// `socket` with `layers` of TLS on it.
async fn layered(socket: TcpStream, layers: usize, session: impl Fn() -> Session) -> Leg {
    let (buffers, turns) = (Buffers::new(), Turns::new());
    let mut leg = Leg::Plain(Stream::Tcp(socket));
    let mut early = Vec::new();
    for _ in 0..layers {
        let buffers = Rc::clone(&buffers);
        let shaken = shake(leg, session(), early, Vec::new(), buffers, &turns).await;
        let shaken = shaken.map_err(|(error, _)| error).unwrap();
        (leg, early) = (Leg::Tls(shaken.stream), shaken.plaintext);
    }
    if let Leg::Tls(stream) = &mut leg {
        stream.unread(early);
    }
    leg
}

/// Sends [`LENGTH`] bytes and the end, and takes as many and the end, at once. Reads by `room`.
async fn exchange(mut leg: Leg, seed: u8, room: usize) {
    let byte = |seed: u8, at: usize| (at.wrapping_mul(31) >> 3) as u8 ^ seed;
    let out: Vec<_> = (0..LENGTH).map(|at| byte(seed, at)).collect();
    let (mut sent, mut taken, mut said, mut heard) = (0, 0, false, false);
    let mut buffer = vec![0; room];
    poll_fn(|cx| {
        loop {
            let mut moved = false;
            if sent < LENGTH
                && let Poll::Ready(written) = leg.poll_write(cx, &out[sent..])
            {
                sent += written.unwrap();
                moved = true;
            } else if sent == LENGTH && !said && leg.poll_shut_down(cx).is_ready() {
                (said, moved) = (true, true);
            }
            if !heard && let Poll::Ready(read) = leg.poll_read(cx, &mut buffer) {
                let n = read.unwrap();
                for (i, found) in buffer[..n].iter().enumerate() {
                    assert_eq!(*found, byte(!seed, taken + i));
                }
                taken += n;
                (heard, moved) = (n == 0, true);
            }
            if !moved {
                break;
            }
        }
        let _ = leg.poll_flush(cx);
        match said && heard {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    assert_eq!(taken, LENGTH);
}

async fn between_both_ends(layers: usize, room: usize) {
    let (client, server) = configs();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (connected, accepted) = tokio::join!(connecting, listener.accept());
    let at_client = async {
        let name = || ServerName::try_from(NAME).unwrap();
        let session = || Session::client(Arc::clone(&client), name(), Vec::new()).unwrap();
        exchange(layered(connected.unwrap(), layers, session).await, 7, room).await;
    };
    let at_server = async {
        let session = || Session::server(Arc::clone(&server)).unwrap();
        exchange(
            layered(accepted.unwrap().0, layers, session).await,
            !7,
            room,
        )
        .await;
    };
    tokio::join!(at_client, at_server);
}

#[tokio::test(flavor = "current_thread")]
async fn layers_carry_both_ways_at_once() {
    for layers in 1..=3 {
        between_both_ends(layers, 32 * 1024).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_reader_with_little_room_loses_nothing() {
    between_both_ends(2, 1000).await;
}
