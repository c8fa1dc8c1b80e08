//! The records of the stack in version 1.2, against an implementation of RFC 9146 of our own.

use vestibule_dtls::{
    Session,
    session::Version,
    stack::{ClientSettings, Offer, ServerSettings},
    vectors::{
        Keys, Pair, Way, client_settings,
        dtls12::{Direction, Header, keys},
    },
    wire::{Hello, records, records_without_id},
};

use crate::setup::{ecdsa, rsa, sent, settle};

/// An association, and its keys as the key log and the open part of the handshake give them.
struct Watched {
    pair: Pair,
    client: Direction,
    server: Direction,
    id: usize,
}

impl Watched {
    fn new(server: ServerSettings, suite: u16, connection_id: bool) -> Self {
        let log = Keys::new();
        let server = ServerSettings {
            key_log: Some(log.clone()),
            ..server
        };
        let settings: ClientSettings = client_settings(Version::Dtls12);
        let mut pair = Pair::new(&server, &settings);
        let offer = Offer {
            suites: match suite {
                0xc02b => &[0xc02b],
                0xc02c => &[0xc02c],
                0xc02f => &[0xc02f],
                0xc030 => &[0xc030],
                0xcca8 => &[0xcca8],
                _ => &[0xcca9],
            },
            connection_id,
            p256: false,
        };
        pair.reconnect_offering(&settings, &offer);
        settle(&mut pair);
        let hello = Hello::peek(&pair.sent[0].1).expect("a hello");
        let server_hello = sent(&pair, Way::Down)
            .flat_map(records_without_id)
            .find(|record| record.bytes[0] == 22 && record.bytes[13] == 2)
            .expect("a ServerHello");
        let server_random = server_hello.bytes[27..59].to_vec();
        let master = log.secret("CLIENT_RANDOM");
        let client_random = hello.random.expect("a random");
        let [client, server] = keys(suite, &master, &client_random, &server_random);
        let id = if connection_id { 4 } else { 0 };
        Self {
            pair,
            client,
            server,
            id,
        }
    }

    fn each() -> impl Iterator<Item = Self> {
        let suites = [0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8];
        suites.into_iter().flat_map(|suite| {
            [true, false].map(|connection_id| {
                let ecdsa_suite = matches!(suite, 0xc02b | 0xc02c | 0xcca9);
                let settings = if ecdsa_suite { ecdsa() } else { rsa() };
                Self::new(settings, suite, connection_id)
            })
        })
    }

    /// The header that the client has on its records.
    fn header(&self, sequence: u64) -> Header {
        match self.id {
            0 => Header::plain(23, sequence),
            _ => Header::with_id(&self.pair.id, sequence),
        }
    }

    /// What is inside a record with these data.
    fn inner(&self, payload: &[u8], padding: usize) -> Vec<u8> {
        let mut inner = payload.to_vec();
        if self.id > 0 {
            inner.push(23);
            inner.resize(inner.len() + padding, 0);
        }
        inner
    }

    /// What comes out of it at the server.
    fn received(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        self.pair.at_server.clear();
        self.pair.deliver_up(record);
        self.pair.at_server.pop()
    }
}

#[test]
fn what_the_stack_sends_is_what_the_rfcs_say() {
    for mut watched in Watched::each() {
        let pair = &mut watched.pair;
        // The end of the handshake is the first protected record each way.
        let protected: Vec<Vec<u8>> = sent(pair, Way::Up)
            .flat_map(records)
            .filter(|record| record.bytes[4] == 1)
            .map(|record| record.bytes.to_vec())
            .collect();
        let (header, inner) = watched.client.open(&protected[0], watched.id).unwrap();
        assert_eq!((header.epoch, header.sequence), (1, 0));
        // Finished has 12 bytes, after the header of the message.
        assert_eq!(inner[0], 20);
        match watched.id {
            0 => assert_eq!((header.kind, inner.len()), (22, 24)),
            _ => assert_eq!((header.kind, inner.len(), inner[24]), (25, 25, 22)),
        }

        for (number, length) in [0, 1, 2, 94, 1100, 16_383].into_iter().enumerate() {
            let payload = vec![0x5a; length];
            let sequence = number as u64 + 1;
            let mut datagram = Vec::new();
            pair.client.send(&payload).unwrap();
            assert!(pair.client.poll_transmit(&mut datagram, 1200));
            let (header, inner) = watched.client.open(&datagram, watched.id).unwrap();
            let expected = match watched.id {
                0 => Header::plain(23, sequence),
                _ => Header::with_id(&pair.id, sequence),
            };
            assert_eq!(header, expected);
            // No padding: it would cost bytes.
            assert_eq!(&inner[..length], payload);
            assert_eq!(
                &inner[length..],
                if watched.id == 0 { &[][..] } else { &[23] }
            );

            // Towards the client there is no Connection ID, and so the header is that of RFC 6347.
            datagram.clear();
            let server = pair.server.as_mut().unwrap();
            server.send(&payload).unwrap();
            assert!(server.poll_transmit(&mut datagram, 1200));
            let (header, plain) = watched.server.open(&datagram, 0).unwrap();
            assert_eq!((header.kind, header.epoch), (23, 1));
            assert_eq!(header.sequence, sequence);
            assert_eq!(plain, payload);
        }

        pair.client.close();
        let mut datagram = Vec::new();
        assert!(pair.client.poll_transmit(&mut datagram, 1200));
        let (header, inner) = watched.client.open(&datagram, watched.id).unwrap();
        match watched.id {
            0 => assert_eq!((header.kind, &inner[..]), (21, &[1, 0][..])),
            _ => assert_eq!((header.kind, &inner[..]), (25, &[1, 0, 21][..])),
        }
    }
}

