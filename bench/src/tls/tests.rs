use std::net::TcpListener;
use std::thread;

use rustls::HandshakeKind;

use super::{CERTIFICATE_AND_KEY, Client, Group, Identity, SERVER_NAME, Server, client_hello};
use crate::error::Error;

/// Makes one handshake after the other and reads up to the server's close, by which time the
/// tickets have come.
fn handshakes(server: Server, client: &Client, count: usize) -> Vec<HandshakeKind> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for _ in 0..count {
            let (socket, _) = listener.accept().unwrap();
            let mut stream = server.accept(socket).unwrap();
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock).unwrap();
            }
            stream.conn.send_close_notify();
            stream.conn.write_tls(&mut stream.sock).unwrap();
        }
    });
    let kinds = (0..count)
        .map(|_| {
            let mut stream = client.connect(address).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
            let kind = stream.conn.handshake_kind().unwrap();
            client.check(&stream, kind).unwrap();
            kind
        })
        .collect();
    server.join().unwrap();
    kinds
}

#[test]
fn a_client_resumes_only_when_it_is_to() {
    use HandshakeKind::{Full, Resumed};
    let identity = Identity::generate().unwrap();
    let server = Server::with_tickets(&identity).unwrap();
    for group in [Group::X25519, Group::X25519MlKem768] {
        let client = Client::new(group, true).unwrap();
        let kinds = handshakes(server.clone(), &client, 3);
        assert_eq!(kinds, [Full, Resumed, Resumed], "{group}");
        let client = Client::new(group, false).unwrap();
        let kinds = handshakes(server.clone(), &client, 2);
        assert_eq!(kinds, [Full, Full], "{group}");
    }
    let server = Server::without_resumption(&identity).unwrap();
    let client = Client::new(Group::X25519, true).unwrap();
    assert_eq!(handshakes(server, &client, 2), [Full, Full]);
}

#[test]
fn another_handshake_than_the_rows_is_an_error() {
    let identity = Identity::generate().unwrap();
    let server = Server::without_resumption(&identity).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut stream = server.accept(socket).unwrap();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
    });
    let client = Client::new(Group::X25519, false).unwrap();
    let stream = client.connect_blocking(address).unwrap();
    thread.join().unwrap();
    let outcome = client.check(&stream, HandshakeKind::Resumed);
    assert!(
        matches!(&outcome, Err(Error::Negotiated { wanted, got })
            if wanted.contains("Resumed") && got.contains("Full")),
        "{outcome:?}"
    );
    let other = Client::new(Group::X25519MlKem768, false).unwrap();
    assert!(other.check(&stream, HandshakeKind::Full).is_err());
}

#[test]
fn the_hello_is_one_record_with_the_name() {
    let hello = client_hello().unwrap();
    assert_eq!(hello[0], 22, "handshake");
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    assert_eq!(hello.len(), 5 + length);
    let name = SERVER_NAME.as_bytes();
    assert!(hello.windows(name.len()).any(|window| window == name));
    assert!(
        hello.len() > 1216,
        "an ML-KEM-768 key share alone has 1,216 bytes"
    );
}

#[test]
fn the_files_are_pem() {
    let directory = tempfile::tempdir().unwrap();
    Identity::generate()
        .unwrap()
        .write(directory.path())
        .unwrap();
    let both = std::fs::read_to_string(directory.path().join(CERTIFICATE_AND_KEY)).unwrap();
    assert_eq!(both.matches("-----BEGIN CERTIFICATE-----").count(), 1);
    assert_eq!(both.matches("-----BEGIN PRIVATE KEY-----").count(), 1);
}
