use std::time::Duration;

use super::{
    RETIREMENT,
    message::{
        self, ACK, ALERT, HANDSHAKE, KEY_UPDATE, NEW_CONNECTION_ID, PAYLOAD, REQUEST_CONNECTION_ID,
    },
};
use crate::{
    Session,
    protection::{Header, Keys, Secret, Suite},
    session::{Fault, MAX_DATAGRAM, SendError, Version},
    stack::ServerSettings,
    vectors::{self, Kind, Pair, Way, client_settings, identity, server_settings},
    wire::Fragment,
};

const MOMENT: Duration = Duration::from_millis(200);

/// An association whose client is we, with the keys that were logged.
struct Client {
    pair: Pair,
    /// What we write with.
    secret: Secret,
    epoch: u64,
    number: u64,
    message: u16,
    /// What we read with.
    keys: Keys,
}

impl Client {
    fn new() -> Self {
        let log = vectors::Keys::new();
        let server = ServerSettings {
            key_log: Some(log.clone()),
            ..server_settings(&identity(Kind::P256))
        };
        let mut pair = Pair::new(&server, &client_settings(Version::Dtls13));
        pair.run(Duration::from_secs(2));
        assert!(pair.is_established());
        let secret = |label| Secret::new(Suite::Aes128, &log.secret(label)).unwrap();
        Self {
            pair,
            secret: secret("CLIENT_TRAFFIC_SECRET_0"),
            epoch: 3,
            number: 100,
            message: 3,
            keys: Keys::new(&secret("SERVER_TRAFFIC_SECRET_0")).unwrap(),
        }
    }

    /// A record of ours.
    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        self.number += 1;
        let keys = Keys::new(&self.secret).unwrap();
        let number = (self.epoch, self.number);
        keys.seal(number, &self.pair.id, kind, content).unwrap()
    }

    fn give(&mut self, record: &[u8]) -> Result<(), Fault> {
        let server = self.pair.server.as_mut().unwrap();
        server.handle_record(self.pair.now, record)
    }

    fn say(&mut self, kind: u8, content: &[u8]) -> Result<(), Fault> {
        let record = self.seal(kind, content);
        self.give(&record)
    }

    /// The next handshake message.
    fn tell(&mut self, kind: u8, body: &[u8]) -> Result<(), Fault> {
        let message = message::message(kind, self.message, body).unwrap();
        let told = self.say(HANDSHAKE, &message);
        self.message += 1;
        told
    }

    /// New keys for what we say.
    fn update(&mut self, body: &[u8]) -> Result<(), Fault> {
        let told = self.tell(KEY_UPDATE, body);
        self.secret = self.secret.next().unwrap();
        self.epoch += 1;
        self.number = 0;
        told
    }

    /// What the server says: types and contents, with the numbers of their records.
    fn hear(&mut self) -> Vec<(u64, u8, Vec<u8>)> {
        let server = self.pair.server.as_mut().unwrap();
        let mut datagram = Vec::new();
        while server.poll_transmit(&mut datagram, MAX_DATAGRAM) {}
        let (mut rest, mut heard) = (&datagram[..], Vec::new());
        while let Some(header) = Header::parse(rest, 0) {
            rest = &rest[header.len()..];
            let number = self.keys.number(&header, 5).unwrap();
            let opened = self.keys.open(&header, number).expect("keys");
            heard.push((number, opened.kind.unwrap(), opened.content().to_vec()));
        }
        assert!(rest.is_empty());
        heard
    }

    fn kinds(&mut self) -> Vec<u8> {
        self.hear().into_iter().map(|it| it.1).collect()
    }

    fn payloads(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.pair.server.as_mut().unwrap().receive(&mut out);
        out
    }

    /// The server is as it was.
    fn check(&mut self) {
        self.say(PAYLOAD, b"still here").unwrap();
        assert_eq!(self.payloads(), b"still here");
        let server = self.pair.server.as_mut().unwrap();
        server.send(b"so are we").unwrap();
        let heard = self.hear();
        assert_eq!(heard.last().unwrap().2, b"so are we");
    }
}

