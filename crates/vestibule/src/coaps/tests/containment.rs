//! What fails, and what is made to.

use std::{net::SocketAddr, time::Instant};

use vestibule_dtls::{
    Answer, CookieSecrets, Session,
    session::{Fault, Version::Dtls12},
    stack::{self, ServerSettings},
};

use super::{
    super::server::Security,
    Stage,
    client::{plain_request, settings, text},
    identity,
};

#[test]
fn a_panic_ends_one_association() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let [mut one, mut other] = [stage.client(Dtls12), stage.client(Dtls12)];
    one.begin("panic", b"");
    one.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(text(&other.ask("echo", b"unharmed")).1, "unharmed");
    assert_eq!(stage.counters().panics.value(), 1);
    assert_eq!(stage.notes.count("closed us"), 1);
}

#[test]
fn a_panic_with_a_message_ends_the_association_that_it_is_about() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut one = stage.client(Dtls12);
    assert_eq!(text(&one.ask("stumble", b"")).1, "ready");
    one.begin("later", b"");
    one.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(stage.counters().panics.value(), 1);
}

#[test]
fn who_wants_to_be_woken_is_woken_once() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let [mut one, mut other] = [stage.client(Dtls12), stage.client(Dtls12)];
    assert_eq!(text(&one.ask("wake", b"")).1, "good morning");
    assert_eq!(text(&other.ask("echo", b"hello")).1, "hello");
    assert_eq!(stage.notes.count("woken"), 1);
    assert!(stage.notes.count("heard") >= 2);
}

/// Both requests come in one datagram.
#[test]
fn what_came_with_a_panic_is_not_told() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let mut client = stage.client(Dtls12);
    for id in 0..2 {
        client.session.send(&plain_request(id, "panic")).unwrap();
    }
    let before = client.sent;
    client.flush();
    assert_eq!(client.sent, before + 1);
    client.until("end", |client| client.session.is_closed_by_peer());
    assert_eq!(stage.counters().panics.value(), 1);
}

/// Parts of messages that claim to be long, before there are keys. (A server lets none of them
/// through to the stack, but with keys it cannot see them.)
#[test]
fn the_sessions_of_a_server_are_bounded() {
    let settings_of_server = ServerSettings {
        identity: identity(),
        ticket_key: [7; 32],
        key_log: None,
        post_quantum: false,
        versions: &[Dtls12],
    };
    let now = Instant::now();
    let security = Security {
        settings: settings_of_server,
        cookies: CookieSecrets::new([9; 32]),
        epoch: now,
    };
    let mut accept = security.accept();
    let mut client = stack::connect(&settings(Dtls12), now).unwrap();
    let from = SocketAddr::from(([192, 0, 2, 1], 9));
    let mut session = loop {
        let mut hello = Vec::new();
        client.poll_transmit(&mut hello, 1200);
        match accept.handle_hello(now, from, &hello, [0; 4], false) {
            Answer::Reply(reply) => client.handle_record(now, &reply).unwrap(),
            Answer::Session(session) => break session,
            Answer::Nothing => panic!("no answer"),
        }
    };
    let results = (2..9).map(|number| {
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, number, 0, 13, 16];
        record.extend(&40_000_u32.to_be_bytes()[1..]);
        record.extend([0, number, 0, 0, 0, 0, 0, 1, 7]);
        session.handle_record(now, &record)
    });
    let results: Vec<_> = results.collect();
    assert_eq!(results[0], Ok(()), "{results:?}");
    assert_eq!(results.last(), Some(&Err(Fault::Excessive)));
}
