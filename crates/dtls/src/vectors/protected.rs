//! Peers that have keys, and mean no good: anybody can be a client.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    Keys, Kind, Pair, Way, client_settings, dtls12, dtls13, handshake::undisturbed, identity,
    script::Script, server_settings,
};
use crate::{
    Session,
    session::{MAX_DATAGRAM, Version},
    stack::{ClientSettings, Offer, ServerSettings},
    wire::{Hello, records_without_id},
};

/// The most bytes that one record may make a session say at once: a flight with a certificate.
const MOST: usize = 4096;

static SETTINGS: LazyLock<ServerSettings> =
    LazyLock::new(|| server_settings(&identity(Kind::P256)));

/// Ends a handshake, or almost, and then says in protected records to the server, or to the client, what `input` says.
/// Nobody panics then or answers with more than a flight, and another client finds the server as it was.
///
/// # Panics
/// If something does not hold.
pub fn check_protected(input: &[u8]) {
    let mut script = Script(input);
    let first = script.byte();
    let mut villain = Villain::new(first);
    while !script.is_over() {
        let record = villain.record(&mut script);
        villain.say(&record);
        if script.byte() & 7 == 7 {
            let pause = Duration::from_millis(u64::from(script.byte()) * 100);
            villain.pair.run(pause);
        }
    }
    let settings = villain.settings;
    undisturbed(&mut villain.pair, &settings);
}

/// What protects its records.
enum Cover {
    Dtls12(dtls12::Direction),
    Dtls13(Box<dtls13::Direction>),
}

struct Villain {
    pair: Pair,
    settings: ClientSettings,
    cover: Cover,
    /// The side that it plays.
    way: Way,
    /// The Connection ID in its records.
    id: Option<[u8; 4]>,
    epoch: u8,
    sequence: u64,
    /// The number of its next handshake message.
    message_seq: u16,
}

impl Villain {
    /// Bits of `how`: version 1.3; it is the server; there are no Connection IDs; in 1.3, the handshake is not over.
    fn new(how: u8) -> Self {
        let version = match how & 1 {
            0 => Version::Dtls12,
            _ => Version::Dtls13,
        };
        let way = if how & 2 == 0 { Way::Up } else { Way::Down };
        let half = how & 8 != 0 && version == Version::Dtls13;
        let (keys, pair, settings) = establish(version, how & 4 == 0, half);
        let cover = match version {
            Version::Dtls12 => cover12(&pair, &keys, way),
            Version::Dtls13 => cover13(&keys, way, half),
        };
        Self {
            id: (way == Way::Up && how & 4 == 0).then_some(pair.id),
            pair,
            settings,
            cover,
            way,
            epoch: if half { 2 } else { 3 },
            sequence: 20,
            message_seq: if version == Version::Dtls12 { 4 } else { 2 },
        }
    }

    /// A record, with what the script says in it.
    fn record(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let kind = match script.byte() {
            0 => script.byte(),
            other => 20 + other % 7,
        };
        let content = match script.byte() & 3 {
            0 => {
                let length = usize::from(script.byte());
                script.bytes(length).to_vec()
            }
            1 => {
                let length = script.number() % 4000;
                vec![script.byte(); length]
            }
            _ => self.message(script),
        };
        self.sequence += 1 + u64::from(script.byte() & 3);
        match &self.cover {
            Cover::Dtls12(direction) => match &self.id {
                Some(id) => {
                    let header = dtls12::Header::with_id(id, self.sequence);
                    direction.seal(&header, &[&content[..], &[kind]].concat())
                }
                None => {
                    let header = dtls12::Header::plain(kind, self.sequence);
                    direction.seal(&header, &content)
                }
            },
            Cover::Dtls13(direction) => {
                let id = self.id.as_ref().map(|id| &id[..]);
                let header = dtls13::Header::new(self.epoch, id, self.sequence, true, None);
                let inner = [&content[..], &[kind]].concat();
                direction.seal(&header, self.sequence, &inner)
            }
        }
    }

    /// A handshake message, or a part of one.
    fn message(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let (kind, form) = (script.byte(), script.byte());
        let length = usize::from(script.byte());
        let body = script.bytes(length);
        let be24 = |number: usize| {
            let [.., a, b, c] = number.to_be_bytes();
            [a, b, c]
        };
        let whole = if form & 1 == 0 {
            body.len()
        } else {
            script.number()
        };
        let offset = if form & 2 == 0 { 0 } else { script.number() };
        let mut message = vec![kind];
        message.extend(be24(whole));
        message.extend((self.message_seq + u16::from(form >> 2 & 3)).to_be_bytes());
        message.extend(be24(offset));
        message.extend(be24(body.len()));
        message.extend(body);
        if form & 0x10 == 0 {
            self.message_seq = self.message_seq.wrapping_add(1);
        }
        message
    }

    /// The record arrives, and what is said to it is let go.
    fn say(&mut self, record: &[u8]) {
        let now = self.pair.now;
        let peer: &mut dyn Session = match (self.way, &mut self.pair.server) {
            (Way::Up, Some(server)) => server.as_mut(),
            _ => &mut self.pair.client,
        };
        let _ = peer.handle_record(now, record);
        let (mut said, mut payload) = (Vec::new(), Vec::new());
        while peer.poll_transmit(&mut said, MAX_DATAGRAM) {}
        assert!(said.len() <= MOST, "{}", said.len());
        peer.receive(&mut payload);
        assert!(payload.len() <= record.len());
    }
}

/// An association, and what was logged of it.
fn establish(version: Version, id: bool, half: bool) -> (Arc<Keys>, Pair, ClientSettings) {
    let keys = Keys::new();
    let server = ServerSettings {
        key_log: Some(keys.clone()),
        ..SETTINGS.clone()
    };
    let settings = client_settings(version);
    let mut pair = Pair::new(&server, &settings);
    let offer = Offer {
        suites: &[0xcca9, 0x1301],
        connection_id: id,
        p256: false,
    };
    pair.reconnect_offering(&settings, &offer);
    if half {
        pair.line = Box::new(|way, number, datagram| match way {
            Way::Up if number > 2 => Vec::new(),
            Way::Up | Way::Down => vec![datagram],
        });
    }
    pair.run(Duration::from_millis(500));
    (keys, pair, settings)
}

fn cover12(pair: &Pair, keys: &Keys, way: Way) -> Cover {
    let datagrams = || pair.sent.iter().map(|sent| &sent.1[..]);
    let client_random = datagrams().find_map(|datagram| Hello::peek(datagram)?.random);
    let server_hello = datagrams()
        .flat_map(records_without_id)
        .find(|record| record.bytes[0] == 22 && record.bytes[13] == 2)
        .expect("a ServerHello");
    let [client, server] = dtls12::keys(
        0xcca9,
        &keys.secret("CLIENT_RANDOM"),
        &client_random.expect("a hello"),
        &server_hello.bytes[27..59],
    );
    Cover::Dtls12(match way {
        Way::Up => client,
        Way::Down => server,
    })
}

fn cover13(keys: &Keys, way: Way, half: bool) -> Cover {
    let secret = keys.secret(match (way, half) {
        (Way::Up, false) => "CLIENT_TRAFFIC_SECRET_0",
        (Way::Down, false) => "SERVER_TRAFFIC_SECRET_0",
        (Way::Up, true) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        (Way::Down, true) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    });
    Cover::Dtls13(Box::new(dtls13::Direction::new(0x1301, &secret)))
}