/// What is of the epoch before is taken for two minutes, once.
#[test]
fn records_of_the_epoch_before() {
    let mut client = Client::new();
    let late = [b"one", b"two"].map(|payload| client.seal(PAYLOAD, payload));
    client.update(&[0]).unwrap();
    assert_eq!(client.kinds(), [ACK]);
    client.say(PAYLOAD, b"new").unwrap();
    assert_eq!(client.payloads(), b"new");
    for _ in 0..2 {
        client.give(&late[0]).unwrap();
        // It does not show where the peer is.
        assert!(!client.pair.server.as_ref().unwrap().is_newest());
    }
    assert_eq!(client.payloads(), b"one");
    let server = client.pair.server.as_mut().unwrap();
    let due = server.poll_timeout().unwrap();
    assert_eq!(due, client.pair.now + RETIREMENT);
    server.handle_timeout(due);
    assert_eq!(server.poll_timeout(), None);
    client.give(&late[1]).unwrap();
    assert_eq!(client.payloads(), b"");
    client.check();
}

/// A peer that sleeps may not know for long that its new keys are known.
#[test]
fn keys_that_the_peer_has_not_left() {
    let mut client = Client::new();
    let lost = client.seal(PAYLOAD, b"told again");
    client.update(&[0]).unwrap();
    client.hear();
    client.pair.now += 10 * RETIREMENT;
    let now = client.pair.now;
    let server = client.pair.server.as_mut().unwrap();
    server.handle_timeout(now);
    client.give(&lost).unwrap();
    assert_eq!(client.payloads(), b"told again");
    // It knows now, and has two minutes for what is late.
    client.check();
    let server = client.pair.server.as_ref().unwrap();
    assert_eq!(server.poll_timeout(), Some(now + RETIREMENT));
}

/// Not more often than the stack would have it.
#[test]
fn too_many_new_keys() {
    let mut client = Client::new();
    for _ in 0..2 {
        for _ in 0..64 {
            client.update(&[0]).unwrap();
        }
        client.pair.now += Duration::from_secs(60);
    }
    for _ in 0..64 {
        client.update(&[0]).unwrap();
    }
    client.hear();
    assert_eq!(client.update(&[0]), Err(Fault::PeerMisbehaved));
    assert_eq!(client.hear()[0].2, [2, 10]);
}

/// Our new keys are used when the peer has acknowledged that they come, and everything before it.
#[test]
fn new_keys_of_ours() {
    let mut client = Client::new();
    client.update(&[1]).unwrap();
    let heard = client.hear();
    let kinds: Vec<u8> = heard.iter().map(|it| it.1).collect();
    assert_eq!(kinds, [HANDSHAKE, ACK]);
    assert_eq!(heard[0].2[0], KEY_UPDATE);
    // One answer is enough for two.
    client.update(&[1]).unwrap();
    assert_eq!(client.kinds(), [ACK]);
    client.check();
    // It is repeated, and either may be acknowledged.
    client.pair.now += Duration::from_secs(1);
    let now = client.pair.now;
    let server = client.pair.server.as_mut().unwrap();
    server.handle_timeout(now);
    let again = client.hear();
    assert_eq!(again[0].2, heard[0].2);
    assert_ne!(again[0].0, heard[0].0);
    let content = message::acknowledgement(&[(3, heard[0].0)]).unwrap();
    client.say(ACK, &content).unwrap();
    let server = client.pair.server.as_mut().unwrap();
    server.send(b"x").unwrap();
    let mut record = Vec::new();
    server.poll_transmit(&mut record, MAX_DATAGRAM);
    assert_eq!(record[0] & 3, 0);
}

/// Without an acknowledgement nobody knows which keys hold.
#[test]
fn new_keys_that_nobody_acknowledges() {
    let mut client = Client::new();
    client.update(&[1]).unwrap();
    let server = client.pair.server.as_mut().unwrap();
    let mut times = Vec::new();
    while !server.is_over() {
        let due = server.poll_timeout().unwrap();
        times.push((due - client.pair.now).as_secs());
        server.handle_timeout(due);
    }
    assert_eq!(times, [1, 3, 7, 15, 31, 63, 123]);
    assert_eq!(server.send(b"x"), Err(SendError::Closed));
}

/// A client may have no use for tickets.
#[test]
fn tickets_that_nobody_acknowledges() {
    let mut pair = Pair::simple(Version::Dtls13);
    let mut count = 0;
    pair.line = Box::new(move |way, number, datagram| {
        count += usize::from(way == Way::Up && number > 2);
        // The Finished arrives.
        match way == Way::Up && count > 1 {
            true => Vec::new(),
            false => vec![datagram],
        }
    });
    pair.run(MOMENT);
    assert!(pair.is_established());
    assert!(pair.client.take_resumption().is_some());
    pair.run(Duration::from_secs(300));
    pair.line = Box::new(|_, _, datagram| vec![datagram]);
    let server = pair.server.as_mut().unwrap();
    assert!(!server.is_over());
    assert_eq!(server.poll_timeout(), None);
    server.send(b"x").unwrap();
    pair.exchange();
    assert_eq!(pair.at_client, [b"x"]);
}

