use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use purecrypto::tls::{Connection, ConnectionId as StackId};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use super::{
    super::{config, session::StackSession},
    Secrets, ServerSession,
};
use crate::{
    Accept, Answer, CookieSecrets, Session,
    session::{MAX_DATAGRAM, Version},
    stack::Acceptor,
    vectors::{Kind, Pair, client_settings, identity, server_settings},
    wire::{self, Hello},
};

/// The stack at the other end updates its keys, and wants ours updated, over a line that loses.
#[test]
fn new_keys_again_and_again() {
    for loss in [0.0, 0.1, 0.2] {
        let mut pair = Pair::simple(Version::Dtls13);
        pair.run(Duration::from_secs(2));
        for round in 0..10_u32 {
            let mut random = SmallRng::seed_from_u64(u64::from(round));
            pair.line = Box::new(move |_, _, datagram| match random.random_bool(loss) {
                true => Vec::new(),
                false => vec![datagram],
            });
            pair.client.connection.request_key_update().unwrap();
            pair.run(Duration::from_secs(130));
            pair.line = Box::new(|_, _, datagram| vec![datagram]);
            assert_eq!(pair.client.connection.peer_key_updates(), round + 1);
            pair.forget();
            pair.client.send(b"up").unwrap();
            pair.server.as_mut().unwrap().send(b"down").unwrap();
            pair.exchange();
            assert_eq!(
                (&pair.at_server[..], &pair.at_client[..]),
                (&[b"up".to_vec()][..], &[b"down".to_vec()][..])
            );
            let epoch = (4 + round as u8) & 3;
            for (way, datagram) in &pair.sent {
                assert_eq!(datagram[0] & 3, epoch, "{loss} {round} {way:?}");
            }
        }
    }
}

/// A client that has a Connection ID finds it in all records, and may change it.
#[test]
fn clients_with_a_connection_id() {
    let now = Instant::now();
    let settings = server_settings(&identity(Kind::P256));
    let mut acceptor = Acceptor::new(&settings, CookieSecrets::new([9; 32]), now);
    let mut wanted = config::client(&client_settings(Version::Dtls13));
    wanted.connection_id = Some(StackId::Fixed(b"client".to_vec()));
    let connection = Connection::client(&wanted).unwrap();
    let mut client = StackSession::client(connection, Version::Dtls13, now, "name");
    let from = std::net::SocketAddr::from(([192, 0, 2, 1], 9));
    let mut server = loop {
        let mut hello = Vec::new();
        client.poll_transmit(&mut hello, MAX_DATAGRAM);
        match acceptor.handle_hello(now, from, &hello, [1, 2, 3, 4], false) {
            Answer::Reply(reply) => client.handle_record(now, &reply).unwrap(),
            Answer::Session(server) => break server,
            Answer::Nothing => panic!("no answer"),
        }
    };
    let exchange = |client: &mut StackSession, server: &mut Box<dyn Session>| {
        let mut payload = Vec::new();
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            // Not packed: nothing here can take records with this Connection ID apart.
            let any = client.poll_transmit(&mut up, 1) | server.poll_transmit(&mut down, 1);
            for record in wire::records(&up) {
                server.handle_record(now, record.bytes).unwrap();
                server.receive(&mut payload);
            }
            if !down.is_empty() {
                client.handle_record(now, &down).unwrap();
                client.receive(&mut payload);
            }
            if !any {
                return payload;
            }
        }
    };
    exchange(&mut client, &mut server);
    assert!(client.is_established() && server.is_established());
    assert_eq!(server.overhead(), 5 + 6 + 1 + 16);
    for usage in [None, Some(false), Some(true)] {
        // Spare ones are given out when asked for only, so that this changes nothing.
        if usage == Some(true) {
            client.connection.request_connection_ids(1).unwrap();
        }
        client.send(b"up").unwrap();
        assert_eq!(exchange(&mut client, &mut server), b"up");
        server.send(b"down").unwrap();
        assert_eq!(exchange(&mut client, &mut server), b"down");
    }
    server.send(b"down").unwrap();
    let mut record = Vec::new();
    server.poll_transmit(&mut record, MAX_DATAGRAM);
    assert_eq!((record[0] >> 4, &record[1..7]), (0b0011, &b"client"[..]));
    assert_eq!(record.len(), 4 + server.overhead());
}

/// Without the secrets the stack goes on.
#[test]
fn what_cannot_be_handed_over() {
    let mut pair = Pair::simple(Version::Dtls13);
    let now = pair.now;
    let identity = identity(Kind::P256);
    let mut config = config::server(Version::Dtls13, &server_settings(&identity));
    config.connection_id = Some(StackId::Fixed(vec![1, 2, 3, 4]));
    config.require_cookie = false;
    let connection = Connection::server(&config).unwrap();
    let mut hello = Vec::new();
    pair.client.poll_transmit(&mut hello, MAX_DATAGRAM);
    let mut stack = StackSession::server(connection, Version::Dtls13, now, identity, &hello);
    stack.handle_record(now, &hello).unwrap();
    let number = Hello::peek(&hello).unwrap().message_seq;
    let server = ServerSession::new(stack, Arc::<Secrets>::default(), number);
    pair.server = Some(Box::new(server));
    pair.run(Duration::from_secs(2));
    assert!(pair.is_established());
    assert!(pair.client.take_resumption().is_some());
    let server = pair.server.as_mut().unwrap();
    assert!(server.footprint() > 10_000);
    server.send(b"down").unwrap();
    pair.client.send(b"up").unwrap();
    pair.exchange();
    assert_eq!(
        (&pair.at_server, &pair.at_client),
        (&vec![b"up".to_vec()], &vec![b"down".to_vec()])
    );
}