#[test]
fn the_stack_takes_what_the_rfcs_say() {
    for mut watched in Watched::each() {
        let mut sequence = 1000;
        for length in [1, 2, 94, 1100, 16_000] {
            for padding in [0, 1, 2, 15, 200] {
                let payload = vec![0xa5; length];
                let header = watched.header(sequence);
                let inner = watched.inner(&payload, padding);
                let record = watched.client.seal(&header, &inner);
                assert_eq!(watched.received(&record), Some(payload));
                assert_eq!(watched.pair.newest, watched.id > 0);
                assert_eq!(watched.received(&record), None);
                assert!(!watched.pair.newest);
                sequence += 3;
            }
        }
        // Older, but not there yet.
        let header = watched.header(sequence - 4);
        let record = watched.client.seal(&header, &watched.inner(b"late", 0));
        assert_eq!(watched.received(&record), Some(b"late".to_vec()));
        assert!(!watched.pair.newest);
        // Large numbers are numbers.
        let header = watched.header((1 << 48) - 1);
        let record = watched.client.seal(&header, &watched.inner(b"last", 0));
        assert_eq!(watched.received(&record), Some(b"last".to_vec()));

        for sequence in [50, 2] {
            let header = Header::plain(23, sequence);
            let record = watched.server.seal(&header, b"down");
            watched.pair.deliver_down(&record);
        }
        assert_eq!(watched.pair.at_client, [b"down", b"down"]);
    }
}

#[test]
fn additional_data_of_other_forms() {
    for mut watched in Watched::each().filter(|watched| watched.id > 0) {
        let id = watched.pair.id.to_vec();
        let header = Header::with_id(&id, 500);
        let inner = watched.inner(b"payload", 0);
        let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
        let right = header.additional_data(inner.len());
        assert_eq!(right.len(), 8 + 1 + 1 + 1 + 2 + 2 + 6 + 4 + 2);
        let number = header.epoch_and_sequence();
        let as_without_id = Header::plain(23, 500).additional_data(inner.len());
        // As drafts had it before the placeholder.
        let draft = [&number[..], &[25, 0xfe, 0xfd], &id, &[4], &length].concat();
        let mut wrong = vec![as_without_id, draft, Vec::new()];
        // Any byte another, or missing.
        for at in 0..right.len() {
            let mut changed = right.clone();
            changed[at] ^= 1;
            wrong.push(changed);
            let mut short = right.clone();
            short.remove(at);
            wrong.push(short);
        }
        for data in wrong {
            let record = watched.client.seal_with(&header, &inner, data.clone());
            assert_eq!(watched.received(&record), None, "{data:02x?}");
            assert!(!watched.pair.newest);
        }
        // Nothing of all that has used the number up.
        let record = watched.client.seal(&header, &inner);
        assert_eq!(watched.received(&record), Some(b"payload".to_vec()));
    }
}

#[test]
fn headers_of_other_forms() {
    for mut watched in Watched::each().filter(|watched| watched.id > 0) {
        let id = watched.pair.id.to_vec();
        let inner = watched.inner(b"payload", 0);
        let right = Header::with_id(&id, 500);
        let mut wrong = vec![
            // Without the Connection ID that was agreed on (RFC 9146 section 3).
            (Header::plain(23, 500), b"payload".to_vec()),
            (Header::with_id(&[9; 4], 500), inner.clone()),
            (
                Header {
                    epoch: 2,
                    ..right.clone()
                },
                inner.clone(),
            ),
            (
                Header {
                    epoch: 0,
                    ..right.clone()
                },
                inner.clone(),
            ),
            (
                Header {
                    version: [0xfe, 0xff],
                    ..right.clone()
                },
                inner.clone(),
            ),
        ];
        // Of the server, sent back.
        wrong.push((Header::plain(23, 1), b"payload".to_vec()));
        for (header, inner) in wrong {
            let record = watched.client.seal(&header, &inner);
            assert_eq!(watched.received(&record), None, "{header:?}");
            let record = watched.server.seal(&header, &inner);
            assert_eq!(watched.received(&record), None, "{header:?}");
        }
        let record = watched.server.seal(&right, &inner);
        assert_eq!(watched.received(&record), None);
        let record = watched.client.seal(&right, &inner);
        assert_eq!(watched.received(&record), Some(b"payload".to_vec()));
    }
}

/// What is inside decides: nothing but zeros is nothing, and a type is the last byte that is not zero.
#[test]
fn inner_plaintexts() {
    for content in [&[][..], &[0], &[0; 40], &[24], &[7, 7, 99], &[25]] {
        let mut watched = Watched::new(ecdsa(), 0xcca9, true);
        let header = watched.header(500);
        let record = watched.client.seal(&header, content);
        assert_eq!(watched.received(&record), None, "{content:?}");
    }
    // An alert: close_notify.
    let mut watched = Watched::new(ecdsa(), 0xcca9, true);
    let record = watched.client.seal(&watched.header(500), &[1, 0, 21, 0, 0]);
    assert_eq!(watched.received(&record), None);
    let server = watched.pair.server.as_ref().unwrap();
    assert!(server.is_closed_by_peer());
    // And a fatal one.
    let mut watched = Watched::new(ecdsa(), 0xcca9, true);
    let record = watched.client.seal(&watched.header(500), &[2, 40, 21]);
    let server = watched.pair.server.as_mut().unwrap();
    let now = watched.pair.now;
    let taken = server.handle_record(now, &record);
    assert_eq!(taken, Err(vestibule_dtls::session::Fault::Alert(40)));
}