#[test]
fn a_ticket_that_is_lost_comes_again() {
    let mut pair = Pair::simple(Version::Dtls13);
    let mut finished = false;
    pair.line = Box::new(move |way, number, datagram| {
        let after = finished;
        finished |= way == Way::Up && number > 2;
        match after && way == Way::Down && number < 8 {
            true => Vec::new(),
            false => vec![datagram],
        }
    });
    pair.run(MOMENT);
    assert!(pair.client.take_resumption().is_none());
    pair.run(Duration::from_secs(4));
    assert!(pair.is_established());
    assert!(pair.client.take_resumption().is_some());
}

#[test]
fn connection_ids_for_those_who_ask() {
    let mut client = Client::new();
    let first = client.pair.id;
    let mut all = Vec::new();
    for count in [3, 0, 200, 1] {
        client.tell(REQUEST_CONNECTION_ID, &[count]).unwrap();
        let heard = client.hear();
        if count == 0 {
            assert_eq!(heard.len(), 1);
            continue;
        }
        assert_eq!((heard[0].1, heard[1].1), (HANDSHAKE, ACK));
        let fragment = Fragment::next(&heard[0].2).unwrap();
        assert_eq!(fragment.kind, NEW_CONNECTION_ID);
        // For some other time.
        assert_eq!(message::immediate_id(fragment.body), Some(None));
        let ids = &fragment.body[2..fragment.body.len() - 1];
        for id in ids.chunks(5) {
            assert_eq!(id[0], 4);
            let id: [u8; 4] = id[1..].try_into().unwrap();
            assert_eq!(id[0], first[0]);
            assert!(id != first && !all.contains(&id));
            all.push(id);
        }
        // The next ones wait until these are acknowledged.
        client.tell(REQUEST_CONNECTION_ID, &[1]).unwrap();
        assert_eq!(client.kinds(), [ACK]);
        let content = message::acknowledgement(&[(3, heard[0].0)]).unwrap();
        client.say(ACK, &content).unwrap();
        let next = client.hear();
        assert_eq!(next.len(), 1);
        let fragment = Fragment::next(&next[0].2).unwrap();
        for id in fragment.body[2..fragment.body.len() - 1].chunks(5) {
            all.push(id[1..].try_into().unwrap());
        }
        let content = message::acknowledgement(&[(3, next[0].0)]).unwrap();
        client.say(ACK, &content).unwrap();
    }
    assert_eq!(all.len(), 8);
    for id in all {
        client.pair.id = id;
        client.check();
        let server = client.pair.server.as_ref().unwrap();
        assert_eq!(server.connection_id(), Some(&first[..]));
    }
    client.pair.id[3] ^= 1;
    client.say(PAYLOAD, b"x").unwrap();
    assert_eq!(client.payloads(), b"");
}

#[test]
fn too_many_questions_for_connection_ids() {
    let mut client = Client::new();
    for _ in 0..32 {
        client.tell(REQUEST_CONNECTION_ID, &[0]).unwrap();
    }
    client.hear();
    let told = client.tell(REQUEST_CONNECTION_ID, &[0]);
    assert_eq!(told, Err(Fault::PeerMisbehaved));
    assert_eq!(client.hear()[0].2, [2, 52]);
}

