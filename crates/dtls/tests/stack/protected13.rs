//! The records of the stack in version 1.3, against an implementation of RFC 9147 of our own.

use vestibule_dtls::{
    Session,
    session::Version,
    stack::{Offer, ServerSettings},
    vectors::{
        Keys, Pair, client_settings,
        dtls13::{Direction, Header},
    },
};

use crate::setup::{MOMENT, ecdsa, settle};

/// An association, and its keys as the key log gives them.
struct Watched {
    pair: Pair,
    client: Direction,
    server: Direction,
    id: usize,
}

impl Watched {
    fn new(suites: &'static [u16], connection_id: bool) -> Self {
        let log = Keys::new();
        let server = ServerSettings {
            key_log: Some(log.clone()),
            ..ecdsa()
        };
        let settings = client_settings(Version::Dtls13);
        let mut pair = Pair::new(&server, &settings);
        let offer = Offer {
            suites,
            connection_id,
            p256: false,
        };
        pair.reconnect_offering(&settings, &offer);
        settle(&mut pair);
        // Until all is acknowledged.
        pair.run(MOMENT * 20);
        let direction = |label| Direction::new(suites[0], &log.secret(label));
        Self {
            pair,
            client: direction("CLIENT_TRAFFIC_SECRET_0"),
            server: direction("SERVER_TRAFFIC_SECRET_0"),
            id: if connection_id { 4 } else { 0 },
        }
    }

    fn each() -> impl Iterator<Item = Self> {
        let suites: [&[u16]; 3] = [&[0x1301], &[0x1302], &[0x1303]];
        suites
            .into_iter()
            .flat_map(|suites| [true, false].map(|connection_id| Self::new(suites, connection_id)))
    }

    fn header(&self, sequence: u64, long: bool, length: Option<usize>) -> Header {
        let id = (self.id > 0).then_some(&self.pair.id[..]);
        let length = length.map(|length| u16::try_from(length).expect("a record"));
        Header::new(3, id, sequence, long, length)
    }

    fn received(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        self.pair.at_server.clear();
        self.pair.deliver_up(record);
        self.pair.at_server.pop()
    }
}

#[test]
fn what_the_stack_sends_is_what_the_rfcs_say() {
    for mut watched in Watched::each() {
        let (mut up, mut down) = (0, 0);
        // Some numbers went to acknowledgements and tickets.
        let find = |direction: &Direction, datagram: &[u8], id, next: &mut u64| {
            let numbers = *next..*next + 8;
            let (sequence, found) = numbers
                .filter_map(|it| Some((it, direction.open(datagram, id, it)?)))
                .next()
                .expect("a record");
            *next = sequence + 1;
            found
        };
        for length in [0, 1, 2, 94, 1100, 16_384] {
            let payload = vec![0x5a; length];
            let pair = &mut watched.pair;
            let mut datagram = Vec::new();
            pair.client.send(&payload).unwrap();
            assert!(pair.client.poll_transmit(&mut datagram, 1200));
            let (header, inner) = find(&watched.client, &datagram, watched.id, &mut up);
            assert_eq!(header.id, &pair.id[..watched.id]);
            assert_eq!(header.first & 0b1110_0011, 0b0010_0011);
            assert_eq!(&inner[..length], payload);
            assert_eq!(inner[length], 23);
            assert!(inner[length + 1..].iter().all(|byte| *byte == 0));

            datagram.clear();
            let server = pair.server.as_mut().unwrap();
            server.send(&payload).unwrap();
            assert!(server.poll_transmit(&mut datagram, 1200));
            let (header, inner) = find(&watched.server, &datagram, 0, &mut down);
            assert_eq!(header.id, b"");
            assert_eq!(header.first & 0b1111_0011, 0b0010_0011);
            assert_eq!(&inner[..=length], [&payload[..], &[23]].concat());
        }
    }
}

#[test]
fn the_stack_takes_what_the_rfcs_say() {
    for mut watched in Watched::each() {
        let mut sequence = 40;
        for length in [1, 2, 94, 1100] {
            for padding in [0, 1, 15, 200] {
                for (long, with_length) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    let payload = vec![0xa5; length];
                    let inner = [&payload[..], &[23], &vec![0; padding]].concat();
                    let whole = with_length.then_some(inner.len() + 16);
                    let header = watched.header(sequence, long, whole);
                    let record = watched.client.seal(&header, sequence, &inner);
                    assert_eq!(watched.received(&record), Some(payload));
                    assert_eq!(watched.pair.newest, watched.id > 0);
                    assert_eq!(watched.received(&record), None);
                    assert!(!watched.pair.newest);
                    sequence += 3;
                }
            }
        }
        // Far ahead: as far as two bytes say.
        sequence += 30_000;
        let header = watched.header(sequence, true, None);
        let record = watched.client.seal(&header, sequence, b"ahead\x17");
        assert_eq!(watched.received(&record), Some(b"ahead".to_vec()));

        let sequence = 60;
        let header = Header::new(3, None, sequence, true, None);
        let record = watched.server.seal(&header, sequence, b"down\x17");
        watched.pair.deliver_down(&record);
        assert_eq!(watched.pair.at_client, [b"down"]);
    }
}

#[test]
fn headers_and_data_of_other_forms() {
    for mut watched in Watched::each() {
        let sequence = 60;
        let inner = b"payload\x17";
        let right = watched.header(sequence, true, Some(inner.len() + 16));
        let data = right.write();
        for at in 0..data.len() {
            let mut changed = data.clone();
            changed[at] ^= 1;
            let record = watched.client.seal_with(&right, sequence, inner, changed);
            assert_eq!(watched.received(&record), None);
            let mut short = data.clone();
            short.remove(at);
            let record = watched.client.seal_with(&right, sequence, inner, short);
            assert_eq!(watched.received(&record), None);
        }
        // Another epoch, the number of another, another Connection ID, none, and the keys of the other side.
        let mut epoch = right.clone();
        epoch.first ^= 1;
        let other = Header::new(3, Some(&[9; 4]), sequence, true, None);
        let mut wrong = vec![
            watched.client.seal(&epoch, sequence, inner),
            watched.client.seal(&right, sequence + 1, inner),
            watched.client.seal(&other, sequence, inner),
            watched.server.seal(&right, sequence, inner),
        ];
        if watched.id > 0 {
            let none = Header::new(3, None, sequence, true, None);
            wrong.push(watched.client.seal(&none, sequence, inner));
        }
        for record in wrong {
            assert_eq!(watched.received(&record), None);
            assert!(!watched.pair.newest);
        }
        let record = watched.client.seal(&right, sequence, inner);
        assert_eq!(watched.received(&record), Some(b"payload".to_vec()));
    }
}

/// Nothing but zeros is nothing, and there are no records of other types.
#[test]
fn inner_plaintexts() {
    for content in [&[0][..], &[0; 40], &[7, 7, 99], &[7, 25], &[7, 20]] {
        let mut watched = Watched::new(&[0x1301], true);
        let header = watched.header(60, true, None);
        let record = watched.client.seal(&header, 60, content);
        assert_eq!(watched.received(&record), None, "{content:?}");
    }
}