/// Whose records make no sense is told so, and nothing else is heard of it.
#[test]
fn senseless_records() {
    let whole = |kind, body: &[u8]| message::message(kind, 3, body).unwrap();
    let cases: Vec<(u8, Vec<u8>, u8)> = vec![
        (HANDSHAKE, whole(20, b"finished"), 10),
        (HANDSHAKE, whole(1, b"hello"), 10),
        (HANDSHAKE, whole(KEY_UPDATE, &[2]), 50),
        (HANDSHAKE, whole(KEY_UPDATE, &[0, 0]), 50),
        (HANDSHAKE, whole(REQUEST_CONNECTION_ID, b""), 50),
        (HANDSHAKE, whole(REQUEST_CONNECTION_ID, b"12"), 50),
        // It has none itself.
        (HANDSHAKE, whole(NEW_CONNECTION_ID, &[0, 2, 1, 7, 0]), 10),
        (HANDSHAKE, whole(NEW_CONNECTION_ID, &[0; 5000]), 50),
        (HANDSHAKE, vec![24, 0, 0], 50),
        (ALERT, vec![2], 50),
        (ACK, vec![0, 1, 2], 50),
        (ACK, vec![0, 16, 1, 1], 50),
        (PAYLOAD, vec![1; 16_385], 22),
        (20, vec![1], 10),
        (99, vec![1], 10),
        (0, vec![], 10),
    ];
    for (kind, content, description) in cases {
        let mut client = Client::new();
        let said = client.say(kind, &content);
        assert_eq!(said, Err(Fault::PeerMisbehaved), "{kind} {content:?}");
        assert_eq!(client.hear().last().unwrap().2, [2, description]);
        assert!(client.pair.server.as_ref().unwrap().is_over());
        assert_eq!(client.say(PAYLOAD, b"x"), Ok(()));
        assert_eq!(client.payloads(), b"");
        let server = client.pair.server.as_mut().unwrap();
        assert_eq!(server.send(b"x"), Err(SendError::Closed));
        server.close();
        assert!(client.hear().is_empty());
    }
    let mut client = Client::new();
    assert_eq!(client.say(ALERT, &[2, 80]), Err(Fault::Alert(80)));
}

/// The end of the handshake is acknowledged as often as it comes, and nothing else of its epoch does anything.
#[test]
fn the_epoch_of_the_handshake() {
    let log = vectors::Keys::new();
    let server = ServerSettings {
        key_log: Some(log.clone()),
        ..server_settings(&identity(Kind::P256))
    };
    let mut pair = Pair::new(&server, &client_settings(Version::Dtls13));
    pair.run(Duration::from_secs(2));
    let secret = log.secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET");
    let keys = Keys::new(&Secret::new(Suite::Aes128, &secret).unwrap()).unwrap();
    let (now, id) = (pair.now, pair.id);
    let server = pair.server.as_mut().unwrap();
    let seal = |number, kind, content: &[u8]| keys.seal((2, number), &id, kind, content).unwrap();
    let finished = message::message(20, 2, &[0; 32]).unwrap();
    let update = message::message(KEY_UPDATE, 3, &[1]).unwrap();
    let mut said = Vec::new();
    for (number, content) in [(30, &finished), (31, &update), (32, &vec![1])] {
        let record = seal(number, HANDSHAKE, content);
        for copy in 0..2 {
            said.clear();
            assert_eq!(server.handle_record(now, &record), Ok(()));
            assert_eq!(server.poll_transmit(&mut said, MAX_DATAGRAM), copy == 0);
            assert!(!server.is_newest());
        }
    }
    assert_eq!(server.handle_record(now, &seal(33, ALERT, &[1, 0])), Ok(()));
    assert!(!server.is_closed_by_peer());
    assert_eq!(
        server.handle_record(now, &seal(34, PAYLOAD, b"x")),
        Err(Fault::PeerMisbehaved)
    );
    assert_eq!(server.receive(&mut said), 0);
}

/// Who may still wait for the end of the handshake gets it together with good-bye.
#[test]
fn a_good_bye_to_who_has_said_nothing() {
    let mut pair = Pair::simple(Version::Dtls13);
    pair.run(MOMENT);
    let mut silent = Client::new();
    let server = silent.pair.server.as_mut().unwrap();
    server.close();
    server.close();
    // It has acknowledged the ticket.
    assert_eq!(silent.kinds(), [ALERT]);

    let mut pair = Pair::simple(Version::Dtls13);
    let mut finished = false;
    pair.line = Box::new(move |way, number, datagram| {
        let after = finished;
        finished |= way == Way::Up && number > 2;
        match after {
            true => Vec::new(),
            false => vec![datagram],
        }
    });
    pair.run(MOMENT);
    pair.line = Box::new(|_, _, datagram| vec![datagram]);
    pair.forget();
    pair.server.as_mut().unwrap().close();
    pair.exchange();
    let (_, farewell) = &pair.sent[0];
    let first = Header::parse(farewell, 0).unwrap();
    // An acknowledgement of one record, and the alert.
    assert_eq!((first.len(), farewell.len()), (40, 40 + 24));
    assert!(pair.client.is_closed_by_peer());
}
